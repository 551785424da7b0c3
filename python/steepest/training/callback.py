"""What a training calls while it runs."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from steepest.errors import TrainingDiverged
from steepest.registry import Attributes
from steepest.training.run import Run


class Callback(Attributes):
    """Base class: override what is needed. Every method gets the `Run`, whose `stop(reason)` ends the training.

    Attributes
    ----------
    pace : int or None
        With a number k, a slice also ends wherever `run.model.steps` is a multiple of k, so that `on_slice_end` can act
        every k steps; slices end by the clock too. None leaves that to the clock.
    first : bool
        Whether it is called before the others, so that a checkpoint sees what it has decided.
    observes : bool
        Whether its `on_slice_end` writes to no parameter; a large network then trains on without laying out its weights
        anew for the matrix products. Without an `on_slice_end` of its own it makes no difference.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> class StopAtLoss(st.callbacks.Callback):
    ...     def on_epoch_end(self, run):
    ...         if run.logs["loss"] < 0.01:
    ...             run.stop("low enough")
    >>> model = st.Sequential([st.layers.Dense(1)])
    >>> X = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> history = model.fit(
    ...     X, X[:, 0], loss="mse", optimizer=st.optimizers.SGD(0.2), epochs=500, callbacks=[StopAtLoss()], verbose=0
    ... )
    >>> history.stopped
    'low enough'
    """

    def __init_subclass__(cls, **others: Any) -> None:
        super().__init_subclass__(**others)
        for name in vars(cls):
            if name.startswith("on_") and not hasattr(Callback, name):
                calls = ", ".join(known for known in vars(Callback) if known.startswith("on_"))
                warnings.warn(f"{cls.__name__}.{name} is never called: there are {calls}", UserWarning, stacklevel=2)

    pace: int | None = None
    first: ClassVar[bool] = False
    observes: ClassVar[bool] = False

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before each epoch."""

    def on_slice_end(self, run: Run) -> None:
        """After each slice of steps, about every 0.1 s; `run.logs` has the means over the epoch so far."""

    def on_epoch_end(self, run: Run) -> None:
        """After each epoch and its validation; `run.logs` is what the history records."""

    def on_divergence(self, run: Run, error: TrainingDiverged) -> bool:
        """After numbers that are not finite; the model stands where the epoch began. True: train the epoch again."""
        return False

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, and also after Ctrl-C or an error, which then is `run.failure`."""
