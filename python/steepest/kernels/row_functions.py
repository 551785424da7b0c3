"""Functions of a whole row: softmax, log-softmax, hardmax."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from steepest import _core
from steepest.kernels.arrays import FloatArray, matrix, output, same_shape
from steepest.threads import get_num_threads


def _forward(name: str, x: npt.ArrayLike, out: FloatArray | None) -> FloatArray:
    if type(x) is np.ndarray and type(out) is np.ndarray and x.ndim == out.ndim == 2 and x.size > 0:
        try:  # as in activation_forward
            _core.kernel_row_forward(name, x, out, get_num_threads())
            return out
        except ValueError:
            pass
    source = matrix("x", x)
    result = output("out", out, source.shape, source.dtype)
    _core.kernel_row_forward(name, source, result, get_num_threads())
    return result


def _backward(name: str, y: npt.ArrayLike, dy: npt.ArrayLike, out: FloatArray | None) -> FloatArray:
    if (
        (type(y) is np.ndarray and type(dy) is np.ndarray and type(out) is np.ndarray)
        and y.ndim == dy.ndim == out.ndim == 2
        and y.size > 0
    ):
        try:  # as in activation_forward
            _core.kernel_row_backward(name, y, dy, out, get_num_threads())
            return out
        except ValueError:
            pass
    kept = matrix("y", y)
    gradient = matrix("dy", dy, kept)
    same_shape("dy", gradient, "y", kept)
    result = output("out", out, kept.shape, kept.dtype)
    _core.kernel_row_backward(name, kept, gradient, result, get_num_threads())
    return result


def softmax(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `exp(x_k) / sum_j exp(x_j)` of every row, computed from the differences to the row's largest value.

    Parameters
    ----------
    x : array (N, K)
        Logits.
    out : array (N, K), optional
        Where to write the result; may be `x`.

    Returns
    -------
    array (N, K)
        Probabilities; each row sums to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.softmax(np.array([[1e4, 1e4], [0.0, -1e4]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    return _forward("softmax", x, out)


def softmax_backward(y: npt.ArrayLike, dy: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `dx_k = y_k (dy_k - sum_j dy_j y_j)` for `y = softmax(x)`.

    Parameters
    ----------
    y : array (N, K)
        Output of the forward pass.
    dy : array (N, K)
        Gradient with respect to y.
    out : array (N, K), optional
        Where to write dx; may be `y` or `dy`.

    Returns
    -------
    array (N, K)
        dx; each row sums to 0.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.softmax_backward(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]]))
    array([[ 0.25, -0.25]])
    """
    return _backward("softmax", y, dy, out)


def log_softmax(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `x_k - log sum_j exp(x_j)` of every row, computed from the differences to the row's largest value.

    Parameters
    ----------
    x : array (N, K)
        Logits.
    out : array (N, K), optional
        Where to write the result; may be `x`.

    Returns
    -------
    array (N, K)
        Logarithms of probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.log_softmax(np.array([[1e4, 1e4], [0.0, -1e4]])).round(3)
    array([[-6.93e-01, -6.93e-01],
           [ 0.00e+00, -1.00e+04]])
    """
    return _forward("log_softmax", x, out)


def log_softmax_backward(y: npt.ArrayLike, dy: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `dx_k = dy_k - exp(y_k) sum_j dy_j` for `y = log_softmax(x)`.

    Parameters
    ----------
    y : array (N, K)
        Output of the forward pass.
    dy : array (N, K)
        Gradient with respect to y.
    out : array (N, K), optional
        Where to write dx; may be `y` or `dy`.

    Returns
    -------
    array (N, K)
        dx; each row sums to 0.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> y = kernels.log_softmax(np.array([[0.0, 0.0]]))
    >>> kernels.log_softmax_backward(y, np.array([[1.0, 0.0]])).round(12)
    array([[ 0.5, -0.5]])
    """
    return _backward("log_softmax", y, dy, out)


def hardmax(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return 1 at the first largest element of every row and 0 elsewhere; a NaN stays NaN.

    It is constant but for its jumps, so its gradient counts as 0 and there is no backward function.

    Parameters
    ----------
    x : array (N, K)
        Logits.
    out : array (N, K), optional
        Where to write the result; may be `x`.

    Returns
    -------
    array (N, K)
        One-hot rows.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.hardmax(np.array([[1.0, 3.0, 3.0]]))
    array([[0., 1., 0.]])
    """
    return _forward("hardmax", x, out)
