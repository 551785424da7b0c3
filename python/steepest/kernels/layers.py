"""Layers with parameters or state of their own: layer norm, PReLU, Maxout."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import _core
from steepest.checks import check_float, check_int
from steepest.kernels.arrays import FloatArray, matrix, output, same_shape, vector
from steepest.threads import get_num_threads


def layer_norm_forward(
    x: npt.ArrayLike, gamma: npt.ArrayLike, beta: npt.ArrayLike, epsilon: float = 1e-5, out: FloatArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Normalise every row by its own mean and biased variance (Ba, Kiros, Hinton 2016).

    `y = gamma (x - mean) inv_std + beta`, `inv_std = 1 / sqrt(variance + epsilon)`.

    Parameters
    ----------
    x : array (N, D)
        Input.
    gamma, beta : array (D,)
        Scale and shift of every column.
    epsilon : float
        Added to the variance, at least 0.
    out : array (N, D), optional
        Where to write y; may be `x`.

    Returns
    -------
    y : array (N, D)
    mean, inv_std : array (N,)
        What `layer_norm_backward` needs.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> y, mean, inv_std = kernels.layer_norm_forward(np.array([[1.0, 5.0]]), np.ones(2), np.zeros(2), 0.0)
    >>> y.tolist(), mean.tolist(), inv_std.tolist()
    ([[-1.0, 1.0]], [3.0], [0.5])
    """
    source = matrix("x", x)
    rows, width = source.shape
    scale, shift = vector("gamma", gamma, width, source), vector("beta", beta, width, source)
    result = output("out", out, source.shape, source.dtype)
    mean, inv_std = np.empty(rows, source.dtype), np.empty(rows, source.dtype)
    epsilon = check_float("epsilon", epsilon, 0.0)
    _core.kernel_layer_norm_forward(source, scale, shift, epsilon, result, mean, inv_std, get_num_threads())
    return result, mean, inv_std


def layer_norm_backward(
    x: npt.ArrayLike,
    dy: npt.ArrayLike,
    mean: npt.ArrayLike,
    inv_std: npt.ArrayLike,
    gamma: npt.ArrayLike,
    out: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the gradients of `layer_norm_forward`, mean and inv_std being functions of the row.

    With `xhat = (x - mean) inv_std` and `g = gamma dy`: `dx = inv_std (g - mean(g) - xhat mean(g xhat))`, means over
    the row; `dgamma` = column sums of `dy xhat`, `dbeta` = column sums of dy.

    Parameters
    ----------
    x : array (N, D)
        Input of the forward pass.
    dy : array (N, D)
        Gradient with respect to its output.
    mean, inv_std : array (N,)
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
    >>> x, dy, gamma = np.array([[1.0, 5.0]]), np.array([[1.0, 0.0]]), np.ones(2)
    >>> _, mean, inv_std = kernels.layer_norm_forward(x, gamma, np.zeros(2), 0.0)
    >>> dx, dgamma, dbeta = kernels.layer_norm_backward(x, dy, mean, inv_std, gamma)
    >>> dx.tolist(), dgamma.tolist(), dbeta.tolist()
    ([[0.0, 0.0]], [-1.0, 0.0], [1.0, 0.0])
    """
    source = matrix("x", x)
    gradient = matrix("dy", dy, source)
    same_shape("dy", gradient, "x", source)
    rows, width = source.shape
    centre, scale = vector("mean", mean, rows, source), vector("inv_std", inv_std, rows, source)
    weight = vector("gamma", gamma, width, source)
    dx = output("out", out, source.shape, source.dtype)
    dgamma, dbeta = np.empty(width, source.dtype), np.empty(width, source.dtype)
    _core.kernel_layer_norm_backward(source, gradient, centre, scale, weight, dx, dgamma, dbeta, get_num_threads())
    return dx, dgamma, dbeta


def prelu_forward(x: npt.ArrayLike, slope: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `x` where it is positive, else `slope_j x` in column j (He et al. 2015).

    Parameters
    ----------
    x : array (N, D)
        Input.
    slope : array (D,)
        Slope below zero of every column.
    out : array (N, D), optional
        Where to write y; may be `x`.

    Returns
    -------
    array (N, D)
        y.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.prelu_forward(np.array([[-1.0, -1.0, 2.0]]), np.array([0.5, 0.25, 9.0]))
    array([[-0.5 , -0.25,  2.  ]])
    """
    source = matrix("x", x)
    slopes = vector("slope", slope, source.shape[1], source)
    result = output("out", out, source.shape, source.dtype)
    _core.kernel_prelu_forward(source, slopes, result, get_num_threads())
    return result


def prelu_backward(
    x: npt.ArrayLike, slope: npt.ArrayLike, dy: npt.ArrayLike, out: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the gradients of `prelu_forward`: dx is dy or `slope dy`, `dslope` = column sums of `dy min(x, 0)`.

    At x = 0 dx is that of the left side.

    Parameters
    ----------
    x : array (N, D)
        Input of the forward pass.
    slope : array (D,)
        As in the forward pass.
    dy : array (N, D)
        Gradient with respect to its output.
    out : array (N, D), optional
        Where to write dx; may be `x` or `dy`.

    Returns
    -------
    dx : array (N, D)
    dslope : array (D,)

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> dx, dslope = kernels.prelu_backward(np.array([[-1.0], [2.0]]), np.array([0.5]), np.array([[3.0], [1.0]]))
    >>> dx.tolist(), dslope.tolist()
    ([[1.5], [1.0]], [-3.0])
    """
    source = matrix("x", x)
    gradient = matrix("dy", dy, source)
    same_shape("dy", gradient, "x", source)
    slopes = vector("slope", slope, source.shape[1], source)
    dx = output("out", out, source.shape, source.dtype)
    dslope = np.empty(source.shape[1], source.dtype)
    _core.kernel_prelu_backward(source, slopes, gradient, dx, dslope, get_num_threads())
    return dx, dslope


def maxout_forward(
    z: npt.ArrayLike, pieces: int, out: FloatArray | None = None
) -> tuple[FloatArray, npt.NDArray[np.uint16]]:
    """Return the largest of every `pieces` neighbouring columns, and which it was (Goodfellow et al. 2013).

    `y[n, u] = max_i z[n, u k + i]`, k = pieces. The first of equals counts; a NaN beats everything.

    Parameters
    ----------
    z : array (N, U k)
        The linear pieces of U units.
    pieces : int
        k, at least 1.
    out : array (N, U), optional
        Where to write y; must not share memory with z.

    Returns
    -------
    y : array (N, U)
    which : uint16 array (N, U)
        The winning i, for `maxout_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> y, which = kernels.maxout_forward(np.array([[1.0, 3.0, 5.0, 2.0]]), 2)
    >>> y.tolist(), which.tolist()
    ([[3.0, 5.0]], [[1, 0]])
    """
    source = matrix("z", z)
    pieces = check_int("pieces", pieces, 1, 65535)
    rows, width = source.shape
    if width % pieces:
        raise ValueError(f"pieces is {pieces}, which does not divide the {width} columns of z")
    result = output("out", out, (rows, width // pieces), source.dtype)
    which = np.empty(result.shape, np.uint16)
    _core.kernel_maxout_forward(source, pieces, result, which, get_num_threads())
    return result, which


def maxout_backward(
    which: npt.NDArray[Any], pieces: int, dy: npt.ArrayLike, out: FloatArray | None = None
) -> FloatArray:
    """Return the gradient of `maxout_forward`: dz is dy at the winners and 0 elsewhere.

    Parameters
    ----------
    which : uint16 array (N, U)
        As returned by the forward pass.
    pieces : int
        As in the forward pass.
    dy : array (N, U)
        Gradient with respect to its output.
    out : array (N, U pieces), optional
        Where to write dz; must not share memory with dy.

    Returns
    -------
    array (N, U pieces)
        dz.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.maxout_backward(np.array([[1, 0]], np.uint16), 2, np.array([[3.0, 5.0]]))
    array([[0., 3., 5., 0.]])
    """
    gradient = matrix("dy", dy)
    pieces = check_int("pieces", pieces, 1, 65535)
    winners = np.asarray(which)
    if winners.dtype != np.uint16:
        raise TypeError(f"which must be a uint16 array, got dtype {winners.dtype}")
    if winners.shape != gradient.shape:
        raise ValueError(f"which has shape {winners.shape}, dy {gradient.shape}; they must agree")
    if winners.max() >= pieces:
        raise ValueError(f"which must be in 0..{pieces - 1}, got {int(winners.max())}")
    dz = output("out", out, (gradient.shape[0], gradient.shape[1] * pieces), gradient.dtype)
    _core.kernel_maxout_backward(np.ascontiguousarray(winners), pieces, gradient, dz, get_num_threads())
    return dz
