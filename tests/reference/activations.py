"""Element-wise activations: y = f(x), dx = dy f'(x)."""

import math

import numpy as np

# What the layers of a network offer, and all the kernels there are, in the order of the core.
NAMES = ("identity", "relu", "leaky_relu", "sigmoid", "tanh")
KERNELS = (
    *NAMES,
    *("elu", "selu", "celu", "gelu", "gelu_tanh", "silu", "mish", "softplus", "softsign"),
    *("hard_sigmoid", "hard_swish", "step"),
)
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
FAR = 1e5  # beyond it a factor of x is exactly 0 on the left; it stands for inf, whose product with 0 has no value

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def sigmoid(x):
    """1 / (1 + exp(-x)), written so that exp never overflows."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def exp_left(x):
    """exp(x) where x <= 0, and 1 elsewhere."""
    return np.exp(np.minimum(x, 0.0))


def normal_distribution(x):
    """P(x) from the complementary error function, in float64."""
    return 0.5 * _erfc(-np.asarray(x, dtype=np.float64) / math.sqrt(2.0))


def normal_density(x):
    """exp(-x^2 / 2) / sqrt(2 pi)."""
    return np.exp(-0.5 * np.square(np.clip(x, -FAR, FAR))) / math.sqrt(2.0 * math.pi)


def tanh_argument(x):
    """The argument of gelu_tanh's hyperbolic tangent and its derivative."""
    root, x = np.sqrt(2.0 / np.pi), np.clip(x, -FAR, FAR)
    return root * (x + 0.044715 * x**3), root * (1.0 + 3.0 * 0.044715 * x**2)


def times(x, factor):
    """x factor, 0 where the factor vanishes far on the left."""
    return np.maximum(x, -FAR) * factor


def forward(name, x, alpha=0.01):
    """Return f(x); alpha is the slope of leaky_relu below zero, elu's depth, celu's scale."""
    one = x.dtype.type(1) if isinstance(x, np.ndarray) else 1.0
    functions = {
        "identity": lambda: np.array(x),
        "relu": lambda: np.where(x > 0, x, 0.0),
        "leaky_relu": lambda: np.where(x > 0, x, alpha * x),
        "sigmoid": lambda: sigmoid(x),
        "tanh": lambda: np.tanh(x),
        "elu": lambda: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0))),
        "selu": lambda: np.where(x > 0, SELU_SCALE * x, SELU_SCALE * SELU_ALPHA * np.expm1(np.minimum(x, 0.0))),
        "celu": lambda: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0) / alpha)),
        "gelu": lambda: times(x, normal_distribution(x)),
        "gelu_tanh": lambda: times(x, sigmoid(2 * tanh_argument(x)[0])),
        "silu": lambda: times(x, sigmoid(x)),
        "mish": lambda: times(x, np.tanh(np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))))),
        "softplus": lambda: np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))),
        "softsign": lambda: np.where(np.isinf(x), np.sign(x), np.where(np.isinf(x), one, x) / (1.0 + np.abs(x))),
        "hard_sigmoid": lambda: np.clip(x + 3.0, 0.0, 6.0) / 6.0,
        "hard_swish": lambda: times(x, np.clip(x + 3.0, 0.0, 6.0) / 6.0),
        "step": lambda: np.where(x > 0, 1.0, 0.0),
    }
    return functions[name]()


def derivative(name, x, alpha=0.01):
    """Return f'(x). At a kink: that of the left side, or 0 where either side is flat."""
    held = np.clip(x, -FAR, FAR)
    functions = {
        "identity": lambda: np.ones_like(x),
        "relu": lambda: np.where(x > 0, 1.0, 0.0),
        "leaky_relu": lambda: np.where(x > 0, 1.0, alpha),
        "sigmoid": lambda: sigmoid(x) * sigmoid(-x),
        "tanh": lambda: 1.0 / np.cosh(np.clip(x, -350, 350)) ** 2,
        "elu": lambda: np.where(x > 0, 1.0, alpha * exp_left(x)),
        "selu": lambda: SELU_SCALE * np.where(x > 0, 1.0, SELU_ALPHA * exp_left(x)),
        "celu": lambda: np.where(x > 0, 1.0, exp_left(x / alpha)),
        "gelu": lambda: normal_distribution(x) + held * normal_density(x),
        "gelu_tanh": lambda: _product_rule(held, *tanh_argument(x)),
        "silu": lambda: sigmoid(x) * (1.0 + held * sigmoid(-x)),
        "mish": lambda: _mish_derivative(held),
        "softplus": lambda: sigmoid(x),
        "softsign": lambda: 1.0 / (1.0 + np.abs(x)) ** 2,
        "hard_sigmoid": lambda: np.where((x > -3) & (x < 3), 1.0 / 6.0, 0.0),
        "hard_swish": lambda: np.where(x <= -3, 0.0, np.where(x <= 3, np.clip(x, -3, 3) / 3.0 + 0.5, 1.0)),
        "step": lambda: np.zeros_like(x),
    }
    return functions[name]()


def _product_rule(x, u, du):
    """Of x s(2 u): s + 2 x u' s (1 - s)."""
    s = sigmoid(2 * u)
    return s + 2 * x * du * s * sigmoid(-2 * u)


def _mish_derivative(x):
    """Of x tanh(p), p = softplus(x): tanh(p) + x s(x) / cosh(p)^2."""
    p = np.logaddexp(0.0, x)
    return np.tanh(p) + x * sigmoid(x) / np.cosh(np.minimum(p, 350.0)) ** 2


def backward(name, x, dy, alpha=0.01):
    """Return dx = dy f'(x)."""
    return dy * derivative(name, x, alpha)
