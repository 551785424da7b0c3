"""Losses with their gradients; exponentials and sums as in `row_functions`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Array, Case, Setup, double, worst
from steepest.bench.results import Verdict


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


def _mse(d: Array, o: Array, t: Array) -> tuple[Array, Array]:
    return d * d, 2 * d


def _mae(d: Array, o: Array, t: Array) -> tuple[Array, Array]:
    return np.abs(d), np.sign(d)


def _huber(d: Array, o: Array, t: Array) -> tuple[Array, Array]:
    c = np.clip(d, -1, 1)
    return c * (d - 0.5 * c), c


def _quantile(d: Array, o: Array, t: Array) -> tuple[Array, Array]:
    under = d < 0
    return np.where(under, d * -0.75, d * 0.25), np.where(under, -0.75, 0.25).astype(d.dtype)


def _poisson(d: Array, o: Array, t: Array) -> tuple[Array, Array]:
    rate = np.exp(o)
    return rate - t * o, rate - t


def _hinge(d: Array, o: Array, t: Array) -> tuple[Array, Array]:
    margin = 1 - t * o
    return np.maximum(margin, 0), -t * (margin > 0)


# Of an element: the loss and its derivative.
ELEMENTS: dict[str, Callable[[Array, Array, Array], tuple[Array, Array]]] = {
    "mse": _mse,
    "mae": _mae,
    "huber": _huber,
    "quantile": _quantile,
    "poisson": _poisson,
    "hinge": _hinge,
}


def _ours(name: str, output: Array, targets: Array, scale: float) -> tuple[Array, Array, int]:
    if name == "mse":
        return kernels.mse(output, targets, scale=scale)
    if name == "mae":
        return kernels.mae(output, targets, scale=scale)
    if name == "huber":
        return kernels.huber(output, targets, scale=scale)
    if name == "quantile":
        return kernels.quantile(output, targets, scale=scale, q=0.75)
    if name == "poisson":
        return kernels.poisson(output, targets, scale=scale)
    return kernels.hinge(output, targets, scale=scale)


def element_loss(setup: Setup, name: str, n: int, k: int) -> Case:
    """Average a loss of elements over every row, and make the gradient of the mean."""
    output, targets = setup.normal(n, k), setup.normal(n, k)
    if name == "poisson":
        targets = np.abs(np.round(targets))
    elif name == "hinge":
        targets = np.where(targets > 0, 1, -1).astype(setup.dtype)

    def reference(o: Array, t: Array) -> tuple[Array, Array]:
        losses, slopes = ELEMENTS[name](o - t, o, t)
        slopes *= 1 / (n * k)
        return losses.mean(axis=1), slopes

    def verify() -> Verdict:
        losses, gradient, _ = _ours(name, output, targets, 1 / n)
        o, t = double(output, targets)
        wanted_losses, wanted = reference(o, t)
        size = 1 + np.abs(o) + np.abs(t) + (np.exp(o) + np.abs(t * o) if name == "poisson" else o * o + t * t)
        error = worst((losses, wanted_losses, size.mean(axis=1)), (gradient, wanted, size / (n * k)))
        return Verdict(error, setup.eps * (4 + k**0.5))

    return Case(
        f"{name} loss",
        f"{n}x{k}",
        verify,
        lambda: _ours(name, output, targets, 1 / n),
        lambda: reference(output, targets),
        moved=3 * setup.size(output),
        working_set=3 * setup.size(output),
    )
