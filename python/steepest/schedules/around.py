"""Schedules around another one: a gentle start for it, and beginning it again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steepest.checks import check_int
from steepest.registry import SCHEDULES
from steepest.schedules.base import LearningRate, Schedule, as_learning_rate, describe_rate


class Around(Schedule):
    """Base of the schedules that ask another one, `after`; its state is theirs."""

    def __init__(self, after: Any, steps: int) -> None:
        self.after: LearningRate = as_learning_rate(after, "after")
        self.steps = check_int("steps", steps, 1)

    def rate_after(self, step: int) -> float:
        """Rate of the inner schedule at a step of its own."""
        return float(self.after(step) if callable(self.after) else self.after)

    def get_config(self) -> dict[str, Any]:
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


@SCHEDULES.register("warmup")
class Warmup(Around):
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

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        rate = self.rate_after(max(step - self.steps, 0))
        return rate * (step + 1) / self.steps if step < self.steps else rate


@SCHEDULES.register("restarts")
class Restarts(Around):
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
        super().__init__(after, steps)
        self.start = check_int("start", start, 0)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        return self.rate_after(max(step - self.start, 0) % self.steps)

    def get_config(self) -> dict[str, Any]:
        """Return a description that JSON can hold."""
        config = super().get_config()
        return {**config, "start": self.start} if self.start else config
