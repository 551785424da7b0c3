"""Callbacks: objects that watch and steer a training."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from steepest.checks import check_bool, check_choice, check_float, check_int
from steepest.errors import TrainingDiverged
from steepest.lowering.network import Snapshot
from steepest.training.run import Run

if TYPE_CHECKING:
    from steepest.monitor import Monitor, Recovery

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "JSONLogger",
    "ModelCheckpoint",
    "Monitor",
    "Recovery",
]


def __getattr__(name: str) -> Any:
    # Derived from Callback, so they cannot be imported before it is defined.
    if name in ("Monitor", "Recovery"):
        from steepest import monitor

        return getattr(monitor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Callback:
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


class _Monitor(Callback):
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


class EarlyStopping(_Monitor):
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


class ModelCheckpoint(_Monitor):
    """Save the model, its optimiser's state and its counters at the end of epochs; a reader never sees half a file.

    Parameters
    ----------
    path : str or path-like
        File; `{epoch}` in it is replaced by the epoch's number, counted from 1.
    monitor : str or None
        Save only epochs that are the best so far by this number; None saves regardless.
    every : int
        Save every so many epochs.
    mode, min_delta
        As for `EarlyStopping`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str | None = None,
        every: int = 1,
        mode: str = "auto",
        min_delta: float = 0.0,
    ) -> None:
        super().__init__(monitor or "loss", mode, min_delta)
        self.path = os.fspath(path)
        self.every = check_int("every", every, 1)
        self.best_only = monitor is not None

    def on_epoch_end(self, run: Run) -> None:
        """Save."""
        if run.epoch % self.every == 0 and (not self.best_only or self.improved(run)):
            run.model.save(self.path.replace("{epoch}", str(run.epoch)))


class _Logger(Callback):
    """Base of callbacks that write a line per epoch."""

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = Path(path)
        self.append = check_bool("append", append)
        self._file: IO[str] | None = None

    def on_train_begin(self, run: Run) -> None:
        """Open the file."""
        self._file = self.path.open("a" if self.append else "w", encoding="utf-8", newline="")

    def on_epoch_end(self, run: Run) -> None:
        """Write the epoch and flush, so that a reader sees every finished epoch."""
        if self._file is not None:
            self.write({"epoch": run.epoch, **run.logs}, self._file)
            self._file.flush()

    def write(self, row: dict[str, Any], file: IO[str]) -> None:
        """Write one epoch."""
        raise NotImplementedError

    def on_train_end(self, run: Run) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


class CSVLogger(_Logger):
    """Write the numbers of every epoch to a CSV file, with a header line.

    Parameters
    ----------
    path : str or path-like
        File.
    append : bool
        Keep what the file holds, for a training that is continued.
    """

    _names: list[str]

    def on_train_begin(self, run: Run) -> None:
        """Open the file."""
        super().on_train_begin(run)
        self._names = []

    def write(self, row: dict[str, Any], file: IO[str]) -> None:
        """Write one epoch, and the header above the first."""
        writer = csv.writer(file)
        if not self._names:
            self._names = list(row)
            if file.tell() == 0:
                writer.writerow(self._names)
        writer.writerow([row.get(name, "") for name in self._names])


class JSONLogger(_Logger):
    """Write the numbers of every epoch to a file of JSON lines, NaN and infinities as null.

    Parameters
    ----------
    path : str or path-like
        File.
    append : bool
        Keep what the file holds, for a training that is continued.
    """

    def write(self, row: dict[str, Any], file: IO[str]) -> None:
        """Write one epoch."""
        file.write(json.dumps({name: value if math.isfinite(value) else None for name, value in row.items()}) + "\n")
