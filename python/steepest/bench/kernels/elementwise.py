"""Functions of one element at random: dropout and Gaussian noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Case, Setup, double, worst
from steepest.bench.results import Verdict

RATE, SIGMA = 0.2, 0.5


def dropout(setup: Setup, n: int, d: int) -> Case:
    """Inverted dropout with a mask drawn on the spot; NumPy draws its uniform numbers in the same dtype."""
    x, out, other = setup.normal(n, d), setup.empty(n, d), setup.empty(n, d)
    uniform = setup.empty(n, d)
    generator: Any = np.random.Generator(np.random.SFC64(0))  # NumPy's fastest

    def verify() -> Verdict:
        y = kernels.dropout(x, RATE, seed=1)
        kept = y != 0
        # The random numbers differ from NumPy's: kept elements must be x / (1 - rate), and their number
        # what chance allows (six standard deviations; beyond once in 5e8 seeds).
        off = abs(np.mean(kept) - (1 - RATE)) / (RATE * (1 - RATE) / kept.size) ** 0.5
        wanted = np.where(kept, double(x)[0] / (1 - RATE), 0.0)
        error = worst((y, wanted, np.abs(wanted)))
        return Verdict(error if off < 6.0 else float("inf"), 2 * setup.eps)

    def numpy() -> None:
        generator.random(out=uniform, dtype=setup.dtype)
        np.multiply(x, uniform >= RATE, out=other)
        np.multiply(other, 1 / (1 - RATE), out=other)

    return Case(
        "dropout",
        f"{n}x{d}",
        verify,
        lambda: kernels.dropout(x, RATE, seed=1, out=out),
        numpy,
        moved=setup.size(x, out),
        working_set=setup.size(x, out),
    )


def gaussian_noise(setup: Setup, n: int, d: int) -> Case:
    """Add normal numbers drawn on the spot; NumPy draws its own (by the ziggurat) in the same dtype."""
    x, out, other = setup.normal(n, d), setup.empty(n, d), setup.empty(n, d)
    generator: Any = np.random.Generator(np.random.SFC64(0))

    def verify() -> Verdict:
        numbers = kernels.gaussian_noise(np.zeros((n, d)), 1.0, seed=1)
        # Mean and variance may be off by six standard deviations of their estimates. The numbers are good to a few
        # units of the largest, which is 6.8.
        off = max(abs(numbers.mean()), abs(numbers.var() - 1) / 2**0.5) * numbers.size**0.5
        wanted = double(x)[0] + SIGMA * numbers
        error = worst((kernels.gaussian_noise(x, SIGMA, seed=1), wanted, 1 + np.abs(wanted)))
        return Verdict(error if off < 6.0 else float("inf"), 32 * setup.eps)

    def numpy() -> None:
        generator.standard_normal(out=other, dtype=setup.dtype)
        np.multiply(other, SIGMA, out=other)
        np.add(other, x, out=other)

    return Case(
        "gaussian noise",
        f"{n}x{d}",
        verify,
        lambda: kernels.gaussian_noise(x, SIGMA, seed=1, out=out),
        numpy,
        moved=setup.size(x, out),
        working_set=setup.size(x, out),
    )
