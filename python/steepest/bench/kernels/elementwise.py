"""Functions of one element: activations and dropout. Tolerances are the kernels' stated units in the last place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Array, Case, Setup, double, worst
from steepest.bench.results import Verdict

RATE = 0.2
ULPS = 3


def relu(x: Array, out: Array) -> None:
    """`max(x, 0)`."""
    np.maximum(x, 0, out=out)


def leaky_relu(x: Array, out: Array) -> None:
    """`max(x, 0.01 x)`, which needs no mask."""
    np.multiply(x, 0.01, out=out)
    np.maximum(x, out, out=out)


def sigmoid(x: Array, out: Array) -> None:
    """`1 / (1 + exp(-x))`."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def tanh(x: Array, out: Array) -> None:
    """NumPy's own."""
    np.tanh(x, out=out)


def relu_backward(y: Array, dy: Array, out: Array) -> None:
    """`dy [y > 0]`."""
    np.multiply(dy, y > 0, out=out)


def leaky_relu_backward(y: Array, dy: Array, out: Array) -> None:
    """`dy` or `0.01 dy`."""
    np.multiply(dy, 0.01, out=out)
    np.copyto(out, dy, where=y > 0)


def sigmoid_backward(y: Array, dy: Array, out: Array) -> None:
    """`dy y (1 - y)`."""
    np.subtract(1, y, out=out)
    np.multiply(out, y, out=out)
    np.multiply(out, dy, out=out)


def tanh_backward(y: Array, dy: Array, out: Array) -> None:
    """`dy (1 - y^2)`."""
    np.multiply(y, y, out=out)
    np.subtract(1, out, out=out)
    np.multiply(out, dy, out=out)


ACTIVATIONS: dict[str, tuple[Callable[..., None], Callable[..., None]]] = {
    "relu": (relu, relu_backward),
    "leaky_relu": (leaky_relu, leaky_relu_backward),
    "sigmoid": (sigmoid, sigmoid_backward),
    "tanh": (tanh, tanh_backward),
}


def activation_forward(setup: Setup, name: str, n: int, d: int) -> Case:
    """`y = f(x)`."""
    x, out, other = setup.normal(n, d), setup.empty(n, d), setup.empty(n, d)
    function = ACTIVATIONS[name][0]

    def verify() -> Verdict:
        wanted = np.empty((n, d))
        function(*double(x), wanted)
        return Verdict(worst((kernels.activation_forward(name, x), wanted, np.abs(wanted))), ULPS * setup.eps)

    return Case(
        f"{name} forward",
        f"{n}x{d}",
        verify,
        lambda: kernels.activation_forward(name, x, out=out),
        lambda: function(x, other),
        moved=setup.size(x, out),
        working_set=setup.size(x, out),
    )


def activation_backward(setup: Setup, name: str, n: int, d: int) -> Case:
    """`dx = dy f'`, f' from y."""
    dy, out, other = setup.normal(n, d), setup.empty(n, d), setup.empty(n, d)
    y = kernels.activation_forward(name, setup.normal(n, d))
    function = ACTIVATIONS[name][1]

    def verify() -> Verdict:
        wanted = np.empty((n, d))
        function(*double(y, dy), wanted)
        # |f'| is at most 1, and 1 - y^2 may cancel: units of |dy|.
        return Verdict(
            worst((kernels.activation_backward(name, y, dy), wanted, np.abs(double(dy)[0]))), ULPS * setup.eps
        )

    return Case(
        f"{name} backward",
        f"{n}x{d}",
        verify,
        lambda: kernels.activation_backward(name, y, dy, out=out),
        lambda: function(y, dy, other),
        moved=setup.size(y, dy, out),
        working_set=setup.size(y, dy, out),
    )


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
