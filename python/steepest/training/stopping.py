"""Callbacks that follow one number of the logs; the one that `fit` makes itself."""

from __future__ import annotations

import math

from steepest.checks import check_choice, check_float, check_int
from steepest.lowering.network import Snapshot
from steepest.training.callback import Callback
from steepest.training.run import Run


class Follower(Callback):
    """Base of callbacks that follow one number of the logs."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be a name such as 'val_loss', got {monitor!r}")
        self.monitor = monitor
        self.mode = check_choice("mode", mode, ("auto", "min", "max"))
        self.min_delta = check_float("min_delta", min_delta, 0.0)
        self.best = math.nan
        self.best_epoch = 0

    def on_train_begin(self, run: Run) -> None:
        """Start anew."""
        if self.monitor.startswith("val_") and not run.has_validation:
            raise ValueError(
                f"{type(self).__name__} monitors {self.monitor!r}, but there is no validation set: "
                "give fit validation_data or validation_split, or monitor 'loss'"
            )
        self.best = math.nan
        self.best_epoch = 0

    def improved(self, run: Run) -> bool:
        """Whether this epoch is the best so far, which it then becomes."""
        if self.monitor not in run.logs:
            raise ValueError(
                f"{type(self).__name__} monitors {self.monitor!r}, the training records {', '.join(run.logs)}"
            )
        value = run.logs[self.monitor]
        maximum = self.mode == "max" or (self.mode == "auto" and self.monitor.endswith("accuracy"))
        gain = value - self.best if maximum else self.best - value
        better = math.isfinite(value) and (math.isnan(self.best) or gain > self.min_delta)
        if better:
            self.best, self.best_epoch = value, run.epoch
        return better


class EarlyStopping(Follower):
    """Stop when a number has not improved for some epochs; in any case leave the model as it was in its best epoch.

    Parameters and batch-norm statistics are put back to the best epoch at the end of the training, also if it ran to
    the last epoch or was interrupted. The optimiser's state and the counters go on.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which to stop, at least 1.
    monitor : str
        What to follow: `"val_loss"`, `"val_accuracy"`, `"loss"` or any recorded number.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; `"auto"` takes larger for names that end in `accuracy`.
    min_delta : float
        Improvement that counts, at least 0.

    Attributes
    ----------
    best : float
        Best value; NaN before the first epoch.
    best_epoch : int
        Its epoch, counted from 1.

    Examples
    --------
    >>> import steepest as st
    >>> st.callbacks.EarlyStopping(patience=3).monitor
    'val_loss'
    """

    def __init__(
        self, patience: int = 10, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0.0
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = check_int("patience", patience, 1)
        self._snapshot: Snapshot | None = None

    def on_train_begin(self, run: Run) -> None:
        """Start anew."""
        super().on_train_begin(run)
        self._snapshot = None

    def on_epoch_end(self, run: Run) -> None:
        """Keep the best epoch, stop when patience has run out."""
        if self.improved(run):
            if self._snapshot is None:
                network = run.model.network
                self._snapshot = Snapshot([network.parameter_arena, network.state_arena])
            self._snapshot.take()
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop(f"{self.monitor} has not improved for {self.patience} epochs")

    def on_train_end(self, run: Run) -> None:
        """Put the best epoch's parameters and statistics back."""
        if self._snapshot is not None:
            self._snapshot.restore()
            self._snapshot = None
