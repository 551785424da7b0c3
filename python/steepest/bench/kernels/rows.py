"""Kernels over rows and columns: softmax, losses, batch norm, column sums, gathering.

`exp(z - max)` takes over the rounding of its argument, at most `eps / 2` times the range of the logits; sums are as in
`products`.
"""

from __future__ import annotations

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Array, Case, Setup, double, worst
from steepest.bench.results import Verdict


def _softmax(z: Array, out: Array) -> None:
    np.subtract(z, z.max(axis=1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=1, keepdims=True)


def softmax(setup: Setup, n: int, k: int) -> Case:
    """Softmax of every row."""
    z, out, other = setup.normal(n, k), setup.empty(n, k), setup.empty(n, k)

    def verify() -> Verdict:
        wanted = np.empty((n, k))
        _softmax(double(z)[0], wanted)
        return Verdict(worst((kernels.softmax(z), wanted, wanted)), setup.eps * (4 + np.ptp(z) + k**0.5))

    return Case(
        "softmax",
        f"{n}x{k}",
        verify,
        lambda: kernels.softmax(z, out=out),
        lambda: _softmax(z, other),
        moved=setup.size(z, out),
        working_set=setup.size(z, out),
    )


def softmax_cross_entropy(setup: Setup, n: int, k: int) -> Case:
    """Row losses over class labels, and the gradient of their mean."""
    z = setup.normal(n, k)
    labels = setup.rng.integers(0, k, n).astype(np.int32)
    rows = np.arange(n)

    def reference(z: Array) -> tuple[Array, Array]:
        shifted = z - z.max(axis=1, keepdims=True)
        gradient = np.exp(shifted)
        sums = gradient.sum(axis=1, keepdims=True)
        losses = np.log(sums[:, 0]) - shifted[rows, labels]
        gradient *= (1 / n) / sums
        gradient[rows, labels] -= 1 / n
        return losses, gradient

    def verify() -> Verdict:
        losses, gradient, _ = kernels.softmax_cross_entropy(z, labels, scale=1 / n)
        wanted_losses, wanted = reference(*double(z))
        error = worst((losses, wanted_losses, 1 + wanted_losses), (gradient, wanted, 1 / n))
        return Verdict(error, setup.eps * (4 + np.ptp(z) + k**0.5))

    return Case(
        "softmax cross-entropy",
        f"{n}x{k}",
        verify,
        lambda: kernels.softmax_cross_entropy(z, labels, scale=1 / n),
        lambda: reference(z),
        moved=2 * setup.size(z),
        working_set=2 * setup.size(z),
    )


def sigmoid_cross_entropy(setup: Setup, n: int, k: int) -> Case:
    """Row losses of yes-no answers, and the gradient of their mean."""
    z = setup.normal(n, k)
    targets = setup.rng.integers(0, 2, (n, k)).astype(setup.dtype)

    def reference(z: Array, t: Array) -> tuple[Array, Array]:
        small = np.exp(-np.abs(z))
        losses = (np.maximum(z, 0) - z * t + np.log1p(small)).sum(axis=1)
        gradient = np.where(z > 0, 1, small) / (1 + small)
        gradient -= t
        gradient *= 1 / n
        return losses, gradient

    def verify() -> Verdict:
        losses, gradient, _ = kernels.sigmoid_cross_entropy(z, targets, scale=1 / n)
        wanted_losses, wanted = reference(*double(z, targets))
        error = worst((losses, wanted_losses, wanted_losses), (gradient, wanted, 1 / n))
        return Verdict(error, setup.eps * (4 + k**0.5))

    return Case(
        "sigmoid cross-entropy",
        f"{n}x{k}",
        verify,
        lambda: kernels.sigmoid_cross_entropy(z, targets, scale=1 / n),
        lambda: reference(z, targets),
        moved=3 * setup.size(z),
        working_set=3 * setup.size(z),
    )


def mse(setup: Setup, n: int, k: int) -> Case:
    """Mean squared error of every row, and the gradient of their mean."""
    output, targets = setup.normal(n, k), setup.normal(n, k)

    def reference(o: Array, t: Array) -> tuple[Array, Array]:
        difference = o - t
        losses = np.einsum("ij,ij->i", difference, difference) / k
        difference *= 2 / (n * k)
        return losses, difference

    def verify() -> Verdict:
        losses, gradient, _ = kernels.mse(output, targets, scale=1 / n)
        wanted_losses, wanted = reference(*double(output, targets))
        error = worst((losses, wanted_losses, wanted_losses), (gradient, wanted, np.abs(wanted)))
        return Verdict(error, setup.eps * (4 + k**0.5))

    return Case(
        "mean squared error",
        f"{n}x{k}",
        verify,
        lambda: kernels.mse(output, targets, scale=1 / n),
        lambda: reference(output, targets),
        moved=3 * setup.size(output),
        working_set=3 * setup.size(output),
    )


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
