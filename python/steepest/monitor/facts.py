"""What can be known of a training before its first step: the measures that its numbers are held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest.losses import Loss

if TYPE_CHECKING:
    from steepest.training.run import Run

Array = npt.NDArray[Any]

# Rows that the measures are taken from: enough for three digits, and no time even for a large set.
_ROWS = 4096
_LARGE = 40.0  # a logit whose probability is 1 to all digits


@dataclass(frozen=True)
class Facts:
    """Attributes of one training.

    Attributes
    ----------
    constant_loss, perfect_loss : float
        Loss of the best constant output (the entropy of the classes, the variance of the targets), and the smallest
        that any outputs have; NaN for losses of the user's own.
    batch_size, last_batch, rows, steps_per_epoch, epochs : int
        Rows of a step (at most all) and of the last step of an epoch, training rows, steps, epochs asked for.
    shuffle : bool
        As given to `fit`.
    agreement : float
        Correlation of the targets of neighbouring rows in the order of training; 0 where the rows are shuffled.
    optimizer : str
        Its kind in the core: `"momentum"` is SGD with momentum.
    momentum : float
        Weight of the past in its mean of gradients: 0 without.
    normalized : tuple of str
        Layers that take statistics over the rows of a batch.
    parameters : int
        Trained numbers.
    classifies, has_validation, clips : bool
        Whether there is an accuracy, a validation set, a bound on the gradient.
    """

    constant_loss: float
    perfect_loss: float
    batch_size: int
    last_batch: int
    rows: int
    steps_per_epoch: int
    epochs: int
    shuffle: bool
    agreement: float
    optimizer: str
    momentum: float
    normalized: tuple[str, ...]
    parameters: int
    classifies: bool
    has_validation: bool
    clips: bool


def facts_of(run: Run) -> Facts:
    """Return the facts of a training that begins."""
    program = run.model.network.program
    data, optimizer = run.data, run.optimizer
    every = max(1, len(data) // _ROWS)
    rows = np.arange(0, len(data), every) if data.rows is None else data.rows[::every]
    weight = None if data.weight is None else data.weight[rows]
    constant, perfect = reference_losses(run.loss, data.y[rows], weight, program.output_width)
    size = min(run.batch_size, len(data))
    description = {} if optimizer.full_batch else optimizer.to_core()
    return Facts(
        constant_loss=constant,
        perfect_loss=perfect,
        batch_size=size,
        last_batch=len(data) - (run.steps_per_epoch - 1) * size if not optimizer.full_batch else len(data),
        rows=len(data),
        steps_per_epoch=run.steps_per_epoch,
        epochs=run.epochs,
        shuffle=run.shuffle,
        agreement=0.0 if run.shuffle or run.steps_per_epoch < 2 else neighbour_agreement(data.y, data.rows),
        optimizer=str(description.get("kind", optimizer.kind)),
        momentum=float(description.get("beta1", 0.0)),
        normalized=tuple(
            op.layer for op in program.operations if op.kind == "batch_norm" and not op.attributes.get("frozen", 0)
        ),
        parameters=sum(math.prod(p.shape) for p in program.parameters if p.trainable),
        classifies=run.loss.classifies,
        has_validation=run.has_validation,
        clips=optimizer.clip_norm is not None or optimizer.clip_value is not None,
    )


def reference_losses(loss: Loss, y: Array, weight: Array | None, width: int) -> tuple[float, float]:
    """Return the loss of the best constant output and the smallest possible; NaN where they are not known."""
    from steepest.initializers import output_bias

    labels = y.ndim == 1
    try:
        bias = output_bias(y, loss, sample_weight=weight, classes=width if labels else None)
    except ValueError:
        return math.nan, math.nan
    constant = np.tile(np.asarray(bias.values, dtype=np.float64), (len(y), 1))
    smoothing = float(getattr(loss, "label_smoothing", 0.0))
    with np.errstate(divide="ignore"):
        if loss.kind == "softmax_cross_entropy":
            shares = np.eye(width)[y] if labels else np.asarray(y, dtype=np.float64)
            perfect = np.maximum(np.log((1.0 - smoothing) * shares + smoothing / width), -_LARGE)
        elif loss.kind == "sigmoid_cross_entropy":
            shares = np.asarray(y, dtype=np.float64)
            perfect = np.clip(np.log(shares) - np.log1p(-shares), -_LARGE, _LARGE)
        elif loss.kind == "poisson":
            perfect = np.maximum(np.log(np.asarray(y, dtype=np.float64)), -_LARGE)
        elif loss.kind in ("mse", "mae", "huber", "quantile"):
            perfect = np.asarray(y, dtype=np.float64)
        else:
            return _mean_loss(loss, constant, y, weight), 0.0
    return _mean_loss(loss, constant, y, weight), _mean_loss(loss, perfect, y, weight)


def _mean_loss(loss: Loss, outputs: Array, y: Array, weight: Array | None) -> float:
    """Return the loss of outputs that are given instead of computed."""
    from steepest.layers import Activation
    from steepest.sequential import Sequential

    model = Sequential([Activation("identity")], seed=0, dtype="float64", input_shape=outputs.shape[1])
    return model.evaluate(outputs, y, loss=loss, sample_weight=weight)["loss"]


def neighbour_agreement(y: Array, rows: Array | None) -> float:
    """Return the correlation of the targets of neighbouring rows: near 0 in random order, near 1 where sorted."""
    picked = y if rows is None else y[rows]
    picked = picked[: 1 << 18]
    # Numbers by their ranks, so that a few outliers side by side are no order.
    code = np.eye(int(picked.max()) + 1)[picked] if picked.ndim == 1 else np.argsort(np.argsort(picked, 0), 0) * 1.0
    code = code - code.mean(axis=0)
    variance = float(np.mean(code**2))
    return float(np.mean(code[1:] * code[:-1])) / variance if variance > 0.0 and len(code) > 1 else 0.0
