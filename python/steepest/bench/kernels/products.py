"""Matrix products: the dense layer forward and backward, and the plain product.

Tolerance of a sum over k products: `eps sqrt(k + 1)` of the sum of their magnitudes, the size roundings reach when they
are as often up as down (Higham and Mary 2019); the bound that always holds is `eps / 2 * k`.
"""

from __future__ import annotations

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Case, Setup, double, worst
from steepest.bench.results import Verdict


def dense_forward(setup: Setup, n: int, d: int, k: int) -> Case:
    """`y = relu(x W + b)`."""
    x, weight, bias, out = setup.normal(n, d), setup.normal(d, k), setup.normal(k), setup.empty(n, k)
    other = setup.empty(n, k)

    def verify() -> Verdict:
        got = kernels.dense_forward(x, weight, bias, "relu")
        x64, w64, b64 = double(x, weight, bias)
        wanted = np.maximum(x64 @ w64 + b64, 0.0)
        error = worst((got, wanted, np.abs(x64) @ np.abs(w64) + np.abs(b64)))
        return Verdict(error, setup.eps * (d + 1) ** 0.5)

    def numpy() -> None:
        np.matmul(x, weight, out=other)
        np.add(other, bias, out=other)
        np.maximum(other, 0, out=other)

    return Case(
        "dense forward, ReLU",
        f"{n}x{d} {d}x{k}",
        verify,
        lambda: kernels.dense_forward(x, weight, bias, "relu", out=out),
        numpy,
        moved=setup.size(x, weight, bias, out),
        working_set=setup.size(x, weight, bias, out),
        flops=2 * n * d * k,
    )


def dense_backward(setup: Setup, n: int, d: int, k: int) -> Case:
    """`dz = dy [y > 0]`, `dx = dz W^T`, `dW = x^T dz`, `db` the column sums of dz."""
    x, weight, dy = setup.normal(n, d), setup.normal(d, k), setup.normal(n, k)
    y = kernels.dense_forward(x, weight, activation="relu")

    def verify() -> Verdict:
        dx, dweight, dbias = kernels.dense_backward(x, weight, y, dy, "relu")
        x64, w64, dz = double(x, weight, np.where(y > 0, dy, 0))
        size = np.abs(dz)
        error = worst(
            (dx, dz @ w64.T, size @ np.abs(w64.T)),
            (dweight, x64.T @ dz, np.abs(x64.T) @ size),
            (dbias, dz.sum(axis=0), size.sum(axis=0)),
        )
        return Verdict(error, setup.eps * (max(n, k) + 1) ** 0.5)

    def numpy() -> object:
        dz = dy * (y > 0)
        return dz @ weight.T, x.T @ dz, dz.sum(axis=0)

    return Case(
        "dense backward, ReLU",
        f"{n}x{d} {d}x{k}",
        verify,
        lambda: kernels.dense_backward(x, weight, y, dy, "relu"),
        numpy,
        moved=2 * setup.size(x, weight) + setup.size(y, dy),
        working_set=2 * setup.size(x, weight) + setup.size(y, dy),
        flops=4 * n * d * k,
    )


def matmul(setup: Setup, n: int, d: int, k: int) -> Case:
    """`c = a b`."""
    a, b, out, other = setup.normal(n, d), setup.normal(d, k), setup.empty(n, k), setup.empty(n, k)

    def verify() -> Verdict:
        a64, b64 = double(a, b)
        error = worst((kernels.matmul(a, b), a64 @ b64, np.abs(a64) @ np.abs(b64)))
        return Verdict(error, setup.eps * (d + 1) ** 0.5)

    return Case(
        "matmul",
        f"{n}x{d} {d}x{k}",
        verify,
        lambda: kernels.matmul(a, b, out=out),
        lambda: np.matmul(a, b, out=other),
        moved=setup.size(a, b, out),
        working_set=setup.size(a, b, out),
        flops=2 * n * d * k,
    )
