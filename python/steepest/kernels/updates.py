"""Update rules of the optimisers: one step of one array of parameters, in place.

`parameter` and the state arrays are one- or two-dimensional, of the same shape, dtype and memory layout, and do not
overlap; they are changed and never converted. `gradient` has the same shape and dtype. `l2` adds `l2 * parameter` to
the gradient first.
"""

from __future__ import annotations

import numpy.typing as npt

from steepest import _core
from steepest.checks import check_bool, check_float, check_int
from steepest.kernels.arrays import FloatArray, float_array, output, same_shape, walkable
from steepest.threads import get_num_threads


def _update(
    rule: str,
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    first: tuple[str, FloatArray] | None,
    second: tuple[str, FloatArray] | None,
    learning_rate: float,
    beta1: float = 0.0,
    beta2: float = 0.0,
    epsilon: float = 0.0,
    weight_decay: float = 0.0,
    l2: float = 0.0,
    corrections: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> None:
    like = float_array("parameter", parameter)
    if like.ndim not in (1, 2):
        raise ValueError(f"parameter must have 1 or 2 dimensions, got shape {like.shape}")
    weights = output("parameter", parameter, like.shape, like.dtype)
    slope = float_array("gradient", gradient, like)
    same_shape("gradient", slope, "parameter", like)
    states: list[FloatArray | None] = [None, None]
    for i, state in enumerate((first, second)):
        if state is not None:
            states[i] = array = output(*state, like.shape, like.dtype)
            if array.strides != like.strides:
                raise ValueError(f"{state[0]} must have the memory layout of parameter, its strides {like.strides}")
    _core.kernel_update(
        rule,
        weights,
        walkable(slope),
        states[0],
        states[1],
        check_float("learning_rate", learning_rate, 0.0),
        beta1,
        beta2,
        epsilon,
        weight_decay,
        check_float("l2", l2, 0.0),
        *corrections,
        get_num_threads(),
    )


def _decay(name: str, value: float) -> float:
    return check_float(name, value, 0.0, 1.0, open_maximum=True)


def sgd(parameter: FloatArray, gradient: npt.ArrayLike, learning_rate: float, l2: float = 0.0) -> None:
    """Gradient descent, `p -= lr g`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> p = np.array([1.0, 2.0])
    >>> kernels.sgd(p, np.array([1.0, -1.0]), learning_rate=0.5)
    >>> p
    array([0.5, 2.5])
    """
    _update("sgd", parameter, gradient, None, None, learning_rate, l2=l2)


def momentum(
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    velocity: FloatArray,
    learning_rate: float,
    mu: float = 0.9,
    l2: float = 0.0,
) -> None:
    """Momentum, `v = mu v + g`, `p -= lr v` (Polyak 1964); mu in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> p, v = np.array([1.0]), np.array([1.0])
    >>> kernels.momentum(p, np.array([0.5]), v, learning_rate=1.0, mu=0.5)
    >>> p, v
    (array([0.]), array([1.]))
    """
    _update("momentum", parameter, gradient, ("velocity", velocity), None, learning_rate, _decay("mu", mu), l2=l2)


def nesterov(
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    velocity: FloatArray,
    learning_rate: float,
    mu: float = 0.9,
    l2: float = 0.0,
) -> None:
    """Nesterov's momentum, `v = mu v + g`, `p -= lr (g + mu v)` (Sutskever et al. 2013); mu in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> p, v = np.array([1.0]), np.array([1.0])
    >>> kernels.nesterov(p, np.array([0.5]), v, learning_rate=1.0, mu=0.5)
    >>> p, v
    (array([0.]), array([1.]))
    """
    _update("nesterov", parameter, gradient, ("velocity", velocity), None, learning_rate, _decay("mu", mu), l2=l2)


def rmsprop(
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    second_moment: FloatArray,
    learning_rate: float,
    rho: float = 0.9,
    epsilon: float = 1e-8,
    l2: float = 0.0,
) -> None:
    """RMSprop, `s = rho s + (1 - rho) g^2`, `p -= lr g / (sqrt(s) + eps)` (Tieleman and Hinton 2012); rho in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> p, s = np.array([1.0]), np.array([0.0])
    >>> kernels.rmsprop(p, np.array([2.0]), s, learning_rate=0.25, rho=0.75, epsilon=0.0)
    >>> p, s
    (array([0.5]), array([1.]))
    """
    eps = check_float("epsilon", epsilon, 0.0)
    state = ("second_moment", second_moment)
    _update("rmsprop", parameter, gradient, None, state, learning_rate, beta2=_decay("rho", rho), epsilon=eps, l2=l2)


def adagrad(
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    second_moment: FloatArray,
    learning_rate: float,
    epsilon: float = 1e-10,
    l2: float = 0.0,
) -> None:
    """Adagrad, `s += g^2`, `p -= lr g / (sqrt(s) + eps)` (Duchi, Hazan, Singer 2011).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> p, s = np.array([1.0]), np.array([12.0])
    >>> kernels.adagrad(p, np.array([2.0]), s, learning_rate=1.0, epsilon=0.0)
    >>> p, s
    (array([0.5]), array([16.]))
    """
    eps = check_float("epsilon", epsilon, 0.0)
    _update("adagrad", parameter, gradient, None, ("second_moment", second_moment), learning_rate, epsilon=eps, l2=l2)


def _adam(
    rule: str,
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    first_moment: FloatArray,
    second_moment: FloatArray,
    learning_rate: float,
    t: int,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    bias_correction: bool,
    l2: float,
) -> None:
    t = check_int("t", t, 1)
    beta1, beta2 = _decay("beta1", beta1), _decay("beta2", beta2)
    corrections = (1.0, 1.0, 1.0)
    if check_bool("bias_correction", bias_correction):
        corrections = (1.0 / (1.0 - beta1**t), 1.0 / (1.0 - beta2**t), 1.0 / (1.0 - beta1 ** (t + 1)))
    states = ("first_moment", first_moment), ("second_moment", second_moment)
    eps, decay = check_float("epsilon", epsilon, 0.0), check_float("weight_decay", weight_decay, 0.0)
    _update(rule, parameter, gradient, *states, learning_rate, beta1, beta2, eps, decay, l2, corrections)


def adam(
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    first_moment: FloatArray,
    second_moment: FloatArray,
    learning_rate: float,
    t: int,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    bias_correction: bool = True,
    l2: float = 0.0,
) -> None:
    """Adam (Kingma and Ba 2015), t = 1 for the first update.

    `m = b1 m + (1 - b1) g`, `s = b2 s + (1 - b2) g^2`, `p -= lr m' / (sqrt(s') + eps)` with `m' = m / (1 - b1^t)` and
    `s' = s / (1 - b2^t)`, or m and s themselves without bias correction.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> p, m, s = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> kernels.adam(p, np.array([3.0]), m, s, learning_rate=0.25, t=1, epsilon=0.0)
    >>> p
    array([0.75])
    """
    states = first_moment, second_moment
    _adam("adam", parameter, gradient, *states, learning_rate, t, beta1, beta2, epsilon, 0.0, bias_correction, l2)


def adamw(
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    first_moment: FloatArray,
    second_moment: FloatArray,
    learning_rate: float,
    t: int,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
    bias_correction: bool = True,
    l2: float = 0.0,
) -> None:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): `p *= 1 - lr wd`, then Adam's update.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> p, m, s = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> kernels.adamw(p, np.array([3.0]), m, s, learning_rate=0.25, t=1, epsilon=0.0, weight_decay=0.5)
    >>> p
    array([0.625])
    """
    arrays, betas = (parameter, gradient, first_moment, second_moment), (beta1, beta2)
    _adam("adamw", *arrays, learning_rate, t, *betas, epsilon, weight_decay, bias_correction, l2)


def nadam(
    parameter: FloatArray,
    gradient: npt.ArrayLike,
    first_moment: FloatArray,
    second_moment: FloatArray,
    learning_rate: float,
    t: int,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    bias_correction: bool = True,
    l2: float = 0.0,
) -> None:
    """Adam with Nesterov's momentum (Dozat 2016), t = 1 for the first update.

    m and s as in `adam`, and `p -= lr (b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t)) / (sqrt(s') + eps)`. b1 is
    constant; in PyTorch's NAdam it grows towards its value by `momentum_decay`, and both agree where that is large.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import kernels
    >>> p, m, s = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> kernels.nadam(p, np.array([3.0]), m, s, learning_rate=0.75, t=1, beta1=0.5, epsilon=0.0)
    >>> p
    array([0.])
    """
    states = first_moment, second_moment
    _adam("nadam", parameter, gradient, *states, learning_rate, t, beta1, beta2, epsilon, 0.0, bias_correction, l2)
