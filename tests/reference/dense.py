"""y = x W + b with x (N, D), W (D, K), b (K)."""

import numpy as np


def forward(x, weight, bias=None):
    """Return y (N, K)."""
    y = x @ weight
    return y if bias is None else y + bias


def backward(x, weight, dy):
    """Return dx (N, D), dW (D, K), db (K).

    Forward: y[n, k] = sum_d x[n, d] W[d, k] + b[k].
    """
    return dy @ weight.T, x.T @ dy, np.sum(dy, axis=0)


def exact_product(a, b):
    """Return a @ b of integer-valued matrices in Python's integers: no rounding, whatever the size."""
    product = a.astype(object) @ b.astype(object) if a.shape[1] else np.zeros((a.shape[0], b.shape[1]))
    return np.asarray(product, dtype=np.float64)
