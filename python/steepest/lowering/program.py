"""The flat program a model lowers itself to: operations over numbered values, value 0 being the input.

`Program.to_core()` is the dictionary that docs/architecture.md describes and the C++ engine takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from steepest.initializers import Initializer
from steepest.regularizers import Regularizer

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A matrix of one row per sample that an operation writes: its number in the program and its width in columns.

    `shape` says how a row's columns are meant, `(width,)` or for images `(C, H, W)` with C H W columns.
    """

    number: int
    width: int
    shape: Shape = ()

    def __post_init__(self) -> None:
        if not self.shape:
            object.__setattr__(self, "shape", (self.width,))


@dataclass(frozen=True)
class Parameter:
    """A trained tensor: what the core needs of it, and how it starts.

    `key` (layer number, ..., tensor number within the layer) addresses its random numbers, so that a layer's initial
    weights do not depend on the layers before it.
    """

    name: str
    shape: Shape
    initializer: Initializer
    fan_in: int
    fan_out: int
    key: tuple[int, ...]
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float = 0.0
    decay: bool = False
    trainable: bool = True
    rate_scale: float = 1.0


@dataclass(frozen=True)
class State:
    """A tensor that training changes without a gradient, such as a running mean, and what it starts with."""

    name: str
    shape: Shape
    initial: float | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Op:
    """One operation: reads the values `inputs`, writes the value `output`; parameters and states by number.

    `function` is the Python object behind an operation of kind "host"; see docs/architecture.md for its methods.
    """

    kind: str
    layer: str
    inputs: tuple[int, ...]
    output: int
    parameters: tuple[int, ...] = ()
    states: tuple[int, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    function: Any = None

    def to_core(self) -> dict[str, Any]:
        """Return the dictionary the core takes."""
        description = {
            "kind": self.kind,
            "layer": self.layer,
            "inputs": list(self.inputs),
            "output": self.output,
            "parameters": list(self.parameters),
            "states": list(self.states),
            "attributes": dict(self.attributes),
        }
        return description if self.function is None else {**description, "function": self.function}


@dataclass(frozen=True)
class Program:
    """Operations in the order of execution, over values of the given widths; `input_shape` is that of one sample."""

    widths: tuple[int, ...]
    parameters: tuple[Parameter, ...]
    states: tuple[State, ...]
    operations: tuple[Op, ...]
    output: int
    input_shape: Shape = ()

    @property
    def input_width(self) -> int:
        """Columns of the input."""
        return self.widths[0]

    @property
    def output_width(self) -> int:
        """Columns of the output."""
        return self.widths[self.output]

    def trained_values(self) -> frozenset[int]:
        """Return the values that depend on trained parameters: through the others no gradient has to flow."""
        found: set[int] = set()
        for op in self.operations:
            if found.intersection(op.inputs) or any(self.parameters[number].trainable for number in op.parameters):
                found.add(op.output)
        return frozenset(found)

    def to_core(self) -> dict[str, Any]:
        """Return the dictionary the core's networks are made from."""
        return {
            "values": list(self.widths),
            "parameters": [
                {
                    "name": p.name,
                    "shape": p.shape,
                    "l1": p.l1,
                    "l2": p.l2,
                    "max_norm": p.max_norm,
                    "decay": p.decay,
                    "trainable": p.trainable,
                    "rate_scale": p.rate_scale,
                }
                for p in self.parameters
            ],
            "states": [{"name": s.name, "shape": s.shape} for s in self.states],
            "operations": [op.to_core() for op in self.operations],
            "output": self.output,
        }


class Lowered(Protocol):
    """What the builder asks of a layer."""

    @property
    def trainable(self) -> bool:
        """Whether it is to be trained."""

    @property
    def rate_scale(self) -> float:
        """What the learning rate of its parameters is multiplied by."""

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append its operations, reading `value`, and return its output."""


class Builder:
    """What layers lower themselves into.

    Parameters
    ----------
    input_shape : int or tuple of int
        Columns of the input, or the shape of one sample such as `(C, H, W)`.
    regularizer : Regularizer or None
        Penalty of the dense weights of layers that have none of their own.

    Examples
    --------
    >>> from steepest.layers import Dense
    >>> from steepest.lowering.program import Builder
    >>> builder = Builder(4)
    >>> output = builder.lower(Dense(3), "dense_1", 0, builder.input)
    >>> program = builder.finish(output)
    >>> program.widths, [p.name for p in program.parameters]
    ((4, 3), ['dense_1.weight', 'dense_1.bias'])
    """

    def __init__(self, input_shape: int | Shape, regularizer: Regularizer | None = None) -> None:
        shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
        self.input = Value(0, math.prod(shape), shape)
        self.regularizer = regularizer
        self._widths = [self.input.width]
        self._parameters: list[Parameter] = []
        self._states: list[State] = []
        self._operations: list[Op] = []
        self._names: list[str] = []
        self._key: list[int] = []
        self._tensors: list[int] = []
        self._trainable = [True]
        self._rate_scale = [1.0]
        self._streams = 0

    @property
    def layer(self) -> str:
        """Name of the layer that is being lowered; a layer inside another is `outer.inner`."""
        return ".".join(self._names)

    @property
    def trainable(self) -> bool:
        """Whether the layer that is being lowered, and every layer around it, is to be trained."""
        return self._trainable[-1]

    @contextmanager
    def scope(self, name: str, number: int, *, trainable: bool = True, rate_scale: float = 1.0) -> Iterator[None]:
        """Make what is added inside belong to the layer `name`, the `number`-th of its container.

        A frozen container freezes what it contains, and its scale of the learning rate multiplies theirs.
        """
        self._names.append(name)
        self._key.append(number)
        self._tensors.append(0)
        self._trainable.append(self._trainable[-1] and trainable)
        self._rate_scale.append(self._rate_scale[-1] * rate_scale)
        try:
            yield
        finally:
            for stack in (self._names, self._key, self._tensors, self._trainable, self._rate_scale):
                stack.pop()

    def lower(self, layer: Lowered, name: str, number: int, value: Value) -> Value:
        """Lower the layer, called `name` and the `number`-th of its container, and return its output."""
        with self.scope(name, number, trainable=layer.trainable, rate_scale=layer.rate_scale):
            return layer.lower(self, value)

    def parameter(
        self,
        name: str,
        shape: Shape,
        initializer: Initializer,
        *,
        fan_in: int = 1,
        fan_out: int = 1,
        regularizer: Regularizer | None = None,
        max_norm: float | None = None,
        decay: bool = False,
        trainable: bool = True,
    ) -> int:
        """Add a trained tensor of the current layer and return its number; `decay`: AdamW may shrink it."""
        if len(shape) not in (1, 2) or min(shape) < 1:
            raise ValueError(f"shape of parameter {self.layer}.{name} must be (n,) or (rows, columns), got {shape}")
        key = (*self._key, self._tensors[-1])
        self._tensors[-1] += 1
        penalty = regularizer if regularizer is not None else Regularizer()
        self._parameters.append(
            Parameter(
                name=f"{self.layer}.{name}",
                shape=shape,
                initializer=initializer,
                fan_in=fan_in,
                fan_out=fan_out,
                key=key,
                l1=penalty.l1,
                l2=penalty.l2,
                max_norm=max_norm or 0.0,
                decay=decay,
                trainable=trainable and self.trainable,
                rate_scale=self._rate_scale[-1],
            )
        )
        return len(self._parameters) - 1

    def state(self, name: str, shape: Shape, initial: float | npt.NDArray[np.float64]) -> int:
        """Add a state of the current layer and return its number."""
        self._states.append(State(f"{self.layer}.{name}", shape, initial))
        return len(self._states) - 1

    def stream(self) -> int:
        """Return a number no other random operation of the program has; it addresses the operation's random numbers."""
        self._streams += 1
        return self._streams - 1

    def emit(
        self,
        kind: str,
        inputs: tuple[Value, ...],
        shape: int | Shape,
        *,
        parameters: tuple[int, ...] = (),
        states: tuple[int, ...] = (),
        host: Any = None,
        **attributes: Any,
    ) -> Value:
        """Add an operation of the current layer and return the value it writes, of the given sample shape.

        `host` is the Python object behind an operation of kind "host".
        """
        shape = (shape,) if isinstance(shape, int) else shape
        output = Value(len(self._widths), math.prod(shape), shape)
        self._widths.append(output.width)
        numbers = tuple(value.number for value in inputs)
        self._operations.append(Op(kind, self.layer, numbers, output.number, parameters, states, attributes, host))
        return output

    def finish(self, output: Value) -> Program:
        """Return the program that computes `output`."""
        return Program(
            tuple(self._widths),
            tuple(self._parameters),
            tuple(self._states),
            tuple(self._operations),
            output.number,
            self.input.shape,
        )
