"""Batch normalisation, column sums, and gathering of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import _core
from steepest.checks import check_dtype, check_float
from steepest.kernels.arrays import FloatArray, matrix, output, same_shape, vector
from steepest.threads import get_num_threads


def batch_norm_forward(
    x: npt.ArrayLike, gamma: npt.ArrayLike, beta: npt.ArrayLike, epsilon: float = 1e-5, out: FloatArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Normalise every column by its mean and biased variance over the rows (Ioffe and Szegedy 2015).

    `y = gamma (x - mean) inv_std + beta`, `inv_std = 1 / sqrt(variance + epsilon)`. The moments of chunks of 16 rows
    are combined by the formula of Chan, Golub and LeVeque (1983), as in training.

    Parameters
    ----------
    x : array (N, D)
        At least one row.
    gamma, beta : array (D,)
        Scale and shift.
    epsilon : float
        Added to the variance, at least 0.
    out : array (N, D), optional
        Where to write y; may be `x`.

    Returns
    -------
    y : array (N, D)
    mean, variance, inv_std : array (D,)
        mean and inv_std are what `batch_norm_backward` needs.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> y, mean, variance, inv_std = kernels.batch_norm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), 0.0)
    >>> y.tolist(), mean.tolist(), variance.tolist()
    ([[-1.0], [1.0]], [2.0], [1.0])
    """
    source = matrix("x", x)
    width = source.shape[1]
    scale, shift = vector("gamma", gamma, width, source), vector("beta", beta, width, source)
    result = output("out", out, source.shape, source.dtype)
    mean, variance, inv_std = (np.empty(width, source.dtype) for _ in range(3))
    epsilon = check_float("epsilon", epsilon, 0.0)
    _core.kernel_batch_norm_forward(source, scale, shift, epsilon, result, mean, variance, inv_std, get_num_threads())
    return result, mean, variance, inv_std


def batch_norm_backward(
    x: npt.ArrayLike,
    dy: npt.ArrayLike,
    mean: npt.ArrayLike,
    inv_std: npt.ArrayLike,
    gamma: npt.ArrayLike,
    out: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the gradients of `batch_norm_forward`, mean and variance being functions of x.

    With `xhat = (x - mean) inv_std`: `dgamma` = column sums of `dy xhat`, `dbeta` = column sums of dy,
    `dx = gamma inv_std (dy - dbeta / N - xhat dgamma / N)`.

    Parameters
    ----------
    x : array (N, D)
        Input of the forward pass.
    dy : array (N, D)
        Gradient with respect to its output.
    mean, inv_std : array (D,)
        As returned by the forward pass.
    gamma : array (D,)
        As in the forward pass.
    out : array (N, D), optional
        Where to write dx; may be `x` or `dy`.

    Returns
    -------
    dx : array (N, D)
    dgamma, dbeta : array (D,)

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> x, dy, gamma = np.array([[1.0], [3.0]]), np.array([[1.0], [0.0]]), np.ones(1)
    >>> _, mean, _, inv_std = kernels.batch_norm_forward(x, gamma, np.zeros(1), 0.0)
    >>> dx, dgamma, dbeta = kernels.batch_norm_backward(x, dy, mean, inv_std, gamma)
    >>> dx.tolist(), dgamma.tolist(), dbeta.tolist()
    ([[0.0], [0.0]], [-1.0], [1.0])
    """
    source = matrix("x", x)
    gradient = matrix("dy", dy, source)
    same_shape("dy", gradient, "x", source)
    width = source.shape[1]
    centre, scale = vector("mean", mean, width, source), vector("inv_std", inv_std, width, source)
    weight = vector("gamma", gamma, width, source)
    dx = output("out", out, source.shape, source.dtype)
    dgamma, dbeta = np.empty(width, source.dtype), np.empty(width, source.dtype)
    _core.kernel_batch_norm_backward(source, gradient, centre, scale, weight, dx, dgamma, dbeta, get_num_threads())
    return dx, dgamma, dbeta


def column_sums(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return the sum over the rows of every column, added up from the first row to the last.

    Parameters
    ----------
    x : array (N, D)
        May have no rows; the sums are then 0.
    out : array (D,), optional
        Where to write the sums.

    Returns
    -------
    array (D,)
        The sums.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.column_sums(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    source = matrix("x", x, empty=True)
    result = output("out", out, (source.shape[1],), source.dtype)
    _core.kernel_column_sums(source, result, get_num_threads())
    return result


def gather(
    x: npt.NDArray[Any], rows: npt.ArrayLike, dtype: npt.DTypeLike = "float32", out: FloatArray | None = None
) -> FloatArray:
    """Return rows of a data set as floats, converted on the way: `x[rows].astype(dtype)` in one pass.

    Parameters
    ----------
    x : array (N, D)
        float32, float64, bool or any integer type, with any strides.
    rows : integer array (n,)
        Row numbers in 0..N-1, in any order and as often as wanted.
    dtype : str
        "float32" or "float64".
    out : array (n, D), optional
        Where to write the rows; must not share memory with x.

    Returns
    -------
    array (n, D)
        The rows.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.gather(np.array([[1, 2], [3, 4]], dtype="uint8"), [1, 0])
    array([[3., 4.],
           [1., 2.]], dtype=float32)
    """
    source = np.asarray(x)
    if source.dtype.kind not in "fiub" or source.dtype.itemsize > 8 or source.dtype == np.float16:
        raise TypeError(f"x must be float32, float64, bool or an integer array, got dtype {source.dtype}")
    if not source.dtype.isnative:
        raise TypeError(f"x must be in native byte order, got dtype {source.dtype.str}")
    if source.ndim != 2:
        raise ValueError(f"x must have 2 dimensions, got shape {source.shape}")
    numbers = np.asarray(rows)
    if numbers.size == 0:
        numbers = numbers.astype(np.int64)
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"rows must be integers, got dtype {numbers.dtype}")
    if numbers.ndim != 1:
        raise ValueError(f"rows must have 1 dimension, got shape {numbers.shape}")
    if numbers.size and (numbers.min() < 0 or numbers.max() >= source.shape[0]):
        bad = numbers.min() if numbers.min() < 0 else numbers.max()
        raise ValueError(f"rows must be in 0..{source.shape[0] - 1}, got {int(bad)}")
    result = output("out", out, (numbers.size, source.shape[1]), np.dtype(check_dtype("dtype", dtype)))
    if np.may_share_memory(result, source):
        raise ValueError("out shares memory with x")
    _core.kernel_gather(source, np.ascontiguousarray(numbers, dtype=np.int64), result, get_num_threads())
    return result
