"""Losses to compare with: of zero outputs, of the best constant, of perfect outputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.training.training_set import DataSet

from .case import Case

Array = npt.NDArray[Any]


def loss_of(case: Case, outputs: Array, part: DataSet) -> float:
    """Return the mean loss of given outputs: that of a network that returns its input."""
    from steepest.layers import Activation
    from steepest.sequential import Sequential

    model = Sequential([Activation("identity")], dtype="float64", input_shape=outputs.shape[1])
    scores = model.evaluate(outputs, case.raw_targets(part), loss=case.loss, sample_weight=part.weight)
    return scores["loss"]


def zero_loss(case: Case, part: DataSet) -> float:
    """Return the loss of outputs that are all 0: ln C for C classes."""
    return loss_of(case, np.zeros((len(part), case.width)), part)


def best_constant(case: Case, part: DataSet) -> Array | None:
    """Return the constant outputs of the smallest loss, (K,); None for losses whose constant is not known."""
    from steepest.initializers import output_bias

    labels = case.loss.kind == "softmax_cross_entropy" and part.y.ndim == 1
    try:
        bias = output_bias(part.y, case.loss, sample_weight=part.weight, classes=case.width if labels else None)
    except ValueError:
        return None
    return np.asarray(bias.values, dtype=np.float64)


def constant_loss(case: Case, part: DataSet) -> float:
    """Return the loss of the best constant (of zero where it is not known): what is learnt without features."""
    zero = zero_loss(case, part)
    constant = best_constant(case, part)
    if constant is None:
        return zero
    return min(zero, loss_of(case, np.tile(constant, (len(part), 1)), part))


def perfect_loss(case: Case, part: DataSet) -> float:
    """Return the smallest loss any outputs can have for these targets; NaN where it is not known."""
    kind, y = case.loss.kind, part.y
    weight = np.ones(len(part)) if part.weight is None else part.weight
    if kind in ("mse", "mae", "huber", "quantile", "hinge"):
        return 0.0
    if kind == "softmax_cross_entropy":
        smoothing = float(getattr(case.loss, "label_smoothing", 0.0))
        target = np.eye(case.width)[y] if y.ndim == 1 else np.asarray(y, dtype=np.float64)
        target = (1.0 - smoothing) * target + smoothing / case.width
        rows = -(target * np.log(np.maximum(target, 1e-300))).sum(axis=1)
    elif kind == "sigmoid_cross_entropy":
        p = np.clip(np.asarray(y, dtype=np.float64), 1e-300, 1.0)
        q = np.clip(1.0 - np.asarray(y, dtype=np.float64), 1e-300, 1.0)
        rows = -(y * np.log(p) + (1.0 - y) * np.log(q)).sum(axis=1)
    elif kind == "poisson":
        counts = np.asarray(y, dtype=np.float64)
        rows = (counts - counts * np.log(np.maximum(counts, 1e-300))).mean(axis=1)
    else:
        return math.nan
    return float(np.average(rows, weights=weight))
