"""What a training recorded, epoch by epoch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from typing import Any

from steepest.archive import replacing
from steepest.registry import Attributes


class History(Attributes):
    """Numbers of the finished epochs of one call of `fit`.

    Attributes
    ----------
    history : dict of str to list of float
        `"loss"` (mean data loss over the epoch's batches, while the weights were changing), `"accuracy"` where the loss
        has one, `"penalty"` where there is regularisation (at the end of the epoch), `"val_loss"`, `"val_accuracy"`,
        `"learning_rate"` (of the epoch's last step), `"seconds"`.
    interrupted : bool
        Whether Ctrl-C ended the training.
    stopped : str or None
        Why it ended before the last epoch, in words.
    failure : Exception or None
        What `fit` would have raised, where `train_many` let the other members go on: a `TrainingDiverged`.
    events : list of dict
        What callbacks did to the training beside watching it, such as a recovery: `"kind"`, `"epoch"`, `"step"`, ...

    Examples
    --------
    >>> from steepest.history import History
    >>> history = History()
    >>> history.append({"loss": 0.5, "val_loss": 0.75})
    >>> history["loss"], history.epochs
    ([0.5], 1)
    >>> history
    <History: 1 epoch, loss 0.5, val_loss 0.75>
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.interrupted = False
        self.stopped: str | None = None
        self.failure: Exception | None = None
        self.events: list[dict[str, Any]] = []

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return max(map(len, self.history.values()), default=0)

    def append(self, logs: dict[str, float]) -> None:
        """Add the numbers of one epoch; a number that is missing, or was before, is NaN."""
        count = self.epochs
        for name in logs:
            self.history.setdefault(name, [math.nan] * count)
        for name, values in self.history.items():
            values.append(float(logs.get(name, math.nan)))

    def record(self, name: str, value: float) -> None:
        """Set one number of the newest epoch."""
        values = self.history.setdefault(name, [math.nan] * self.epochs)
        if values:
            values[-1] = float(value)

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.history:
            raise KeyError(f"{name!r} was not recorded, only {', '.join(map(repr, self.history)) or 'nothing'}")
        return self.history[name]

    def __contains__(self, name: object) -> bool:
        return name in self.history

    def __iter__(self) -> Iterator[str]:
        return iter(self.history)

    def __len__(self) -> int:
        return len(self.history)

    def keys(self) -> list[str]:
        """Names of what was recorded."""
        return list(self.history)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the history as JSON (NaN and infinities as null), and write it to `path` if one is given."""
        clean = {
            name: [value if math.isfinite(value) else None for value in values] for name, values in self.history.items()
        }
        record = {"history": clean, "interrupted": self.interrupted, "stopped": self.stopped}
        text = json.dumps({**record, "events": self.events} if self.events else record, indent=1)
        if path is not None:
            with replacing(path) as file:
                file.write(f"{text}\n".encode())
        return text

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return a matplotlib figure of all curves, validation beside training, and write it to `path` if one is given.

        Needs matplotlib (``pip install 'steepest[plot]'``); see :func:`steepest.pictures.plot_history`.
        """
        from steepest.pictures import plot_history

        return plot_history(self, path=path)

    def __repr__(self) -> str:
        count = self.epochs
        numbers = [f"{name} {values[-1]:.4g}" for name, values in self.history.items() if name != "seconds"]
        parts = [f"{count} epoch{'' if count == 1 else 's'}", *numbers]
        if self.interrupted:
            parts.append("interrupted")
        elif self.stopped:
            parts.append(self.stopped)
        return f"<History: {', '.join(parts)}>"
