"""Measures of predictions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def accuracy(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    """Share of rows whose prediction is right.

    Parameters
    ----------
    y_true : array (N,)
        Labels.
    y_pred : array (N,) or (N, K)
        Predicted labels, or one score per class, of which the largest counts (the first of equals).

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> from steepest.metrics import accuracy
    >>> accuracy([0, 1, 2, 1], [[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.6, 0.2, 0.2]])
    0.75
    """
    truth, predicted = np.asarray(y_true), np.asarray(y_pred)
    if predicted.ndim == 2 and truth.ndim == 1:
        predicted = predicted.argmax(axis=1)
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ValueError(f"y_true has shape {truth.shape}, y_pred {np.shape(y_pred)}: they must have one entry per row")
    if not len(truth):
        raise ValueError("y_true has no rows")
    return float(np.mean(truth == predicted))
