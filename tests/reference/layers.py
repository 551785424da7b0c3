"""The catalogue's activations, layers and losses as plain float64 formulas of whole arrays; forward only."""

import math

import numpy as np

_erf = np.vectorize(math.erf)


def logistic(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def relu6(x):
    return np.clip(x, 0.0, 6.0)


# By the name and the settings that differ from the defaults.
ACTIVATIONS = {
    "identity": lambda x: x,
    "sigmoid": logistic,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky_relu": lambda x, alpha=0.01: np.where(x > 0, x, alpha * x),
    "prelu": lambda x, slope=0.25: np.where(x > 0, x, slope * x),
    "elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0.0)) - 1.0)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(np.minimum(x, 0.0)) - 1.0)),
    "celu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0.0) / alpha) - 1.0)),
    "gelu": lambda x: 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0))),
    "gelu_tanh": lambda x: 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * logistic(x),
    "swish": lambda x: x * logistic(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0.0, x)),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "hard_sigmoid": lambda x: relu6(x + 3.0) / 6.0,
    "hard_swish": lambda x: x * relu6(x + 3.0) / 6.0,
    "step": lambda x: (x > 0).astype(float),
    "softmax": lambda x: np.exp(log_softmax(x)),
    "log_softmax": lambda x: log_softmax(x),
    "hardmax": lambda x: np.eye(x.shape[1])[np.argmax(x, axis=1)],
}


def log_softmax(x):
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def maxout(x, weight, bias, pieces):
    """Columns j pieces .. j pieces + pieces - 1 belong to unit j."""
    z = x @ weight + bias
    return np.stack([z[:, first : first + pieces].max(axis=1) for first in range(0, z.shape[1], pieces)], axis=1)


def layer_norm(x, gamma, beta, epsilon):
    mean = np.array([np.mean(row) for row in x])[:, None]
    variance = np.array([np.mean((row - np.mean(row)) ** 2) for row in x])[:, None]
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def batch_norm_images(x, gamma, beta, epsilon):
    """Samples (N, C, H, W), statistics of every channel."""
    mean, variance = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(0, 2, 3), keepdims=True)
    column = (1, len(gamma), 1, 1)
    return gamma.reshape(column) * (x - mean) / np.sqrt(variance + epsilon) + beta.reshape(column)


def huber(d, delta):
    return np.where(np.abs(d) <= delta, 0.5 * d**2, delta * (np.abs(d) - 0.5 * delta))


# The loss of each row, for targets of the outputs' shape.
LOSSES = {
    "mse": lambda z, y: np.mean((z - y) ** 2, axis=1),
    "mae": lambda z, y: np.mean(np.abs(z - y), axis=1),
    "huber": lambda z, y, delta=1.0: np.mean(huber(z - y, delta), axis=1),
    "poisson": lambda z, y: np.mean(np.exp(z) - y * z, axis=1),
    "quantile": lambda z, y, q=0.5: np.mean(np.where(y >= z, q * (y - z), (1.0 - q) * (z - y)), axis=1),
    "hinge": lambda z, y: np.mean(np.maximum(0.0, 1.0 - y * z), axis=1),
}


def multiclass_hinge(z, labels):
    """Weston and Watkins."""
    total = np.zeros(len(z))
    for row, label in enumerate(labels):
        total[row] = sum(max(0.0, 1.0 + z[row, j] - z[row, label]) for j in range(z.shape[1]) if j != label)
    return total


def smoothed_cross_entropy(z, targets, smoothing):
    """Targets as rows that sum to 1."""
    smooth = (1.0 - smoothing) * targets + smoothing / z.shape[1]
    return -(smooth * log_softmax(z)).sum(axis=1)
