"""Initial values of parameters.

An initialiser is called with a `numpy.random.Generator`, the shape, and the numbers of inputs and outputs of a unit
(fan-in and fan-out); it draws in float64, so the float32 and float64 twins of a network start from the same numbers up
to rounding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.activations import Activation
from steepest.checks import check_choice, check_float
from steepest.registry import INITIALIZERS, Configurable

Array = npt.NDArray[np.float64]


class Initializer(Configurable):
    """Base of the initialisers: `draw(generator, shape, fan_in, fan_out)` returns a float64 array of the shape."""

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        raise NotImplementedError

    def resolve(self, activation: Activation) -> Initializer:
        """Return the initialiser to use before this activation: itself, except for `Auto`."""
        return self


@INITIALIZERS.register("zeros")
class Zeros(Initializer):
    """All zeros: right for biases; as weights it leaves every unit of a layer the same (the symmetry problem)."""

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        return np.zeros(shape)


@INITIALIZERS.register("constant")
class Constant(Initializer):
    """Every element is `value`.

    Parameters
    ----------
    value : float
        Any finite number.
    """

    def __init__(self, value: float = 1.0) -> None:
        self.value = check_float("value", value)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        return np.full(shape, self.value)


@INITIALIZERS.register("normal")
class Normal(Initializer):
    """Normal with mean 0 and a fixed standard deviation, whatever the size of the layer.

    Parameters
    ----------
    std : float
        Standard deviation, at least 0.
    """

    def __init__(self, std: float = 0.01) -> None:
        self.std = check_float("std", std, 0.0)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        return generator.normal(0.0, self.std, shape)


class VarianceScaling(Initializer):
    """Mean 0 and variance `gain^2 * variance(fan_in, fan_out)`, from a normal or a uniform distribution.

    Parameters
    ----------
    gain : float
        Multiplies the standard deviation, above 0.
    distribution : {"normal", "uniform"}
        Of the same variance: uniform on `[-a, a]` has `a = std * sqrt(3)`.
    """

    def __init__(self, gain: float = 1.0, distribution: str = "normal") -> None:
        self.gain = check_float("gain", gain, 0.0, open_minimum=True)
        self.distribution = check_choice("distribution", distribution, ("normal", "uniform"))

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance before the gain."""
        raise NotImplementedError

    def std(self, fan_in: int, fan_out: int) -> float:
        """Return the standard deviation of the elements."""
        return self.gain * math.sqrt(self.variance(fan_in, fan_out))

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        std = self.std(fan_in, fan_out)
        if self.distribution == "normal":
            return generator.normal(0.0, std, shape)
        limit = std * math.sqrt(3.0)
        return generator.uniform(-limit, limit, shape)


@INITIALIZERS.register("lecun")
class LeCun(VarianceScaling):
    """Variance `1 / fan_in`, which keeps the variance of linear and self-normalising units (LeCun et al. 1998).

    Examples
    --------
    >>> from steepest import initializers
    >>> initializers.LeCun().std(100, 50)
    0.1
    """

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance before the gain."""
        return 1.0 / max(fan_in, 1)


@INITIALIZERS.register("glorot")
class Glorot(VarianceScaling):
    """Variance `2 / (fan_in + fan_out)`, between what the forward and the backward pass want (Glorot and Bengio 2010).

    Parameters
    ----------
    gain, distribution
        As for every variance-scaling initialiser.
    mode : {"average", "fan_in"}
        `"fan_in"` is the form with variance `1 / fan_in`.

    Examples
    --------
    >>> from steepest import initializers
    >>> initializers.Glorot(distribution="uniform").std(150, 50)
    0.1
    """

    def __init__(self, gain: float = 1.0, distribution: str = "normal", mode: str = "average") -> None:
        super().__init__(gain, distribution)
        self.mode = check_choice("mode", mode, ("average", "fan_in"))

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance before the gain."""
        return 1.0 / max(fan_in, 1) if self.mode == "fan_in" else 2.0 / max(fan_in + fan_out, 1)


@INITIALIZERS.register("he")
class He(VarianceScaling):
    """Variance `2 / fan_in`, twice as much because ReLU switches half of the units off (He et al. 2015).

    Examples
    --------
    >>> from steepest import initializers
    >>> initializers.He().std(200, 10)
    0.1
    """

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance before the gain."""
        return 2.0 / max(fan_in, 1)


@INITIALIZERS.register("auto")
class Auto(Initializer):
    """He before the ReLU family, LeCun before SELU, Glorot before everything else.

    The activation is the layer's own, or the first one that follows it through batch norm and dropout.

    Parameters
    ----------
    gain : float
        Multiplies the standard deviation, above 0.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = check_float("gain", gain, 0.0, open_minimum=True)

    def resolve(self, activation: Activation) -> Initializer:
        """Return the initialiser that suits the activation."""
        if activation.rectifier:
            return He(self.gain)
        return LeCun(self.gain) if activation.kind == "selu" else Glorot(self.gain)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values for a layer without activation."""
        return Glorot(self.gain).draw(generator, shape, fan_in, fan_out)


def as_initializer(spec: Any, argument: str) -> Initializer:
    """Return the initialiser `spec` describes; a plain number means `Constant`."""
    if isinstance(spec, (int, float)) and not isinstance(spec, bool):
        return Constant(spec)
    initializer: Initializer = INITIALIZERS.create(spec, argument)
    return initializer
