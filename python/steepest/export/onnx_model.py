"""ONNX models as bytes: the messages of onnx.proto3 that a network needs, written without the onnx package.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.export import protobuf as pb

Array = npt.NDArray[Any]

# ONNX 1.12 of June 2022: what every ONNX Runtime since 1.12 runs.
OPSET = 17
IR_VERSION = 8
# Operators on texts, of the standard's domain for classical machine learning.
ML, ML_OPSET = "ai.onnx.ml", 3
# TensorProto.DataType
DATA_TYPES = {"float32": 1, "int64": 7, "string": 8, "bool": 9, "float64": 11}
_FLOAT, _INT, _STRING, _FLOATS, _INTS, _STRINGS = 1, 2, 3, 6, 7, 8  # AttributeProto.AttributeType


def tensor(name: str, array: Array) -> list[bytes]:
    """Return the fields of a TensorProto."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    dims = [pb.integer(1, size) for size in array.shape]
    return [*dims, pb.integer(2, DATA_TYPES[array.dtype.name]), pb.message(8, name), pb.message(9, little.tobytes())]


def _attribute(name: str, value: Any) -> list[bytes]:
    """Return the fields of an AttributeProto."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, list)):
        raise TypeError(f"attribute {name} is {value!r}")
    if isinstance(value, int):
        content, kind = [pb.integer(3, value)], _INT
    elif isinstance(value, float):
        content, kind = [pb.real(2, value)], _FLOAT
    elif isinstance(value, str):
        content, kind = [pb.message(4, value)], _STRING
    elif all(isinstance(item, int) for item in value):
        content, kind = [pb.integer(8, number) for number in value], _INTS
    elif all(isinstance(item, str) for item in value):
        content, kind = [pb.message(9, text) for text in value], _STRINGS
    else:
        content, kind = [pb.real(7, number) for number in value], _FLOATS
    return [pb.message(1, name), *content, pb.integer(20, kind)]


def _value(name: str, dtype: str, shape: tuple[int | str, ...]) -> list[bytes]:
    """Return the fields of a ValueInfoProto; a string in the shape is the name of a size that varies."""
    dims = [pb.message(1, [pb.message(2, d) if isinstance(d, str) else pb.integer(1, d)]) for d in shape]
    tensor_type = [pb.integer(1, DATA_TYPES[dtype]), pb.message(2, dims)]
    return [pb.message(1, name), pb.message(2, [pb.message(1, tensor_type)])]


class OnnxGraph:
    """Nodes and constants of a graph that is being written."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []
        self._constants: dict[tuple[Any, ...], str] = {}
        self._taken: dict[str, int] = {}
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._domains = {"": OPSET}

    def name(self, wanted: str) -> str:
        """Return the name, or one like it if it is taken."""
        count = self._taken[wanted] = self._taken.get(wanted, 0) + 1
        return wanted if count == 1 else self.name(f"{wanted}_{count}")

    def input(self, name: str, dtype: str, shape: tuple[int | str, ...]) -> str:
        """Add an input of the graph and return its name; inputs come first, so that they get the names they want."""
        name = self.name(name)
        self._inputs.append(pb.message(11, _value(name, dtype, shape)))
        return name

    def output(self, name: str, dtype: str, shape: tuple[int | str, ...]) -> None:
        """Add an output of the graph."""
        self._outputs.append(pb.message(12, _value(name, dtype, shape)))

    def constant(self, name: str, array: Array) -> str:
        """Return the name of the constant; small ones that are equal are one."""
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        key = (array.dtype.name, array.shape, array.tobytes()) if array.size <= 64 else (name, len(self._tensors))
        if key not in self._constants:
            self._constants[key] = self.name(name)
            self._tensors.append(pb.message(5, tensor(self._constants[key], array)))
        return self._constants[key]

    def node(
        self,
        operator: str,
        inputs: list[str],
        scope: str,
        *,
        output: str | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Append the operator, of the layer `scope`, and return the name of its output."""
        name = self.name(f"{scope}/{operator}")
        output = name if output is None else output
        content = [pb.message(1, value) for value in inputs]
        content += [pb.message(2, output), pb.message(3, name), pb.message(4, operator)]
        content += [pb.message(5, _attribute(key, value)) for key, value in attributes.items()]
        if domain:
            content.append(pb.message(7, domain))
            self._domains[domain] = ML_OPSET
        self._nodes.append(pb.message(1, content))
        return output

    def model(self, name: str, producer_version: str, metadata: Mapping[str, str]) -> bytes:
        """Return the file: a ModelProto."""
        graph = [*self._nodes, pb.message(2, name), *self._tensors, *self._inputs, *self._outputs]
        return b"".join(
            [
                pb.integer(1, IR_VERSION),
                pb.message(2, "steepest"),
                pb.message(3, producer_version),
                pb.message(7, graph),
                *(pb.message(8, [pb.message(1, d), pb.integer(2, version)]) for d, version in self._domains.items()),
                *(pb.message(14, [pb.message(1, key), pb.message(2, text)]) for key, text in metadata.items()),
            ]
        )
