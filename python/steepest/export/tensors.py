"""safetensors files: tensors by name behind a JSON header, https://github.com/huggingface/safetensors#format.

The format is eight bytes of length, the header and the raw numbers, so it is written and read here: the package of that
name would be a second binary dependency for less code than its error message needs.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import archive, data, saving
from steepest.checks import check_path
from steepest.export import samples
from steepest.export.report import ExportReport, check_tolerance, compare
from steepest.export.source import check_model
from steepest.model import Model
from steepest.sequential import Sequential

Array = npt.NDArray[Any]

_CODES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}
_NAMES = {np.dtype(code): name for name, code in _CODES.items()}
_LONGEST_HEADER = 100_000_000  # bytes, as in the reference reader


def pack(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a file with these tensors."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts, end = [], 0
    # Wide numbers first, so that all are aligned.
    for name, array in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        little = np.asarray(array, array.dtype.newbyteorder("<"))
        parts.append(little.tobytes())
        start, end = end, end + len(parts[-1])
        header[name] = {"dtype": _NAMES[little.dtype], "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def unpack(content: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Return tensors and metadata; ValueError if the bytes are no such file."""
    try:
        (length,) = struct.unpack("<Q", content[:8])
        if length > _LONGEST_HEADER:
            raise ValueError(f"its header would have {length} bytes")
        header = json.loads(content[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            if entry["dtype"] not in _CODES:
                raise ValueError(f"tensor {name!r} has dtype {entry['dtype']}, which NumPy does not have")
            start, end = entry["data_offsets"]
            part = content[8 + length + start : 8 + length + end]
            tensors[name] = np.frombuffer(part, _CODES[entry["dtype"]]).reshape(entry["shape"])
    except (struct.error, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a safetensors file, or damaged: {error}") from error
    return tensors, metadata


def safetensors(
    model: Any, path: str | os.PathLike[str], X: npt.ArrayLike | None = None, *, tolerance: float | None = None
) -> ExportReport:
    """Write parameters, running statistics and preprocessing as a safetensors file.

    The tensors have their names in the model (`dense_1.weight`), those of the preprocessing stand behind
    `preprocessing/`. The layers are described in the metadata, so that `from_safetensors` makes the model anew; there
    is no optimiser state, for which `model.save` is the way. The file is read again and run before it is kept.

    Parameters
    ----------
    model : Sequential
        Built.
    path : str or path-like
        File; replaced in one piece.
    X : array (N, D), optional
        Rows to try it on; None draws some.
    tolerance : float, optional
        As for `steepest.export.onnx`; the difference is 0.

    Returns
    -------
    ExportReport
        With `largest_difference` to the model's outputs.

    Examples
    --------
    >>> import os, tempfile
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(2)], input_shape=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.safetensors")
    ...     report = st.export.safetensors(model, path)
    ...     twin = st.export.from_safetensors(path)
    >>> report.largest_difference, bool((twin.layers[0].weight == model.layers[0].weight).all())
    (0.0, True)
    """
    path = check_path("path", path)
    model = check_model(model, "one safetensors file")
    content = _pack_model(model)
    if X is not None:
        rows = data.as_array("X", X) if model.preprocessing is None else model.preprocessing.transform(X)
    else:
        rows = samples.draw(model, None)
    if not len(rows):
        raise ValueError("X must have at least one row to try the file on, got none")
    accepted = check_tolerance(tolerance, model.dtype, 1)
    twin = _unpack_model(content)
    expected = model.predict(rows)
    difference, largest = compare("the file", twin.predict(rows), expected, accepted)
    with archive.replacing(path) as file:
        file.write(content)
    return ExportReport("safetensors", os.fspath(path), difference, largest, len(rows), accepted, "steepest")


def from_safetensors(path: str | os.PathLike[str], model: Sequential | None = None) -> Sequential:
    """Return the model of a safetensors file.

    Parameters
    ----------
    path : str or path-like
        Written by `safetensors`, or by anything else if a model is given.
    model : Sequential, optional
        Built: its tensors take the numbers of the file's tensors of their names and shapes, and it is returned. All of
        its parameters and states must be there, other tensors are left alone. None makes the model that the file
        describes.

    Raises
    ------
    ValueError
        If the file is none, describes no model, or its tensors do not fit; the model is then as it was.
    """
    path = check_path("path", path)
    with open(path, "rb") as file:
        content = file.read()
    try:
        return _unpack_model(content) if model is None else _fill(model, unpack(content)[0])
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error


def _pack_model(model: Sequential) -> bytes:
    header, arrays = saving.collect(model, optimizer=False)
    states = [name.partition("/")[2] for name in arrays if name.startswith("states/")]
    groups = ("parameters/", "states/")
    plain = {name.partition("/")[2] if name.startswith(groups) else name: array for name, array in arrays.items()}
    return pack(plain, {"steepest": json.dumps(header), "states": json.dumps(states)})


def _unpack_model(content: bytes) -> Sequential:
    tensors, metadata = unpack(content)
    if "steepest" not in metadata:
        listed = ", ".join(f"{name} {array.shape}" for name, array in list(tensors.items())[:8])
        raise ValueError(f"it does not describe a model of steepest: pass one with tensors of these names: {listed}")
    states = json.loads(metadata["states"])

    def full(name: str) -> str:
        return name if "/" in name else f"{'states' if name in states else 'parameters'}/{name}"

    try:
        header = json.loads(metadata["steepest"])
        return saving.restore(header, {full(name): array for name, array in tensors.items()})
    except (KeyError, TypeError) as error:
        raise ValueError(f"its description is damaged: {error!r}") from error


def _fill(model: Sequential, tensors: dict[str, Array]) -> Sequential:
    if not isinstance(model, Model):
        raise TypeError(f"model must be a Sequential, got {model!r:.200}")
    views = {**model.network.parameters, **model.network.states}
    for name, view in views.items():
        if name not in tensors:
            raise ValueError(f"tensor {name!r} is missing, there are {', '.join(map(repr, tensors))}")
        if tensors[name].shape != view.shape:
            raise ValueError(f"tensor {name!r} has shape {tensors[name].shape}, the model's {view.shape}")
    for name, view in views.items():
        view[...] = tensors[name]
    return model
