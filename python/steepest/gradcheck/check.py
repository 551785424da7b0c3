"""The check itself: every entry, a sample, or random directions of a :class:`Problem`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from steepest.checks import check_choice, check_float, check_int

from .differences import EPSILON, Array, Line, compare, default_step, measure_noise
from .problem import Problem
from .report import WORST, Entry, GradientReport, TensorSummary

MODES = ("auto", "full", "sampled", "fast")
METHODS = ("two-sided", "one-sided")
# Long enough to change the bit patterns, far too short for curvature to show. Noise is the same at each, what a kink
# adds is not.
NOISE_STEPS = (1e-9, 1e-10, 1e-11)
# Points beside the one that is checked, at which a smooth function's gradient has changed by far less than CORNER.
BESIDE, AWAY, CORNER = 4, 1e-6, 1e-3


@dataclass(frozen=True)
class Options:
    """How to check; see :func:`steepest.gradcheck.gradcheck`."""

    mode: str = "auto"
    method: str = "two-sided"
    step: float | None = None
    max_entries: int = 10_000
    samples: int = 500
    directions: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, MODES)
        check_choice("method", self.method, METHODS)
        if self.step is not None:
            check_float("step", self.step, 1e-12, 0.1)
        check_int("max_entries", self.max_entries, 1)
        check_int("samples", self.samples, 1)
        check_int("directions", self.directions, 1)
        check_int("seed", self.seed, 0)


def check(problem: Problem, options: Options) -> GradientReport:
    """Compare the analytic gradients of `problem` with differences."""
    value = problem.value()
    if not np.isfinite(value):
        raise ValueError(f"the value to differentiate must be finite; {problem.what} gives {value}")
    analytic = analytic_gradients(problem)
    again = problem.value()
    if again != value:
        raise ValueError(
            f"{problem.what} gives different values for the same arguments ({value!r}, then {again!r}): "
            "hold its random numbers fixed"
        )
    rng = np.random.default_rng(options.seed)
    noise = value_noise(problem, analytic, value, rng)
    scale = max(abs(value), max((float(np.max(np.abs(g), initial=0.0)) for g in analytic.values()), default=0.0))
    step = options.step if options.step is not None else default_step(noise, scale)

    size = sum(tensor.size for tensor in problem.tensors.values())
    mode = options.mode if options.mode != "auto" else "full" if size <= options.max_entries else "sampled"
    groups: list[tuple[list[Entry], list[Entry]]] = []
    beside = _Beside(problem, options.seed)
    for name, tensor in problem.tensors.items():
        lines = _Lines(problem, name, tensor, analytic[name], value, step, noise, options.method, beside)
        indices = _indices(tensor.size, size, mode, options.samples, rng)
        coordinates = [lines.coordinate(int(i)) for i in indices]
        directions = (
            [] if mode == "full" or not tensor.size else [lines.direction(rng) for _ in range(options.directions)]
        )
        groups.append((coordinates, directions))
    return _report(problem, groups, mode, options.method, value, step, noise)


def analytic_gradients(problem: Problem) -> dict[str, Array]:
    """Return the gradients under test, or say what keeps them from being compared."""
    given = problem.gradients()
    analytic = {}
    for name, tensor in problem.tensors.items():
        if name not in given:
            raise ValueError(f"no gradient for {name!r} among {sorted(given)}")
        gradient = np.array(given[name], dtype=np.float64)
        if gradient.shape != tensor.shape:
            raise ValueError(f"the gradient of {name} has shape {gradient.shape}, {name} itself {tensor.shape}")
        bad = np.argwhere(~np.isfinite(gradient))
        if len(bad):
            at = tuple(int(i) for i in bad[0])
            raise ValueError(f"the gradient of {name} is {gradient[at]} at {at}")
        analytic[name] = gradient
    return analytic


def value_noise(problem: Problem, analytic: Mapping[str, Array], value: float, rng: np.random.Generator) -> float:
    """Return the value's rounding noise: the median over five directions, at least the rounding of the value itself."""
    found, deaf = [], 0
    for _ in range(5):
        direction = {
            name: rng.choice([-1.0, 1.0], size=tensor.shape) * np.maximum(np.abs(tensor), 1.0)
            for name, tensor in problem.tensors.items()
        }
        line = move_all(problem, direction)
        found.append([measure_noise(line, step) for step in NOISE_STEPS])
        # Single precision answers to a long step as the gradient says, and to a short one not at all.
        slope = sum(float(np.sum(direction[name] * analytic[name])) for name in direction)
        short = abs(slope) * NOISE_STEPS[0]
        silent = short > 1e3 * EPSILON * abs(value) and line(NOISE_STEPS[0])[0] == value == line(-NOISE_STEPS[0])[0]
        deaf += silent and 0.5 < (line(1e-5)[0] - value) / (slope * 1e-5) < 2
    if deaf >= 3:
        raise ValueError(
            f"{problem.what} does not change when its arguments change by {NOISE_STEPS[0]:g}: it computes in single "
            "precision, where differences say nothing; give it float64 from end to end"
        )
    return max(float(np.min(np.median(found, axis=0))), 0.3 * EPSILON * abs(value))


def move_all(problem: Problem, direction: Mapping[str, Array]) -> Line:
    """Return the line through all tensors at once."""

    def line(t: float) -> tuple[float, float]:
        kept = {name: tensor.copy() for name, tensor in problem.tensors.items()}
        try:
            for name, tensor in problem.tensors.items():
                tensor += t * direction[name]
            return problem.value(), t
        finally:
            for name, tensor in problem.tensors.items():
                tensor[...] = kept[name]

    return line


class _Beside:
    """Points a little beside the one that is checked, for entries that seem wrong.

    Where kinks of several layers meet, as at a row of zeros through zero biases, no derivative exists, and the slopes
    to both sides need not enclose what the backward pass makes of one side's slopes. Beside it there are several
    derivatives, one for each way out, and the gradient has to be right at each of them.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.seed = problem, seed

    def at(self, point: int, ask: Callable[[], Any]) -> Any:
        """Return what is answered there; points come in pairs on either side."""
        rng = np.random.default_rng((self.seed, point // 2))
        away = AWAY if point % 2 else -AWAY
        kept = {name: tensor.copy() for name, tensor in self.problem.tensors.items()}
        try:
            for tensor in self.problem.tensors.values():
                tensor += away * rng.uniform(-1.0, 1.0, size=tensor.shape) * np.maximum(np.abs(tensor), 1.0)
            return ask()
        finally:
            for name, tensor in self.problem.tensors.items():
                tensor[...] = kept[name]

    @cached_property
    def points(self) -> list[tuple[float, dict[str, Array]]]:
        """Value and gradients at every point; none where one of them cannot be had."""
        try:
            return [
                self.at(point, lambda: (self.problem.value(), analytic_gradients(self.problem)))
                for point in range(BESIDE)
            ]
        except ValueError:
            return []

    def is_corner(self, slope: Callable[[Any], float], right: Callable[[float, float], bool]) -> bool:
        """Whether there is no derivative here, though there are right ones, and different ones, all around."""
        slopes = [slope(gradients) for _, gradients in self.points]
        if max(slopes, default=0.0) - min(slopes, default=0.0) <= CORNER * max(map(abs, slopes), default=0.0):
            return False
        return all(self.at(point, partial(right, value, slopes[point])) for point, (value, _) in enumerate(self.points))


class _Lines:
    """The lines through one tensor, and their comparison with its analytic gradient."""

    def __init__(
        self,
        problem: Problem,
        name: str,
        tensor: Array,
        gradient: Array,
        value: float,
        step: float,
        noise: float,
        method: str,
        beside: _Beside,
    ) -> None:
        self.problem, self.name, self.tensor, self.gradient = problem, name, tensor, gradient
        self.value, self.step, self.noise, self.method, self.beside = value, step, noise, method, beside

    def coordinate(self, i: int) -> Entry:
        index = tuple(int(k) for k in np.unravel_index(i, self.tensor.shape))

        def through() -> Line:
            kept = float(self.tensor[index])

            def line(t: float) -> tuple[float, float]:
                moved = kept + t
                self.tensor[index] = moved
                try:
                    return self.problem.value(), moved - kept
                finally:
                    self.tensor[index] = kept

            return line

        return self._entry(through, index, lambda gradient: float(gradient[index]), max(abs(self.tensor[index]), 1.0))

    def direction(self, rng: np.random.Generator) -> Entry:
        """Compare along random signs (no entry can hide), of unit length (a longer step would cross more kinks)."""
        direction = rng.choice([-1.0, 1.0], size=self.tensor.shape) / np.sqrt(self.tensor.size)

        def through() -> Line:
            kept = self.tensor.copy()

            def line(t: float) -> tuple[float, float]:
                np.add(kept, t * direction, out=self.tensor)
                try:
                    return self.problem.value(), t
                finally:
                    self.tensor[...] = kept

            return line

        scale = max(float(np.sqrt(np.mean(self.tensor**2))), 1.0)
        return self._entry(through, None, lambda gradient: float(np.sum(direction * gradient)), scale)

    def _entry(
        self, through: Callable[[], Line], index: tuple[int, ...] | None, slope: Callable[[Array], float], scale: float
    ) -> Entry:
        analytic, step = slope(self.gradient), self.step * scale
        found = compare(through(), self.value, analytic, step, self.noise, self.method)

        def right(value: float, own: float) -> bool:
            return not compare(through(), value, own, step, self.noise, self.method).wrong

        if found.wrong and self.beside.is_corner(lambda gradients: slope(gradients[self.name]), right):
            found = replace(found, wrong=False, kink=True, resolved=False)
        return Entry(self.name, index, analytic, found.numeric, found.error, found.wrong, found.kink, found.resolved)


def _indices(size: int, total: int, mode: str, samples: int, rng: np.random.Generator) -> Iterator[int]:
    """Yield the flat indices to check: all; or this tensor's part of the samples, but at least ten; or none."""
    if mode == "fast":
        return iter(())
    if mode == "full":
        return iter(range(size))
    share = min(size, max(10, size * samples // max(total, 1)))
    return iter(np.sort(rng.choice(size, size=share, replace=False)))


def _norms(entries: list[Entry]) -> tuple[float, float, float]:
    """Return ||num - ana||, ||num||, ||ana||, leaving out what lies below rounding."""
    told = [
        e for e in entries if e.wrong or (max(abs(e.analytic), abs(e.numeric)) > e.bound and (e.resolved or not e.kink))
    ]
    numeric, analytic = np.array([e.numeric for e in told]), np.array([e.analytic for e in told])
    return float(np.linalg.norm(numeric - analytic)), float(np.linalg.norm(numeric)), float(np.linalg.norm(analytic))


def _ratio(entries: list[Entry]) -> float:
    difference, numeric, analytic = _norms(entries)
    return difference / (numeric + analytic) if numeric + analytic else 0.0


def _report(
    problem: Problem,
    groups: list[tuple[list[Entry], list[Entry]]],
    mode: str,
    method: str,
    value: float,
    step: float,
    noise: float,
) -> GradientReport:
    summaries, entries = [], []
    for (name, tensor), (coordinates, directions) in zip(problem.tensors.items(), groups, strict=True):
        both = coordinates + directions
        entries += both
        counts = (sum(e.wrong for e in both), sum(e.kink for e in both), sum(not e.resolved for e in both))
        norm = _norms(both)[2]
        summaries.append(
            TensorSummary(name, tensor.shape, len(coordinates), len(directions), _ratio(both), norm, *counts)
        )
    ranked = sorted(entries, key=lambda e: (not e.wrong, e.kink or not e.resolved, -e.relative_error))
    wrong = [entry for entry in ranked if entry.wrong]
    kinks = [entry for entry in entries if entry.kink]
    return GradientReport(
        problem.what, mode, method, value, step, noise, _ratio(entries), summaries, ranked[:WORST], wrong, kinks
    )
