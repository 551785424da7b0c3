"""Errors that carry more than a message."""

from __future__ import annotations

from typing import Any


class TrainingDiverged(ArithmeticError):  # noqa: N818 - it says what happened, like KeyboardInterrupt
    """The loss became NaN or infinite; the model stands where it stood at the start of that epoch and remains usable.

    Attributes
    ----------
    history : History
        The epochs before.
    epoch : int
        Epoch of this call of `fit` in which it happened, counted from 1.
    step : int
        Training step of the model, counted from 0.
    layer : str or None
        First layer whose output was not finite; None if the outputs were finite and the loss alone was not.
    """

    def __init__(self, message: str, *, history: Any, epoch: int, step: int, layer: str | None) -> None:
        super().__init__(message)
        self.history = history
        self.epoch = epoch
        self.step = step
        self.layer = layer
