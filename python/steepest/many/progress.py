"""What the training of many networks shows while it runs."""

from __future__ import annotations

import time

from steepest.callbacks import Callback
from steepest.training.run import Run


def make_progress(verbose: int, members: int) -> list[Callback]:
    """Return the display, one callback for all members: none if it is to be silent."""
    return [Board(members)] if verbose else []


class Board(Callback):
    """A line whenever all members that still train have finished another epoch, at most ten a second."""

    _INTERVAL = 0.1

    def __init__(self, members: int) -> None:
        self.members = members
        self.training: dict[int, Run] = {}
        self.ended = 0
        self._begun = 0
        self._shown = (0, -1.0)  # the epoch and the time

    def on_train_begin(self, run: Run) -> None:
        """Count the member in."""
        self._begun += 1
        self.training[id(run)] = run

    def on_epoch_end(self, run: Run) -> None:
        """Show the epoch if this member was the last to finish it."""
        epoch = min(one.history.epochs for one in self.training.values())
        now = time.perf_counter()
        if self._begun == self.members and epoch > self._shown[0] and now - self._shown[1] >= self._INTERVAL:
            self._shown = (epoch, now)
            print(self.describe(epoch), flush=True)

    def on_train_end(self, run: Run) -> None:
        """Take the member off, and sum up behind the last."""
        del self.training[id(run)]
        self.ended += 1
        if run.history.stopped:
            print(f"a member ended after {run.history.epochs} epochs: {run.history.stopped}", flush=True)

    def describe(self, epoch: int) -> str:
        """Return the line: how far, how many, and the range of the numbers."""
        runs = list(self.training.values())
        parts = [f"epoch {epoch}/{max(run.epochs for run in runs)}", f"{len(runs)} networks"]
        for name in ("loss", "val_loss", "val_accuracy"):
            values = [run.history[name][epoch - 1] for run in runs if name in run.history]
            if values:
                parts.append(f"{name.replace('_', ' ')} {min(values):.4g} to {max(values):.4g}")
        return "  ".join(parts)
