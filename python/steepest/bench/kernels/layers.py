"""Layer norm, PReLU and Maxout; tolerances as in `batch_norm`."""

from __future__ import annotations

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Array, Case, Setup, double, worst
from steepest.bench.results import Verdict

EPSILON, PIECES = 1e-5, 2


def _norm(x: Array, gamma: Array, beta: Array, out: Array) -> tuple[Array, Array]:
    mean = x.mean(axis=1)
    np.subtract(x, mean[:, None], out=out)
    inv_std = 1 / np.sqrt(np.einsum("ij,ij->i", out, out) / x.shape[1] + EPSILON)
    np.multiply(out, inv_std[:, None], out=out)
    np.multiply(out, gamma, out=out)
    np.add(out, beta, out=out)
    return mean, inv_std


def _norm_backward(
    x: Array, dy: Array, mean: Array, inv_std: Array, gamma: Array, g: Array, xhat: Array
) -> tuple[Array, Array, Array]:
    np.subtract(x, mean[:, None], out=xhat)
    xhat *= inv_std[:, None]
    dgamma, dbeta = np.einsum("ij,ij->j", dy, xhat), dy.sum(axis=0)
    np.multiply(dy, gamma, out=g)
    width = x.shape[1]
    xhat *= (np.einsum("ij,ij->i", g, xhat) / width)[:, None]
    xhat += g.mean(axis=1)[:, None]
    g -= xhat
    g *= inv_std[:, None]
    return g, dgamma, dbeta


def layer_norm_forward(setup: Setup, n: int, d: int) -> Case:
    """Take the moments of the rows, then `y = gamma xhat + beta`."""
    x, gamma, beta = setup.normal(n, d), setup.normal(d), setup.normal(d)
    out, other = setup.empty(n, d), setup.empty(n, d)

    def verify() -> Verdict:
        y, mean, inv_std = kernels.layer_norm_forward(x, gamma, beta, EPSILON)
        wanted = np.empty((n, d))
        x64, gamma64, beta64 = double(x, gamma, beta)
        wanted_mean, wanted_inv_std = _norm(x64, gamma64, beta64, wanted)
        xhat = (x64 - wanted_mean[:, None]) * wanted_inv_std[:, None]
        error = worst(
            (mean, wanted_mean, np.abs(x64).mean(axis=1)),
            (inv_std, wanted_inv_std, wanted_inv_std),
            (y, wanted, np.abs(gamma64) * (1 + np.abs(xhat)) + np.abs(beta64)),
        )
        return Verdict(error, setup.eps * (8 + d**0.5))

    return Case(
        "layer norm forward",
        f"{n}x{d}",
        verify,
        lambda: kernels.layer_norm_forward(x, gamma, beta, EPSILON, out=out),
        lambda: _norm(x, gamma, beta, other),
        # A row stays in the cache between its moments and its result.
        moved=setup.size(x, out),
        working_set=setup.size(x, out),
    )


def layer_norm_backward(setup: Setup, n: int, d: int) -> Case:
    """Make dx row by row, and the sums of dy and dy xhat over the columns."""
    x, dy, gamma = setup.normal(n, d), setup.normal(n, d), setup.normal(d)
    _, mean, inv_std = kernels.layer_norm_forward(x, gamma, gamma, EPSILON)
    out, other, scratch = setup.empty(n, d), setup.empty(n, d), setup.empty(n, d)

    def verify() -> Verdict:
        dx, dgamma, dbeta = kernels.layer_norm_backward(x, dy, mean, inv_std, gamma)
        x64, dy64, mean64, inv64, gamma64 = double(x, dy, mean, inv_std, gamma)
        space = np.empty((2, n, d))
        wanted, wanted_dgamma, wanted_dbeta = _norm_backward(x64, dy64, mean64, inv64, gamma64, *space)
        xhat = 1 + np.abs(x64 - mean64[:, None]) * inv64[:, None]
        g = np.abs(dy64 * gamma64)
        size = inv64[:, None] * (g + g.mean(axis=1)[:, None] + xhat * (g * xhat).mean(axis=1)[:, None])
        sizes = (np.abs(dy64) * xhat).sum(axis=0), np.abs(dy64).sum(axis=0)
        error = worst((dx, wanted, size), (dgamma, wanted_dgamma, sizes[0]), (dbeta, wanted_dbeta, sizes[1]))
        return Verdict(error, setup.eps * (8 + max(n, d) ** 0.5))

    return Case(
        "layer norm backward",
        f"{n}x{d}",
        verify,
        lambda: kernels.layer_norm_backward(x, dy, mean, inv_std, gamma, out=out),
        lambda: _norm_backward(x, dy, mean, inv_std, gamma, other, scratch),
        moved=3 * setup.size(x),
        working_set=3 * setup.size(x),
    )


def prelu_forward(setup: Setup, n: int, d: int) -> Case:
    """`x` or `slope x`."""
    x, slope, out, other = setup.normal(n, d), setup.normal(d), setup.empty(n, d), setup.empty(n, d)

    def reference(x: Array, slope: Array, out: Array) -> None:
        np.multiply(x, slope, out=out)
        np.copyto(out, x, where=x > 0)

    def verify() -> Verdict:
        wanted = np.empty((n, d))
        x64, slope64 = double(x, slope)
        reference(x64, slope64, wanted)
        return Verdict(worst((kernels.prelu_forward(x, slope), wanted, np.abs(wanted))), setup.eps)

    return Case(
        "prelu forward",
        f"{n}x{d}",
        verify,
        lambda: kernels.prelu_forward(x, slope, out=out),
        lambda: reference(x, slope, other),
        moved=setup.size(x, out),
        working_set=setup.size(x, out),
    )


def prelu_backward(setup: Setup, n: int, d: int) -> Case:
    """`dx` and the slopes' gradients."""
    x, slope, dy = setup.normal(n, d), setup.normal(d), setup.normal(n, d)
    out, other = setup.empty(n, d), setup.empty(n, d)

    def reference(x: Array, slope: Array, dy: Array, dx: Array) -> tuple[Array, Array]:
        np.multiply(dy, slope, out=dx)
        np.copyto(dx, dy, where=x > 0)
        return dx, np.einsum("ij,ij->j", dy, np.minimum(x, 0))

    def verify() -> Verdict:
        dx, dslope = kernels.prelu_backward(x, slope, dy)
        x64, slope64, dy64 = double(x, slope, dy)
        wanted, wanted_dslope = reference(x64, slope64, dy64, np.empty((n, d)))
        error = worst((dx, wanted, np.abs(wanted)), (dslope, wanted_dslope, np.abs(dy64 * x64).sum(axis=0)))
        return Verdict(error, setup.eps * (4 + n**0.5))

    return Case(
        "prelu backward",
        f"{n}x{d}",
        verify,
        lambda: kernels.prelu_backward(x, slope, dy, out=out),
        lambda: reference(x, slope, dy, other),
        moved=3 * setup.size(x),
        working_set=3 * setup.size(x),
    )


def maxout_forward(setup: Setup, n: int, d: int) -> Case:
    """Take the larger of two neighbouring columns, and which it was; exact."""
    z, out, other = setup.normal(n, d), setup.empty(n, d // PIECES), setup.empty(n, d // PIECES)

    def reference(z: Array, out: Array) -> Array:
        first, second = z[:, ::2], z[:, 1::2]
        np.maximum(first, second, out=out)
        return (second > first).astype(np.uint16)

    def verify() -> Verdict:
        y, which = kernels.maxout_forward(z, PIECES)
        wanted = np.empty(y.shape)
        return Verdict(worst((which, reference(double(z)[0], wanted), 1.0), (y, wanted, 1.0)), 0.0)

    return Case(
        "maxout forward",
        f"{n}x{d}",
        verify,
        lambda: kernels.maxout_forward(z, PIECES, out=out),
        lambda: reference(z, other),
        moved=setup.size(z, out) + n * d // PIECES * 2,
        working_set=setup.size(z, out) + n * d // PIECES * 2,
    )


def maxout_backward(setup: Setup, n: int, d: int) -> Case:
    """`dz` is dy at the winner; exact."""
    _, which = kernels.maxout_forward(setup.normal(n, d), PIECES)
    dy, out, other = setup.normal(n, d // PIECES), setup.empty(n, d), setup.empty(n, d)

    def reference(dy: Array, dz: Array) -> Array:
        np.multiply(dy, which == 0, out=dz[:, ::2])
        np.multiply(dy, which == 1, out=dz[:, 1::2])
        return dz

    def verify() -> Verdict:
        wanted = reference(double(dy)[0], np.empty((n, d)))
        return Verdict(worst((kernels.maxout_backward(which, PIECES, dy), wanted, 1.0)), 0.0)

    return Case(
        "maxout backward",
        f"{n}x{d}",
        verify,
        lambda: kernels.maxout_backward(which, PIECES, dy, out=out),
        lambda: reference(dy, other),
        moved=3 * setup.size(dy) + which.nbytes,
        working_set=3 * setup.size(dy) + which.nbytes,
    )
