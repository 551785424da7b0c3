"""Activations: functions of one element, their derivatives, and one short name for each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from steepest import _core
from steepest.checks import check_float
from steepest.kernels.arrays import FloatArray, float_array, output, same_shape, walkable
from steepest.threads import get_num_threads

_DEFAULT_ALPHA = {"leaky_relu": 0.01, "elu": 1.0, "celu": 1.0}


def checked_alpha(name: str, alpha: float | None) -> float:
    """Return the alpha of an activation: at least 0, celu's above 0, its default for None."""
    if alpha is None:
        return _DEFAULT_ALPHA.get(name, 0.0)
    return check_float("alpha", alpha, 0.0, open_minimum=name == "celu")


def activation_forward(
    name: str, x: npt.ArrayLike, alpha: float | None = None, out: FloatArray | None = None
) -> FloatArray:
    """Return the activation `y = f(x)` of every element. A NaN stays NaN, and nothing overflows on the way to a limit.

    ============  ==============================================================  ==========================
    name          f(x)                                                            backward reads
    ============  ==============================================================  ==========================
    identity      x                                                               nothing
    relu          max(x, 0)                                                       output
    leaky_relu    x for x > 0, else alpha x                                       output
    sigmoid       1 / (1 + exp(-x))                                               output
    tanh          the hyperbolic tangent                                          output
    elu           x for x > 0, else alpha (exp(x) - 1)                            output
    selu          1.0507 times elu with alpha 1.67326                             output
    celu          x for x > 0, else alpha (exp(x / alpha) - 1)                    output
    gelu          x P(x), P the standard normal distribution                      input
    gelu_tanh     x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2               input
    silu          x / (1 + exp(-x))                                               input
    mish          x tanh(softplus(x))                                             input
    softplus      log(1 + exp(x))                                                 output
    softsign      x / (1 + abs(x))                                                output
    hard_sigmoid  min(max(x + 3, 0), 6) / 6                                       output
    hard_swish    x min(max(x + 3, 0), 6) / 6                                     input
    step          1 for x > 0, else 0                                             nothing
    ============  ==============================================================  ==========================

    Parameters
    ----------
    name : str
        One of the names above.
    x : array
        Of any shape.
    alpha : float, optional
        leaky_relu's slope below zero (default 0.01) and elu's depth (default 1), at least 0; celu's scale (default 1),
        above 0. The others ignore it.
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
    alpha = checked_alpha(name, alpha)
    if type(x) is np.ndarray and type(out) is np.ndarray:
        # The core looks at arrays in a third of the time; what it does not take goes the long way, which says why.
        try:
            _core.kernel_activation_forward(name, x, out, alpha, get_num_threads())
            return out
        except ValueError:
            pass
    source = float_array("x", x)
    result = output("out", out, source.shape, source.dtype)
    _core.kernel_activation_forward(name, walkable(source), result, alpha, get_num_threads())
    return result


def activation_backward(
    name: str, saved: npt.ArrayLike, dy: npt.ArrayLike, alpha: float | None = None, out: FloatArray | None = None
) -> FloatArray:
    """Return `dx = dy f'(x)` for `y = f(x)`.

    relu `[y > 0]`, leaky_relu `1` or `alpha`, sigmoid `y (1 - y)`, tanh `1 - y^2`, elu `1` or `y + alpha`, selu
    likewise, celu `1` or `y / alpha + 1`, softplus `1 - exp(-y)`, softsign `(1 - |y|)^2`, hard_sigmoid `1/6` where
    `0 < y < 1`; gelu `P(x) + x p(x)`, gelu_tanh, silu and mish `f = x g(x)`: `g + x g'`, hard_swish `x / 3 + 1/2`
    between -3 and 3; step `0`. At a kink it is the derivative of the left side, or 0 where either side is flat.

    Parameters
    ----------
    name : str
        As in `activation_forward`.
    saved : array
        The output y of the forward pass, or its input x where the table of `activation_forward` says so.
    dy : array
        Gradient with respect to y, of the same shape.
    alpha : float, optional
        As in the forward pass.
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
    alpha = checked_alpha(name, alpha)
    if type(saved) is np.ndarray and type(dy) is np.ndarray and type(out) is np.ndarray:
        try:  # as in activation_forward
            _core.kernel_activation_backward(name, saved, dy, out, alpha, get_num_threads())
            return out
        except ValueError:
            pass
    kept = float_array("saved", saved)
    gradient = float_array("dy", dy, kept)
    same_shape("dy", gradient, "saved", kept)
    result = output("out", out, kept.shape, kept.dtype)
    threads = get_num_threads()
    _core.kernel_activation_backward(name, walkable(kept), walkable(gradient), result, alpha, threads)
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


def elu(x: npt.ArrayLike, alpha: float = 1.0, out: FloatArray | None = None) -> FloatArray:
    """Return `x` where it is positive, else `alpha (exp(x) - 1)` (Clevert et al. 2016); alpha at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.elu(np.array([-1e4, 2.0]))
    array([-1.,  2.])
    """
    return activation_forward("elu", x, alpha, out)


def selu(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `s x` where x is positive, else `s a (exp(x) - 1)`, s = 1.0507..., a = 1.6732... (Klambauer et al. 2017).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.selu(np.array([-1e4, 1.0])).round(4)
    array([-1.7581,  1.0507])
    """
    return activation_forward("selu", x, out=out)


def celu(x: npt.ArrayLike, alpha: float = 1.0, out: FloatArray | None = None) -> FloatArray:
    """Return `x` where it is positive, else `alpha (exp(x / alpha) - 1)` (Barron 2017); alpha above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.celu(np.array([-1e4, 2.0]), alpha=0.5)
    array([-0.5,  2. ])
    """
    return activation_forward("celu", x, alpha, out)


def gelu(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `x P(x)`, P the standard normal distribution (Hendrycks and Gimpel 2016), within `2 eps |x|`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.gelu(np.array([-1e4, 0.0, 1.0])).round(4)
    array([-0.    ,  0.    ,  0.8413])
    """
    return activation_forward("gelu", x, out=out)


def gelu_tanh(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return GELU's approximation `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2` (Hendrycks and Gimpel 2016).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.gelu_tanh(np.array([-1e4, 0.0, 1.0])).round(4)
    array([-0.    ,  0.    ,  0.8412])
    """
    return activation_forward("gelu_tanh", x, out=out)


def silu(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `x / (1 + exp(-x))`, also called swish (Elfwing, Uchibe, Doya 2018).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.silu(np.array([-1e4, 0.0, 1e4]))
    array([   -0.,     0., 10000.])
    """
    return activation_forward("silu", x, out=out)


def mish(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `x tanh(log(1 + exp(x)))` (Misra 2020).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.mish(np.array([-1e4, 0.0, 1.0])).round(4)
    array([-0.    ,  0.    ,  0.8651])
    """
    return activation_forward("mish", x, out=out)


def softsign(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `x / (1 + |x|)`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.softsign(np.array([-3.0, 0.0, np.inf]))
    array([-0.75,  0.  ,  1.  ])
    """
    return activation_forward("softsign", x, out=out)


def hard_sigmoid(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `min(max(x + 3, 0), 6) / 6`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.hard_sigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return activation_forward("hard_sigmoid", x, out=out)


def hard_swish(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return `x min(max(x + 3, 0), 6) / 6` (Howard et al. 2019).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.hard_swish(np.array([-4.0, 1.5, 4.0]))
    array([-0.   ,  1.125,  4.   ])
    """
    return activation_forward("hard_swish", x, out=out)


def step(x: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
    """Return 1 where x is positive and 0 elsewhere; its derivative counts as 0 everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> kernels.step(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """
    return activation_forward("step", x, out=out)
