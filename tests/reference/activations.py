"""Element-wise activations: y = f(x), dx = dy f'(x)."""

import numpy as np

NAMES = ("identity", "relu", "leaky_relu", "sigmoid", "tanh")


def sigmoid(x):
    """1 / (1 + exp(-x)), written so that exp never overflows."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def forward(name, x, alpha=0.01):
    """Return f(x); alpha is the slope of leaky_relu below zero."""
    if name == "identity":
        return np.array(x)
    if name == "relu":
        return np.where(x > 0, x, 0.0)
    if name == "leaky_relu":
        return np.where(x > 0, x, alpha * x)
    if name == "sigmoid":
        return sigmoid(x)
    if name == "tanh":
        return np.tanh(x)
    raise KeyError(name)


def derivative(name, x, alpha=0.01):
    """Return f'(x). At the kink of relu and leaky_relu (x = 0): the slope of the left side."""
    if name == "identity":
        return np.ones_like(x)
    if name == "relu":
        return np.where(x > 0, 1.0, 0.0)
    if name == "leaky_relu":
        return np.where(x > 0, 1.0, alpha)
    if name == "sigmoid":
        return sigmoid(x) * sigmoid(-x)
    if name == "tanh":
        return 1.0 / np.cosh(np.clip(x, -350, 350)) ** 2
    raise KeyError(name)


def backward(name, x, dy, alpha=0.01):
    """Return dx = dy f'(x)."""
    return dy * derivative(name, x, alpha)
