"""Questions about a program: what produces, reads and bends a value."""

from __future__ import annotations

from collections.abc import Iterator

from steepest.lowering.passes import consumers
from steepest.lowering.program import Op, Program

# Functions with two finite ends, and those with one; what they make of the real line.
RANGES: dict[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "softmax": (0.0, 1.0),
    "hardmax": (0.0, 1.0),
    "step": (0.0, 1.0),
    "relu": (0.0, float("inf")),
    "softplus": (0.0, float("inf")),
    "log_softmax": (float("-inf"), 0.0),
}
# Functions that are exactly 0 on a half-line, where no gradient passes.
RECTIFIERS = ("relu",)
LINEAR = ("dense",)
# What changes neither the order of the values nor what a linear layer before it can say.
_AFFINE = ("batch_norm", "dropout", "noise")


def function_of(op: Op) -> str:
    """Return the name of the function an operation ends with, "identity" for none, "host" for the user's own."""
    if op.kind in ("dense", "activation"):
        return str(op.attributes.get("activation", "identity"))
    if op.kind == "row_function":
        return str(op.attributes["function"])
    return op.kind if op.kind in ("prelu", "maxout", "host") else "identity"


def producer(program: Program, value: int) -> Op | None:
    """Return the operation that writes a value; None for the input."""
    return next((op for op in program.operations if op.output == value), None)


def last(program: Program) -> Op | None:
    """Return the operation that makes the output, dropout and noise aside."""
    op = producer(program, program.output)
    while op is not None and op.kind in ("dropout", "noise"):
        op = producer(program, op.inputs[0])
    return op


def leads_to_output(program: Program, value: int) -> bool:
    """Whether nothing that can be trained or bends numbers stands between a value and the output."""
    while value != program.output:
        following = consumers(program, value)
        if len(following) != 1 or following[0].kind in (*LINEAR, "embedding", "concatenate", "sum"):
            return False
        value = following[0].output
    return True


def following_linear(program: Program, op: Op) -> tuple[Op, int] | None:
    """Return the dense layer that reads an operation's values through affine ones alone, and how many stand between."""
    value, between = op.output, 0
    while True:
        readers = consumers(program, value)
        if len(readers) != 1 or value == program.output:
            return None
        if readers[0].kind in LINEAR:
            return readers[0], between
        if readers[0].kind not in _AFFINE:
            return None
        value, between = readers[0].output, between + 1


def hidden(program: Program) -> Iterator[Op]:
    """Yield the dense operations whose values are not the output; a Maxout layer has one, too."""
    for op in program.operations:
        if op.kind in LINEAR and not leads_to_output(program, op.output):
            yield op


def trained_hidden(program: Program) -> Iterator[Op]:
    """Yield those of `hidden` whose weights are trained: not an encoding of single columns, of which there are many."""
    return (op for op in hidden(program) if program.parameters[op.parameters[0]].trainable)


def activation_after(program: Program, op: Op) -> Op:
    """Return the operation that bends an operation's values: itself, or the one behind normalisation and dropout."""
    while function_of(op) == "identity":
        readers = consumers(program, op.output)
        if len(readers) != 1 or readers[0].kind not in (
            "maxout",
            "batch_norm",
            "layer_norm",
            *_AFFINE,
            "activation",
            "prelu",
            "host",
        ):
            return op
        op = readers[0]
    return op
