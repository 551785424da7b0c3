"""What a measured case leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from steepest.bench.machine import Machine
from steepest.bench.timing import Timing


@dataclass(frozen=True)
class Verdict:
    """How far a result is from NumPy's, and how far it may be."""

    error: float
    tolerance: float

    @property
    def right(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return bool(self.error <= self.tolerance)


@dataclass(frozen=True)
class Result:
    """One case: what it is, whether it is right, and how long each side takes.

    Attributes
    ----------
    group : str
        "kernel" or "network".
    name, shape : str
        What was done to what.
    flops, moved, working_set : float
        Operations, bytes read and written, bytes touched, for one unit of work.
    units : int
        Units of work in one timed call.
    samples : int
        Rows of data that one unit of work trains on; 0 where that means nothing.
    timings : dict of str to Timing
        By side, per call; empty if the result was wrong.
    """

    group: str
    name: str
    shape: str
    verdict: Verdict
    flops: float
    moved: float
    working_set: int
    units: int = 1
    samples: int = 0
    timings: dict[str, Timing] = field(default_factory=dict)

    def seconds(self, side: str) -> float:
        """Median seconds of one unit of work."""
        return self.timings[side].median / self.units

    def speed_up(self, side: str = "steepest", other: str = "numpy") -> float:
        """How many times faster one side is than the other."""
        return self.timings[other].median / self.timings[side].median

    def share_of_roof(self, machine: Machine, side: str = "steepest") -> float:
        """Least time the machine allows over the time taken."""
        return machine.least_seconds(self.flops, self.moved, self.working_set) / self.seconds(side)

    def to_json(self, machine: Machine) -> dict[str, Any]:
        """Return the case as JSON can hold it, times per unit of work."""
        return {
            "group": self.group,
            "name": self.name,
            "shape": self.shape,
            "right": self.verdict.right,
            "error": float(self.verdict.error),
            "tolerance": float(self.verdict.tolerance),
            "flops": self.flops,
            "bytes": self.moved,
            "working_set_bytes": self.working_set,
            "samples": self.samples,
            "roof_seconds": machine.least_seconds(self.flops, self.moved, self.working_set),
            "sides": {side: timing.to_json(self.units) for side, timing in self.timings.items()},
        }
