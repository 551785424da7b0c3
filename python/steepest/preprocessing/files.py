"""Files of preprocessing: an `.npz` archive of plain arrays and a JSON header, without pickle."""

from __future__ import annotations

import os
import zipfile
from typing import Any

from steepest import archive
from steepest.archive import Array
from steepest.checks import check_path
from steepest.registry import PREPROCESSORS

FORMAT = "steepest preprocessing"
VERSION = 1
# Classes of `steepest.tables`, which are no steps from matrix to matrix, by kind.
_TABLES = {"table": "TablePreprocessor", "target_scaler": "TargetScaler", "class_labels": "ClassLabels"}


def describe(step: Any) -> tuple[Any, dict[str, Array]]:
    """Return what JSON can hold of a step or of an object of `steepest.tables`, and the arrays it has learnt."""
    if not getattr(step, "kind", "") or not hasattr(step, "get_state"):
        raise ValueError(
            f"{type(step).__name__} cannot be saved: register it with a kind first (see steepest.registry)"
        )
    return step.to_config() if step.kind in _TABLES else step.get_config(), step.get_state()


def restore(config: Any, arrays: dict[str, Array]) -> Any:
    """Return the object that `describe` described."""
    kind = config.get("kind") if isinstance(config, dict) else config
    if kind in _TABLES:
        from steepest import tables

        return getattr(tables, _TABLES[kind]).from_config(config, arrays)
    step = PREPROCESSORS.create(config)
    step.set_state(arrays)
    return step


def save(step: Any, path: str | os.PathLike[str]) -> None:
    """Write the step to `path`, in one piece."""
    config, state = describe(step)
    header = {"format": FORMAT, "version": VERSION, "config": config}
    archive.write(path, archive.pack(header, {f"state/{name}": array for name, array in state.items()}))


def load(path: str | os.PathLike[str]) -> Any:
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
    path = check_path("path", path)
    try:
        with open(path, "rb") as file:
            header, arrays = archive.read(file, FORMAT)
        if header["version"] > VERSION:
            raise ValueError(f"it has format version {header['version']}, this steepest reads up to {VERSION}")
        step = restore(header["config"], {name.partition("/")[2]: array for name, array in arrays.items()})
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)} is not a file of a preprocessing step, or is damaged: {error}") from error
    return step
