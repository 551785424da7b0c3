"""Losses of rows with their gradients, and softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import _core
from steepest.checks import check_float
from steepest.kernels.arrays import FloatArray, matrix, output, same_shape, vector
from steepest.threads import get_num_threads


def softmax(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `exp(x_k) / sum_j exp(x_j)` of every row, computed from the differences to the row's largest value.

    Parameters
    ----------
    x : array (N, K)
        Logits.
    out : array (N, K), optional
        Where to write the result; may be `x`.

    Returns
    -------
    array (N, K)
        Probabilities; each row sums to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.softmax(np.array([[1e4, 1e4], [0.0, -1e4]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    source = matrix("x", x)
    result = output("out", out, source.shape, source.dtype)
    _core.kernel_row_forward("softmax", source, result, get_num_threads())
    return result


def _labels(labels: npt.NDArray[Any], rows: int, classes: int) -> npt.NDArray[np.int32]:
    if labels.dtype.kind not in "iu":
        has_nan = labels.dtype.kind == "f" and bool(np.isnan(labels).any())
        raise TypeError(f"targets: class labels must be integers, got {labels.dtype}{' with NaN' if has_nan else ''}")
    if labels.shape != (rows,):
        raise ValueError(f"targets: class labels must have shape ({rows},), got {labels.shape}")
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        bad = low if low < 0 else high
        raise ValueError(f"targets: class labels must be in 0..{classes - 1}, got {int(bad)}")
    return np.ascontiguousarray(labels, dtype=np.int32)


def _targets(targets: npt.ArrayLike, values: FloatArray, name: str) -> FloatArray:
    array = matrix("targets", targets, values)
    same_shape("targets", array, name, values)
    # The sum is NaN if an element is (or if both infinities are), and costs no temporary array.
    if np.isnan(array.sum()):
        raise ValueError("targets contains NaN" if np.isnan(array).any() else "targets contains infinities")
    return array


def _loss(
    kind: str,
    values: FloatArray,
    labels: npt.NDArray[np.int32] | None,
    targets: FloatArray | None,
    weights: npt.ArrayLike | None,
    scale: float,
) -> tuple[FloatArray, FloatArray, int]:
    rows = values.shape[0]
    row_weights = None if weights is None else vector("weights", weights, rows, values)
    row_losses, gradient = np.empty(rows, values.dtype), np.empty(values.shape, values.dtype)
    scale = check_float("scale", scale)
    correct = _core.kernel_loss(
        kind, values, labels, targets, row_weights, scale, row_losses, gradient, get_num_threads()
    )
    return row_losses, gradient, correct


def softmax_cross_entropy(
    logits: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, int]:
    """Return the cross-entropy of softmax with class labels or soft targets, row by row, and its gradient.

    `row_loss = -sum_k t_k log softmax(z)_k`, `gradient = scale weight (sum_k t_k softmax(z) - t)`; a label c means t
    = one-hot of c.

    Parameters
    ----------
    logits : array (N, K)
        z.
    targets : integer array (N,) or float array (N, K)
        Class labels in 0..K-1, or soft targets t >= 0 (label smoothing, mixtures) of the dtype of logits.
    weights : array (N,), optional
        Weight of each row in the gradient; the row losses are not weighted.
    scale : float
        Factor of the gradient: 1 / N for the mean over rows.

    Returns
    -------
    row_losses : array (N,)
    gradient : array (N, K)
        With respect to the logits.
    correct : int
        Rows whose largest logit (the first of equals) is the label or the largest target.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> logits = np.array([[0.0, 0.0], [0.0, 1e4]])
    >>> row_losses, gradient, correct = kernels.softmax_cross_entropy(logits, np.array([0, 1]))
    >>> row_losses.round(3), gradient.round(3), correct
    (array([0.693, 0.   ]), array([[-0.5,  0.5],
           [ 0. ,  0. ]]), 2)
    """
    values = matrix("logits", logits)
    wanted = np.asarray(targets)
    if wanted.ndim == 1:
        return _loss("softmax_cross_entropy", values, _labels(wanted, *values.shape), None, weights, scale)
    return _loss("softmax_cross_entropy", values, None, _targets(wanted, values, "logits"), weights, scale)


def sigmoid_cross_entropy(
    logits: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, int]:
    """Return the cross-entropy of K independent yes-no answers, row by row, and its gradient.

    `row_loss = sum_k max(z_k, 0) - z_k t_k + log(1 + exp(-|z_k|))`, which is `-t log s(z) - (1 - t) log(1 - s(z))`
    without overflow; `gradient = scale weight (s(z) - t)`, s the sigmoid.

    Parameters
    ----------
    logits : array (N, K)
        z.
    targets : array (N, K)
        t in [0, 1].
    weights : array (N,), optional
        Weight of each row in the gradient; the row losses are not weighted.
    scale : float
        Factor of the gradient: 1 / N for the mean over rows.

    Returns
    -------
    row_losses : array (N,)
    gradient : array (N, K)
        With respect to the logits.
    correct : int
        Rows whose every logit is on the side of its target: z > 0 where t > 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> logits = np.array([[0.0], [1e4]])
    >>> row_losses, gradient, correct = kernels.sigmoid_cross_entropy(logits, np.array([[1.0], [0.0]]))
    >>> row_losses.round(3), gradient.round(3), correct
    (array([6.93e-01, 1.00e+04]), array([[-0.5],
           [ 1. ]]), 0)
    """
    values = matrix("logits", logits)
    return _loss("sigmoid_cross_entropy", values, None, _targets(targets, values, "logits"), weights, scale)


def mse(
    predictions: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, int]:
    """Return the mean squared error of every row, and its gradient.

    `row_loss = mean_k (o_k - t_k)^2`, `gradient = scale weight 2 (o - t) / K`; the mean over rows is the mean over
    all elements.

    Parameters
    ----------
    predictions : array (N, K)
        o.
    targets : array (N, K)
        t.
    weights : array (N,), optional
        Weight of each row in the gradient; the row losses are not weighted.
    scale : float
        Factor of the gradient: 1 / N for the mean over rows.

    Returns
    -------
    row_losses : array (N,)
    gradient : array (N, K)
        With respect to the predictions.
    correct : int
        0: there are no classes.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.mse(np.array([[1.0, 3.0]]), np.array([[0.0, 0.0]]))
    (array([5.]), array([[1., 3.]]), 0)
    """
    values = matrix("predictions", predictions)
    return _loss("mse", values, None, _targets(targets, values, "predictions"), weights, scale)
