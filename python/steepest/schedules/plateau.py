"""A schedule that follows the training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from steepest.checks import check_choice, check_float, check_int
from steepest.registry import SCHEDULES
from steepest.schedules.base import Schedule


@SCHEDULES.register("reduce_on_plateau")
class ReduceOnPlateau(Schedule):
    """Multiplies the rate by `factor` when a number has not improved for `patience` epochs, and waits again.

    A number improves when it is better than the best so far by more than `threshold` times that best's size. `fit`
    shows the schedule every finished epoch; what it has seen is saved with the optimiser, so a training that goes on
    from a checkpoint goes on here too. The rule that people follow by hand, see Bengio (2012), "Practical
    recommendations".

    Parameters
    ----------
    learning_rate : float
        Rate until the first plateau.
    factor : float
        In (0, 1).
    patience : int
        Epochs without improvement that are endured, at least 1.
    monitor : str
        What to follow: any recorded number; `"auto"` takes `val_loss`, or `loss` where there is no validation set.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; `"auto"` takes larger for names that end in `accuracy`.
    threshold : float
        Relative improvement that counts, at least 0.
    minimum : float
        The rate does not fall below this.

    Attributes
    ----------
    rate : float
        The present rate.

    Examples
    --------
    >>> from steepest.schedules import ReduceOnPlateau
    >>> schedule = ReduceOnPlateau(0.1, factor=0.5, patience=2)
    >>> for loss in (1.0, 0.8, 0.9, 0.8):
    ...     schedule.end_epoch({"loss": loss})
    >>> schedule(step=0)
    0.05
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        factor: float = 0.5,
        patience: int = 5,
        monitor: str = "auto",
        mode: str = "auto",
        threshold: float = 1e-4,
        minimum: float = 0.0,
    ) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)
        self.factor = check_float("factor", factor, 0.0, 1.0, open_minimum=True, open_maximum=True)
        self.patience = check_int("patience", patience, 1)
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be a name such as 'val_loss', got {monitor!r}")
        self.monitor = monitor
        self.mode = check_choice("mode", mode, ("auto", "min", "max"))
        self.threshold = check_float("threshold", threshold, 0.0)
        self.minimum = check_float("minimum", minimum, 0.0)
        self.rate = self.learning_rate
        self.best: float | None = None
        self.waited = 0

    def __call__(self, step: int) -> float:
        """Return the present rate, whatever the step."""
        return self.rate

    def end_epoch(self, logs: Mapping[str, float]) -> None:
        """Compare the epoch with the best so far, and lower the rate when patience has run out."""
        name = self.monitor if self.monitor != "auto" else "val_loss" if "val_loss" in logs else "loss"
        if name not in logs:
            raise ValueError(f"ReduceOnPlateau monitors {name!r}, the training records {', '.join(logs)}")
        value = float(logs[name])
        larger = self.mode == "max" or (self.mode == "auto" and name.endswith("accuracy"))
        gain = 0.0 if self.best is None else value - self.best if larger else self.best - value
        if math.isfinite(value) and (self.best is None or gain > self.threshold * abs(self.best)):
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            # The minimum holds back a fall; it does not raise a rate that was lower from the start.
            self.rate = min(self.rate, max(self.rate * self.factor, self.minimum))
            self.waited = 0

    def get_state(self) -> dict[str, Any]:
        """Return rate, best value, and epochs waited."""
        return {"rate": self.rate, "best": self.best, "waited": self.waited}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; an empty one starts afresh."""
        self.rate = state.get("rate", self.learning_rate)
        self.best = state.get("best")
        self.waited = state.get("waited", 0)
