"""The state of a training that callbacks see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from steepest.history import History
from steepest.losses import Loss
from steepest.optimizers import Optimizer

if TYPE_CHECKING:
    from steepest.model import Model
    from steepest.training.training_set import DataSet


class Watch(Protocol):
    """What a training tells the monitor of the core that a callback has set up."""

    def begin_epoch(self, run: Run) -> None:
        """Before an epoch."""

    def fail(self, run: Run) -> None:
        """Before an epoch is undone."""

    def close(self, run: Run) -> None:
        """After the training."""


@dataclass(slots=True)  # so that `run.stop_training = True` is refused
class Run:
    """A training while it runs; the argument of every callback.

    Attributes
    ----------
    model, optimizer, loss
        What is trained and how; parameters may be read and written between slices.
    epochs, epoch : int
        Epochs asked for, and the present one, counted from 1.
    steps_per_epoch, step : int
        Steps of one epoch, and those of the present epoch that are done.
    logs : dict of str to float
        At the end of a slice the means over the epoch so far; at the end of an epoch what the history records.
    history : History
        The finished epochs, at the end of an epoch including that one.
    has_validation : bool
        Whether the logs will have `val_loss`.
    data : DataSet
        The training rows as the core takes them: `.x`, `.y`, `.weight`, and `.rows`, those that are used (None: all).
    batch_size, shuffle
        Rows of a step, and whether every epoch takes the rows in a new order.
    failure : Exception or None
        What is about to end the training: numbers that are not finite.
    watch : Watch or None
        The core's monitor, where a callback uses it.
    """

    model: Model
    optimizer: Optimizer
    loss: Loss
    epochs: int
    steps_per_epoch: int
    has_validation: bool
    data: DataSet
    batch_size: int
    shuffle: bool
    epoch: int = 0
    step: int = 0
    logs: dict[str, float] = field(default_factory=dict)
    history: History = field(default_factory=History)
    stopping: bool = False
    failure: Exception | None = None
    watch: Watch | None = None

    def stop(self, reason: str) -> None:
        """End the training after the present slice or epoch; the history keeps the reason."""
        self.stopping = True
        self.history.stopped = reason

    def log(self, name: str, value: float) -> None:
        """Record a number of one's own for the finished epoch; to be called in `on_epoch_end`."""
        self.logs[name] = float(value)
        self.history.record(name, value)
