"""Losses: the loss of each row, and the gradient of the weighted mean over rows with respect to the output."""

import numpy as np

from . import activations

NAMES = ("softmax_cross_entropy", "sigmoid_cross_entropy", "mse")


def log_softmax(z):
    """z - log(sum(exp(z))) per row."""
    shifted = z - np.max(z, axis=1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))


def softmax(z):
    """exp(z) / sum(exp(z)) per row."""
    exponentials = np.exp(z - np.max(z, axis=1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=1, keepdims=True)


def one_hot(labels, classes):
    """Integer labels (N) as rows of the identity (N, classes)."""
    return np.eye(classes)[np.asarray(labels)]


def row_losses(name, output, target):
    """Return the loss of each row (N). target: integer labels (N) for softmax_cross_entropy, else like output.

    softmax_cross_entropy: -sum_k t_k log softmax(z)_k.
    sigmoid_cross_entropy: -sum_k [t_k log s(z_k) + (1 - t_k) log(1 - s(z_k))], the sum over labels.
    mse: mean_k (z_k - t_k)^2.
    """
    if name == "softmax_cross_entropy":
        soft = one_hot(target, output.shape[1]) if np.ndim(target) == 1 else target
        return -np.sum(soft * log_softmax(output), axis=1)
    if name == "sigmoid_cross_entropy":
        # log s(z) = -log(1 + exp(-z)) and log(1 - s(z)) = -log(1 + exp(z))
        return np.sum(target * np.logaddexp(0, -output) + (1 - target) * np.logaddexp(0, output), axis=1)
    if name == "mse":
        return np.mean((output - target) ** 2, axis=1)
    raise KeyError(name)


def row_gradients(name, output, target):
    """Return d row_loss[n] / d output[n, k] as (N, K)."""
    if name == "softmax_cross_entropy":
        soft = one_hot(target, output.shape[1]) if np.ndim(target) == 1 else target
        return softmax(output) * np.sum(soft, axis=1, keepdims=True) - soft
    if name == "sigmoid_cross_entropy":
        return activations.sigmoid(output) - target
    if name == "mse":
        return 2.0 * (output - target) / output.shape[1]
    raise KeyError(name)


def value_and_gradient(name, output, target, weights=None):
    """Return the weighted mean of the row losses and its gradient (N, K); both are 0 where all weights are."""
    weights = np.ones(len(output)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = weights / np.sum(weights) if np.any(weights) else weights
    return np.sum(share * row_losses(name, output, target)), share[:, None] * row_gradients(name, output, target)


def correct(name, output, target):
    """How many rows are right; 0 for losses without classes.

    softmax_cross_entropy: the largest output (the first of equals) is at the label, or at the largest target.
    sigmoid_cross_entropy: every output is positive where the target is above a half, and only there.
    """
    if name == "softmax_cross_entropy":
        labels = target if np.ndim(target) == 1 else np.argmax(target, axis=1)
        return int(np.sum(np.argmax(output, axis=1) == labels))
    if name == "sigmoid_cross_entropy":
        return int(np.sum(np.all((output > 0) == (target > 0.5), axis=1)))
    return 0
