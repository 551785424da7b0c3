"""Functions of one element at a time: activations, dropout, exponentials and logarithms."""

from __future__ import annotations

import numpy.typing as npt

from steepest import _core
from steepest.checks import check_float, check_int
from steepest.kernels.arrays import FloatArray, flattened, float_array, output, same_shape, walkable
from steepest.threads import get_num_threads


def activation_forward(name: str, x: npt.ArrayLike, alpha: float = 0.01, out: FloatArray | None = None) -> FloatArray:
    """Return the activation `y = f(x)` of every element.

    identity `x`; relu `max(x, 0)`; leaky_relu `x` for x > 0, else `alpha x`; sigmoid `1 / (1 + exp(-x))`; tanh. A NaN
    stays NaN.

    Parameters
    ----------
    name : str
        One of the names above.
    x : array
        Of any shape.
    alpha : float
        Slope of leaky_relu below zero, at least 0; the others ignore it.
    out : array, optional
        Where to write y; may be `x`.

    Returns
    -------
    array
        y, with the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.activation_forward("leaky_relu", np.array([-2.0, 0.0, 3.0]), alpha=0.1)
    array([-0.2,  0. ,  3. ])
    """
    alpha = check_float("alpha", alpha, 0.0)
    source = float_array("x", x)
    result = output("out", out, source.shape, source.dtype)
    flat_x, flat_y = flattened(walkable(source), result)
    _core.kernel_activation_forward(name, flat_x, flat_y, alpha, get_num_threads())
    return result


def activation_backward(
    name: str, saved: npt.ArrayLike, dy: npt.ArrayLike, alpha: float = 0.01, out: FloatArray | None = None
) -> FloatArray:
    """Return `dx = dy f'(x)` for `y = f(x)`.

    The derivative is written in terms of the output y: relu `[y > 0]`, leaky_relu `1` or `alpha`, sigmoid `y (1 -
    y)`, tanh `1 - y^2`. At the kink of relu and leaky_relu, x = 0, it is that of the left side.

    Parameters
    ----------
    name : str
        As in `activation_forward`.
    saved : array
        The output y of the forward pass.
    dy : array
        Gradient with respect to y, of the same shape.
    alpha : float
        Slope of leaky_relu below zero, at least 0.
    out : array, optional
        Where to write dx; may be `saved` or `dy`.

    Returns
    -------
    array
        dx.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> y = kernels.tanh(np.array([0.0, 0.5]))
    >>> bool(np.allclose(kernels.activation_backward("tanh", y, np.ones(2)), 1 - np.tanh([0.0, 0.5]) ** 2))
    True
    """
    alpha = check_float("alpha", alpha, 0.0)
    kept = float_array("saved", saved)
    gradient = float_array("dy", dy, kept)
    same_shape("dy", gradient, "saved", kept)
    result = output("out", out, kept.shape, kept.dtype)
    flat_saved, flat_dy, flat_dx = flattened(walkable(kept), walkable(gradient), result)
    _core.kernel_activation_backward(name, flat_saved, flat_dy, flat_dx, alpha, get_num_threads())
    return result


def relu(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `max(x, 0)`; a NaN stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return activation_forward("relu", x, out=out)


def leaky_relu(x: npt.ArrayLike, alpha: float = 0.01, out: FloatArray | None = None) -> FloatArray:
    """Return `x` where it is positive, else `alpha x`, alpha at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.leaky_relu(np.array([-1.0, 2.0]), alpha=0.5)
    array([-0.5,  2. ])
    """
    return activation_forward("leaky_relu", x, alpha, out)


def sigmoid(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `1 / (1 + exp(-x))` within 2.5 units in the last place; nothing overflows for any x.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    return activation_forward("sigmoid", x, out=out)


def tanh(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return the hyperbolic tangent within 3 units in the last place.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.tanh(np.array([0.0, 1e4]))
    array([0., 1.])
    """
    return activation_forward("tanh", x, out=out)


def _function(name: str, x: npt.ArrayLike, out: FloatArray | None) -> FloatArray:
    source = float_array("x", x)
    result = output("out", out, source.shape, source.dtype)
    flat_x, flat_y = flattened(walkable(source), result)
    _core.kernel_math(name, flat_x, flat_y, get_num_threads())
    return result


def exp(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `e^x` within 1.5 units in the last place, with the limits of `numpy.exp`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.exp(np.array([0.0, -np.inf]))
    array([1., 0.])
    """
    return _function("exp", x, out)


def expm1(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `e^x - 1`, accurate near 0, within 2.5 units in the last place.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.expm1(np.array([1e-20]))
    array([1.e-20])
    """
    return _function("expm1", x, out)


def log(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return the natural logarithm within 1 unit in the last place; -inf at 0 and NaN below, without a warning.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.log(np.array([1.0, 0.0]))
    array([  0., -inf])
    """
    return _function("log", x, out)


def log1p(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `log(1 + x)`, accurate near 0, within 1 unit in the last place.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.log1p(np.array([1e-20]))
    array([1.e-20])
    """
    return _function("log1p", x, out)


def softplus(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))` within 2 units in the last place; nothing overflows.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.softplus(np.array([-1e4, 1e4]))
    array([    0., 10000.])
    """
    return _function("softplus", x, out)


def erf(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return the error function `2 / sqrt(pi) * integral of exp(-t^2) from 0 to x` within 2 units in the last place.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.erf(np.array([0.0, 10.0]))
    array([0., 1.])
    """
    return _function("erf", x, out)


def dropout(
    x: npt.ArrayLike,
    rate: float,
    seed: int = 0,
    step: int = 0,
    stream: int = 0,
    first_row: int = 0,
    out: FloatArray | None = None,
) -> FloatArray:
    """Return inverted dropout, `y = x / (1 - rate)` where an element is kept and 0 elsewhere.

    Whether element (row, column) is kept is a function of (seed, step, stream, row, column) by Philox4x32-10 alone,
    so the same call on dy is the backward pass, and a mask can be replayed.

    Parameters
    ----------
    x : array (N, D) or (D,)
        The layer's input; one dimension counts as one row.
    rate : float
        Probability of dropping an element, in [0, 1).
    seed, step, stream : int
        The address of the mask: in a network the training's seed, the number of the training step and the dropout
        layer's number.
    first_row : int
        Number of the first row within its batch.
    out : array, optional
        Where to write y; may be `x`.

    Returns
    -------
    array
        y, with the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> y = kernels.dropout(np.ones((100, 100)), 0.25, seed=1)
    >>> sorted(set(y.ravel().round(3).tolist())), bool(abs(y.mean() - 1) < 0.02)
    ([0.0, 1.333], True)
    """
    rate = check_float("rate", rate, 0.0, 1.0, open_maximum=True)
    source = float_array("x", x)
    if source.ndim not in (1, 2):
        raise ValueError(f"x must have 1 or 2 dimensions, got shape {source.shape}")
    result = output("out", out, source.shape, source.dtype)
    _core.kernel_dropout(
        walkable(source),
        result,
        rate,
        check_int("seed", seed, 0, 2**64 - 1),
        check_int("step", step, 0, 2**64 - 1),
        check_int("stream", stream, 0, 2**32 - 1),
        check_int("first_row", first_row, 0, 2**32 - 1),
        get_num_threads(),
    )
    return result
