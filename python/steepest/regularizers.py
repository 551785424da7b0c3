"""Penalties on dense weights, added to the loss and hence to the gradient."""

from __future__ import annotations

from steepest.checks import check_float
from steepest.registry import REGULARIZERS, Configurable


class Regularizer(Configurable):
    """Base of the penalties: what one adds to the `l1` and the `l2` of a weight."""

    l1: float = 0.0
    l2: float = 0.0


@REGULARIZERS.register("l1")
class L1(Regularizer):
    """Adds `l1 * sum|W|` to the loss, so `l1 * sign(W)` to the gradient; drives weights to zero.

    Parameters
    ----------
    l1 : float
        Strength, at least 0.

    Examples
    --------
    >>> import steepest as st
    >>> st.layers.Dense(10, regularizer=st.regularizers.L1(1e-3)).regularizer
    L1(l1=0.001)
    """

    def __init__(self, l1: float = 1e-4) -> None:
        self.l1 = check_float("l1", l1, 0.0)


@REGULARIZERS.register("l2")
class L2(Regularizer):
    """Adds `0.5 * l2 * sum(W^2)` to the loss, so `l2 * W` to the gradient.

    Parameters
    ----------
    l2 : float
        Strength, at least 0; 1e-5 to 1e-2 are usual.

    Examples
    --------
    >>> import steepest as st
    >>> st.Sequential([st.layers.Dense(10)], regularizer=st.regularizers.L2(1e-3)).regularizer
    L2(l2=0.001)
    """

    def __init__(self, l2: float = 1e-4) -> None:
        self.l2 = check_float("l2", l2, 0.0)


@REGULARIZERS.register("l1_l2")
class L1L2(Regularizer):
    """Both penalties, the elastic net: adds `l1 * sum|W| + 0.5 * l2 * sum(W^2)` (Zou and Hastie 2005).

    Parameters
    ----------
    l1, l2 : float
        Strengths, at least 0.

    Examples
    --------
    >>> import steepest as st
    >>> st.layers.Dense(10, regularizer=st.regularizers.L1L2(1e-5, 1e-3)).regularizer
    L1L2(l1=1e-05, l2=0.001)
    """

    def __init__(self, l1: float = 1e-4, l2: float = 1e-4) -> None:
        self.l1 = check_float("l1", l1, 0.0)
        self.l2 = check_float("l2", l2, 0.0)
