"""Schedules that fall: in steps, exponentially, as a power of time, or as written down."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from steepest.checks import check_float, check_int, check_items
from steepest.registry import SCHEDULES
from steepest.schedules.base import Schedule


@SCHEDULES.register("step")
class Step(Schedule):
    """Multiplies the rate by `factor` every so many steps: `r(t) = learning_rate * factor^floor(t / every)`.

    The classic of the vision literature: ten times less whenever the validation loss no longer falls, with `every`
    known from an earlier run (Krizhevsky et al. 2012).

    Parameters
    ----------
    learning_rate : float
        Rate at step 0.
    every : int
        Steps between two falls, at least 1.
    factor : float
        In (0, 1].

    Examples
    --------
    >>> from steepest.schedules import Step
    >>> schedule = Step(1.0, every=100, factor=0.5)
    >>> schedule(99), schedule(100), schedule(250)
    (1.0, 0.5, 0.25)
    """

    def __init__(self, learning_rate: float, every: int, factor: float = 0.1) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)
        self.every = check_int("every", every, 1)
        self.factor = check_float("factor", factor, 0.0, 1.0, open_minimum=True)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        rate: float = self.learning_rate * self.factor ** (step // self.every)
        return rate


@SCHEDULES.register("exponential")
class Exponential(Schedule):
    """Falls by `factor` in every `steps` steps, smoothly: `r(t) = learning_rate * factor^(t / steps)`.

    That is `learning_rate * exp(-k t)` with `k = -ln(factor) / steps`.

    Parameters
    ----------
    learning_rate : float
        Rate at step 0.
    steps : int
        At least 1.
    factor : float
        In (0, 1].

    Examples
    --------
    >>> from steepest.schedules import Exponential
    >>> schedule = Exponential(1.0, steps=100, factor=0.25)
    >>> schedule(50), schedule(100)
    (0.5, 0.25)
    """

    def __init__(self, learning_rate: float, steps: int, factor: float = 0.1) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)
        self.steps = check_int("steps", steps, 1)
        self.factor = check_float("factor", factor, 0.0, 1.0, open_minimum=True)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        rate: float = self.learning_rate * self.factor ** (step / self.steps)
        return rate


@SCHEDULES.register("inverse_time")
class InverseTime(Schedule):
    """1/t decay: `r(t) = learning_rate / (1 + decay * t)^power`.

    With a power in (1/2, 1] stochastic gradient descent converges in theory (Robbins and Monro 1951): the rates sum to
    infinity, their squares do not.

    Parameters
    ----------
    learning_rate : float
        Rate at step 0.
    decay : float
        At least 0; after `1 / decay` steps the rate has halved (power 1).
    power : float
        Above 0; 0.5 falls with the square root of time.

    Examples
    --------
    >>> from steepest.schedules import InverseTime
    >>> schedule = InverseTime(1.0, decay=0.01)
    >>> schedule(0), schedule(100), schedule(300)
    (1.0, 0.5, 0.25)
    """

    def __init__(self, learning_rate: float, decay: float, power: float = 1.0) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)
        self.decay = check_float("decay", decay, 0.0)
        self.power = check_float("power", power, 0.0, open_minimum=True)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        rate: float = self.learning_rate / (1.0 + self.decay * step) ** self.power
        return rate


@SCHEDULES.register("polynomial")
class Polynomial(Schedule):
    """`r(t) = final + (learning_rate - final) (1 - t / steps)^power`, then `final`; a straight line for power 1.

    Parameters
    ----------
    learning_rate : float
        Rate at step 0.
    steps : int
        Step at which `final` is reached, at least 1.
    final : float
        Rate at the end.
    power : float
        Above 0.

    Examples
    --------
    >>> from steepest.schedules import Polynomial
    >>> schedule = Polynomial(1.0, steps=100)
    >>> schedule(25), schedule(100), schedule(200)
    (0.75, 0.0, 0.0)
    """

    def __init__(self, learning_rate: float, steps: int, final: float = 0.0, power: float = 1.0) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)
        self.steps = check_int("steps", steps, 1)
        self.final = check_float("final", final, 0.0)
        self.power = check_float("power", power, 0.0, open_minimum=True)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        left = 1.0 - min(step / self.steps, 1.0)
        rate: float = self.final + (self.learning_rate - self.final) * left**self.power
        return rate


@SCHEDULES.register("piecewise")
class Piecewise(Schedule):
    """Constant between given steps: `r(t) = rates[i]` for `boundaries[i - 1] <= t < boundaries[i]`.

    Parameters
    ----------
    boundaries : sequence of int
        Steps at which the rate changes, rising, above 0.
    rates : sequence of float
        One more than there are boundaries, each at least 0.

    Examples
    --------
    >>> from steepest.schedules import Piecewise
    >>> schedule = Piecewise([100, 200], [0.1, 0.01, 0.001])
    >>> schedule(99), schedule(100), schedule(200)
    (0.1, 0.01, 0.001)
    """

    def __init__(self, boundaries: Sequence[int], rates: Sequence[float]) -> None:
        self.boundaries = [
            check_int("boundaries", boundary, 1)
            for boundary in check_items("boundaries", boundaries, "a list of steps")
        ]
        self.rates = [check_float("rates", rate, 0.0) for rate in check_items("rates", rates, "a list of rates")]
        if sorted(set(self.boundaries)) != self.boundaries:
            raise ValueError(f"boundaries must rise, got {self.boundaries}")
        if len(self.rates) != len(self.boundaries) + 1:
            raise ValueError(
                f"rates must be one more than the {len(self.boundaries)} boundaries, got {len(self.rates)}"
            )

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        return self.rates[bisect_right(self.boundaries, step)]
