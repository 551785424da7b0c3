"""What a monitor has recorded of a training: arrays by epoch and layer, which the rules are functions of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.monitor.facts import Facts
from steepest.monitor.watch import WatchedLayer

Array = npt.NDArray[np.float64]

# Epochs that an estimate of the gradient noise scale is averaged over.
_NOISE_EPOCHS = 5
# The fields of the core's record, in its order.
FIELDS = (
    "update_ratio",
    "gradient_norm",
    "gradient_norm_max",
    "weight_norm",
    "activation_mean",
    "activation_std",
    "unit_std",
    "dead_share",
    "saturated_share",
)


@dataclass(frozen=True)
class Spike:
    """A leap of the loss: the epoch from 1, the model's training step, and losses at, before and at the top of it."""

    epoch: int
    step: int
    loss: float
    usual: float
    peak: float


@dataclass
class Records:
    """The numbers of one training so far.

    Attributes
    ----------
    facts : Facts
        What was known before the first step.
    layers : tuple of WatchedLayer
        The layers.
    logs : list of dict
        What the history records, by epoch.
    core : list of dict
        The core's records by epoch; one more than `logs` where the last epoch failed.
    failure : Exception or None
        What ended the training.
    """

    facts: Facts
    layers: tuple[WatchedLayer, ...] = ()
    logs: list[dict[str, float]] = field(default_factory=list)
    core: list[dict[str, Any]] = field(default_factory=list)
    failure: Exception | None = None

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.logs)

    @property
    def hidden(self) -> list[int]:
        """Numbers of the layers that have trained matrices and are not the last."""
        return [k for k, layer in enumerate(self.layers) if not layer.last]

    def curve(self, name: str) -> Array:
        """Return a number of the history by epoch, NaN where it was not recorded."""
        return np.array([logs.get(name, math.nan) for logs in self.logs], dtype=np.float64)

    @cached_property
    def loss(self) -> Array:
        """Mean training loss of every finished epoch."""
        return self.curve("loss")

    @cached_property
    def looks(self) -> Array:
        """Number of steps looked at in every epoch."""
        return np.array([record["samples"] for record in self.core], dtype=np.float64)

    @cached_property
    def by_layer(self) -> dict[str, Array]:
        """Every field by epoch and layer; an epoch too short to look at carries the numbers of the look before."""
        if not self.core:
            return {name: np.full((0, len(self.layers)), math.nan) for name in FIELDS}
        stack = np.stack([record["layers"] for record in self.core]).astype(np.float64)
        for epoch in range(1, len(stack)):
            if not self.looks[epoch]:
                stack[epoch] = stack[epoch - 1]
        return {name: stack[:, k] for k, name in enumerate(FIELDS)}

    @cached_property
    def first(self) -> dict[str, Array]:
        """Every field by layer at the first step, before anything was learnt; NaN where no step was looked at."""
        if not self.core:
            return {name: np.full(len(self.layers), math.nan) for name in FIELDS}
        return {name: np.asarray(self.core[0]["first"][k]) for k, name in enumerate(FIELDS)}

    @cached_property
    def noise_scale(self) -> Array:
        """Gradient noise scale, in rows: trace of the rows' covariance over the squared length of the mean gradient.

        Both are unbiased estimates and noisy, so they are averaged, each by itself, over the newest epochs that were
        looked at before they are divided (McCandlish et al. 2018, appendix A.1); infinite where the length is not
        above 0: then the noise is all there is. An epoch too short to look at carries the number before.
        """
        scale, result = math.nan, []
        newest: list[dict[str, Any]] = []
        for record in self.core:
            if record["samples"] and math.isfinite(record["noise_trace"]):
                newest = [*newest[-_NOISE_EPOCHS + 1 :], record]
                trace = sum(r["noise_trace"] * r["samples"] for r in newest)
                square = sum(r["gradient_square"] * r["samples"] for r in newest)
                scale = trace / square if square > 0.0 else math.inf
            result.append(scale)
        return np.array(result, dtype=np.float64)

    @cached_property
    def parts(self) -> Array:
        """Mean loss over successive parts of the epochs: rows (time in epochs, mean, deviation, most, steps)."""
        if not self.core:
            return np.zeros((0, 5))
        losses = np.stack([record["losses"] for record in self.core]).astype(np.float64)
        count = losses[:, :, 0]
        steps = np.maximum(count.sum(axis=1, keepdims=True), self.facts.steps_per_epoch)
        time = np.arange(len(losses))[:, None] + (np.cumsum(count, axis=1) - count / 2) / steps
        known = count > 0
        n = count[known]
        mean = losses[:, :, 1][known] / n
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = np.sqrt(np.maximum(losses[:, :, 2][known] / n - mean * mean, 0.0))
        return np.stack([time[known], mean, deviation, losses[:, :, 3][known], n], axis=1)

    @cached_property
    def spikes(self) -> list[Spike]:
        """Leaps of the loss."""
        return [Spike(epoch + 1, *event) for epoch, record in enumerate(self.core) for event in record["spikes"]]

    @cached_property
    def scale(self) -> float:
        """What there is to learn: the loss of the best constant above the smallest one; else the first loss."""
        known = self.facts.constant_loss - self.facts.perfect_loss
        if math.isfinite(known) and known > 0.0:
            return known
        return abs(self.first_loss) or 1.0

    @property
    def floor(self) -> float:
        """The smallest loss that outputs can have."""
        return self.facts.perfect_loss if math.isfinite(self.facts.perfect_loss) else 0.0

    @property
    def first_loss(self) -> float:
        """Mean loss of the first steps."""
        if len(self.parts):
            return float(self.parts[0, 1])
        return float(self.loss[0]) if self.epochs else math.nan

    def share_left(self, loss: Any) -> Any:
        """Return how much of what there is to learn a loss leaves: 1 for the best constant, 0 for perfect outputs."""
        return (loss - self.floor) / self.scale
