"""Files of plain arrays and a JSON header: `.npz` archives without pickle, replaced in one piece."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def pack(header: dict[str, Any], arrays: dict[str, Array]) -> dict[str, Array]:
    """Return the arrays of the archive: `header` as UTF-8 bytes of JSON, and the others."""
    return {"header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8), **arrays}


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Give a temporary file beside `path` to write to, synced to the disk, which takes its place if all went well.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/notes.txt") as file:
    ...         _ = file.write(b"all or nothing")
    ...     Path(folder, "notes.txt").read_bytes()
    b'all or nothing'
    """
    # Through a symbolic link, so that the file it points to is replaced and not the link.
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(target.parent))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(target.parent)


def write(path: str | os.PathLike[str], arrays: dict[str, Array]) -> None:
    """Write the archive to `path`, in one piece or not at all."""
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _sync_directory(path: Path) -> None:
    """Make the renaming durable; systems that cannot open a directory do it on their own."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read(file: IO[bytes], expected_format: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return header and arrays; ValueError, KeyError, ... if it is no such archive."""
    if not zipfile.is_zipfile(file):  # of other files NumPy says how to run what is in them
        raise ValueError("it is no npz archive, or only a part of one")
    file.seek(0)
    archive = np.load(file, allow_pickle=False)
    with archive:
        arrays = {key: archive[key] for key in archive.files}
    if "header" not in arrays:
        raise ValueError("the archive has no header")
    header: dict[str, Any] = json.loads(arrays.pop("header").tobytes())
    if header["format"] != expected_format:
        raise ValueError(f"its format is {header['format']!r}")
    return header, arrays
