"""What every initialiser is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from steepest.registry import Configurable

Array = npt.NDArray[np.float64]


class Follower(Protocol):
    """What initialisation asks of the activation that follows."""

    @property
    def kind(self) -> str:
        """Name."""

    @property
    def rectifier(self) -> bool:
        """Whether it is one of the ReLU family."""


class Initializer(Configurable):
    """Base of the initialisers: `draw(generator, shape, fan_in, fan_out)` returns a float64 array of the shape."""

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return the initial values."""
        raise NotImplementedError

    def resolve(self, activation: Follower) -> Initializer:
        """Return the initialiser to use before this activation: itself, except for `Auto`."""
        return self
