"""What a training shows while it runs: a bar in a terminal where rich is installed, else one line per epoch."""

from __future__ import annotations

import importlib.util
import sys
import time
from typing import Any

from steepest.training.callback import Callback
from steepest.training.run import Run


def make_progress(verbose: int) -> Callback:
    """Return the display: 0 nothing, 1 the best the output can show, 2 plain lines."""
    if verbose == 0:
        return Callback()
    if verbose == 1 and sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        return Bar()
    return Lines()


def describe(run: Run) -> str:
    """Return the logs in one line."""
    width = len(str(run.epochs))
    numbers = [
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in run.logs.items()
        if name not in ("seconds", "learning_rate")
    ]
    time_taken = duration(run.logs["seconds"]) if "seconds" in run.logs else ""
    return "  ".join(filter(None, [f"epoch {run.epoch:{width}d}/{run.epochs}", time_taken, *numbers]))


def duration(seconds: float) -> str:
    """Return a time to read: below a second in milliseconds."""
    return f"{seconds:.2f} s" if seconds >= 0.99995 else f"{1e3 * seconds:.1f} ms"


class Lines(Callback):
    """One line per epoch; of many short epochs about ten per second, and always the last."""

    # Writing a line costs some 10 us; trainings of a few epochs are shown in full.
    _INTERVAL = 0.1
    _FEW = 50

    def __init__(self) -> None:
        self._shown = -1.0
        self._held = False

    def on_epoch_end(self, run: Run) -> None:
        """Print the epoch, unless the last line is too young."""
        now = time.perf_counter()
        if run.epochs > self._FEW and now - self._shown < self._INTERVAL:
            self._held = True
            return
        self._held = False
        self._shown = now
        print(describe(run), flush=True)

    def on_train_end(self, run: Run) -> None:
        """Print the last epoch if it was held back, and why the training stopped early."""
        if self._held and "seconds" in run.logs:
            print(describe(run), flush=True)
        if run.history.stopped:
            print(run.history.stopped, flush=True)


class Bar(Lines):
    """A progress bar of the training above which the finished epochs are listed, drawn by rich."""

    observes = True
    # One drawing takes rich about a millisecond; four per second stay below half a percent.
    _INTERVAL = 0.25

    def __init__(self) -> None:
        super().__init__()
        self._progress: Any = None
        self._task: Any = None
        self._drawn = -1.0

    def on_train_begin(self, run: Run) -> None:
        """Draw the empty bar."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        # No refresh thread: it would take time from the workers.
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), auto_refresh=False, transient=True
        )
        self._task = self._progress.add_task("", total=run.epochs * run.steps_per_epoch)
        self._progress.start()

    def on_slice_end(self, run: Run) -> None:
        """Move the bar."""
        now = time.perf_counter()
        if now - self._drawn >= self._INTERVAL:
            self._drawn = now
            done = (run.epoch - 1) * run.steps_per_epoch + run.step
            self._progress.update(self._task, completed=done, description=describe(run), refresh=True)

    def on_train_end(self, run: Run) -> None:
        """Remove the bar and list what is left to list."""
        self._progress.stop()
        super().on_train_end(run)
