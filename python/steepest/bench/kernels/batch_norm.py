"""Batch norm forward and backward.

Inputs have mean 0.5 and deviation 1, so that subtracting the mean loses no digits; the tolerance allows for a handful
of element-wise roundings (8) and for the sums over the rows, as in `products`.
"""

from __future__ import annotations

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Array, Case, Setup, double, worst
from steepest.bench.results import Verdict

EPSILON = 1e-5


def _forward(x: Array, gamma: Array, beta: Array, out: Array) -> tuple[Array, Array, Array]:
    mean = x.mean(axis=0)
    np.subtract(x, mean, out=out)
    variance = np.einsum("ij,ij->j", out, out) / len(x)
    inv_std = 1 / np.sqrt(variance + EPSILON)
    np.multiply(out, inv_std * gamma, out=out)
    np.add(out, beta, out=out)
    return mean, variance, inv_std


def _backward(
    x: Array, dy: Array, mean: Array, inv_std: Array, gamma: Array, xhat: Array
) -> tuple[Array, Array, Array]:
    np.subtract(x, mean, out=xhat)
    xhat *= inv_std
    dgamma, dbeta = np.einsum("ij,ij->j", dy, xhat), dy.sum(axis=0)
    # dx = gamma inv_std (dy - dbeta / N - xhat dgamma / N)
    xhat *= dgamma / len(x)
    dx = np.subtract(dy, xhat, out=xhat)
    dx -= dbeta / len(x)
    dx *= gamma * inv_std
    return dx, dgamma, dbeta


def _inputs(setup: Setup, n: int, d: int) -> tuple[Array, Array, Array]:
    return setup.normal(n, d) + setup.dtype.type(0.5), setup.normal(d), setup.normal(d)


def batch_norm_forward(setup: Setup, n: int, d: int) -> Case:
    """Take the moments of the columns, then `y = gamma xhat + beta`."""
    x, gamma, beta = _inputs(setup, n, d)
    out, other = setup.empty(n, d), setup.empty(n, d)

    def verify() -> Verdict:
        y, mean, variance, inv_std = kernels.batch_norm_forward(x, gamma, beta, EPSILON)
        wanted = np.empty((n, d))
        x64, gamma64, beta64 = double(x, gamma, beta)
        wanted_mean, wanted_variance, wanted_inv_std = _forward(x64, gamma64, beta64, wanted)
        xhat = (x64 - wanted_mean) * wanted_inv_std
        error = worst(
            (mean, wanted_mean, np.abs(x64).mean(axis=0)),
            (variance, wanted_variance, wanted_variance),
            (inv_std, wanted_inv_std, wanted_inv_std),
            (y, wanted, np.abs(gamma64) * (1 + np.abs(xhat)) + np.abs(beta64)),
        )
        return Verdict(error, setup.eps * (8 + n**0.5))

    return Case(
        "batch norm forward",
        f"{n}x{d}",
        verify,
        lambda: kernels.batch_norm_forward(x, gamma, beta, EPSILON, out=out),
        lambda: _forward(x, gamma, beta, other),
        # The moments need all of x before the first y: it is read twice.
        moved=3 * setup.size(x),
        working_set=2 * setup.size(x),
    )


def batch_norm_backward(setup: Setup, n: int, d: int) -> Case:
    """Make the sums of dy and of dy xhat over the columns, then dx."""
    x, gamma, beta = _inputs(setup, n, d)
    dy = setup.normal(n, d)
    _, mean, _, inv_std = kernels.batch_norm_forward(x, gamma, beta, EPSILON)
    out, other = setup.empty(n, d), setup.empty(n, d)

    def verify() -> Verdict:
        dx, dgamma, dbeta = kernels.batch_norm_backward(x, dy, mean, inv_std, gamma)
        x64, dy64, mean64, inv64, gamma64 = double(x, dy, mean, inv_std, gamma)
        wanted, wanted_dgamma, wanted_dbeta = _backward(x64, dy64, mean64, inv64, gamma64, np.empty((n, d)))
        xhat = np.abs(x64 - mean64) * inv64
        size_gamma, size_beta = np.sum(np.abs(dy64) * (1 + xhat), axis=0), np.sum(np.abs(dy64), axis=0)
        size = np.abs(gamma64) * inv64 * (np.abs(dy64) + size_beta / n + (1 + xhat) * size_gamma / n)
        error = worst((dx, wanted, size), (dgamma, wanted_dgamma, size_gamma), (dbeta, wanted_dbeta, size_beta))
        return Verdict(error, setup.eps * (8 + n**0.5))

    return Case(
        "batch norm backward",
        f"{n}x{d}",
        verify,
        lambda: kernels.batch_norm_backward(x, dy, mean, inv_std, gamma, out=out),
        lambda: _backward(x, dy, mean, inv_std, gamma, other),
        # x and dy are needed for the sums and again for dx.
        moved=5 * setup.size(x),
        working_set=3 * setup.size(x),
    )
