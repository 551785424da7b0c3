"""Initialisers that do not look at the size of the layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.checks import check_float
from steepest.initializers.base import Array, Initializer
from steepest.registry import INITIALIZERS


@INITIALIZERS.register("zeros")
class Zeros(Initializer):
    """`w = 0`: right for biases; as weights it leaves every unit of a layer the same (the symmetry problem).

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(2, "tanh", initializer="zeros"), st.layers.Dense(1)], input_shape=3)
    >>> bool(model.layers[0].weight.any())
    False
    """

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        return np.zeros(shape)


@INITIALIZERS.register("constant")
class Constant(Initializer):
    """`w = value` for every element.

    Parameters
    ----------
    value : float
        Any finite number; 0.01 is an old choice for the biases of ReLU.

    Examples
    --------
    >>> import steepest as st
    >>> st.layers.Dense(3, "relu", bias_initializer=0.01).bias_initializer
    Constant(value=0.01)
    """

    def __init__(self, value: float = 1.0) -> None:
        self.value = check_float("value", value)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        return np.full(shape, self.value)


@INITIALIZERS.register("normal")
class Normal(Initializer):
    """`w ~ N(0, std^2)`: a fixed standard deviation, whatever the size of the layer.

    Parameters
    ----------
    std : float
        Standard deviation, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import initializers
    >>> values = initializers.Normal(0.1).draw(np.random.default_rng(0), (1000,), 1, 1)
    >>> round(float(values.std()), 2)
    0.1
    """

    def __init__(self, std: float = 0.01) -> None:
        self.std = check_float("std", std, 0.0)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        return generator.normal(0.0, self.std, shape)


@INITIALIZERS.register("small_normal")
class SmallNormal(Normal):
    """`w ~ N(0, 0.01^2)`, the small random numbers of the textbooks.

    Fine for a layer or two; in a deep network the activations vanish (see `steepest.diagnostics`).

    Examples
    --------
    >>> from steepest import initializers
    >>> initializers.SmallNormal().std
    0.01
    """

    def __init__(self) -> None:
        super().__init__(0.01)


@INITIALIZERS.register("large_normal")
class LargeNormal(Normal):
    """`w ~ N(0, 0.05^2)`: too large for wide layers.

    A unit of n inputs sees a deviation of 0.05 sqrt(n) times that of its inputs, so tanh saturates where n is some
    thousands and ReLU explodes.

    Examples
    --------
    >>> from steepest import initializers
    >>> initializers.LargeNormal().std
    0.05
    """

    def __init__(self) -> None:
        super().__init__(0.05)


@INITIALIZERS.register("uniform")
class Uniform(Initializer):
    """`w ~ U(-limit, limit)`, of standard deviation `limit / sqrt(3)`, whatever the size of the layer.

    Parameters
    ----------
    limit : float
        At least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest import initializers
    >>> values = initializers.Uniform(0.1).draw(np.random.default_rng(0), (1000,), 1, 1)
    >>> bool(np.abs(values).max() <= 0.1), round(float(values.std()), 2)
    (True, 0.06)
    """

    def __init__(self, limit: float = 0.05) -> None:
        self.limit = check_float("limit", limit, 0.0)

    @property
    def std(self) -> float:
        """Standard deviation of the elements."""
        return self.limit / math.sqrt(3.0)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        return generator.uniform(-self.limit, self.limit, shape)


@INITIALIZERS.register("values")
class Values(Initializer):
    """Given numbers, such as a bias from `output_bias`.

    Parameters
    ----------
    values : array
        Finite, in the shape of the parameter.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(2, bias_initializer=[0.5, -0.5])], input_shape=3)
    >>> model.layers[0].bias
    array([ 0.5, -0.5], dtype=float32)
    """

    def __init__(self, values: Any) -> None:
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.empty(0)
        if not array.size or not np.isfinite(array).all():
            raise ValueError(f"values must be finite numbers, got {values!r}")
        # Lists, which configurations and files can hold.
        self.values: Any = array.tolist()

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        array = np.array(self.values, dtype=np.float64)
        if array.shape != shape:
            raise ValueError(f"values has shape {array.shape}, the parameter has {shape}")
        return array
