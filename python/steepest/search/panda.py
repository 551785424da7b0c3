"""One model watched closely: train a stretch, look, change something, go on or go back."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from steepest.checks import check_int
from steepest.history import History
from steepest.model import Model, check_model
from steepest.registry import OPTIMIZERS, Attributes
from steepest.search.problem import sample_rows
from steepest.search.training import LossGuard

if TYPE_CHECKING:
    from steepest.sequential import Sequential


class Panda(Attributes):
    """A single training in stretches, each of which can be taken back.

    For data or networks too large to train many: watch one, and change what the curves ask for. (The many at a time are
    the caviar of `Search`.)

    Parameters
    ----------
    model : Sequential
        Trained in place; going back puts a copy in its place, so use `panda.model`.
    X, y : array
        As for `Model.fit`.
    optimizer : str or Optimizer, optional
        Kept over all stretches; None takes Adam.
    stop_factor : float
        A stretch stops at once when its loss passes this many times the loss at its start; above 1.
    **fit
        Other arguments of `Model.fit`: `loss`, `batch_size`, `validation_data`, `callbacks`, `verbose`, ...

    Attributes
    ----------
    model : Sequential
        As it stands.
    stretches : list of tuple (dict, History)
        What was changed before each stretch, and its numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> model = st.Sequential([st.layers.Dense(16, "tanh"), st.layers.Dense(1)])
    >>> panda = st.search.Panda(model, X, np.sin(3 * X), loss="mse", optimizer="adam", verbose=0)
    >>> history = panda.train(20)
    >>> history = panda.train(20, learning_rate=0.02)  # that was too slow
    >>> history = panda.train(20, learning_rate=3.0)  # and this too fast
    >>> panda.undo()
    >>> panda.history.epochs, [changes for changes, _ in panda.stretches]
    (40, [{}, {'learning_rate': 0.02}])
    """

    def __init__(
        self,
        model: Sequential,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        optimizer: Any = None,
        stop_factor: float = 3.0,
        **fit: Any,
    ) -> None:
        check_model(model)
        self.model = model
        self.optimizer = OPTIMIZERS.create(
            optimizer if optimizer is not None else model.optimizer or "adam", "optimizer"
        )
        self.stop_factor = stop_factor
        self.fit = fit
        self.stretches: list[tuple[dict[str, Any], History]] = []
        self._x, self._y = X, y
        self._before: list[tuple[Sequential, Any, dict[str, Any]]] = []

    @property
    def history(self) -> History:
        """The epochs of all stretches that were not taken back, as one history."""
        joined = History()
        for _, history in self.stretches:
            for epoch in range(history.epochs):
                joined.append({name: history[name][epoch] for name in history})
        return joined

    def train(self, epochs: int, **changes: Any) -> History:
        """Train another stretch.

        Parameters
        ----------
        epochs : int
            At least 1.
        **changes
            Attributes of the optimiser such as `learning_rate`, or arguments of `Model.fit` such as `batch_size`; they
            stay in force.

        Returns
        -------
        History
            Of this stretch; `stopped` says so if its loss blew up, and `undo` takes it back.

        Raises
        ------
        TrainingDiverged, ValueError, TypeError
            As `Model.fit`; the model and the settings are then as before this call.
        """
        epochs = check_int("epochs", epochs, 1)
        # A copy of an optimiser carries its state, and belongs to the model that it trains next.
        before = (self.model.copy(), copy.deepcopy(self.optimizer), dict(self.fit))
        try:
            self._change(changes)
            arguments = dict(self.fit)
            guard = LossGuard(self._loss(), self.stop_factor)
            callbacks = [*arguments.pop("callbacks", ()), guard]
            history = self.model.fit(
                self._x, self._y, optimizer=self.optimizer, epochs=epochs, callbacks=callbacks, **arguments
            )
        except BaseException:
            self.model, self.optimizer, self.fit = before
            raise
        self._before.append(before)
        self.stretches.append((changes, history))
        return history

    def _change(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            if name in type(self.optimizer).arguments():
                setattr(self.optimizer, name, value)
            else:
                self.fit[name] = value

    def undo(self) -> None:
        """Go back to where the last stretch began: model, optimiser's state and settings."""
        if not self._before:
            raise ValueError("there is no stretch to take back")
        self.model, self.optimizer, self.fit = self._before.pop()
        self.stretches.pop()

    def _loss(self) -> float:
        model: Model = self.model
        x, y = sample_rows(self._x, self._y)
        value, _ = model.loss_and_gradients(x, y, loss=self.fit.get("loss"))
        return value - model.network.penalty()
