"""Initial values of parameters.

An initialiser is called with a `numpy.random.Generator`, the shape, and the numbers of inputs and outputs of a unit
(fan-in and fan-out); it draws in float64, so the float32 and float64 twins of a network start from the same numbers up
to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.initializers.base import Initializer
from steepest.initializers.plain import Constant, LargeNormal, Normal, SmallNormal, Uniform, Values, Zeros
from steepest.initializers.scaling import Auto, Glorot, He, LeCun, Orthogonal, VarianceScaling
from steepest.registry import INITIALIZERS

__all__ = [
    "Auto",
    "Constant",
    "Glorot",
    "He",
    "Initializer",
    "LargeNormal",
    "LeCun",
    "Normal",
    "Orthogonal",
    "SmallNormal",
    "Uniform",
    "Values",
    "VarianceScaling",
    "Zeros",
    "as_initializer",
    "output_bias",
]


def as_initializer(spec: Any, argument: str) -> Initializer:
    """Return the initialiser `spec` describes; a plain number means `Constant`, a list or an array `Values`."""
    if isinstance(spec, (int, float)) and not isinstance(spec, bool):
        return Constant(spec)
    if isinstance(spec, (list, np.ndarray)):
        return Values(spec)
    initializer: Initializer = INITIALIZERS.create(spec, argument)
    return initializer


def __getattr__(name: str) -> Any:
    # Needs the losses, which need the data's checks; the layers need neither.
    if name == "output_bias":
        from steepest.initializers.prior import output_bias

        return output_bias
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
