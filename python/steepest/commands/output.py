"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from steepest.commands.reading import FileError


def check_folder(path: str, names: tuple[str, ...], replace: bool) -> Path:
    """Return the folder's path after a look at whether it can be written; nothing is left behind.

    Parameters
    ----------
    path : str
        The folder that shall be written.
    names : tuple of str
        Files that will be in it.
    replace : bool
        Whether files of these names may be replaced.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{path} is a file: give --output another folder")
    found = [name for name in names if (folder / name).exists()]
    if found and not replace:
        raise FileError(f"{path} holds a {found[0]} already: give --output another folder, or --force to replace it")
    _check_writable(folder if folder.is_dir() else folder.parent)
    return folder


def check_file(path: str) -> None:
    """Raise FileError unless a file can be written there."""
    if os.path.isdir(path):
        raise FileError(f"{path} is a directory: give --output a file")
    _check_writable(Path(path).parent)


def _check_writable(folder: Path) -> None:
    if not folder.is_dir():
        raise FileError(f"there is no folder {folder} to write to")
    probe = folder / f".steepest.{secrets.token_hex(8)}.tmp"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise FileError(f"nothing can be written to {folder}: {error.strerror}") from None


def free_name(stem: str) -> str:
    """Return `stem`, or `stem-2`, `stem-3`, ... where that exists already."""
    number, name = 1, stem
    while os.path.lexists(name):
        number += 1
        name = f"{stem}-{number}"
    return name


@contextlib.contextmanager
def writing_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`, which takes its place if all went well.

    Where `folder` exists its own files stay, and the new ones replace those of the same names one by one, each in one
    piece.
    """
    target = Path(os.path.realpath(folder))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        if target.is_dir():
            for file in sorted(temporary.iterdir()):
                os.replace(file, target / file.name)
            temporary.rmdir()
        else:
            os.rename(temporary, target)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise FileError(f"{folder} could not be written: {error.strerror or error}") from None
        raise


@contextlib.contextmanager
def writing_file(path: str) -> Iterator[IO[bytes]]:
    """Give a file to write to that appears as `path` if all went well."""
    from steepest import archive

    try:
        with archive.replacing(path) as file:
            yield file
    except OSError as error:
        raise FileError(f"{path} could not be written: {error.strerror or error}") from None
