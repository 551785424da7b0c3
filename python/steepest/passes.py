"""Passes over programs: pure functions from a program to an equivalent one."""

from __future__ import annotations

from dataclasses import replace

from steepest.activations import Activation
from steepest.program import Op, Program
from steepest.registry import ACTIVATIONS

# What the signal passes through unchanged in kind on its way from a weight to the activation that shapes its variance.
_TRANSPARENT = ("batch_norm", "dropout")


def optimize(program: Program) -> Program:
    """Apply every pass, in order."""
    return fuse_activations(resolve_initializers(program))


def consumers(program: Program, value: int) -> list[Op]:
    """Operations that read the value."""
    return [op for op in program.operations if value in op.inputs]


def _activation(op: Op, key: str) -> Activation:
    kind, alpha = op.attributes[key], op.attributes["alpha"]
    cls = ACTIVATIONS[kind]
    activation: Activation = cls(alpha=alpha) if "alpha" in cls.arguments() else cls()
    return activation


def resolve_initializers(program: Program) -> Program:
    """Replace "auto" by the initialiser that suits the activation which follows the weight.

    The activation may be the dense operation's own or come after batch norm and dropout; where several operations read
    the value, or none, there is no one activation and it counts as the identity.
    """
    parameters = list(program.parameters)
    for op in program.operations:
        if op.kind != "dense":
            continue
        activation = _activation(op, "activation")
        reader = op
        while activation.kind == "identity":
            following = consumers(program, reader.output)
            if len(following) != 1 or following[0].kind not in (*_TRANSPARENT, "activation"):
                break
            reader = following[0]
            if reader.kind == "activation":
                activation = _activation(reader, "activation")
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
        if op.kind != "activation" or not _activation(op, "activation").derivative_from_output:
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
