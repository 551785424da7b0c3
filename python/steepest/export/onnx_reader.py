"""Runs the ONNX files of this package with NumPy: the check of an export where ONNX Runtime is not installed.

It reads the file's bytes, and knows the operators that `onnx_nodes` writes by their definition in the ONNX standard,
https://onnx.ai/onnx/operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.export import protobuf as pb
from steepest.export.onnx_model import DATA_TYPES

Array = npt.NDArray[Any]

_DTYPES = {number: np.dtype(name) for name, number in DATA_TYPES.items() if name != "string"}


def _all(content: memoryview) -> dict[int, list[Any]]:
    """Return the values of a message's fields by number."""
    found: dict[int, list[Any]] = {}
    for number, value in pb.fields(content):
        found.setdefault(number, []).append(value)
    return found


def _text(value: memoryview) -> str:
    return bytes(value).decode()


def _tensor(content: memoryview) -> tuple[str, Array]:
    parts = _all(content)
    dtype = _DTYPES[parts[2][0]].newbyteorder("<")
    return _text(parts[8][0]), np.frombuffer(parts[9][0], dtype).reshape(parts.get(1, []))


def _attribute(content: memoryview) -> tuple[str, Any]:
    parts = _all(content)
    kind = parts[20][0]
    found = parts.get({1: 2, 2: 3, 3: 4, 6: 7, 7: 8, 8: 9}[kind], [])
    read = [_text(value) for value in found] if kind in (3, 8) else found
    return _text(parts[1][0]), read if kind in (6, 7, 8) else read[0]


def run(content: bytes, inputs: Mapping[str, Array]) -> Array:
    """Return the output of the model for the inputs by name."""
    graph = _all(_all(memoryview(content))[7][0])
    values = {**dict(_tensor(part) for part in graph.get(5, [])), **inputs}
    with np.errstate(all="ignore"):
        for part in graph[1]:
            node = _all(part)
            read = [values[_text(name)] for name in node.get(1, [])]
            attributes = dict(_attribute(content) for content in node.get(5, []))
            values[_text(node[2][0])] = _OPERATORS[_text(node[4][0])](*read, **attributes)
    return values[_text(_all(graph[12][0])[1][0])]


def _softmax(x: Array, axis: int) -> Array:
    power = np.exp(x - x.max(axis, keepdims=True))
    result: Array = power / power.sum(axis, keepdims=True)
    return result


def _log_softmax(x: Array, axis: int) -> Array:
    shifted = x - x.max(axis, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return result


def _layer_normalization(x: Array, gamma: Array, beta: Array, axis: int, epsilon: float) -> Array:
    centred = x - x.mean(axis, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis, keepdims=True) + x.dtype.type(epsilon))
    result: Array = centred / deviation * gamma + beta
    return result


def _hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return np.asarray(np.clip(x * x.dtype.type(alpha) + x.dtype.type(beta), 0, 1), x.dtype)


def _reshape(x: Array, shape: Array) -> Array:
    return x.reshape([x.shape[i] if size == 0 else int(size) for i, size in enumerate(shape)])


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(x))


def _selu(x: Array) -> Array:
    return np.asarray(x.dtype.type(1.0507009873554805) * _elu(x, 1.6732632423543772))


def _celu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(x / x.dtype.type(alpha)))


def _label_encoder(x: Array, keys_strings: list[str], values_floats: list[float], default_float: float) -> Array:
    table = dict(zip(keys_strings, values_floats, strict=True))
    return np.array([table.get(text, default_float) for text in x.ravel()], np.float32).reshape(x.shape)


_erf = np.frompyfunc(math.erf, 1, 1)

_OPERATORS: dict[str, Callable[..., Array]] = {
    "Abs": np.abs,
    "Add": np.add,
    "And": np.logical_and,
    "ArgMax": lambda x, axis, keepdims: np.expand_dims(x.argmax(axis), axis) if keepdims else x.argmax(axis),
    "Cast": lambda x, to: x.astype(_DTYPES[to]),
    "Celu": _celu,
    "Concat": lambda *parts, axis: np.concatenate(parts, axis),
    "Div": np.divide,
    "Elu": _elu,
    "Equal": np.equal,
    "Erf": lambda x: np.asarray(_erf(x), x.dtype),
    "Exp": np.exp,
    "Floor": np.floor,
    "Flatten": lambda x, axis: x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:])),
    "Gather": lambda x, indices, axis: x.take(indices, axis),
    "Gemm": lambda a, b, c: a @ b + c,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda x: x * _hard_sigmoid(x, 1.0 / 6.0, 0.5),
    "Hardmax": lambda x, axis: (np.arange(x.shape[axis]) == x.argmax(axis)[:, np.newaxis]).astype(x.dtype),
    "Identity": lambda x: x,
    "IsNaN": np.isnan,
    "LabelEncoder": _label_encoder,
    "LayerNormalization": _layer_normalization,
    "LeakyRelu": lambda x, alpha: np.where(x >= 0, x, x.dtype.type(alpha) * x),
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "LogSoftmax": _log_softmax,
    "MatMul": np.matmul,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "PRelu": lambda x, slope: np.where(x >= 0, x, x * slope),
    "ReduceMax": lambda x, axes, keepdims: x.max(tuple(axes), keepdims=bool(keepdims)),
    "ReduceMean": lambda x, axes, keepdims: x.mean(tuple(axes), keepdims=bool(keepdims)),
    "Relu": lambda x: np.maximum(x, x.dtype.type(0)),
    "Reshape": _reshape,
    "Selu": _selu,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Sign": np.sign,
    "Sin": np.sin,
    "Softmax": _softmax,
    "Softplus": lambda x: np.logaddexp(x, x.dtype.type(0)),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Squeeze": lambda x, axes: x.squeeze(tuple(axes)),
    "Sub": np.subtract,
    "Sum": lambda *parts: sum(parts[1:], parts[0]),
    "Tanh": np.tanh,
    "Where": np.where,
}
