"""The loss that suits targets and outputs, where none was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.lowering.program import Program


def guess_loss(y: npt.NDArray[Any], program: Program) -> str:
    """Return the name of the loss the targets look made for.

    Whole numbers `(N,)` under several outputs are classes, one-hot rows are classes, other zeros and ones are yes and
    no, and everything else is numbers.
    """
    width = program.output_width
    finite = y.dtype.kind != "f" or bool(np.isfinite(y).all())
    if y.ndim == 1 and width > 1 and finite and bool(np.all(y == np.floor(y))):
        return "softmax_cross_entropy"
    if finite and bool(np.all((y == 0) | (y == 1))):
        one_hot = y.ndim == 2 and y.shape[1] > 1 and bool(np.all(y.sum(axis=1) == 1))
        return "softmax_cross_entropy" if one_hot else "sigmoid_cross_entropy"
    return "mse"
