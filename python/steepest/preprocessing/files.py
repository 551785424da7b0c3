"""Files of preprocessing steps: an `.npz` archive of plain arrays and a JSON header, without pickle."""

from __future__ import annotations

import os
import zipfile

from steepest import archive
from steepest.preprocessing.base import Preprocessor
from steepest.registry import PREPROCESSORS

FORMAT = "steepest preprocessing"
VERSION = 1


def save(step: Preprocessor, path: str | os.PathLike[str]) -> None:
    """Write the step to `path`, in one piece."""
    if not step.kind:
        raise ValueError(
            f"{type(step).__name__} cannot be saved: register it with a kind first (see steepest.registry)"
        )
    header = {"format": FORMAT, "version": VERSION, "config": step.get_config()}
    archive.write(path, archive.pack(header, {f"state/{name}": array for name, array in step.get_state().items()}))


def load(path: str | os.PathLike[str]) -> Preprocessor:
    """Return the step that `Preprocessor.save` wrote.

    Parameters
    ----------
    path : str or path-like
        File.

    Raises
    ------
    ValueError
        If the file is no file of a preprocessing step, is damaged, or is of a later format version.

    Examples
    --------
    >>> import os, tempfile
    >>> from steepest import preprocessing
    >>> step = preprocessing.MinMax().fit([[1.0], [3.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "scaling.npz")
    ...     step.save(path)
    ...     twin = preprocessing.load(path)
    >>> twin.transform([[2.0]])
    array([[0.5]])
    """
    try:
        with open(path, "rb") as file:
            header, arrays = archive.read(file, FORMAT)
        if header["version"] > VERSION:
            raise ValueError(f"it has format version {header['version']}, this steepest reads up to {VERSION}")
        step: Preprocessor = PREPROCESSORS.create(header["config"])
        step.set_state({name.partition("/")[2]: array for name, array in arrays.items()})
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)} is not a file of a preprocessing step, or is damaged: {error}") from error
    return step
