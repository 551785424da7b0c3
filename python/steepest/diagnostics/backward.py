"""Gradients of the loss with respect to the values between the layers.

The core gives the gradient of a network's input; that of a value is the gradient of the input of the network behind it.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import threads
from steepest.losses import Loss
from steepest.lowering.network import Network
from steepest.lowering.program import Op, Program

if TYPE_CHECKING:
    from steepest.model import Model

Array = npt.NDArray[Any]


def cut(program: Program, value: int) -> Program | None:
    """Return the part of the program behind a value, which becomes its input; None if that part reads others too.

    All parameters and states stay, so their memory is laid out alike. Behind the output itself stands the identity.
    """
    if value == program.output:
        identity = Op("activation", "output", (0,), 1, attributes={"activation": "identity", "alpha": 0.0})
        width = program.widths[value]
        return _with_input(program, (width, width), (identity,), 1)
    behind = [op for op in program.operations if op.output > value]
    number = {value: 0}
    for op in behind:
        if not all(read in number for read in op.inputs):
            return None
        number[op.output] = len(number)
    operations = tuple(
        replace(op, inputs=tuple(number[read] for read in op.inputs), output=number[op.output]) for op in behind
    )
    return _with_input(program, tuple(program.widths[v] for v in number), operations, number[program.output])


def _with_input(program: Program, widths: tuple[int, ...], operations: tuple[Op, ...], output: int) -> Program:
    changes: dict[str, Any] = {"widths": widths, "operations": operations, "output": output}
    if any(f.name == "input_shape" for f in fields(program)):
        changes["input_shape"] = (widths[0],)
    return replace(program, **changes)


def value_gradient(model: Model, value: int, values: Array, targets: Array, loss: Loss, training: bool) -> Array | None:
    """Return the gradient of the loss with respect to a value of the model's program, given what it holds.

    None within a block that something bypasses: there no single value leads to the output.
    """
    network = model.network
    rest = cut(network.program, value)
    if rest is None:
        return None
    part = Network(rest, network.dtype)
    part.copy_from(network)
    gradient = np.zeros(values.shape, network.dtype)
    flat = np.zeros_like(part.parameter_arena)
    core_loss, count = loss.to_core(), threads.get_num_threads()
    part.core.loss_and_gradients(
        values, targets, None, core_loss, training, flat, gradient, model.steps, model.seed, count
    )
    return gradient
