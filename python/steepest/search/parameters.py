"""Hyper-parameters: each with its range, on its own scale."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from steepest.checks import check_bool, check_float, check_int, check_items
from steepest.registry import Attributes

Side = Literal["low", "high"]

# Share of the range, in its own scale, that counts as its edge.
EDGE = 0.05


class Parameter(Attributes, ABC):
    """A hyper-parameter; `unit` and `at` go between its values and [0, 1] in its own scale."""

    scale: Literal["linear", "log", "categorical"] = "linear"

    @abstractmethod
    def suggest(self, trial: Any, name: str) -> Any:
        """Let Optuna choose a value."""

    @abstractmethod
    def stored(self, value: Any) -> Any:
        """Return what Optuna keeps for the value."""

    @abstractmethod
    def restored(self, kept: Any) -> Any:
        """Return the value for what Optuna keeps."""

    @abstractmethod
    def unit(self, value: Any) -> float:
        """Where the value lies in the range, 0 at its low end and 1 at its high end."""

    @abstractmethod
    def grid(self, points: int) -> list[Any]:
        """Return so many values, evenly spaced in the parameter's scale, the ends included."""

    @abstractmethod
    def narrowed(self, values: Sequence[Any], margin: float, within: Any) -> Parameter:
        """Return the range of the values with `margin` times this range around them, inside of `within`'s range."""

    def edge(self, value: Any) -> Side | None:
        """Which end of the range the value lies at, if there is something beyond."""
        return None

    def widened(self, side: Side, share: float) -> Parameter:
        """Return the range with `share` of it more on one side, as far as the limits allow."""
        return self


class Real(Parameter):
    """Numbers in [low, high], uniform or with uniform logarithm.

    Parameters
    ----------
    low, high : float
        Ends of the range, low < high; above 0 with `log`.
    log : bool
        Whether the scale is logarithmic.
    limits : tuple of float, optional
        Values that make sense at all: widening stops there. None takes (0, infinity) where `low` is not negative, else
        all numbers.
    """

    def __init__(self, low: float, high: float, log: bool = False, limits: tuple[float, float] | None = None) -> None:
        self.log = check_bool("log", log)
        self.low = check_float("low", low, 0.0 if log else -math.inf, open_minimum=log)
        self.high = check_float("high", high, self.low, open_minimum=True)
        self.limits = limits if limits is not None else (0.0 if self.low >= 0.0 else -math.inf, math.inf)
        _check_limits(limits, self.low, self.high, optional=False)
        self.scale = "log" if log else "linear"

    def _inner(self, value: float) -> float:
        return math.log(value) if self.log else float(value)

    def _outer(self, inner: float) -> float:
        return math.exp(inner) if self.log else inner

    def at(self, unit: float) -> float:
        """Return the value at this place of the range; the ends are exact, also beyond rounding."""
        if unit <= 0.0 or unit >= 1.0:
            return self.low if unit <= 0.0 else self.high
        low, high = self._inner(self.low), self._inner(self.high)
        return min(max(self._outer(low + unit * (high - low)), self.low), self.high)

    def unit(self, value: Any) -> float:
        """Where the value lies in the range."""
        low, high = self._inner(self.low), self._inner(self.high)
        return (self._inner(value) - low) / (high - low)

    def suggest(self, trial: Any, name: str) -> float:
        """Let Optuna choose a value."""
        return float(trial.suggest_float(name, self.low, self.high, log=self.log))

    def stored(self, value: Any) -> Any:
        """Return what Optuna keeps for the value."""
        return value

    def restored(self, kept: Any) -> Any:
        """Return the value for what Optuna keeps."""
        return kept

    def grid(self, points: int) -> list[Any]:
        """Return so many values, evenly spaced in the scale."""
        return [self.at(0.5 if points == 1 else i / (points - 1)) for i in range(points)]

    def narrowed(self, values: Sequence[Any], margin: float, within: Real) -> Real:
        """Return the range of the values with a margin."""
        reach = margin * (self._inner(self.high) - self._inner(self.low))
        # The ends of the wider range as they are, without the rounding of a logarithm.
        inner = [self._inner(value) for value in values]
        low, high = self._outer(min(inner) - reach), self._outer(max(inner) + reach)
        low, high = max(low, within.low), min(high, within.high)
        return Real(low, high, self.log, self.limits) if low < high else self

    def edge(self, value: Any) -> Side | None:
        """Which end of the range the value lies at."""
        place = self.unit(value)
        if place <= EDGE and self.low > self.limits[0]:
            return "low"
        return "high" if place >= 1.0 - EDGE and self.high < self.limits[1] else None

    def widened(self, side: Side, share: float) -> Real:
        """Return the range with `share` of it more on one side."""
        low, high = self._inner(self.low), self._inner(self.high)
        if side == "low":
            return Real(max(self._outer(low - share * (high - low)), self.limits[0]), self.high, self.log, self.limits)
        return Real(self.low, min(self._outer(high + share * (high - low)), self.limits[1]), self.log, self.limits)

    def __repr__(self) -> str:
        return f"{'loguniform' if self.log else 'uniform'}({self.low:.6g}, {self.high:.6g})"


def _check_limits(limits: Any, low: float, high: float, *, optional: bool) -> None:
    """Raise unless these are two ends around the range; `optional` ones may be None."""
    if limits is None:
        return
    kinds = (int, float, np.integer, np.floating, *((type(None),) if optional else ()))
    if not isinstance(limits, (tuple, list)) or len(limits) != 2 or not all(isinstance(end, kinds) for end in limits):
        raise TypeError(f"limits must be a pair (lowest, highest), got {limits!r}")
    lowest = -math.inf if limits[0] is None else limits[0]
    highest = math.inf if limits[1] is None else limits[1]
    if not lowest <= low <= high <= highest:
        raise ValueError(f"limits={limits!r} must include the range from {low!r} to {high!r}")


class Integers(Parameter):
    """Whole numbers from low to high, both included; with `log` small ones are as likely as large ones.

    Parameters
    ----------
    low, high : int
        Ends of the range, low <= high; at least 1 with `log`.
    log : bool
        Whether the scale is logarithmic.
    limits : tuple of (int, int or None), optional
        Values that make sense at all; None takes from 1 (or 0, if that is `low`) upward, negative ranges have none.
    """

    def __init__(
        self, low: int, high: int, log: bool = False, limits: tuple[int | None, int | None] | None = None
    ) -> None:
        self.log = check_bool("log", log)
        self.low = check_int("low", low, 1 if log else -(2**53))
        self.high = check_int("high", high, self.low)
        self.limits = limits if limits is not None else (min(self.low, 1) if self.low >= 0 else None, None)
        _check_limits(limits, self.low, self.high, optional=True)
        self.scale = "log" if log else "linear"

    def _inner(self, value: float) -> float:
        return math.log(value) if self.log else float(value)

    def unit(self, value: Any) -> float:
        """Where the value lies in the range; in its middle if there is one value only."""
        low, high = self._inner(self.low), self._inner(self.high)
        return (self._inner(value) - low) / (high - low) if high > low else 0.5

    def at(self, unit: float) -> float:
        """Return the number at this place of the range, not rounded."""
        low, high = self._inner(self.low), self._inner(self.high)
        inner = low + min(max(unit, 0.0), 1.0) * (high - low)
        return math.exp(inner) if self.log else inner

    def suggest(self, trial: Any, name: str) -> int:
        """Let Optuna choose a value."""
        return int(trial.suggest_int(name, self.low, self.high, log=self.log))

    def stored(self, value: Any) -> Any:
        """Return what Optuna keeps for the value."""
        return value

    def restored(self, kept: Any) -> Any:
        """Return the value for what Optuna keeps."""
        return int(kept)

    def grid(self, points: int) -> list[Any]:
        """Return at most so many different values, evenly spaced in the scale."""
        places = [0.5 if points == 1 else i / (points - 1) for i in range(points)]
        return sorted({round(self.at(place)) for place in places})

    def narrowed(self, values: Sequence[Any], margin: float, within: Integers) -> Integers:
        """Return the range of the values with a margin."""
        reach = margin * (self._inner(self.high) - self._inner(self.low))
        inner = [min(map(self._inner, values)) - reach, max(map(self._inner, values)) + reach]
        low, high = (math.exp(end) if self.log else end for end in inner)
        low, high = max(math.floor(low + 1e-9), within.low), min(math.ceil(high - 1e-9), within.high)
        return Integers(low, high, self.log, self.limits)

    def edge(self, value: Any) -> Side | None:
        """Which end of the range the value lies at: with few values, the end itself."""
        place = self.unit(value)
        if (value == self.low or place <= EDGE) and (self.limits[0] is None or self.low > self.limits[0]):
            return "low"
        end = value == self.high or place >= 1.0 - EDGE
        return "high" if end and (self.limits[1] is None or self.high < self.limits[1]) else None

    def widened(self, side: Side, share: float) -> Integers:
        """Return the range with `share` of it more on one side, at least one number."""
        low, high = self._inner(self.low), self._inner(self.high)
        reach = share * (high - low)
        if side == "low":
            wide = math.floor(math.exp(low - reach) if self.log else low - reach)
            bound = -math.inf if self.limits[0] is None else self.limits[0]
            return Integers(int(max(min(wide, self.low - 1), bound)), self.high, self.log, self.limits)
        wide = math.ceil(math.exp(high + reach) if self.log else high + reach)
        bound = math.inf if self.limits[1] is None else self.limits[1]
        return Integers(self.low, int(min(max(wide, self.high + 1), bound)), self.log, self.limits)

    def __repr__(self) -> str:
        return f"integers({self.low}, {self.high}{', log=True' if self.log else ''})"


class Choice(Parameter):
    """One of some options of any kind.

    Parameters
    ----------
    options : sequence
        At least one; numbers, strings, booleans and None as they are, other objects are told apart by their `repr`.
    every : sequence, optional
        The options from which these are left; Optuna wants a choice to stay the same in all trials.
    """

    scale = "categorical"

    def __init__(self, options: Sequence[Any], every: Sequence[Any] | None = None) -> None:
        self.options = check_items("options", options, "a list of what to choose from")
        self.every = self.options if every is None else check_items("every", every, "a list of all options there were")
        if not self.options:
            raise ValueError("choice needs at least one option")
        self._kept = [self.stored(option) for option in self.every]
        if len({repr(kept) for kept in self._kept}) < len(self._kept):
            raise ValueError(f"choice needs options that look different, got {self.options!r}")

    def index(self, value: Any) -> int:
        """Position of the option."""
        labels = [repr(self.stored(option)) for option in self.options]
        return labels.index(repr(self.stored(value)))

    def suggest(self, trial: Any, name: str) -> Any:
        """Let Optuna choose a value."""
        return self.restored(trial.suggest_categorical(name, self._kept))

    def stored(self, value: Any) -> Any:
        """Return what Optuna keeps for the value."""
        return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)

    def restored(self, kept: Any) -> Any:
        """Return the value for what Optuna keeps."""
        return self.every[[repr(label) for label in self._kept].index(repr(kept))]

    def unit(self, value: Any) -> float:
        """Where the option stands among all."""
        return 0.5 if len(self.options) == 1 else self.index(value) / (len(self.options) - 1)

    def grid(self, points: int) -> list[Any]:
        """Return all options."""
        return list(self.options)

    def narrowed(self, values: Sequence[Any], margin: float, within: Choice) -> Choice:
        """Return the options of `within` that are among the values; this choice may have lost some of them."""
        places = {within.index(value) for value in values}
        return Choice([option for place, option in enumerate(within.options) if place in places], self.every)

    def __repr__(self) -> str:
        return f"choice({', '.join(map(repr, self.options))})"
