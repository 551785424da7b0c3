"""Output biases that make an untrained network predict the best constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.checks import check_int
from steepest.initializers.plain import Values
from steepest.registry import LOSSES

Array = npt.NDArray[Any]


def output_bias(
    y: npt.ArrayLike, loss: Any, *, sample_weight: npt.ArrayLike | None = None, classes: int | None = None
) -> Values:
    """Return the bias of the output layer with which constant outputs have the smallest loss.

    Training then need not spend its first steps on learning how frequent the classes are, or where the targets lie, and
    the first loss says something: for softmax it is the entropy of the classes (Karpathy 2019, "A recipe for training
    neural networks"). The constant is `log(prior)` for softmax, `logit(mean)` for sigmoid cross-entropy, the mean for
    MSE, the median for MAE, the quantile for quantile loss, the logarithm of the mean for Poisson, and for Huber the
    point where the clipped distances balance. A class or event that never (or always) happens counts as half a row.

    Parameters
    ----------
    y : array (N,) or (N, K)
        Training targets as the loss takes them.
    loss : str or Loss
        With a constant as above.
    sample_weight : array (N,), optional
        Weights of the rows.
    classes : int, optional
        Number of outputs where `y` holds labels; by default one more than the largest label.

    Returns
    -------
    Values
        An initialiser of shape (K,); its `values` are the numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> y = np.array([0] * 90 + [1] * 10)
    >>> bias = st.initializers.output_bias(y, "softmax_cross_entropy")
    >>> np.exp(bias.values).round(6)
    array([0.9, 0.1])
    >>> layer = st.layers.Dense(2, initializer="small_normal", bias_initializer=bias)
    """
    chosen = LOSSES.create(loss, "loss")
    array = data.as_array("y", y)
    if not array.size:
        raise ValueError("y has no rows")
    labels = chosen.kind == "softmax_cross_entropy" and array.ndim == 1
    width = int(array.max()) + 1 if labels else 1 if array.ndim == 1 else array.shape[1]
    if classes is not None:
        width = check_int("classes", classes, width, None if labels else width)
    targets = chosen.check_targets(array, len(array), max(width, 2) if labels else width)
    weight = data.check_sample_weight(sample_weight, len(array))
    weights = np.ones(len(array)) if weight is None else weight
    if labels:
        targets = np.eye(max(width, 2))[targets]
    if chosen.kind not in _CONSTANTS:
        raise ValueError(f"loss must be one of {', '.join(map(repr, _CONSTANTS))}, got {chosen.kind!r}")
    return Values(_CONSTANTS[chosen.kind](np.asarray(targets, dtype=np.float64), weights, chosen))


def _mean(targets: Array, weights: Array) -> Array:
    mean: Array = weights @ targets / weights.sum()
    return mean


def _log_prior(targets: Array, weights: Array, loss: Any) -> Array:
    smoothing = getattr(loss, "label_smoothing", 0.0)
    prior = np.maximum(_mean(targets, weights), 0.5 / len(targets))
    prior = prior / prior.sum()
    log_prior: Array = np.log((1.0 - smoothing) * prior + smoothing / len(prior))
    return log_prior


def _logit(targets: Array, weights: Array, loss: Any) -> Array:
    half = 0.5 / len(targets)
    p = np.clip(_mean(targets, weights), half, 1.0 - half)
    logit: Array = np.log(p) - np.log1p(-p)
    return logit


def _log_mean(targets: Array, weights: Array, loss: Any) -> Array:
    mean = np.maximum(_mean(targets, weights), 0.5 / len(targets))
    logarithm: Array = np.log(mean)
    return logarithm


def _quantile(targets: Array, weights: Array, share: float) -> Array:
    """Return per column the middle of the points below which `share` of the weight lies."""
    result = []
    for column in targets.T:
        order = np.argsort(column, kind="stable")
        below = np.cumsum(weights[order])
        wanted = share * below[-1]
        first = np.searchsorted(below, wanted * (1.0 - 1e-12))
        last = np.searchsorted(below, wanted * (1.0 + 1e-12), side="right")
        result.append(0.5 * (column[order[first]] + column[order[min(last, len(order) - 1)]]))
    return np.array(result)


def _huber(targets: Array, weights: Array, loss: Any) -> Array:
    """Return the root of the falling function `sum of weights * clip(y - b, -delta, delta)`, by halving."""
    low, high = targets.min(axis=0), targets.max(axis=0)
    for _ in range(100):
        middle = 0.5 * (low + high)
        pull = weights @ np.clip(targets - middle, -loss.delta, loss.delta)
        low, high = np.where(pull > 0.0, middle, low), np.where(pull > 0.0, high, middle)
    best: Array = 0.5 * (low + high)
    return best


_CONSTANTS: dict[str, Any] = {
    "softmax_cross_entropy": _log_prior,
    "sigmoid_cross_entropy": _logit,
    "mse": lambda targets, weights, loss: _mean(targets, weights),
    "mae": lambda targets, weights, loss: _quantile(targets, weights, 0.5),
    "quantile": lambda targets, weights, loss: _quantile(targets, weights, loss.q),
    "huber": _huber,
    "poisson": _log_mean,
}
