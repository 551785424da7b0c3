"""What every initialiser is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from steepest.registry import Configurable

if TYPE_CHECKING:
    from steepest.activations import Activation

Array = npt.NDArray[np.float64]


class Initializer(Configurable):
    """Base of the initialisers: `draw(generator, shape, fan_in, fan_out)` returns a float64 array of the shape."""

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        raise NotImplementedError

    def resolve(self, activation: Activation) -> Initializer:
        """Return the initialiser to use before this activation: itself, except for `Auto`."""
        return self
