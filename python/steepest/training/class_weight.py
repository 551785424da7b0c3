"""Weights of classes, made into weights of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float

Array = npt.NDArray[Any]


def row_weights(
    class_weight: Any, targets: Array, width: int, rows: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.float64]:
    """Return the weight of each row's class.

    Parameters
    ----------
    class_weight : dict of int to float, or "balanced"
        Classes that are not named have weight 1. "balanced" gives class c of C classes the weight `n / (C n_c)`, n_c
        being how often it stands among the n training rows: every class then has the same sum.
    targets : ndarray
        Checked by the loss: labels `(N,)`, or one-hot rows or a column of two values `(N, K)`.
    width : int
        Outputs of the network.
    rows : ndarray or None
        The training rows; None means all.
    """
    classes = max(width, 2)
    labels = _labels(targets)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight must be 'balanced' or a dictionary, got {class_weight!r}")
        counts = np.bincount(labels if rows is None else labels[rows], minlength=classes)
        table = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    elif isinstance(class_weight, Mapping):
        table = np.ones(classes)
        for label, weight in class_weight.items():
            if isinstance(label, (bool, np.bool_)) or not isinstance(label, (int, np.integer)):
                raise TypeError(f"class_weight must have class labels as keys, got {label!r}")
            if not 0 <= label < classes:
                raise ValueError(f"class_weight has the class {label}, the classes are 0..{classes - 1}")
            table[label] = check_float(f"class_weight[{label}]", weight, 0.0)
    else:
        raise TypeError(f"class_weight must be 'balanced' or a dictionary, got {class_weight!r}")
    weights: npt.NDArray[np.float64] = table[labels]
    return weights


def _labels(targets: Array) -> npt.NDArray[np.int64]:
    labels: npt.NDArray[Any] | None = None
    if targets.ndim == 1:
        labels = targets
    elif targets.shape[1] == 1:
        if set(np.unique(targets)) <= {0, 1} or set(np.unique(targets)) <= {-1, 1}:
            labels = targets[:, 0] > 0
    elif np.all((targets == 0) | (targets == 1)) and np.all(targets.sum(axis=1) == 1):
        labels = targets.argmax(axis=1)
    if labels is not None:
        return labels.astype(np.int64)
    raise ValueError(
        "class_weight needs one class per row: y must hold labels, one-hot rows, or a column of two classes"
    )
