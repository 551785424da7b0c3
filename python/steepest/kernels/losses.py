"""Losses of classes with their gradients: cross-entropies and hinge."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import _core
from steepest.checks import check_float
from steepest.kernels.arrays import FloatArray, matrix, same_shape, vector
from steepest.threads import get_num_threads


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


def checked_targets(targets: npt.ArrayLike, values: FloatArray, name: str) -> FloatArray:
    """Return targets like the values, finite."""
    array = matrix("targets", targets, values)
    same_shape("targets", array, name, values)
    # The sum is NaN if an element is (or if both infinities are), and costs no temporary array.
    if np.isnan(array.sum()):
        raise ValueError("targets contains NaN" if np.isnan(array).any() else "targets contains infinities")
    return array


def row_loss(
    kind: str,
    values: FloatArray,
    labels: npt.NDArray[np.int32] | None,
    targets: FloatArray | None,
    weights: npt.ArrayLike | None,
    scale: float,
    alpha: float = 0.0,
    smoothing: float = 0.0,
) -> tuple[FloatArray, FloatArray, int]:
    """Call the loss `kind`; one of labels and targets is None."""
    rows = values.shape[0]
    row_weights = None if weights is None else vector("weights", weights, rows, values)
    row_losses, gradient = np.empty(rows, values.dtype), np.empty(values.shape, values.dtype)
    scale = check_float("scale", scale)
    correct = _core.kernel_loss(
        kind, values, labels, targets, row_weights, scale, alpha, smoothing, row_losses, gradient, get_num_threads()
    )
    return row_losses, gradient, correct


def _class_loss(
    kind: str,
    values: FloatArray,
    name: str,
    targets: npt.ArrayLike,
    weights: npt.ArrayLike | None,
    scale: float,
    smoothing: float = 0.0,
) -> tuple[FloatArray, FloatArray, int]:
    wanted = np.asarray(targets)
    if wanted.ndim == 1:
        return row_loss(kind, values, _labels(wanted, *values.shape), None, weights, scale, smoothing=smoothing)
    soft = checked_targets(wanted, values, name)
    return row_loss(kind, values, None, soft, weights, scale, smoothing=smoothing)


def softmax_cross_entropy(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    scale: float = 1.0,
    label_smoothing: float = 0.0,
) -> tuple[FloatArray, FloatArray, int]:
    """Return the cross-entropy of softmax with class labels or soft targets, row by row, and its gradient.

    `row_loss = -sum_k t_k log softmax(z)_k`, `gradient = scale weight (sum_k t_k softmax(z) - t)`; a label c means t
    = one-hot of c. With label smoothing e (Szegedy et al. 2016) t becomes `(1 - e) t + e / K` first.

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
    label_smoothing : float
        e in [0, 1).

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
    smoothing = check_float("label_smoothing", label_smoothing, 0.0, 1.0, open_maximum=True)
    return _class_loss("softmax_cross_entropy", values, "logits", targets, weights, scale, smoothing)


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
    return row_loss("sigmoid_cross_entropy", values, None, checked_targets(targets, values, "logits"), weights, scale)


def hinge(
    outputs: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, int]:
    """Return the hinge loss of every row, and its gradient; at the edge of the margin the gradient is 0.

    With targets -1 and 1 `row_loss = mean_k max(0, 1 - t_k o_k)`, so that the mean over rows is the mean over all
    elements; with class labels `row_loss = sum over j != c of max(0, 1 + o_j - o_c)` (Weston and Watkins 1999).

    Parameters
    ----------
    outputs : array (N, K)
        o.
    targets : integer array (N,) or float array (N, K)
        Class labels c in 0..K-1, or t of the dtype of outputs.
    weights : array (N,), optional
        Weight of each row in the gradient; the row losses are not weighted.
    scale : float
        Factor of the gradient: 1 / N for the mean over rows.

    Returns
    -------
    row_losses : array (N,)
    gradient : array (N, K)
        With respect to the outputs.
    correct : int
        With labels, rows whose largest output (the first of equals) is the label; with targets, rows whose every
        output is on the side of its target: o > 0 where t > 0.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.hinge(np.array([[0.5, 3.0]]), np.array([[1.0, 1.0]]))
    (array([0.25]), array([[-0.5, -0. ]]), 1)
    >>> kernels.hinge(np.array([[0.5, 1.0, -3.0]]), np.array([0]))
    (array([1.5]), array([[-1.,  1.,  0.]]), 0)
    """
    return _class_loss("hinge", matrix("outputs", outputs), "outputs", targets, weights, scale)
