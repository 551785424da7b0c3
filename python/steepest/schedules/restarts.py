"""A schedule that is begun again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steepest.checks import check_int
from steepest.registry import SCHEDULES, Config
from steepest.schedules.base import LearningRate, Schedule, as_learning_rate, describe_rate


@SCHEDULES.register("restarts")
class Restarts(Schedule):
    """Begins another schedule anew every `steps` steps: warm restarts (Loshchilov and Hutter 2017, "SGDR").

    `r(t) = after((t - start) mod steps)`, and `after(0)` before `start`.

    Parameters
    ----------
    after : float or callable
        A rate, a schedule or its configuration, or any function of the step.
    steps : int
        Steps from one beginning to the next, at least 1.
    start : int
        Step of the first beginning, at least 0.

    Examples
    --------
    >>> from steepest.schedules import Cosine, Restarts
    >>> schedule = Restarts(Cosine(0.1, steps=100), steps=100)
    >>> schedule(50) == schedule(150), schedule(0), schedule(100)
    (True, 0.1, 0.1)
    """

    def __init__(self, after: Any, steps: int, start: int = 0) -> None:
        self.after: LearningRate = as_learning_rate(after)
        self.steps = check_int("steps", steps, 1)
        self.start = check_int("start", start, 0)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        inside = max(step - self.start, 0) % self.steps
        return float(self.after(inside) if callable(self.after) else self.after)

    def get_config(self) -> Config:
        """Return a description that JSON can hold."""
        config: dict[str, Any] = {"kind": self.kind, "after": describe_rate(self.after), "steps": self.steps}
        return {**config, "start": self.start} if self.start else config

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
