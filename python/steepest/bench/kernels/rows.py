"""Column sums, and gathering of rows."""

from __future__ import annotations

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Case, Setup, double, worst
from steepest.bench.results import Verdict


def column_sums(setup: Setup, n: int, d: int) -> Case:
    """Sum over the rows: the gradient of a bias."""
    x, out, other = setup.normal(n, d), setup.empty(d), setup.empty(d)

    def verify() -> Verdict:
        (x64,) = double(x)
        error = worst((kernels.column_sums(x), x64.sum(axis=0), np.abs(x64).sum(axis=0)))
        return Verdict(error, setup.eps * (n + 1) ** 0.5)

    return Case(
        "column sums",
        f"{n}x{d}",
        verify,
        lambda: kernels.column_sums(x, out=out),
        lambda: np.sum(x, axis=0, out=other),
        moved=setup.size(x),
        working_set=setup.size(x),
    )


def gather(setup: Setup, source: str, n: int, d: int) -> Case:
    """Fetch random rows of a data set of 16 n rows, converted on the way; a conversion has no tolerance."""
    data = (20 * setup.rng.standard_normal((16 * n, d)) + 100).clip(0, 255).astype(source)
    rows = setup.rng.integers(0, 16 * n, n)
    dtype, out = str(setup.dtype), setup.empty(n, d)
    other, taken = setup.empty(n, d), np.empty((n, d), source)

    def verify() -> Verdict:
        return Verdict(worst((kernels.gather(data, rows, dtype), data[rows].astype(dtype), 1.0)), 0.0)

    def numpy() -> None:
        if data.dtype == setup.dtype:
            np.take(data, rows, axis=0, out=other, mode="clip")
        else:
            np.take(data, rows, axis=0, out=taken, mode="clip")
            np.copyto(other, taken, casting="same_kind")

    return Case(
        f"gather from {source}",
        f"{n}x{d}",
        verify,
        lambda: kernels.gather(data, rows, dtype, out=out),
        numpy,
        moved=setup.size(taken, out),
        working_set=setup.size(data, out),
    )
