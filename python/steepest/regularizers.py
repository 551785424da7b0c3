"""Penalties on dense weights, added to the loss and hence to the gradient."""

from __future__ import annotations

from steepest.checks import check_float
from steepest.registry import REGULARIZERS, Configurable


class Regularizer(Configurable):
    """Base of the penalties: what it adds to the `l2` of a weight."""

    l2: float = 0.0


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
