"""NumPy's side of the activations: a few passes each, in place where that saves one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from steepest.bench.kernels.case import Array

SELU, SELU_LOW = 1.0507009873554805, 1.0507009873554805 * 1.6732632423543772
ROOT_HALF, DENSITY, GELU_ROOT = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi), math.sqrt(2 / math.pi)


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


def elu(x: Array, out: Array) -> None:
    """`max(x, 0) + exp(min(x, 0)) - 1`."""
    np.minimum(x, 0, out=out)
    np.expm1(out, out=out)
    np.copyto(out, x, where=x > 0)


def elu_backward(y: Array, dy: Array, out: Array) -> None:
    """`dy` or `dy (y + 1)`."""
    np.minimum(y, 0, out=out)
    np.add(out, 1, out=out)
    np.multiply(out, dy, out=out)


def selu(x: Array, out: Array) -> None:
    """`s elu` with a depth."""
    elu(x, out)
    np.multiply(out, np.where(x > 0, SELU, SELU_LOW).astype(x.dtype), out=out)


def selu_backward(y: Array, dy: Array, out: Array) -> None:
    """`s` or `y + s a`."""
    np.add(y, SELU_LOW, out=out)
    np.copyto(out, SELU, where=y > 0)
    np.multiply(out, dy, out=out)


def erf(x: Array) -> Array:
    """Abramowitz and Stegun 7.1.26, to 1.5e-7: NumPy has none, and float32 needs no more."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    result: Array = np.copysign(1 - poly * np.exp(-x * x), x)
    return result


def gelu(x: Array, out: Array) -> None:
    """`x (1 + erf(x / sqrt 2)) / 2`."""
    np.add(erf(x * ROOT_HALF), 1, out=out)
    np.multiply(out, x, out=out)
    np.multiply(out, 0.5, out=out)


def gelu_backward(x: Array, dy: Array, out: Array) -> None:
    """`dy (P + x p)`."""
    np.exp(x * x * -0.5, out=out)
    np.multiply(out, x * DENSITY, out=out)
    np.add(out, 0.5 + 0.5 * erf(x * ROOT_HALF), out=out)
    np.multiply(out, dy, out=out)


def _gelu_argument(x: Array) -> Array:
    return GELU_ROOT * (x + 0.044715 * x * x * x)


def gelu_tanh(x: Array, out: Array) -> None:
    """`x (1 + tanh u) / 2`."""
    np.tanh(_gelu_argument(x), out=out)
    np.add(out, 1, out=out)
    np.multiply(out, x, out=out)
    np.multiply(out, 0.5, out=out)


def gelu_tanh_backward(x: Array, dy: Array, out: Array) -> None:
    """`dy (1 + t + x (1 - t^2) u') / 2`."""
    t = np.tanh(_gelu_argument(x))
    slope = x * (GELU_ROOT * (1 + 0.134145 * x * x))
    np.multiply(0.5 * dy, (1 + t) + (1 - t * t) * slope, out=out)


def silu(x: Array, out: Array) -> None:
    """`x s(x)`."""
    sigmoid(x, out)
    np.multiply(out, x, out=out)


def silu_backward(x: Array, dy: Array, out: Array) -> None:
    """`dy s (1 + x (1 - s))`."""
    sigmoid(x, out)
    np.multiply(out, 1 + x * (1 - out), out=out)
    np.multiply(out, dy, out=out)


def mish(x: Array, out: Array) -> None:
    """`x tanh(log(1 + exp(x)))`."""
    np.exp(x, out=out)
    np.log1p(out, out=out)
    np.tanh(out, out=out)
    np.multiply(out, x, out=out)


def mish_backward(x: Array, dy: Array, out: Array) -> None:
    """`dy (t + x (1 - t^2) s)`."""
    e = np.exp(x)
    t = np.tanh(np.log1p(e))
    np.multiply(dy, t + x * (1 - t * t) * (e / (1 + e)), out=out)


def softplus(x: Array, out: Array) -> None:
    """`log(1 + exp(x))`, good as long as exp does not overflow."""
    np.exp(x, out=out)
    np.log1p(out, out=out)


def softplus_backward(y: Array, dy: Array, out: Array) -> None:
    """`dy (1 - exp(-y))`."""
    np.negative(y, out=out)
    np.expm1(out, out=out)
    np.multiply(out, dy, out=out)
    np.negative(out, out=out)


def softsign(x: Array, out: Array) -> None:
    """`x / (1 + |x|)`."""
    np.abs(x, out=out)
    np.add(out, 1, out=out)
    np.divide(x, out, out=out)


def softsign_backward(y: Array, dy: Array, out: Array) -> None:
    """`dy (1 - |y|)^2`."""
    np.abs(y, out=out)
    np.subtract(1, out, out=out)
    np.multiply(out, out, out=out)
    np.multiply(out, dy, out=out)


def hard_sigmoid(x: Array, out: Array) -> None:
    """`min(max(x + 3, 0), 6) / 6`."""
    np.add(x, 3, out=out)
    np.clip(out, 0, 6, out=out)
    np.multiply(out, 1 / 6, out=out)


def hard_sigmoid_backward(y: Array, dy: Array, out: Array) -> None:
    """`dy / 6` inside."""
    np.multiply(dy, 1 / 6, out=out)
    np.multiply(out, (y > 0) & (y < 1), out=out)


def hard_swish(x: Array, out: Array) -> None:
    """`x` times hard sigmoid."""
    hard_sigmoid(x, out)
    np.multiply(out, x, out=out)


def hard_swish_backward(x: Array, dy: Array, out: Array) -> None:
    """`dy` times 0, `x / 3 + 1/2` or 1."""
    np.multiply(x, 1 / 3, out=out)
    np.add(out, 0.5, out=out)
    np.copyto(out, 0, where=x <= -3)
    np.copyto(out, 1, where=x > 3)
    np.multiply(out, dy, out=out)


ACTIVATIONS: dict[str, tuple[Callable[..., None], Callable[..., None]]] = {
    "relu": (relu, relu_backward),
    "leaky_relu": (leaky_relu, leaky_relu_backward),
    "sigmoid": (sigmoid, sigmoid_backward),
    "tanh": (tanh, tanh_backward),
    "elu": (elu, elu_backward),
    "selu": (selu, selu_backward),
    "celu": (elu, elu_backward),
    "gelu": (gelu, gelu_backward),
    "gelu_tanh": (gelu_tanh, gelu_tanh_backward),
    "silu": (silu, silu_backward),
    "mish": (mish, mish_backward),
    "softplus": (softplus, softplus_backward),
    "softsign": (softsign, softsign_backward),
    "hard_sigmoid": (hard_sigmoid, hard_sigmoid_backward),
    "hard_swish": (hard_swish, hard_swish_backward),
}
