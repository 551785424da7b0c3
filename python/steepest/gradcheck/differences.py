"""Numerical derivatives along a line, each with a bound of its own error, and the detection of kinks.

Everything is asked of one function of one number, ``f(t)``: the checked function along one coordinate or one direction.
Two errors bound what a difference can tell:

- rounding: a value of f carries noise of size s, so ``(f(h) - f(-h)) / 2h`` is off by up to about s / h. The noise is
  measured, not guessed (:func:`measure_noise`).
- truncation: ``h^2 f''' / 6``, seen by comparing steps of different length (Richardson, Romberg).

An analytic value is wrong when it lies outside both. A kink (ReLU, max, hinge) inside ``[-h, h]`` spoils the
difference, not the gradient: the slopes to the right and to the left then differ by an amount that does not shrink like
h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Line = Callable[[float], tuple[float, float]]
"""``line(t) -> (value, t as it could be represented)``."""

EPSILON = float(np.finfo(np.float64).eps)
# A difference of two values with noise s each, over 2h, has a deviation of 0.7 s / h; ten times s / h is 14 deviations,
# room for coordinates whose noise is a few times the average's.
NOISE_FACTOR = 10.0
# Relative difference that is put down to truncation without a closer look: 500 times below the 0.05 % that must be
# caught.
RELATIVE = 1e-6
# A difference tells something about the analytic value when its noise is below this share of it.
RESOLUTION = 1e-4
NARROWER = 4.0  # each closer look divides the step by this
LEVELS = 11


@dataclass(frozen=True)
class Estimate:
    """One numerical derivative: its value, a bound of its error, and what was found on the way."""

    numeric: float
    error: float
    kink: bool = False
    wrong: bool = False
    resolved: bool = True


@dataclass(frozen=True)
class Slopes:
    """Differences at one step h: to the right, to the left, two-sided; `noise` bounds the rounding error of each."""

    right: float
    left: float
    central: float
    noise: float


def measure_noise(line: Line, step: float) -> float:
    """Return the standard deviation of the rounding noise of `line` near 0.

    Third differences of nine values at the spacing `step` (so small that the function itself contributes nothing) are
    noise alone; their mean square is ``s^2 (6 choose 3)``. Hamming's difference table; Moré and Wild, "Estimating
    computational noise", 2011. The values lie on one side of 0, where a kink likes to be (a bias of zero).
    """
    values = np.array([line(k * step)[0] for k in range(1, 10)])
    return float(np.sqrt(np.mean(np.diff(values, n=3) ** 2) / 20.0))


def default_step(noise: float, scale: float) -> float:
    """Return the h where noise / h and h^2 balance: the cube root of the relative noise (6e-6 for double rounding)."""
    relative = noise / scale if scale else EPSILON
    return float(np.cbrt(min(max(relative, EPSILON), 1e-6)))


def difference(line: Line, at_zero: float, h: float, method: str) -> float:
    """Return the difference quotient: two-sided ``(f(h) - f(-h)) / 2h`` or one-sided ``(f(h) - f(0)) / h``."""
    above, right = line(h)
    if method == "one-sided":
        return (above - at_zero) / right
    below, left = line(-h)
    return (above - below) / (right - left)


def compare(line: Line, at_zero: float, analytic: float, h: float, noise: float, method: str = "two-sided") -> Estimate:
    """Decide whether `analytic` can be the derivative of `line` at 0."""
    if method == "one-sided":
        # Rounding and truncation balance at the square root for a one-sided difference: h^(3/2) is it, h being the cube
        # root.
        numeric = difference(line, at_zero, h**1.5, method)
        bound = 2 * NOISE_FACTOR * noise / h**1.5
    else:
        numeric = difference(line, at_zero, h, method)
        bound = NOISE_FACTOR * noise / h
    size = max(abs(numeric), abs(analytic))
    resolved = bound <= RESOLUTION * size or size == 0.0
    # A one-sided difference resolves less than two-sided ones of the same values: those are asked before longer steps.
    if abs(numeric - analytic) > bound + RELATIVE * size or (method == "one-sided" and not resolved):
        return _closer_look(line, at_zero, analytic, numeric, h, noise)
    if resolved:
        return Estimate(numeric, bound)
    return _longer_steps(line, at_zero, analytic, Estimate(numeric, bound, resolved=False), h, noise)


def _slopes(line: Line, at_zero: float, h: float, noise: float) -> Slopes:
    above, right = line(h)
    below, left = line(-h)
    return Slopes(
        (above - at_zero) / right, (at_zero - below) / -left, (above - below) / (right - left), NOISE_FACTOR * noise / h
    )


def _shows_kink(wide: Slopes, narrow: Slopes, ratio: float) -> bool:
    """Whether right minus left slope fails to shrink like the step, as ``h f''`` of a smooth function does."""
    gap, rest = wide.right - wide.left, ratio * (narrow.right - narrow.left)
    # Each gap is off by twice its level's noise at most; a fifth is room for the third order of a strongly curved
    # function.
    return abs(gap - rest) > 2 * (1 + ratio) * narrow.noise + 0.2 * max(abs(gap), abs(rest))


def _closer_look(line: Line, at_zero: float, analytic: float, first: float, h: float, noise: float) -> Estimate:
    """Tell truncation, a kink nearby and a wrong gradient apart by shorter steps."""
    # Beyond this much noise a level says nothing about a gradient this large, nor about the disagreement.
    limit = max(RESOLUTION * max(abs(first), abs(analytic)), 0.01 * abs(first - analytic))
    ladder = [_slopes(line, at_zero, h, noise), _slopes(line, at_zero, h / NARROWER, noise)]
    while len(ladder) < LEVELS and ladder[-1].noise * NARROWER <= limit:
        ladder.append(_slopes(line, at_zero, h / NARROWER ** len(ladder), noise))

    best: Estimate | None = None
    kink = False
    for wide, narrow in pairwise(ladder):
        if _shows_kink(wide, narrow, NARROWER):
            kink = True
            continue
        # D(h) = f' + c h^2 would leave a fifteenth of the change; all of it also covers a kink too weak to show.
        error = abs(narrow.central - wide.central) + 3 * narrow.noise
        if best is None or error < best.error:
            best = _judge(analytic, narrow.central + (narrow.central - wide.central) / (NARROWER**2 - 1), error)
    if best is None:
        return _at_kink(analytic, ladder)
    if kink:
        return replace(best, kink=True)
    return best if best.resolved else _longer_steps(line, at_zero, analytic, best, h, noise)


def _judge(analytic: float, numeric: float, error: float) -> Estimate:
    size = max(abs(numeric), abs(analytic))
    wrong = abs(numeric - analytic) > error + RELATIVE * size
    return Estimate(numeric, error, wrong=wrong, resolved=error <= RESOLUTION * size)


def _at_kink(analytic: float, ladder: list[Slopes]) -> Estimate:
    """Decide with kinks down to the shortest step: the nearest slope between the two sides is compared."""
    last = ladder[-1]
    low, high = sorted((last.left, last.right))
    numeric = min(max(analytic, low), high)
    resolved = last.noise <= 0.1 * RELATIVE * max(abs(low), abs(high))
    return Estimate(numeric, last.noise, kink=True, wrong=abs(numeric - analytic) > last.noise, resolved=resolved)


def _longer_steps(line: Line, at_zero: float, analytic: float, short: Estimate, h: float, noise: float) -> Estimate:
    """Decide where the derivative drowns in rounding: longer steps, their truncation removed by Romberg's scheme."""
    levels = [_slopes(line, at_zero, h * 2.0**k, noise) for k in (7, 6, 5, 4)]
    central = [level.central for level in levels]
    first = [narrow + (narrow - wide) / 3 for wide, narrow in pairwise(central)]
    numeric, other = (narrow + (narrow - wide) / 15 for wide, narrow in pairwise(first))
    # Many weak kinks (L1's, of large tensors) move the levels at random; that two agree by chance says nothing yet.
    error = 3 * max(abs(first[1] - first[0]), abs(numeric - other)) + 2 * levels[2].noise
    kink = _shows_kink(levels[0], levels[1], 2.0) or _shows_kink(levels[1], levels[2], 2.0)
    return short if kink or error >= short.error else _judge(analytic, numeric, error)
