"""Short trainings of copies."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.callbacks import Callback
from steepest.model import Model
from steepest.optimizers import Optimizer
from steepest.training.run import Run
from steepest.training.training_set import DataSet

from .case import Case

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Trial:
    """What a short training did.

    Attributes
    ----------
    losses : list of float
        Mean loss of every epoch; it ends with infinity if the training diverged.
    steps : int
        Steps that were made.
    seconds : float
        Of the shortest epoch; infinite without epochs.
    """

    losses: list[float]
    steps: int
    seconds: float = math.inf

    @property
    def last(self) -> float:
        """Mean loss over the last quarter of the epochs; infinite if the training diverged, NaN without epochs."""
        if not self.losses:
            return math.nan
        if not all(map(math.isfinite, self.losses)):
            return math.inf
        return float(np.mean(self.losses[-max(len(self.losses) // 4, 1) :]))

    @property
    def diverged(self) -> bool:
        """Whether numbers became NaN or infinite."""
        return any(not math.isfinite(loss) for loss in self.losses)


class Limit(Callback):
    """Ends a training at a time, or when the loss is low enough."""

    def __init__(self, seconds: float, target: float = -math.inf) -> None:
        self.deadline = time.perf_counter() + seconds
        self.target = target

    def on_slice_end(self, run: Run) -> None:
        """Look at the clock."""
        if time.perf_counter() > self.deadline:
            run.stop("time is up")

    def on_epoch_end(self, run: Run) -> None:
        """Look at the loss, and at the clock."""
        if run.logs["loss"] <= self.target or time.perf_counter() > self.deadline:
            run.stop("low enough")


def optimizer_at(optimizer: Optimizer, rate: float) -> Optimizer:
    """Return a fresh copy with a constant learning rate."""
    clone = copy.deepcopy(optimizer)
    clone.reset()
    clone.learning_rate = rate
    return clone


def train(
    case: Case,
    model: Model,
    part: DataSet,
    optimizer: Optimizer,
    *,
    epochs: int,
    batch_size: int,
    seconds: float,
    shuffle: bool = True,
    target: float = -math.inf,
    augment: bool = True,
) -> Trial:
    """Train the model, which is changed, on checked data."""
    limit = Limit(seconds, target)
    before = model.steps
    try:
        history = model.fit(
            part.x,
            case.raw_targets(part),
            loss=case.loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=part.weight,
            augment=case.augment if augment and not optimizer.full_batch else None,
            callbacks=[limit],
            verbose=0,
        )
    except ArithmeticError as error:
        known = getattr(error, "history", None)
        losses = list(known["loss"]) if known is not None and "loss" in known else []
        return Trial([*losses, math.inf], model.steps - before)
    losses = list(history["loss"]) if "loss" in history else []
    return Trial(losses, model.steps - before, min(history["seconds"], default=math.inf) if losses else math.inf)
