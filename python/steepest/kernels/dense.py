"""The dense layer and the matrix product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from steepest import _core
from steepest.kernels.activations import checked_alpha
from steepest.kernels.arrays import FloatArray, matrix, output, same_shape, vector
from steepest.threads import get_num_threads


def _weight(x: FloatArray, weight: npt.ArrayLike, name: str = "weight") -> FloatArray:
    array = matrix(name, weight, x)
    if array.shape[0] != x.shape[1]:
        raise ValueError(f"{name} has shape {array.shape}; it needs one row for each of the {x.shape[1]} columns of x")
    return array


def dense_forward(
    x: npt.ArrayLike,
    weight: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    activation: str = "identity",
    alpha: float | None = None,
    out: FloatArray | None = None,
) -> FloatArray:
    """Return a dense layer's output `y = f(x weight + bias)`.

    Parameters
    ----------
    x : array (N, D)
        Input.
    weight : array (D, K)
        Column k is the weight of output k.
    bias : array (K,), optional
        Nothing is added without it.
    activation : str
        Name of f, see `activation_forward`.
    alpha : float, optional
        As in `activation_forward`.
    out : array (N, K), optional
        Where to write y; must not share memory with the inputs.

    Returns
    -------
    array (N, K)
        y.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> x, weight = np.array([[1.0, 2.0]]), np.array([[1.0, -1.0], [0.5, -1.0]])
    >>> kernels.dense_forward(x, weight, np.array([0.5, 0.0]), "relu")
    array([[2.5, 0. ]])
    """
    alpha = checked_alpha(activation, alpha)
    source = matrix("x", x)
    w = _weight(source, weight)
    b = None if bias is None else vector("bias", bias, w.shape[1], source)
    result = output("out", out, (source.shape[0], w.shape[1]), source.dtype)
    _core.kernel_dense_forward(source, w, b, activation, alpha, result, get_num_threads())
    return result


def dense_backward(
    x: npt.ArrayLike,
    weight: npt.ArrayLike,
    y: npt.ArrayLike,
    dy: npt.ArrayLike,
    activation: str = "identity",
    alpha: float | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the gradients of a dense layer `y = f(z)`, `z = x weight + bias`.

    `dz = dy f'(z)` (from y), `dx = dz weight^T`, `dweight = x^T dz`, `dbias` = column sums of dz.

    Parameters
    ----------
    x : array (N, D)
        Input of the forward pass.
    weight : array (D, K)
        As in the forward pass.
    y : array (N, K)
        Output of the forward pass.
    dy : array (N, K)
        Gradient with respect to y.
    activation, alpha
        As in the forward pass.

    Returns
    -------
    dx : array (N, D)
    dweight : array (D, K)
    dbias : array (K,)

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> x, weight = np.array([[1.0, 2.0]]), np.array([[1.0], [3.0]])
    >>> y = kernels.dense_forward(x, weight)
    >>> dx, dweight, dbias = kernels.dense_backward(x, weight, y, np.array([[10.0]]))
    >>> dx.tolist(), dweight.tolist(), dbias.tolist()
    ([[10.0, 30.0]], [[10.0], [20.0]], [10.0])
    """
    alpha = checked_alpha(activation, alpha)
    source = matrix("x", x)
    w = _weight(source, weight)
    kept, gradient = matrix("y", y, source), matrix("dy", dy, source)
    if kept.shape != (source.shape[0], w.shape[1]):
        raise ValueError(f"y must have shape {(source.shape[0], w.shape[1])}, got {kept.shape}")
    same_shape("dy", gradient, "y", kept)
    dx, dweight, dbias = np.empty_like(source, order="C"), np.empty_like(w, order="C"), np.empty_like(w[0], order="C")
    _core.kernel_dense_backward(source, w, kept, gradient, activation, alpha, dx, dweight, dbias, get_num_threads())
    return dx, dweight, dbias


def matmul(a: npt.ArrayLike, b: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return the matrix product `a b`; every element is one chain of fused multiply-adds over k in increasing order.

    Parameters
    ----------
    a : array (M, K)
        Left factor.
    b : array (K, N)
        Right factor.
    out : array (M, N), optional
        Where to write the product; must not share memory with the factors.

    Returns
    -------
    array (M, N)
        The product.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    left = matrix("a", a)
    right = matrix("b", b, left)
    if right.shape[0] != left.shape[1]:
        raise ValueError(f"b has shape {right.shape}; it needs one row for each of the {left.shape[1]} columns of a")
    result = output("out", out, (left.shape[0], right.shape[1]), left.dtype)
    _core.kernel_dense_forward(left, right, None, "identity", 0.0, result, get_num_threads())
    return result
