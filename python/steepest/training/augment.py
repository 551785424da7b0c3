"""A user's function on every training batch, as the first operation of the network while it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import rng
from steepest.lowering.program import Shape

Array = npt.NDArray[Any]


class Augmentation:
    """What the core calls with each batch: in training the user's function, otherwise nothing.

    Parameters
    ----------
    function : callable
        See `Model.fit`.
    seed : int
        The model's.
    shape : tuple of int
        Of one sample.

    Attributes
    ----------
    step : int
        Training step of the next batch: with the seed it addresses the batch's random numbers, so a training that is
        stopped and resumed sees the same batches.
    """

    def __init__(self, function: Callable[..., Any], seed: int, shape: Shape) -> None:
        if not callable(function):
            raise TypeError(f"augment must be a function (batch, generator) -> batch, got {function!r}")
        self.function = function
        self.seed = seed
        self.shape = shape
        self.step = 0

    def forward(self, training: bool, inputs: list[Array], parameters: list[Array]) -> Array:
        """Return the batch to train on."""
        (x,) = inputs
        if not training:
            return x
        generator = rng.generator(self.seed, rng.AUGMENT, self.step)
        self.step += 1
        batch = x.copy().reshape(len(x), *self.shape)
        result = np.asarray(self.function(batch, generator))
        if result.shape != batch.shape:
            raise ValueError(f"augment must return a batch of shape {batch.shape}, got {result.shape}")
        return result.reshape(x.shape)

    def backward(
        self, training: bool, inputs: list[Array], output: Array, output_gradient: Array, parameters: list[Array]
    ) -> tuple[list[Array], list[Array]]:
        """Pass the gradient on: what the function does to the data is not differentiated."""
        return [output_gradient], []
