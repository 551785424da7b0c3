"""An ensemble from a single training: the model at the ends of a cyclic schedule's cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from steepest.callbacks import Callback
from steepest.checks import check_float, check_int
from steepest.ensembles.ensemble import Ensemble
from steepest.schedules import CosineRestarts
from steepest.training.run import Run

if TYPE_CHECKING:
    from steepest.model import Model

Array = npt.NDArray[Any]


class Snapshots(Callback):
    """Keep the model as it stands after every so many epochs: "train 1, get M for free" (Huang et al. 2017).

    Parameters
    ----------
    every : int
        Epochs of a cycle, at least 1: each end of a cycle gives a snapshot.
    learning_rate : float, optional
        The optimiser then gets the schedule `CosineRestarts(learning_rate, every * steps_per_epoch)` when the training
        begins: high at the start of every cycle, so that it leaves the last minimum, and zero at its end. None leaves
        the optimiser as it is.
    keep : int, optional
        Only the newest so many are kept; None keeps all.

    Attributes
    ----------
    models : list of Sequential
        The snapshots, oldest first, without optimisers; they go on over several calls of `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> model = st.Sequential([st.layers.Dense(16, "tanh"), st.layers.Dense(2)])
    >>> snapshots = st.ensembles.Snapshots(every=10, learning_rate=0.05)
    >>> history = model.fit(X, y, loss="softmax_cross_entropy", epochs=30, callbacks=[snapshots], verbose=0)
    >>> ensemble = snapshots.ensemble()
    >>> len(ensemble), ensemble.evaluate(X, y)["accuracy"] > 0.9
    (3, True)
    """

    def __init__(self, every: int, learning_rate: float | None = None, keep: int | None = None) -> None:
        self.every = check_int("every", every, 1)
        self.learning_rate = None if learning_rate is None else check_float("learning_rate", learning_rate, 0.0)
        self.keep = None if keep is None else check_int("keep", keep, 1)
        self.models: list[Model] = []

    def on_train_begin(self, run: Run) -> None:
        """Give the optimiser its schedule."""
        if self.learning_rate is not None:
            run.optimizer.learning_rate = CosineRestarts(self.learning_rate, self.every * run.steps_per_epoch)

    def on_epoch_end(self, run: Run) -> None:
        """Copy the model at the end of a cycle."""
        if run.model.epochs_seen % self.every == 0:
            self.models.append(run.model.astype(run.model.dtype))  # type: ignore[attr-defined]
            if self.keep is not None:
                del self.models[: -self.keep]

    def ensemble(self, *, average: str | None = None) -> Ensemble:
        """Return the ensemble of the snapshots.

        Parameters
        ----------
        average
            See `Ensemble`.
        """
        if not self.models:
            raise ValueError(f"there is no snapshot yet: the first is taken after {self.every} epochs of fit")
        return Ensemble(self.models, average=average)
