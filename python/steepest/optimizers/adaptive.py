"""A rate per element, from the mean or the sum of its squared gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steepest.checks import check_float
from steepest.optimizers.base import Optimizer
from steepest.registry import OPTIMIZERS


@OPTIMIZERS.register("rmsprop")
class RMSprop(Optimizer):
    """`s = rho s + (1 - rho) g^2`, `p -= lr g / (sqrt(s) + epsilon)` (Tieleman and Hinton 2012).

    Parameters
    ----------
    learning_rate : float or callable
        Rate, or a function of the step.
    rho : float
        Decay of the mean square, in [0, 1).
    epsilon : float
        Added to the root, above 0.
    clip_norm, clip_value : float or None
        Bounds of the gradient, see `Optimizer`.
    groups : dict of str to float, optional
        Multipliers of the rate by parameter name, see `Optimizer`.

    Examples
    --------
    >>> import steepest as st
    >>> st.optimizers.RMSprop(2e-3, rho=0.99)
    RMSprop(learning_rate=0.002, rho=0.99)
    """

    slot_names = ("second_moment",)

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        rho: float = 0.9,
        epsilon: float = 1e-8,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        groups: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_norm, clip_value, groups)
        self.rho = check_float("rho", rho, 0.0, 1.0, open_maximum=True)
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {**super().to_core(), "beta2": self.rho, "epsilon": self.epsilon}


@OPTIMIZERS.register("adagrad")
class Adagrad(Optimizer):
    """`s += g^2`, `p -= lr g / (sqrt(s) + epsilon)` (Duchi, Hazan and Singer 2011).

    An element that has seen large gradients takes small steps ever after; good for rare features, slow in the long run.

    Parameters
    ----------
    learning_rate : float or callable
        Rate, or a function of the step.
    epsilon : float
        Added to the root, above 0.
    clip_norm, clip_value : float or None
        Bounds of the gradient, see `Optimizer`.
    groups : dict of str to float, optional
        Multipliers of the rate by parameter name, see `Optimizer`.

    Examples
    --------
    >>> import steepest as st
    >>> st.optimizers.Adagrad(0.1)
    Adagrad(learning_rate=0.1)
    """

    slot_names = ("sum_of_squares",)

    def __init__(
        self,
        learning_rate: Any = 0.01,
        epsilon: float = 1e-8,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        groups: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_norm, clip_value, groups)
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {**super().to_core(), "epsilon": self.epsilon}
