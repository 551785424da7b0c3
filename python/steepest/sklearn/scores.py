"""The validation set of a fit and its score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import get_scorer

from steepest.sklearn import inputs

Array = npt.NDArray[Any]


class Validation:
    """Rows held back, or the user's own data, and how well the network does on them.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Being fitted.
    X, targets, weight
        Of the whole fit.
    held : ndarray or None
        Rows held back; None takes `eval_set`.
    eval_set : tuple or None
        The user's own data.
    """

    def __init__(self, estimator: Any, X: Any, targets: Array, weight: Any, held: Any, eval_set: Any) -> None:
        self.estimator = estimator
        self.arguments: dict[str, Any]
        if eval_set is not None:
            given, y, weights = inputs.split_eval_set(eval_set)
            try:
                self.X, y = inputs.receive(estimator, given, y, reset=False, numeric=estimator._numeric_targets)
                self.targets = estimator._encode(y, first=False, incremental=True)
                self.weight = inputs.row_weights(weights, self.X.shape[0])
            except (TypeError, ValueError) as error:
                # scikit-learn's checks call them X and y, as they do the training set.
                raise (ValueError if isinstance(error, ValueError) else TypeError)(f"eval_set: {error}") from None
            self.arguments = {"validation_data": (self.X, estimator._smooth(self.targets), self.weight)}
        else:
            held = np.sort(held)
            self.X, self.targets = X[held], targets[held]
            self.weight = None if weight is None else weight[held]
            self.arguments = {"validation_split": held}
        self.metric = estimator.validation_metric

    def score(self, logs: dict[str, float]) -> float:
        """Return the score after an epoch whose records are `logs`: larger is better, NaN where nothing is finite."""
        if self.metric == "loss":
            return -logs["val_loss"]
        if self.metric != "score":
            scorer = get_scorer(self.metric) if isinstance(self.metric, str) else self.metric
            arguments = {} if self.weight is None else {"sample_weight": self.weight}
            return float(scorer(self.estimator, self.X, self.estimator._decode_targets(self.targets), **arguments))
        if self.weight is None and "val_accuracy" in logs:
            return logs["val_accuracy"]
        outputs = self.estimator._forward(self.X)
        if not np.isfinite(outputs).all():
            return float("nan")
        predicted, truth = self.estimator._predict_from(outputs), self.estimator._decode_targets(self.targets)
        return float(self.estimator._measure(truth, predicted, sample_weight=self.weight))
