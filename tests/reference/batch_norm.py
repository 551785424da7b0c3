"""Batch normalisation over the rows of x (N, D): y = gamma (x - mean) / sqrt(variance + epsilon) + beta."""

import numpy as np


def moments(x):
    """Mean and biased variance of each column."""
    mean = np.sum(x, axis=0) / x.shape[0]
    return mean, np.sum((x - mean) ** 2, axis=0) / x.shape[0]


def forward(x, gamma, beta, epsilon, mean, variance):
    """Normalise with the given moments: the batch's in training, the running ones in inference."""
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def backward(x, gamma, epsilon, dy):
    """Return dx, dgamma, dbeta of the training-mode forward pass, mean and variance being functions of x too.

    Step by step through the chain, not the usual closed form:
    centred = x - mean; variance = mean(centred^2); inv_std = (variance + epsilon)^-1/2; y = gamma centred inv_std +
    beta.
    """
    rows = x.shape[0]
    mean, variance = moments(x)
    centred = x - mean
    inv_std = (variance + epsilon) ** -0.5
    dgamma = np.sum(dy * centred * inv_std, axis=0)
    dbeta = np.sum(dy, axis=0)
    d_inv_std = np.sum(dy * gamma * centred, axis=0)
    d_variance = d_inv_std * -0.5 * (variance + epsilon) ** -1.5
    d_centred = dy * gamma * inv_std + d_variance * 2.0 * centred / rows
    dx = d_centred - np.sum(d_centred, axis=0) / rows
    return dx, dgamma, dbeta


def inference_backward(x, gamma, epsilon, dy, mean, variance):
    """Return dx, dgamma, dbeta when mean and variance are constants."""
    inv_std = (variance + epsilon) ** -0.5
    return dy * gamma * inv_std, np.sum(dy * (x - mean) * inv_std, axis=0), np.sum(dy, axis=0)


def update_running(running_mean, running_variance, x, momentum):
    """Return the new running moments: (1 - m) running + m batch, with the unbiased variance.

    One row has no unbiased variance: the batch then counts with its biased one, which is zero.
    """
    rows = x.shape[0]
    mean, variance = moments(x)
    unbiased = variance * rows / max(rows - 1, 1)
    return (1 - momentum) * running_mean + momentum * mean, (1 - momentum) * running_variance + momentum * unbiased
