"""Schedules along half a cosine."""

from __future__ import annotations

import math

from steepest.checks import check_float, check_int
from steepest.registry import SCHEDULES
from steepest.schedules.base import Schedule


def half_cosine(start: float, end: float, done: float) -> float:
    """From `start` at `done` = 0 to `end` at 1, level at both ends."""
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * done))


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """From `learning_rate` to `final` along half a cosine in `steps` steps, then `final` (Loshchilov and Hutter 2017).

    `r(t) = final + (learning_rate - final) (1 + cos(pi (t - warmup) / (steps - warmup))) / 2`.

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
        return half_cosine(self.learning_rate, self.final, done)


@SCHEDULES.register("cosine_restarts")
class CosineRestarts(Schedule):
    """Again and again from `learning_rate` to `final` along half a cosine: SGDR (Loshchilov and Hutter 2017).

    With t steps since the last restart and T the length of the cycle, in steps:
    `r(t) = final + (learning_rate - final) (1 + cos(pi t / T)) / 2`. The end of each cycle is a good moment for a
    snapshot (`steepest.ensembles.Snapshots`).

    Parameters
    ----------
    learning_rate : float
        Rate at the start of every cycle.
    steps : int
        Length of the first cycle, at least 1.
    final : float
        What a cycle would reach with its next step.
    growth : int
        How many times longer each cycle is than the one before, at least 1.

    Examples
    --------
    >>> from steepest.schedules import CosineRestarts
    >>> schedule = CosineRestarts(0.1, steps=100, growth=2)
    >>> schedule(0), round(schedule(50), 6), schedule(100), round(schedule(200), 6), schedule(300)
    (0.1, 0.05, 0.1, 0.05, 0.1)
    """

    def __init__(self, learning_rate: float, steps: int, final: float = 0.0, growth: int = 1) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)
        self.steps = check_int("steps", steps, 1)
        self.final = check_float("final", final, 0.0)
        self.growth = check_int("growth", growth, 1)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        length = self.steps
        if self.growth == 1:
            step %= length
        while step >= length:
            step -= length
            length *= self.growth
        return half_cosine(self.learning_rate, self.final, step / length)


@SCHEDULES.register("one_cycle")
class OneCycle(Schedule):
    """Up to a high rate and down again, each along half a cosine (Smith and Topin 2018, "Super-convergence").

    From `learning_rate / start` at step 0 to `learning_rate` at step `rise * steps - 1`, from there to
    `learning_rate / start / end` at step `steps - 1`, and then on at that. A rise of less than a step lies before
    step 0. The same as PyTorch's `OneCycleLR` with two phases, except that the momentum stays as it is.

    Parameters
    ----------
    learning_rate : float
        The highest rate; a tenth of one with which training just diverges is a good guess.
    steps : int
        Steps of the whole cycle, which should be those of the training; at least 2.
    rise : float
        Share of the steps that goes up, in (0, 1).
    start, end : float
        How many times smaller the first rate is than the highest, and the last than the first; at least 1.

    Examples
    --------
    >>> from steepest.schedules import OneCycle
    >>> schedule = OneCycle(0.1, steps=100, rise=0.3)
    >>> round(schedule(0), 6), round(schedule(29), 6), schedule(99) < 1e-6
    (0.004, 0.1, True)
    """

    def __init__(
        self, learning_rate: float, steps: int, rise: float = 0.3, start: float = 25.0, end: float = 1e4
    ) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)
        self.steps = check_int("steps", steps, 2)
        self.rise = check_float("rise", rise, 0.0, 1.0, open_minimum=True, open_maximum=True)
        self.start = check_float("start", start, 1.0)
        self.end = check_float("end", end, 1.0)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        first = self.learning_rate / self.start
        top = self.rise * self.steps - 1.0  # below 0 the first step is on the way down
        if step < top:
            return half_cosine(first, self.learning_rate, step / top)
        done = min((step - top) / (self.steps - 1 - top), 1.0)
        return half_cosine(self.learning_rate, first / self.end, done)
