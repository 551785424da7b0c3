"""How good predictions are, beside the best constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def classification_scores(codes: Array, probabilities: Array) -> dict[str, float]:
    """Return accuracy, log loss, and for two classes the area under the ROC curve (NaN where one is absent).

    Parameters
    ----------
    codes : ndarray (N,)
        Class numbers.
    probabilities : ndarray (N, K)
        Of the classes.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.tables import scores
    >>> p = np.array([0.1, 0.4, 0.35, 0.8])
    >>> found = scores.classification_scores(np.array([0, 0, 1, 1]), np.column_stack([1 - p, p]))
    >>> {name: round(value, 3) for name, value in found.items()}
    {'accuracy': 0.75, 'log loss': 0.472, 'area under ROC': 0.75}
    """
    chosen = probabilities[np.arange(len(codes)), codes].astype(np.float64)
    # Float32 probabilities round to 0 below 1e-45; the loss of such a row counts as that of 1e-15.
    result = {
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == codes)),
        "log loss": float(-np.log(np.maximum(chosen, 1e-15)).mean()),
    }
    if probabilities.shape[1] == 2:
        result["area under ROC"] = _area_under_roc(codes == 1, probabilities[:, 1])
    return result


def _area_under_roc(positive: Array, score: Array) -> float:
    """Return the share of pairs of a positive and a negative row with the right order, ties counting half."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - 0.5 * (counts - 1)
    total = float(ranks[inverse.reshape(-1)][positive].sum())
    return (total - 0.5 * positives * (positives + 1)) / (positives * negatives)


def regression_scores(y: Array, predictions: Array) -> dict[str, float]:
    """Return RMSE, MAE (both in the unit of y) and R2, the share of the variance that is explained.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.tables import scores
    >>> scores.regression_scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    {'RMSE': 0.577..., 'MAE': 0.333..., 'R2': 0.5}
    """
    error = predictions - y
    spread = float(np.square(y - y.mean()).sum())
    return {
        "RMSE": float(np.sqrt(np.square(error).mean())),
        "MAE": float(np.abs(error).mean()),
        "R2": 1.0 - float(np.square(error).sum()) / spread if spread else float("nan"),
    }


def constant_classification(train: Array, codes: Array, classes: int) -> dict[str, float]:
    """Return the scores of giving every row the frequencies of the classes in the training set."""
    prior = np.bincount(train, minlength=classes) / len(train)
    return classification_scores(codes, np.broadcast_to(prior, (len(codes), classes)))


def constant_regression(train: Array, y: Array) -> dict[str, float]:
    """Return the scores of giving every row the mean of the training set."""
    return regression_scores(y, np.full(len(y), train.mean()))
