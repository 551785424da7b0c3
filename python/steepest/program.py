"""The flat program a model lowers itself to: operations over numbered values, value 0 being the input.

`Program.to_core()` is the dictionary that docs/architecture.md describes and the C++ engine takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from steepest.initializers import Initializer
from steepest.regularizers import Regularizer


@dataclass(frozen=True)
class Value:
    """A matrix of one row per sample that an operation writes: its number in the program and its width in columns."""

    number: int
    width: int


@dataclass(frozen=True)
class Parameter:
    """A trained tensor: what the core needs of it, and how it starts.

    `key` (layer number, ..., tensor number within the layer) addresses its random numbers, so that a layer's initial
    weights do not depend on the layers before it.
    """

    name: str
    shape: tuple[int, ...]
    initializer: Initializer
    fan_in: int
    fan_out: int
    key: tuple[int, ...]
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float = 0.0
    decay: bool = False
    trainable: bool = True


@dataclass(frozen=True)
class State:
    """A tensor that training changes without a gradient, such as a running mean; starts at `initial` everywhere."""

    name: str
    shape: tuple[int, ...]
    initial: float


@dataclass(frozen=True)
class Op:
    """One operation: reads the values `inputs`, writes the value `output`; parameters and states by number."""

    kind: str
    layer: str
    inputs: tuple[int, ...]
    output: int
    parameters: tuple[int, ...] = ()
    states: tuple[int, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """Operations in the order of execution, over values of the given widths."""

    widths: tuple[int, ...]
    parameters: tuple[Parameter, ...]
    states: tuple[State, ...]
    operations: tuple[Op, ...]
    output: int

    @property
    def input_width(self) -> int:
        """Columns of the input."""
        return self.widths[0]

    @property
    def output_width(self) -> int:
        """Columns of the output."""
        return self.widths[self.output]

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
                }
                for p in self.parameters
            ],
            "states": [{"name": s.name, "shape": s.shape} for s in self.states],
            "operations": [
                {
                    "kind": op.kind,
                    "layer": op.layer,
                    "inputs": list(op.inputs),
                    "output": op.output,
                    "parameters": list(op.parameters),
                    "states": list(op.states),
                    "attributes": dict(op.attributes),
                }
                for op in self.operations
            ],
            "output": self.output,
        }


class Builder:
    """What layers lower themselves into.

    Parameters
    ----------
    input_width : int
        Columns of the input.
    regularizer : Regularizer or None
        Penalty of the dense weights of layers that have none of their own.

    Examples
    --------
    >>> from steepest.layers import Dense
    >>> from steepest.program import Builder
    >>> builder = Builder(4)
    >>> with builder.scope("dense_1", 0):
    ...     output = Dense(3).lower(builder, builder.input)
    >>> program = builder.finish(output)
    >>> program.widths, [p.name for p in program.parameters]
    ((4, 3), ['dense_1.weight', 'dense_1.bias'])
    """

    def __init__(self, input_width: int, regularizer: Regularizer | None = None) -> None:
        self.input = Value(0, input_width)
        self.regularizer = regularizer
        self._widths = [input_width]
        self._parameters: list[Parameter] = []
        self._states: list[State] = []
        self._operations: list[Op] = []
        self._names: list[str] = []
        self._key: list[int] = []
        self._tensors: list[int] = []
        self._streams = 0

    @property
    def layer(self) -> str:
        """Name of the layer that is being lowered; a layer inside another is `outer.inner`."""
        return ".".join(self._names)

    @contextmanager
    def scope(self, name: str, number: int) -> Iterator[None]:
        """Make what is added inside belong to the layer `name`, the `number`-th of its container."""
        self._names.append(name)
        self._key.append(number)
        self._tensors.append(0)
        try:
            yield
        finally:
            self._names.pop()
            self._key.pop()
            self._tensors.pop()

    def parameter(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Initializer,
        *,
        fan_in: int = 1,
        fan_out: int = 1,
        regularizer: Regularizer | None = None,
        max_norm: float | None = None,
        decay: bool = False,
    ) -> int:
        """Add a trained tensor of the current layer and return its number; `decay`: AdamW may shrink it."""
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
            )
        )
        return len(self._parameters) - 1

    def state(self, name: str, shape: tuple[int, ...], initial: float) -> int:
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
        width: int,
        *,
        parameters: tuple[int, ...] = (),
        states: tuple[int, ...] = (),
        **attributes: Any,
    ) -> Value:
        """Add an operation of the current layer and return the value it writes."""
        output = Value(len(self._widths), width)
        self._widths.append(width)
        numbers = tuple(value.number for value in inputs)
        self._operations.append(Op(kind, self.layer, numbers, output.number, parameters, states, attributes))
        return output

    def finish(self, output: Value) -> Program:
        """Return the program that computes `output`."""
        return Program(
            tuple(self._widths),
            tuple(self._parameters),
            tuple(self._states),
            tuple(self._operations),
            output.number,
        )
