"""What every schedule is, and what else may stand for a learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float
from steepest.registry import SCHEDULES, Configurable


class Schedule(Configurable):
    """Base of the schedules: calling one with a step gives the learning rate of that step.

    A schedule that follows the training (`ReduceOnPlateau`) also has a state, which belongs to the optimiser that uses
    it and is saved with it; give each optimiser its own object.
    """

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        raise NotImplementedError

    def end_epoch(self, logs: Mapping[str, float]) -> None:
        """See what the finished epoch recorded, such as `"loss"` and `"val_loss"`; called by `fit`."""

    def get_state(self) -> dict[str, Any]:
        """Return what JSON can hold and `set_state` takes; empty where nothing is remembered."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `get_state` returned; an empty state starts afresh."""


@SCHEDULES.register("constant")
class Constant(Schedule):
    """The same rate at every step, `r(t) = learning_rate`.

    Parameters
    ----------
    learning_rate : float
        At least 0.

    Examples
    --------
    >>> from steepest.schedules import Constant
    >>> Constant(0.1)(10_000)
    0.1
    """

    def __init__(self, learning_rate: float = 1e-3) -> None:
        self.learning_rate = check_float("learning_rate", learning_rate, 0.0)

    def __call__(self, step: int) -> float:
        """Learning rate of the update that follows `step` earlier ones."""
        return self.learning_rate


class Lost(Schedule):
    """Stands for a Python function that a file could not hold; using it says so."""

    def __call__(self, step: int) -> float:
        """Raise the explanation."""
        raise ValueError(
            "the learning rate was a Python function, which a model file cannot hold: "
            "set optimizer.learning_rate before fit"
        )


LearningRate = float | Callable[[int], float]


def as_learning_rate(spec: Any, argument: str = "learning_rate") -> LearningRate:
    """Return a float, or a callable of the step, from what people write: also the configuration of a schedule."""
    if isinstance(spec, dict):
        if spec.get("kind") == "function":
            return Lost()
        schedule: Schedule = SCHEDULES.create(spec, argument)
        return schedule
    if callable(spec) and not isinstance(spec, type):
        return spec  # type: ignore[no-any-return]
    return check_float(argument, spec, 0.0)


def describe_rate(rate: LearningRate) -> Any:
    """Return what JSON can hold and `as_learning_rate` takes; of a plain function the name only."""
    if isinstance(rate, Schedule):
        config = rate.get_config()
        return config if isinstance(config, dict) else {"kind": config}
    if callable(rate):
        return {"kind": "function", "name": getattr(rate, "__name__", repr(rate))}
    return rate


def evaluate_rates(learning_rate: LearningRate, first: int, count: int) -> npt.NDArray[np.float64]:
    """Rates of the steps `first` to `first + count - 1`, checked to be finite and not negative."""
    if not callable(learning_rate):
        return np.full(count, learning_rate, dtype=np.float64)
    given = [learning_rate(step) for step in range(first, first + count)]
    try:
        rates = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"the schedule must return a number, got {given[0]!r:.80} at step {first}") from None
    if rates.shape != (count,):
        raise ValueError(f"the schedule must return one number per step, got an array of shape {rates.shape[1:]}")
    bad = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
    if bad.size:
        raise ValueError(
            f"the schedule gave the learning rate {rates[bad[0]]} at step {first + bad[0]}: it must be at least 0"
        )
    return rates
