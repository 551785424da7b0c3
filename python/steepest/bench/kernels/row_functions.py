"""Functions of a row.

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


def softmax_backward(setup: Setup, n: int, k: int) -> Case:
    """`dx = y (dy - sum of dy y)`."""
    y, dy, out, other = kernels.softmax(setup.normal(n, k)), setup.normal(n, k), setup.empty(n, k), setup.empty(n, k)

    def reference(y: Array, dy: Array, out: Array) -> None:
        np.subtract(dy, np.einsum("ij,ij->i", dy, y)[:, None], out=out)
        np.multiply(out, y, out=out)

    def verify() -> Verdict:
        y64, dy64 = double(y, dy)
        wanted = np.empty((n, k))
        reference(y64, dy64, wanted)
        scale = y64 * (np.abs(dy64) + np.abs(dy64 * y64).sum(axis=1, keepdims=True))
        return Verdict(worst((kernels.softmax_backward(y, dy), wanted, scale)), setup.eps * (4 + k**0.5))

    return Case(
        "softmax backward",
        f"{n}x{k}",
        verify,
        lambda: kernels.softmax_backward(y, dy, out=out),
        lambda: reference(y, dy, other),
        moved=3 * setup.size(y),
        working_set=3 * setup.size(y),
    )


def _log_softmax(z: Array, out: Array) -> None:
    np.subtract(z, z.max(axis=1, keepdims=True), out=out)
    out -= np.log(np.exp(out).sum(axis=1, keepdims=True))


def log_softmax(setup: Setup, n: int, k: int) -> Case:
    """Log-softmax of every row."""
    z, out, other = setup.normal(n, k), setup.empty(n, k), setup.empty(n, k)

    def verify() -> Verdict:
        wanted = np.empty((n, k))
        _log_softmax(double(z)[0], wanted)
        scale = 1 + np.abs(wanted)
        return Verdict(worst((kernels.log_softmax(z), wanted, scale)), setup.eps * (4 + np.ptp(z) + k**0.5))

    return Case(
        "log-softmax",
        f"{n}x{k}",
        verify,
        lambda: kernels.log_softmax(z, out=out),
        lambda: _log_softmax(z, other),
        moved=setup.size(z, out),
        working_set=setup.size(z, out),
    )


def log_softmax_backward(setup: Setup, n: int, k: int) -> Case:
    """`dx = dy - exp(y) sum of dy`."""
    y, dy = kernels.log_softmax(setup.normal(n, k)), setup.normal(n, k)
    out, other = setup.empty(n, k), setup.empty(n, k)

    def reference(y: Array, dy: Array, out: Array) -> None:
        np.exp(y, out=out)
        np.multiply(out, dy.sum(axis=1, keepdims=True), out=out)
        np.subtract(dy, out, out=out)

    def verify() -> Verdict:
        y64, dy64 = double(y, dy)
        wanted = np.empty((n, k))
        reference(y64, dy64, wanted)
        scale = np.abs(dy64) + np.exp(y64) * np.abs(dy64).sum(axis=1, keepdims=True)
        return Verdict(worst((kernels.log_softmax_backward(y, dy), wanted, scale)), setup.eps * (4 + k**0.5))

    return Case(
        "log-softmax backward",
        f"{n}x{k}",
        verify,
        lambda: kernels.log_softmax_backward(y, dy, out=out),
        lambda: reference(y, dy, other),
        moved=3 * setup.size(y),
        working_set=3 * setup.size(y),
    )


def hardmax(setup: Setup, n: int, k: int) -> Case:
    """One-hot of the largest; exact."""
    z, out, other = setup.normal(n, k), setup.empty(n, k), setup.empty(n, k)
    rows = np.arange(n)

    def reference(z: Array, out: Array) -> None:
        out.fill(0)
        out[rows, z.argmax(axis=1)] = 1

    def verify() -> Verdict:
        wanted = np.empty((n, k))
        reference(double(z)[0], wanted)
        return Verdict(worst((kernels.hardmax(z), wanted, 1.0)), 0.0)

    return Case(
        "hardmax",
        f"{n}x{k}",
        verify,
        lambda: kernels.hardmax(z, out=out),
        lambda: reference(z, other),
        moved=setup.size(z, out),
        working_set=setup.size(z, out),
    )
