"""Functions of one element at a time: exponentials and logarithms, dropout, Gaussian noise."""

from __future__ import annotations

import numpy.typing as npt

from steepest import _core
from steepest.checks import check_float, check_int
from steepest.kernels.arrays import FloatArray, float_array, output, walkable
from steepest.threads import get_num_threads


def _function(name: str, x: npt.ArrayLike, out: FloatArray | None) -> FloatArray:
    source = float_array("x", x)
    result = output("out", out, source.shape, source.dtype)
    _core.kernel_math(name, walkable(source), result, get_num_threads())
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


def _rows(x: npt.ArrayLike, out: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    source = float_array("x", x)
    if source.ndim not in (1, 2):
        raise ValueError(f"x must have 1 or 2 dimensions, got shape {source.shape}")
    return walkable(source), output("out", out, source.shape, source.dtype)


def _address(seed: int, step: int, stream: int, first_row: int) -> tuple[int, int, int, int]:
    return (
        check_int("seed", seed, 0, 2**64 - 1),
        check_int("step", step, 0, 2**64 - 1),
        check_int("stream", stream, 0, 2**32 - 1),
        check_int("first_row", first_row, 0, 2**32 - 1),
    )


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
    source, result = _rows(x, out)
    _core.kernel_dropout(source, result, rate, *_address(seed, step, stream, first_row), get_num_threads())
    return result


def gaussian_noise(
    x: npt.ArrayLike,
    sigma: float,
    seed: int = 0,
    step: int = 0,
    stream: int = 0,
    first_row: int = 0,
    out: FloatArray | None = None,
) -> FloatArray:
    """Return `y = x + sigma n`, n independent standard normal numbers; the gradient of x is that of y.

    n is a function of (seed, step, stream, row, column) by Philox4x32-10 and the formula of Box and Muller (1958):
    `sqrt(-2 log u) cos(pi k)` and the same with the sine for two columns 16 apart. No word is shared with `dropout`,
    whatever the streams. Instruction sets agree up to rounding, all else (threads, layout) bit by bit. The largest
    `|n|` that can occur is 6.8.

    Parameters
    ----------
    x : array (N, D) or (D,)
        The layer's input; one dimension counts as one row.
    sigma : float
        Standard deviation, at least 0.
    seed, step, stream, first_row : int
        As in `dropout`.
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
    >>> y = kernels.gaussian_noise(np.zeros((100, 100)), 0.5, seed=1)
    >>> bool(abs(y.mean()) < 0.02), bool(abs(y.std() - 0.5) < 0.02)
    (True, True)
    """
    sigma = check_float("sigma", sigma, 0.0)
    source, result = _rows(x, out)
    _core.kernel_gaussian_noise(source, result, sigma, *_address(seed, step, stream, first_row), get_num_threads())
    return result
