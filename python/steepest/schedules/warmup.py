"""A gentle start for any schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steepest.checks import check_int
from steepest.registry import SCHEDULES, Config
from steepest.schedules.base import LearningRate, Schedule, as_learning_rate, describe_rate


@SCHEDULES.register("warmup")
class Warmup(Schedule):
    """Rises linearly to another schedule's first rate, then follows it (Goyal et al. 2017).

    `r(t) = after(0) (t + 1) / steps` for t < steps, then `r(t) = after(t - steps)`.

    Parameters
    ----------
    after : float or callable
        A rate, a schedule or its configuration, or any function of the step.
    steps : int
        Steps of the rise, at least 1.

    Examples
    --------
    >>> from steepest.schedules import Exponential, Warmup
    >>> schedule = Warmup(Exponential(1.0, steps=100, factor=0.25), steps=4)
    >>> schedule(0), schedule(3), schedule(4), schedule(54)
    (0.25, 1.0, 1.0, 0.5)
    """

    def __init__(self, after: Any, steps: int) -> None:
        self.after: LearningRate = as_learning_rate(after)
        self.steps = check_int("steps", steps, 1)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        later = max(step - self.steps, 0)
        rate = float(self.after(later) if callable(self.after) else self.after)
        return rate * (step + 1) / self.steps if step < self.steps else rate

    def get_config(self) -> Config:
        """Return a description that JSON can hold."""
        return {"kind": self.kind, "after": describe_rate(self.after), "steps": self.steps}

    def end_epoch(self, logs: Mapping[str, float]) -> None:
        """Hand on what the epoch recorded."""
        if isinstance(self.after, Schedule):
            self.after.end_epoch(logs)

    def get_state(self) -> dict[str, Any]:
        """Return the inner schedule's state."""
        return self.after.get_state() if isinstance(self.after, Schedule) else {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Hand the state to the inner schedule."""
        if isinstance(self.after, Schedule):
            self.after.set_state(state)
