"""Model files: an `.npz` archive of plain arrays and a JSON header, without pickle.

The archive holds `header` (UTF-8 bytes of JSON), `parameters/<name>`, `states/<name>` and `optimizer/<slot>/<name>`,
and where the model keeps its preprocessing, `preprocessing/<name>` and `target/<name>`. The header has the format's
version, the layers' configurations, seed, counters, loss and optimiser: all that continuing the training needs, and the
configuration of the preprocessing.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import archive
from steepest.checks import check_path
from steepest.lowering.network import Network
from steepest.optimizers import Optimizer
from steepest.registry import LAYERS, LOSSES, OPTIMIZERS, Configurable

if TYPE_CHECKING:
    from steepest.sequential import Sequential

Array = npt.NDArray[Any]

FORMAT = "steepest"
# 2 has preprocessing; files without it are written as version 1, which every steepest reads.
VERSION = 2
# Attributes of the model that hold preprocessing, and groups of arrays in the file.
_PREPROCESSING = ("preprocessing", "target")


def save(model: Sequential, path: str | os.PathLike[str]) -> None:
    """Write the model to `path`: to a temporary file beside it, synced to the disk, then renamed.

    Parameters
    ----------
    model : Sequential
        Built or not.
    path : str or path-like
        File, taken as it is.
    """
    archive.write(check_path("path", path), archive.pack(*collect(model)))


def load(path: str | os.PathLike[str]) -> Sequential:
    """Return the model that `Sequential.save` wrote.

    Parameters
    ----------
    path : str or path-like
        File.

    Returns
    -------
    Sequential
        With its optimiser: `fit` continues as if the training had not been interrupted.

    Raises
    ------
    ValueError
        If the file is no model file, is damaged, or is of a later format version.

    Examples
    --------
    >>> import os, tempfile
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(2)], input_shape=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.npz")
    ...     model.save(path)
    ...     twin = st.load(path)
    >>> bool((twin.layers[0].weight == model.layers[0].weight).all())
    True
    """
    path = check_path("path", path)
    with open(path, "rb") as file:
        return _read(file, str(path))


def dumps(model: Sequential) -> bytes:
    """Return the bytes of the model's file."""
    buffer = io.BytesIO()
    np.savez(buffer, **archive.pack(*collect(model)))  # type: ignore[arg-type]
    return buffer.getvalue()


def loads(content: bytes) -> Sequential:
    """Return the model whose file has these bytes."""
    return _read(io.BytesIO(content), "the given bytes")


def _files() -> Any:
    """Return the module for preprocessing, which models without do not need."""
    from steepest.preprocessing import files

    return files


def _describe(item: Configurable) -> Any:
    if not item.registered_kind():
        raise ValueError(
            f"{type(item).__name__} cannot be saved: register it with a kind first (see steepest.registry)"
        )
    config = item.get_config()
    _check_kinds(config, item)
    return config


def _check_kinds(config: Any, item: Configurable) -> None:
    """Raise ValueError if an object inside has no registered kind: one with functions of the user's, for instance."""
    nameless = config == "" or (isinstance(config, dict) and config.get("kind") == "")
    if nameless:
        raise ValueError(
            f"{item!r} cannot be saved, since an object inside has no name a file could hold: derive a class "
            "whose constructor takes plain numbers and strings, and register it (see steepest.registry)"
        )
    for part in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _check_kinds(part, item)


def collect(model: Sequential, *, optimizer: bool = True) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header and the arrays of the file by name, with the optimiser's state or without."""
    with model.guard.use():
        header: dict[str, Any] = {
            "format": FORMAT,
            "version": 1,
            "layers": [_describe(layer) for layer in model.layers],
            "seed": model.seed,
            "dtype": model.dtype,
            "regularizer": _describe(model.regularizer) if model.regularizer else None,
            "input_shape": list(model.network.program.input_shape) if model.built else None,
            "steps": model.steps,
            "epochs_seen": model.epochs_seen,
            "loss": _describe(model.loss) if model.loss else None,
            "optimizer": None,
        }
        arrays: dict[str, Array] = {}
        for group in _PREPROCESSING:
            if getattr(model, group) is not None:
                header["version"] = VERSION
                header[group], state = _files().describe(getattr(model, group))
                arrays.update({f"{group}/{name}": array for name, array in state.items()})
        if model.built:
            network = model.network
            arrays.update({f"parameters/{name}": view.copy() for name, view in network.parameters.items()})
            arrays.update({f"states/{name}": view.copy() for name, view in network.states.items()})
            if optimizer and model.optimizer is not None:
                rule = model.optimizer
                header["optimizer"] = {"config": _describe(rule), "state": rule.get_state()}
                for slot, flat in zip(rule.slot_names, rule.slots, strict=False):
                    arrays.update({f"optimizer/{slot}/{n}": v.copy() for n, v in network.split(flat).items()})
    return header, arrays


def _read(file: IO[bytes], name: str) -> Sequential:
    try:
        header, arrays = archive.read(file, FORMAT)
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{name} is not a steepest model file, or is damaged: {error}") from error
    if header["version"] > VERSION:
        raise ValueError(
            f"{name} has format version {header['version']}, this steepest reads up to {VERSION}: install a newer one"
        )
    try:
        return restore(header, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name} is damaged: {error}") from error


def restore(header: dict[str, Any], arrays: dict[str, Array]) -> Sequential:
    """Return the model of `collect`; ValueError, KeyError or TypeError if they do not belong together."""
    from steepest.sequential import Sequential

    model = Sequential(
        [LAYERS.create(config) for config in header["layers"]],
        seed=header["seed"],
        dtype=header["dtype"],
        regularizer=header["regularizer"],
    )
    model.steps, model.epochs_seen = header["steps"], header["epochs_seen"]
    model.loss = LOSSES.create(header["loss"]) if header["loss"] is not None else None
    for group in _PREPROCESSING:
        if header.get(group) is not None:
            names = [name for name in arrays if name.startswith(f"{group}/")]
            setattr(model, group, _files().restore(header[group], {n[len(group) + 1 :]: arrays.pop(n) for n in names}))
    if header["input_shape"] is not None:
        network = model.build(header["input_shape"])
        for group, views in (("parameters", network.parameters), ("states", network.states)):
            _fill(views, arrays, group)
        if header["optimizer"] is not None:
            model.optimizer = _restore_optimizer(model, network, header["optimizer"], arrays)
    if arrays:
        raise ValueError(f"it has arrays that belong to no tensor: {', '.join(sorted(arrays))}")
    return model


def _restore_optimizer(model: Sequential, network: Network, header: Any, arrays: dict[str, Array]) -> Optimizer:
    optimizer: Optimizer = OPTIMIZERS.create(header["config"])
    optimizer.bind(model, network.parameter_arena, network.signature)
    optimizer.set_state(header["state"])
    for slot, flat in zip(optimizer.slot_names, optimizer.slots, strict=True):
        _fill(network.split(flat), arrays, f"optimizer/{slot}")
    return optimizer


def _fill(views: dict[str, Array], arrays: dict[str, Array], group: str) -> None:
    """Move the group's arrays into the views; each must be there with the right shape and dtype."""
    for name, view in views.items():
        array = arrays.pop(f"{group}/{name}", None)
        if array is None:
            raise ValueError(f"{group}/{name} is missing")
        if array.shape != view.shape or array.dtype != view.dtype:
            raise ValueError(f"{group}/{name} is {array.dtype} {array.shape}, expected {view.dtype} {view.shape}")
        view[...] = array
