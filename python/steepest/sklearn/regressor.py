"""The regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from steepest.losses import Loss
from steepest.sklearn import frames
from steepest.sklearn import solver as solvers
from steepest.sklearn.base import BaseMLP, can_learn_in_parts

Array = npt.NDArray[Any]


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """Multi-layer perceptron for numbers, a drop-in for `sklearn.neural_network.MLPRegressor`.

    Parameters
    ----------
    loss : str or Loss
        `"squared_error"` (half of it, as in scikit-learn), `"poisson"` (half its deviance; the outputs are logarithms
        of rates), `"huber"`, `"absolute_error"` (or `"mae"`), `"quantile"`, or an object of `steepest.losses`, which
        is taken as it is: a mean over the outputs, where the named ones are sums.
    delta : float
        Where `"huber"` becomes linear, in units of the target.
    quantile : float
        Which one `"quantile"` predicts, in (0, 1).
    scale_target : bool or "auto"
        Whether the network learns standardised targets; `predict` gives them in their own unit, the losses are those of
        the standardised ones. `"auto"`: where the samples go through a preprocessing, except for `"poisson"`.
    n_members : int
        As for `MLPClassifier`; the outputs are averaged.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter
        As for `MLPClassifier`.
    shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction
        As for `MLPClassifier`.
    beta_1, beta_2, epsilon, n_iter_no_change, max_fun, batch_norm, dropout, weight_decay, clip_norm, clip_value
        As for `MLPClassifier`.
    initializer, dtype, validation_metric, max_time, callbacks, preprocessing, checkup
        As for `MLPClassifier`; `validation_metric="score"` is R2.

    Attributes
    ----------
    target_scaler_ : TargetScaler or None
        What the targets go through.
    others
        As for `MLPClassifier`, without `classes_`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from steepest.sklearn import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = MLPRegressor("huber", (16,), scale_target=True, learning_rate="cosine", learning_rate_init=0.02)
    >>> regressor.set_params(random_state=0, tol=0.0).fit(X, y).score(X, y) > 0.5
    True
    """

    _numeric_targets = True
    target_scaler_: Any = None
    _measure = staticmethod(r2_score)

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        batch_norm: bool = False,
        dropout: Any = 0.0,
        delta: float = 1.0,
        quantile: float = 0.5,
        weight_decay: float = 0.01,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        initializer: Any = "auto",
        dtype: Any = "auto",
        validation_metric: Any = "score",
        max_time: float | None = None,
        callbacks: Any = None,
        preprocessing: Any = "auto",
        scale_target: Any = "auto",
        n_members: int = 1,
        checkup: bool = False,
    ) -> None:
        self.__dict__.update({name: value for name, value in locals().items() if name != "self"})

    # ---------------------------------------------------------------------------------------------------------- the fit
    def fit(self, X: Any, y: Any, sample_weight: Any = None, eval_set: Any = None) -> MLPRegressor:
        """Train the network.

        Parameters
        ----------
        X : array or sparse matrix (N, D)
            Samples in rows.
        y : array (N,) or (N, K)
            Numbers; not negative for `loss="poisson"`.
        sample_weight : array (N,), optional
            Not negative.
        eval_set : tuple (X, y) or (X, y, sample_weight), optional
            Validation data of your own, scored after every epoch; the weights of the best epoch are kept.

        Returns
        -------
        MLPRegressor
            This object.
        """
        return self._fit(X, y, sample_weight, eval_set)  # type: ignore[no-any-return]

    @available_if(can_learn_in_parts)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one epoch over the given rows.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        MLPRegressor
            This object.
        """
        return self._fit(X, y, sample_weight, incremental=True)  # type: ignore[no-any-return]

    def _encode(self, y: Any, *, first: bool, incremental: bool) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets: Array = y[:, np.newaxis] if y.ndim == 1 else y
        if first or "n_outputs_" not in vars(self):
            self.n_outputs_ = targets.shape[1]
            self.out_activation_ = "exp" if self._make_loss().kind == "poisson" else "identity"
        elif targets.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {targets.shape[1]} columns, the network has {self.n_outputs_} outputs")
        return frames.scale_targets(self, targets, first=first)

    def _make_loss(self) -> Loss:
        return solvers.regression_loss(self, self.n_outputs_)

    def _to_loss(self, value: float, targets: Array, weight: Any) -> float:
        if isinstance(self.loss, Loss):
            return value
        if self.loss == "poisson":
            # scikit-learn's is the deviance, which differs by what the targets alone say.
            rows = (xlogy(targets, targets) - targets).sum(axis=1)
            return value + float(np.average(rows, weights=weight))
        return value / self.n_outputs_

    # --------------------------------------------------------------------------------------------------- the prediction
    def _predict_from(self, outputs: Array) -> Array:
        values = np.exp(outputs) if self.out_activation_ == "exp" else self._decode_scaled(outputs)
        return values[:, 0] if self.n_outputs_ == 1 else values

    def _decode_scaled(self, values: Array) -> Array:
        return values if self.target_scaler_ is None else self.target_scaler_.inverse_transform(values)

    def _decode_targets(self, targets: Array) -> Array:
        targets = self._decode_scaled(targets)
        return targets[:, 0] if self.n_outputs_ == 1 else targets

    def predict(self, X: Any) -> Array:
        """Return the predicted numbers `(N,)`, or `(N, K)` of several outputs.

        Parameters
        ----------
        X : array or sparse matrix (N, D)
            Samples in rows.
        """
        return self._predict_from(self._outputs(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
