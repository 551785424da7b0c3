"""Losses: the loss of each row, and the gradient of the weighted mean over rows with respect to the output."""

import numpy as np

from . import activations

# What networks offer, and all the kernels there are.
NAMES = ("softmax_cross_entropy", "sigmoid_cross_entropy", "mse")
KERNELS = (*NAMES, "mae", "huber", "poisson", "quantile", "hinge")


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


def smooth(target, classes, smoothing):
    """Labels or soft targets as (1 - e) t + e / K."""
    soft = one_hot(target, classes) if np.ndim(target) == 1 else target
    return (1.0 - smoothing) * soft + smoothing / classes


def row_losses(name, output, target, alpha=1.0, smoothing=0.0):
    """Return the loss of each row (N). target: labels (N) for softmax_cross_entropy and hinge, else like output.

    softmax_cross_entropy: -sum_k t_k log softmax(z)_k, t smoothed.
    sigmoid_cross_entropy: -sum_k [t_k log s(z_k) + (1 - t_k) log(1 - s(z_k))], the sum over labels.
    With d = z - t: mse mean d^2; mae mean |d|; huber mean of d^2 / 2 inside |d| <= alpha, alpha (|d| - alpha / 2)
    outside; quantile mean of alpha (t - z) above z and (alpha - 1) (t - z) below; poisson mean of exp(z) - t z.
    hinge: mean of max(0, 1 - t z); with labels the sum over the other classes of max(0, 1 + z_k - z_label).
    """
    d = None if np.ndim(target) == 1 else output - target
    if name == "softmax_cross_entropy":
        soft = smooth(target, output.shape[1], smoothing)
        return -np.sum(np.where(soft == 0, 0.0, soft * log_softmax(output)), axis=1)
    if name == "sigmoid_cross_entropy":
        # log s(z) = -log(1 + exp(-z)) and log(1 - s(z)) = -log(1 + exp(z))
        return np.sum(target * np.logaddexp(0, -output) + (1 - target) * np.logaddexp(0, output), axis=1)
    if name == "mse":
        return np.mean(d**2, axis=1)
    if name == "mae":
        return np.mean(np.abs(d), axis=1)
    if name == "huber":
        return np.mean(np.where(np.abs(d) <= alpha, d**2 / 2, alpha * (np.abs(d) - alpha / 2)), axis=1)
    if name == "quantile":
        return np.mean(np.where(d < 0, alpha * -d, (alpha - 1) * -d), axis=1)
    if name == "poisson":
        return np.mean(np.exp(output) - target * output, axis=1)
    if name == "hinge" and d is not None:
        return np.mean(np.maximum(0.0, 1.0 - target * output), axis=1)
    if name == "hinge":
        own = np.take_along_axis(output, np.asarray(target)[:, None], axis=1)
        return np.sum(np.maximum(0.0, 1.0 + output - own) * (1 - one_hot(target, output.shape[1])), axis=1)
    raise KeyError(name)


def row_gradients(name, output, target, alpha=1.0, smoothing=0.0):
    """Return d row_loss[n] / d output[n, k] as (N, K); 0 at kinks."""
    columns = output.shape[1]
    d = None if np.ndim(target) == 1 else output - target
    if name == "softmax_cross_entropy":
        soft = smooth(target, columns, smoothing)
        return softmax(output) * np.sum(soft, axis=1, keepdims=True) - soft
    if name == "sigmoid_cross_entropy":
        return activations.sigmoid(output) - target
    if name == "mse":
        return 2.0 * d / columns
    if name == "mae":
        return np.sign(d) / columns
    if name == "huber":
        return np.clip(d, -alpha, alpha) / columns
    if name == "quantile":
        return np.select([d < 0, d > 0], [-alpha, 1 - alpha], 0.0) / columns
    if name == "poisson":
        return (np.exp(output) - target) / columns
    if name == "hinge" and d is not None:
        return np.where(target * output < 1, -target, 0.0) / columns
    if name == "hinge":
        own, label = np.take_along_axis(output, np.asarray(target)[:, None], axis=1), one_hot(target, columns)
        inside = (1.0 + output - own > 0) * (1 - label)
        return inside - label * np.sum(inside, axis=1, keepdims=True)
    raise KeyError(name)


def value_and_gradient(name, output, target, weights=None):
    """Return the weighted mean of the row losses and its gradient (N, K); both are 0 where all weights are."""
    weights = np.ones(len(output)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = weights / np.sum(weights) if np.any(weights) else weights
    return np.sum(share * row_losses(name, output, target)), share[:, None] * row_gradients(name, output, target)


def correct(name, output, target):
    """How many rows are right; 0 for losses without classes.

    softmax_cross_entropy, hinge with labels: the largest output (the first of equals) is at the label, or at the
    largest target. sigmoid_cross_entropy: every output is positive where the target is above a half, and only there.
    hinge with targets: the same with a target above 0.
    """
    if name == "hinge" and np.ndim(target) == 2:
        return int(np.sum(np.all((output > 0) == (target > 0), axis=1)))
    if name in ("softmax_cross_entropy", "hinge"):
        labels = target if np.ndim(target) == 1 else np.argmax(target, axis=1)
        return int(np.sum(np.argmax(output, axis=1) == labels))
    if name == "sigmoid_cross_entropy":
        return int(np.sum(np.all((output > 0) == (target > 0.5), axis=1)))
    return 0
