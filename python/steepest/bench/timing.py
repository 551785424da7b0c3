"""Timing on a machine that others use too: interleaved rounds, median and median absolute deviation."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Function = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds per call of each round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.seconds)

    @property
    def mad(self) -> float:
        """Median absolute deviation from the median."""
        median = self.median
        return statistics.median(abs(s - median) for s in self.seconds)

    @property
    def spread(self) -> float:
        """MAD as a share of the median."""
        return self.mad / self.median if self.median else 0.0

    def to_json(self, units: float = 1.0) -> dict[str, Any]:
        """Return the numbers per unit of work (`units` of them in a call)."""
        return {
            "median_seconds": self.median / units,
            "mad_seconds": self.mad / units,
            "best_seconds": min(self.seconds) / units,
            "rounds": len(self.seconds),
        }


def calls_for(function: Function, seconds: float) -> int:
    """Warm the function up and return how many calls take about so many seconds."""
    function()
    calls = 1
    while True:
        passed = time_calls(function, calls)
        if passed >= seconds / 2 or calls >= 1 << 22:
            return max(1, round(calls * seconds / max(passed, 1e-9))) if passed < seconds else calls
        calls *= 4


def time_calls(function: Function, calls: int) -> float:
    """Return the seconds that so many calls take."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return time.perf_counter() - start


def interleave(
    functions: Mapping[str, Function], budget: float, sample: float = 2e-3, rounds: tuple[int, int] = (5, 61)
) -> dict[str, Timing]:
    """Time functions against each other.

    Each is warmed up and repeated until one sample takes about `sample` seconds. Then every round takes one sample of
    every function, the order turning round by round, so that what else runs on the machine hits all of them.

    Parameters
    ----------
    functions : mapping of str to callable
        What to time, without arguments.
    budget : float
        Seconds for all rounds together; the least number of rounds is made even if they take longer.
    sample : float
        Seconds of one sample at least, unless one call takes longer.
    rounds : tuple of int
        Least and greatest number of rounds.

    Returns
    -------
    dict of str to Timing
        Seconds per call.
    """
    least, most = rounds
    calls = {name: calls_for(function, sample) for name, function in functions.items()}
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    names = list(functions)
    collecting = gc.isenabled()
    gc.disable()
    start = time.perf_counter()
    try:
        for done in range(most):
            if done >= least and time.perf_counter() - start > budget:
                break
            for name in names[done % len(names) :] + names[: done % len(names)]:
                seconds[name].append(time_calls(functions[name], calls[name]) / calls[name])
    finally:
        if collecting:
            gc.enable()
    return {name: Timing(tuple(values)) for name, values in seconds.items()}
