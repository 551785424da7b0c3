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
        First layer whose output, gradient or parameter was not finite; None if the loss alone was not.
    finite : bool
        True where the loss only leapt, which ends an epoch with `callbacks.Recovery`; else False.
    """

    def __init__(
        self, message: str, *, history: Any, epoch: int, step: int, layer: str | None, finite: bool = False
    ) -> None:
        super().__init__(message)
        self.history = history
        self.epoch = epoch
        self.step = step
        self.layer = layer
        self.finite = finite


class NonFiniteData(ValueError):  # noqa: N818 - like TrainingDiverged
    """The data hold a number that is not finite in the model's dtype; the model stands where that epoch began.

    Attributes
    ----------
    row : int
        Of the array.
    step : int or None
        Training step of the model whose batch holds the row, counted from 0; None with full batches.
    """

    def __init__(self, message: str, *, row: int, step: int | None) -> None:
        super().__init__(message)
        self.row = row
        self.step = step
