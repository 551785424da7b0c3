"""Passes over programs: pure functions from a program to an equivalent one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from steepest.activations import Activation
from steepest.program import Op, Program
from steepest.registry import ACTIVATIONS

# What the signal passes through unchanged in kind on its way from a weight to the activation that shapes its variance.
_TRANSPARENT = ("batch_norm", "layer_norm", "dropout", "noise")


def optimize(program: Program) -> Program:
    """Apply every pass, in order."""
    return fuse_activations(resolve_initializers(program))


def consumers(program: Program, value: int) -> list[Op]:
    """Operations that read the value."""
    return [op for op in program.operations if value in op.inputs]


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
    for op in program.operations:
        if op.kind != "dense":
            continue
        activation = _activation(op)
        reader = op
        while activation.kind == "identity":
            following = consumers(program, reader.output)
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
    operations = list(program.operations)
    for op in program.operations:
        if op.kind != "activation" or not _activation(op).derivative_from_output:
            continue
        source = op.inputs[0]
        producer = next((other for other in operations if other.output == source), None)
        if (
            producer is None
            or producer.kind != "dense"
            or producer.attributes["activation"] != "identity"
            or len(consumers(program, source)) != 1
            or source == program.output
        ):
            continue
        attributes = {**producer.attributes, **op.attributes}
        operations[operations.index(producer)] = replace(producer, output=op.output, attributes=attributes)
        operations.remove(op)
    return compact(replace(program, operations=tuple(operations)))


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
