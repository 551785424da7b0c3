"""Initialisers that keep the variance of the signal from layer to layer."""

from __future__ import annotations

import math

import numpy as np

from steepest.checks import check_choice, check_float
from steepest.initializers.base import Array, Follower, Initializer
from steepest.registry import INITIALIZERS


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

    Parameters
    ----------
    gain : float
        Multiplies the standard deviation, above 0.
    distribution : {"normal", "uniform"}
        Of the same variance.

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
    gain : float
        Multiplies the standard deviation, above 0.
    distribution : {"normal", "uniform"}
        Of the same variance.
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

    Parameters
    ----------
    gain : float
        Multiplies the standard deviation, above 0.
    distribution : {"normal", "uniform"}
        Of the same variance.

    Examples
    --------
    >>> from steepest import initializers
    >>> initializers.He().std(200, 10)
    0.1
    """

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance before the gain."""
        return 2.0 / max(fan_in, 1)


@INITIALIZERS.register("orthogonal")
class Orthogonal(Initializer):
    """A random matrix with orthonormal rows or columns, times `gain`: it changes no length (Saxe et al. 2014).

    The Q of the QR decomposition of a normal matrix, with the signs that make it uniform over all such matrices
    (Mezzadri 2007). Where the numbers of inputs and outputs differ, the smaller side is orthonormal; vectors are drawn
    with length `gain`.

    Parameters
    ----------
    gain : float
        Above 0; sqrt(2) before ReLU.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import initializers
    >>> w = initializers.Orthogonal().draw(np.random.default_rng(0), (4, 3), 4, 3)
    >>> bool(np.allclose(w.T @ w, np.eye(3)))
    True
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = check_float("gain", gain, 0.0, open_minimum=True)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        rows, columns = shape[0], math.prod(shape[1:])
        normal = generator.normal(size=(max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(normal)
        q = q * np.sign(np.diagonal(r))
        result: Array = self.gain * (q if rows >= columns else q.T).reshape(shape)
        return result


@INITIALIZERS.register("auto")
class Auto(Initializer):
    """He, variance `2 / fan_in`, before the ReLU family, LeCun before SELU, Glorot before everything else.

    The activation is the layer's own, or the first one that follows it through batch norm and dropout.

    Parameters
    ----------
    gain : float
        Multiplies the standard deviation, above 0.

    Examples
    --------
    >>> from steepest import activations, initializers
    >>> initializers.Auto().resolve(activations.Relu()), initializers.Auto().resolve(activations.Tanh())
    (He(), Glorot())
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = check_float("gain", gain, 0.0, open_minimum=True)

    def resolve(self, activation: Follower) -> Initializer:
        """Return the initialiser that suits the activation."""
        if activation.rectifier:
            return He(self.gain)
        return LeCun(self.gain) if activation.kind == "selu" else Glorot(self.gain)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values for a layer without activation."""
        return Glorot(self.gain).draw(generator, shape, fan_in, fan_out)


INITIALIZERS.alias("xavier", "glorot")
INITIALIZERS.alias("kaiming", "he")
