"""Activation functions as declarative objects; the arithmetic is in the core."""

from __future__ import annotations

from typing import ClassVar

from steepest.checks import check_float
from steepest.registry import ACTIVATIONS, Configurable


class Activation(Configurable):
    """What a dense or activation layer applies to every element.

    Attributes
    ----------
    alpha : float
        The function's parameter, 0 where it has none.
    derivative_from_output : bool
        Whether the derivative can be written in terms of the output alone; then the function can be fused into the
        dense operation before it, which keeps no second array.
    rectifier : bool
        Whether the automatic initialisation treats it as one of the ReLU family.
    """

    derivative_from_output: ClassVar[bool] = True
    rectifier: ClassVar[bool] = False
    alpha: float = 0.0


@ACTIVATIONS.register("identity")
class Identity(Activation):
    """`y = x`."""


@ACTIVATIONS.register("relu")
class Relu(Activation):
    """Rectified linear unit, `y = max(x, 0)`, derivative 0 at 0 (Nair and Hinton 2010)."""

    rectifier = True


@ACTIVATIONS.register("leaky_relu")
class LeakyRelu(Activation):
    """`y = x` for x > 0, else `alpha x` (Maas et al. 2013).

    Parameters
    ----------
    alpha : float
        Slope below zero, in [0, 1].

    Examples
    --------
    >>> from steepest import activations
    >>> activations.LeakyRelu(alpha=0.1)
    LeakyRelu(alpha=0.1)
    """

    rectifier = True

    def __init__(self, alpha: float = 0.01) -> None:
        self.alpha = check_float("alpha", alpha, 0.0, 1.0)


@ACTIVATIONS.register("sigmoid")
class Sigmoid(Activation):
    """Logistic function, `y = 1 / (1 + exp(-x))`, in (0, 1)."""


@ACTIVATIONS.register("tanh")
class Tanh(Activation):
    """Hyperbolic tangent, in (-1, 1)."""
