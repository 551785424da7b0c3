"""Learning rates as functions of the optimiser's step, which counts its updates from 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float, check_int
from steepest.registry import SCHEDULES, Configurable


class Schedule(Configurable):
    """Base of the schedules: calling one with a step gives the learning rate of that step."""

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        raise NotImplementedError


@SCHEDULES.register("constant")
class Constant(Schedule):
    """The same rate at every step.

    Parameters
    ----------
    learning_rate : float
        At least 0.
    """

    def __init__(self, learning_rate: float = 1e-3) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        return self.learning_rate


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """From `learning_rate` to `final` along half a cosine in `steps` steps, then `final` (Loshchilov and Hutter 2017).

    Parameters
    ----------
    learning_rate : float
        Rate at step 0, or at the end of the warm-up.
    steps : int
        Step at which `final` is reached, warm-up included.
    final : float
        Rate at the end.
    warmup : int
        Steps in which the rate rises linearly to `learning_rate` first, fewer than `steps`.

    Examples
    --------
    >>> from steepest.schedules import Cosine
    >>> schedule = Cosine(0.1, steps=100)
    >>> schedule(0), round(schedule(50), 6), schedule(100)
    (0.1, 0.05, 0.0)
    """

    def __init__(self, learning_rate: float, steps: int, final: float = 0.0, warmup: int = 0) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)
        self.steps = check_int("steps", steps, 1)
        self.final = check_float("final", final, 0.0)
        self.warmup = check_int("warmup", warmup, 0, self.steps - 1)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = min((step - self.warmup) / (self.steps - self.warmup), 1.0)
        return self.final + (self.learning_rate - self.final) * 0.5 * (1.0 + math.cos(math.pi * done))


class Lost(Schedule):
    """Stands for a Python function that a file could not hold; using it says so."""

    def __call__(self, step: int) -> float:
        """Raise the explanation."""
        raise ValueError(
            "the learning rate was a Python function, which a model file cannot hold: "
            "set optimizer.learning_rate before fit"
        )


LearningRate = float | Callable[[int], float]


def as_learning_rate(spec: Any) -> LearningRate:
    """Return a float, or a callable of the step, from what people write: also the configuration of a schedule."""
    if isinstance(spec, dict):
        if spec.get("kind") == "function":
            return Lost()
        schedule: Schedule = SCHEDULES.create(spec, "learning_rate")
        return schedule
    if callable(spec) and not isinstance(spec, type):
        return spec  # type: ignore[no-any-return]
    return check_float("learning_rate", spec, 0.0)


def evaluate_rates(learning_rate: LearningRate, first: int, count: int) -> npt.NDArray[np.float64]:
    """Rates of the steps `first` to `first + count - 1`, checked to be finite and not negative."""
    if not callable(learning_rate):
        return np.full(count, learning_rate, dtype=np.float64)
    rates = np.array([learning_rate(step) for step in range(first, first + count)], dtype=np.float64)
    if rates.shape != (count,):
        raise ValueError(f"the schedule must return one number per step, got an array of shape {rates.shape[1:]}")
    bad = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
    if bad.size:
        raise ValueError(
            f"the schedule gave the learning rate {rates[bad[0]]} at step {first + bad[0]}: it must be at least 0"
        )
    return rates
