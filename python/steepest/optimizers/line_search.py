"""A line search for the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True)
class Point:
    """A place on the line: its distance, the function's value and slope there, and the length of the gradient."""

    distance: float
    value: float
    slope: float
    norm: float
    gradient: npt.NDArray[Any] | None = None


def cubic_minimum(a: Point, b: Point) -> float:
    """Distance of the minimum of the cubic with the values and slopes of both points; NaN where it has none.

    Nocedal and Wright (2006), equation 3.59.
    """
    width = b.distance - a.distance
    d1 = a.slope + b.slope - 3.0 * (b.value - a.value) / width
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0.0:
        return math.nan
    d2 = math.copysign(math.sqrt(square), width)
    bottom = b.slope - a.slope + 2.0 * d2
    return b.distance - width * (b.slope + d2 - d1) / bottom if bottom != 0.0 else math.nan


class LineSearch:
    """Finds a point with sufficient decrease, `f(a) <= f(0) + c1 a f'(0)`, and `|f'(a)| <= c2 |f'(0)|`.

    Bracketing and zooming after Nocedal and Wright (2006), algorithms 3.5 and 3.6. Near the minimum the decrease drowns
    in the rounding of f; there the slope alone decides, as in Hager and Zhang (2005), as long as the gradient gets
    shorter.

    Parameters
    ----------
    function : callable
        Distance -> Point.
    start : Point
        At distance 0, of negative slope.
    c1, c2 : float
        With 0 < c1 < c2 < 1.
    budget : int
        Evaluations of the function, at least 1.
    noise : float
        Rounding of f's values, relative.
    """

    def __init__(
        self, function: Callable[[float], Point], start: Point, c1: float, c2: float, budget: int, noise: float
    ) -> None:
        self.function, self.start = function, start
        self.c1, self.c2 = c1, c2
        self.left = budget
        self.slack = noise * abs(start.value)

    def run(self, first: float) -> Point | None:
        """Return a point that is better than the start, at best one with both properties; None if there is none."""
        before, distance = self.start, first
        while self.left > 0:
            point = self.evaluate(distance)
            if self.done(point):
                return point
            if self.too_high(point) or (before is not self.start and point.value >= before.value):
                return self.zoom(before, point)
            if point.slope >= 0.0:
                return self.zoom(point, before)
            # Still falling steeply: further, as far as the cubic says within reason.
            guess = cubic_minimum(before, point)
            low, high = 2.0 * distance, 10.0 * distance
            before, distance = point, min(max(guess, low), high) if math.isfinite(guess) else low
        return self.better(before)

    def zoom(self, low: Point, high: Point) -> Point | None:
        """Return a point between `low`, the lower one, and `high`; the slope at `low` points to `high`."""
        while self.left > 0 and low.distance != high.distance:
            width = high.distance - low.distance
            share = (cubic_minimum(low, high) - low.distance) / width if math.isfinite(high.value) else math.nan
            share = min(max(share, 0.1), 0.9) if math.isfinite(share) else 0.5
            point = self.evaluate(low.distance + share * width)
            if self.done(point):
                return point
            if self.too_high(point) or point.value >= low.value:
                high = point
            else:
                if point.slope * width >= 0.0:
                    high = low
                low = point
        return self.better(low)

    def evaluate(self, distance: float) -> Point:
        """Ask for a point, which costs one of the budget."""
        self.left -= 1
        return self.function(distance)

    def too_high(self, point: Point) -> bool:
        """Whether the decrease is not sufficient; a NaN counts as too high."""
        return not point.value <= self.start.value + self.c1 * point.distance * self.start.slope

    def done(self, point: Point) -> bool:
        """Whether the point has both properties, or all that rounding lets be seen of them."""
        flat = abs(point.slope) <= -self.c2 * self.start.slope
        if not self.too_high(point):
            return flat
        near = abs(point.value - self.start.value) <= self.slack and point.norm < self.start.norm
        return near and flat and point.slope <= (2.0 * self.c1 - 1.0) * self.start.slope

    def better(self, point: Point) -> Point | None:
        """Return the point if it is lower than the start."""
        return point if point is not self.start and point.value < self.start.value else None
