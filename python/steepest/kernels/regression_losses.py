"""Losses of numbers with their gradients; all average over the elements of a row."""

from __future__ import annotations

import numpy.typing as npt

from steepest.checks import check_float
from steepest.kernels.arrays import FloatArray, matrix
from steepest.kernels.losses import checked_targets, row_loss


def _element_loss(
    kind: str,
    predictions: npt.ArrayLike,
    targets: npt.ArrayLike,
    weights: npt.ArrayLike | None,
    scale: float,
    alpha: float = 0.0,
) -> tuple[FloatArray, FloatArray, int]:
    values = matrix("predictions", predictions)
    return row_loss(kind, values, None, checked_targets(targets, values, "predictions"), weights, scale, alpha)


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
    return _element_loss("mse", predictions, targets, weights, scale)


def mae(
    predictions: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, int]:
    """Return the mean absolute error of every row, and its gradient, 0 where prediction and target agree.

    `row_loss = mean_k |o_k - t_k|`, `gradient = scale weight sign(o - t) / K`.

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
    >>> kernels.mae(np.array([[1.0, 3.0]]), np.array([[2.0, 0.0]]))
    (array([2.]), array([[-0.5,  0.5]]), 0)
    """
    return _element_loss("mae", predictions, targets, weights, scale)


def huber(
    predictions: npt.ArrayLike,
    targets: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    scale: float = 1.0,
    delta: float = 1.0,
) -> tuple[FloatArray, FloatArray, int]:
    """Return the Huber loss of every row, and its gradient (Huber 1964).

    With `d = o - t`, `row_loss = mean_k` of `d^2 / 2` where `|d| <= delta` and `delta (|d| - delta / 2)` elsewhere;
    `gradient = scale weight min(max(d, -delta), delta) / K`.

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
    delta : float
        Where the parabola ends, above 0.

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
    >>> kernels.huber(np.array([[1.0, 3.0]]), np.array([[0.0, 0.0]]))
    (array([1.5]), array([[0.5, 0.5]]), 0)
    """
    delta = check_float("delta", delta, 0.0, open_minimum=True)
    return _element_loss("huber", predictions, targets, weights, scale, delta)


def quantile(
    predictions: npt.ArrayLike,
    targets: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    scale: float = 1.0,
    q: float = 0.5,
) -> tuple[FloatArray, FloatArray, int]:
    """Return the quantile (pinball) loss of every row, and its gradient (Koenker and Bassett 1978).

    `row_loss = mean_k max(q (t - o), (q - 1) (t - o))`, whose least expectation is at the q-quantile of t;
    `gradient = scale weight / K` times `-q` where t > o, `1 - q` where t < o, 0 where they agree.

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
    q : float
        The quantile, in (0, 1).

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
    >>> kernels.quantile(np.array([[1.0, 3.0]]), np.array([[3.0, 1.0]]), q=0.75)
    (array([1.]), array([[-0.375,  0.125]]), 0)
    """
    q = check_float("q", q, 0.0, 1.0, open_minimum=True, open_maximum=True)
    return _element_loss("quantile", predictions, targets, weights, scale, q)


def poisson(
    predictions: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, int]:
    """Return the Poisson loss of every row, and its gradient; the prediction is the logarithm of the rate.

    `row_loss = mean_k exp(o_k) - t_k o_k`, minus the log-likelihood without the constant `log t!`;
    `gradient = scale weight (exp(o) - t) / K`.

    Parameters
    ----------
    predictions : array (N, K)
        o, the logarithm of the rate.
    targets : array (N, K)
        t, counts: at least 0.
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
    >>> kernels.poisson(np.array([[0.0, 0.0]]), np.array([[1.0, 3.0]]))
    (array([1.]), array([[ 0., -1.]]), 0)
    """
    return _element_loss("poisson", predictions, targets, weights, scale)
