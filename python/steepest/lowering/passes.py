"""Passes over programs: pure functions from a program to an equivalent one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.activations import Activation
from steepest.lowering.program import Op, Parameter, Program
from steepest.registry import ACTIVATIONS

Array = npt.NDArray[Any]

# What the signal passes through unchanged in kind on its way from a weight to the activation that shapes its variance.
_TRANSPARENT = ("batch_norm", "layer_norm", "dropout", "noise")


def optimize(program: Program) -> Program:
    """Apply every pass, in order."""
    return fuse_activations(resolve_initializers(program))


def consumers(program: Program, value: int) -> list[Op]:
    """Operations that read the value."""
    return [op for op in program.operations if value in op.inputs]


def _readers(program: Program) -> dict[int, list[Op]]:
    """Return the operations that read each value: for all values at once, as a wide front has thousands of them."""
    readers: dict[int, list[Op]] = {}
    for op in program.operations:
        for value in dict.fromkeys(op.inputs):
            readers.setdefault(value, []).append(op)
    return readers


def _activation(op: Op) -> Activation:
    """Return the activation that a dense, activation or PReLU operation applies (its class: not its settings)."""
    activation: Activation = ACTIVATIONS.create("prelu" if op.kind == "prelu" else op.attributes["activation"])
    return activation


def resolve_initializers(program: Program) -> Program:
    """Replace "auto" by the initialiser that suits the activation which follows the weight.

    The activation may be the dense operation's own or come after normalisation, dropout and noise; where several
    operations read the value, or none, there is no one activation and it counts as the identity.
    """
    parameters = list(program.parameters)
    readers = _readers(program)
    for op in program.operations:
        if op.kind != "dense":
            continue
        activation = _activation(op)
        reader = op
        while activation.kind == "identity":
            following = readers.get(reader.output, [])
            if len(following) != 1 or following[0].kind not in (*_TRANSPARENT, "activation", "prelu"):
                break
            reader = following[0]
            if reader.kind not in _TRANSPARENT:
                activation = _activation(reader)
                break
        for number in op.parameters:
            parameters[number] = replace(
                parameters[number], initializer=parameters[number].initializer.resolve(activation)
            )
    return replace(program, parameters=tuple(parameters))


def fuse_activations(program: Program) -> Program:
    """Make an activation part of the dense operation before it, where nothing else reads what is between them.

    Only for functions whose derivative follows from their output: the fused operation keeps the output alone.
    """
    operations: list[Op | None] = list(program.operations)
    place = {op.output: number for number, op in enumerate(program.operations)}
    readers = _readers(program)
    for number, op in enumerate(program.operations):
        if op.kind != "activation" or not _activation(op).derivative_from_output:
            continue
        source = op.inputs[0]
        producer = operations[place[source]] if source in place else None
        if (
            producer is None
            or producer.kind != "dense"
            or producer.attributes["activation"] != "identity"
            or len(readers[source]) != 1
            or source == program.output
        ):
            continue
        attributes = {**producer.attributes, **op.attributes}
        place[op.output] = place[source]
        operations[place[source]] = replace(producer, output=op.output, attributes=attributes)
        operations[number] = None
    return compact(replace(program, operations=tuple(op for op in operations if op is not None)))


def scale_rates(program: Program, scales: Mapping[str, float]) -> Program:
    """Multiply the learning rates of the named parameters."""
    scaled = tuple(replace(p, rate_scale=p.rate_scale * scales.get(p.name, 1.0)) for p in program.parameters)
    return replace(program, parameters=scaled)


def prepend(program: Program, function: Any) -> Program:
    """Let the program begin with a host operation that makes a new input out of the old."""
    first = Op("host", "augmentation", (0,), 1, function=function)
    moved = tuple(
        replace(op, inputs=tuple(value + 1 for value in op.inputs), output=op.output + 1) for op in program.operations
    )
    widths = (program.widths[0], *program.widths)
    return replace(program, widths=widths, operations=(first, *moved), output=program.output + 1)


def compact(program: Program) -> Program:
    """Drop the values that no operation writes any more, and number the rest anew."""
    kept = [0, *sorted(op.output for op in program.operations)]
    number = {old: new for new, old in enumerate(kept)}
    operations = tuple(
        replace(op, inputs=tuple(number[value] for value in op.inputs), output=number[op.output])
        for op in program.operations
    )
    widths = tuple(program.widths[value] for value in kept)
    return replace(program, widths=widths, operations=operations, output=number[program.output])


def fold(
    program: Program, tensors: Mapping[str, Array], among: Collection[str] | None = None
) -> tuple[Program, dict[str, Array]]:
    """Return a program that predicts the same with less: batch norms and scalings become part of dense operations.

    Dropout and noise, which do nothing in prediction, go; then a batch norm directly after a dense operation is the
    scale of that operation's columns, `x W s + (b s + t)`, and one whose readers are all dense operations is the scale
    of their rows, `(x s + t) W + b = x (s W) + (b + t W)`, with `s = gamma / sqrt(variance + epsilon)` and `t = beta -
    mean s`. What has no dense neighbour stays.

    Parameters
    ----------
    program : Program
        Before activations are fused. Only its prediction is kept, not its training.
    tensors : dict of str to ndarray
        Parameters and states by name.
    among : collection of str, optional
        Layers whose operations may be changed or removed; all by default.

    Returns
    -------
    program : Program
        Dense operations that had no bias may have got one.
    tensors : dict of str to ndarray
        Its parameters and states, the folded ones in float64.
    """
    folding = _Folding(program, tensors, among)
    folding.run()
    return folding.result()


def fold_input(
    program: Program, tensors: Mapping[str, Array], center: Array, matrix: Array, shift: Array, among: Collection[str]
) -> tuple[Program, dict[str, Array]] | None:
    """Return a program that reads rows x where the given one reads `(x - center) matrix + shift`.

    Every operation that reads the input must be a dense one of the layers `among`, whose products become
    `x (matrix W) + (b + shift W - center (matrix W))`; None if there is another one.

    Parameters
    ----------
    program, tensors
        As for `fold`.
    center : ndarray (D,)
    matrix : ndarray (D, K)
        K columns are those of the program's input.
    shift : ndarray (K,)
    among : collection of str
        Layers whose operations may be changed.
    """
    folding = _Folding(program, tensors, among)
    readers = consumers(program, 0)
    if program.output == 0 or not all(folding.is_linear(op) for op in readers):
        return None
    for reader in readers:
        weight, bias = folding.weights(reader)
        product = matrix @ weight
        folding.set_weights(reader, product, bias + shift @ weight - center @ product)
    folding.program = replace(
        folding.program, widths=(len(matrix), *folding.program.widths[1:]), input_shape=(len(matrix),)
    )
    return folding.result()


class _Folding:
    """A program while it is folded."""

    def __init__(self, program: Program, tensors: Mapping[str, Array], among: Collection[str] | None) -> None:
        self.program = program
        self.tensors = dict(tensors)
        self.among = among

    def run(self) -> None:
        # One at a time: an operation that is removed changes what the next one reads.
        while (op := self.next_random()) is not None:
            self.remove(op)
        # Each fold may bring another batch norm next to a dense operation.
        while any(self.fold(op) for op in self.program.operations if op.kind == "batch_norm" and self.may_change(op)):
            pass

    def next_random(self) -> Op | None:
        """Return the first dropout or noise that may go."""
        random = (op for op in self.program.operations if op.kind in ("dropout", "noise") and self.may_change(op))
        return next(random, None)

    def may_change(self, op: Op) -> bool:
        return self.among is None or op.layer in self.among

    def is_linear(self, op: Op) -> bool:
        return op.kind == "dense" and self.may_change(op)

    def fold(self, op: Op) -> bool:
        """Fold the batch norm into its neighbours; False if it has none that take it."""
        source, readers = op.inputs[0], consumers(self.program, op.output)
        producer = next((other for other in self.program.operations if other.output == source), None)
        scale, shift = self.scale_and_shift(op)
        if (
            producer is not None
            and self.is_linear(producer)
            and producer.attributes["activation"] == "identity"
            and len(consumers(self.program, source)) == 1
            and source != self.program.output
        ):
            weight, bias = self.weights(producer)
            self.set_weights(producer, weight * scale, bias * scale + shift)
        elif readers and all(self.is_linear(reader) for reader in readers) and op.output != self.program.output:
            for reader in readers:
                weight, bias = self.weights(reader)
                self.set_weights(reader, scale[:, np.newaxis] * weight, bias + shift @ weight)
        else:
            return False
        self.remove(op)
        return True

    def parameter(self, number: int) -> Array:
        return self.tensors[self.program.parameters[number].name].astype(np.float64)

    def scale_and_shift(self, op: Op) -> tuple[Array, Array]:
        """Return s and t with y = x s + t, one for each column."""
        gamma, beta = (self.parameter(number) for number in op.parameters)
        mean, variance = (self.tensors[self.program.states[n].name].astype(np.float64) for n in op.states)
        scale = gamma / np.sqrt(variance + op.attributes["epsilon"])
        columns = self.program.widths[op.output] // len(gamma)  # of a channel
        return np.repeat(scale, columns), np.repeat(beta - mean * scale, columns)

    def weights(self, op: Op) -> tuple[Array, Array]:
        weight = self.parameter(op.parameters[0])
        return weight, self.parameter(op.parameters[1]) if len(op.parameters) > 1 else np.zeros(weight.shape[1])

    def set_weights(self, op: Op, weight: Array, bias: Array) -> None:
        parameters = self.program.parameters
        if parameters[op.parameters[0]].shape != weight.shape:
            at = op.parameters[0]
            parameters = (*parameters[:at], replace(parameters[at], shape=weight.shape), *parameters[at + 1 :])
            self.program = replace(self.program, parameters=parameters)
        if len(op.parameters) == 1:
            like = parameters[op.parameters[0]]
            new = replace(like, name=f"{op.layer}.bias", shape=bias.shape, l1=0.0, l2=0.0, max_norm=0.0, decay=False)
            self.replace(op, replace(op, parameters=(*op.parameters, len(parameters))), (*parameters, new))
        else:
            new = parameters[op.parameters[1]]
        self.tensors[parameters[op.parameters[0]].name] = weight
        self.tensors[new.name] = bias

    def replace(self, op: Op, by: Op, parameters: tuple[Parameter, ...]) -> None:
        operations = tuple(by if other is op else other for other in self.program.operations)
        self.program = replace(self.program, operations=operations, parameters=parameters)

    def remove(self, op: Op) -> None:
        """Let everything that reads the operation's output read its input."""
        before, after = op.output, op.inputs[0]
        operations = tuple(
            replace(other, inputs=tuple(after if value == before else value for value in other.inputs))
            for other in self.program.operations
            if other.output != before
        )
        output = after if self.program.output == before else self.program.output
        self.program = replace(self.program, operations=operations, output=output)

    def result(self) -> tuple[Program, dict[str, Array]]:
        """Return the program without the tensors that nothing reads any more, and the tensors that are left."""
        program = compact(self.program)
        used = sorted({number for op in program.operations for number in op.parameters})
        states = sorted({number for op in program.operations for number in op.states})
        operations = tuple(
            replace(
                op,
                parameters=tuple(used.index(number) for number in op.parameters),
                states=tuple(states.index(number) for number in op.states),
            )
            for op in program.operations
        )
        program = replace(
            program,
            operations=operations,
            parameters=tuple(program.parameters[number] for number in used),
            states=tuple(program.states[number] for number in states),
        )
        names = [p.name for p in program.parameters] + [s.name for s in program.states]
        return program, {name: self.tensors[name] for name in names}
