"""Callbacks: objects that watch and steer a training."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from steepest.checks import check_bool, check_int, check_path
from steepest.training.callback import Callback
from steepest.training.run import Run
from steepest.training.stopping import EarlyStopping, Follower

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


# A name in braces, and behind a colon how its number is written.
_PLACE = re.compile(r"\{(\w+)(:[^{}]*|)\}")


def __getattr__(name: str) -> Any:
    # Imported where they are used: they bring half of the diagnostics with them.
    if name in ("Monitor", "Recovery"):
        from steepest import monitor

        return getattr(monitor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class ModelCheckpoint(Follower):
    """Save the model, its optimiser's state and its counters at the end of epochs; a reader never sees half a file.

    Parameters
    ----------
    path : str or path-like
        File, in a folder that is there. `{epoch}` in it is replaced by the epoch's number, counted from 1, and the name
        of any recorded number by that; either may have a format, as in `net-{epoch:03d}-{val_loss:.4f}.npz`.
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
        self.path = check_path("path", path)
        self.every = check_int("every", every, 1)
        self.best_only = monitor is not None

    def on_train_begin(self, run: Run) -> None:
        """Start anew, unless there is no place for the file: better now than after the first epoch."""
        super().on_train_begin(run)
        folder = os.path.dirname(os.path.abspath(self.path))
        if "{" not in folder and not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, "there is no such folder", folder)

    def on_epoch_end(self, run: Run) -> None:
        """Save."""
        if run.epoch % self.every == 0 and (not self.best_only or self.improved(run)):
            run.model.save(_PLACE.sub(lambda found: self._fill(run, found), self.path))

    def _fill(self, run: Run, found: re.Match[str]) -> str:
        name, form = found.groups()
        numbers = {**run.logs, "epoch": run.epoch}
        if name not in numbers:
            raise ValueError(f"path={self.path!r} names {name!r}, the training records epoch, {', '.join(run.logs)}")
        return format(numbers[name], form[1:])


class _Logger(Callback):
    """Base of callbacks that write a line per epoch."""

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = Path(check_path("path", path))
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
