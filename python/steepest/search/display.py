"""What a search shows while it runs: a live table in a terminal where rich is installed, else a line per trial."""

from __future__ import annotations

import importlib.util
import sys
import time
from typing import Any

from steepest.search.training import Training
from steepest.search.trial import Trial

_SIGNS = {"complete": " ", "dropped": "-", "stopped": "x", "failed": "!", "running": " "}


def describe_values(parameters: dict[str, Any]) -> str:
    """Return parameters in one line."""
    parts = []
    for name, value in parameters.items():
        parts.append(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}")
    return "  ".join(parts)


def describe(trial: Trial, objective: str) -> str:
    """Return a trial in one line."""
    value = "" if trial.value is None else f"{objective} {trial.value:.5g}  "
    message = f"  ({trial.state}: {trial.message})" if trial.message else ""
    return f"{_SIGNS[trial.state]} trial {trial.number:3d}  {value}{describe_values(trial.parameters)}{message}"


class Silent:
    """Shows nothing."""

    def begin(self, title: str, total: int) -> None:
        """Show that a search, a pass or a rung begins, of so many trainings."""

    def tick(self, training: Training) -> None:
        """Show that a training has finished an epoch."""

    def told(self, trial: Trial, objective: str, best: Trial | None) -> None:
        """Show that a training has ended."""

    def say(self, text: str) -> None:
        """Show a remark."""

    def end(self) -> None:
        """Leave the output as it should stay."""


class Lines(Silent):
    """One line per trial."""

    def __init__(self) -> None:
        self.done = self.total = 0

    def begin(self, title: str, total: int) -> None:
        """Print the title."""
        self.done, self.total = 0, total
        print(title, flush=True)

    def told(self, trial: Trial, objective: str, best: Trial | None) -> None:
        """Print the trial, and whether it is the best."""
        self.done += 1
        star = "  <- best" if best is trial else ""
        print(f"{self.done:4d}/{self.total} {describe(trial, objective)}{star}", flush=True)

    def say(self, text: str) -> None:
        """Print a remark."""
        print(text, flush=True)


class Live(Lines):
    """A bar for the search and one for each training in work, below the lines of the finished trials."""

    _INTERVAL = 0.2

    def __init__(self) -> None:
        super().__init__()
        self._progress: Any = None
        self._bars: dict[int, Any] = {}
        self._drawn = -1.0

    def begin(self, title: str, total: int) -> None:
        """Print the title and draw the bars."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.end()
        super().begin(title, total)
        # No refresh thread: it would take time from the workers.
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), auto_refresh=False, transient=True
        )
        self._all = self._progress.add_task("trials", total=total)
        self._progress.start()

    def tick(self, training: Training) -> None:
        """Move a training's bar."""
        trial = training.trial
        if trial.number not in self._bars:
            self._bars[trial.number] = self._progress.add_task(f"trial {trial.number}", total=training.target)
        self._progress.update(self._bars[trial.number], completed=trial.epochs)
        now = time.perf_counter()
        if now - self._drawn > self._INTERVAL:
            self._drawn = now
            self._progress.refresh()

    def told(self, trial: Trial, objective: str, best: Trial | None) -> None:
        """Print the trial above the bars."""
        bar = self._bars.pop(trial.number, None)
        if bar is not None:
            self._progress.remove_task(bar)
        super().told(trial, objective, best)
        self._progress.update(self._all, completed=self.done, refresh=True)

    def end(self) -> None:
        """Remove the bars."""
        if self._progress is not None:
            self._progress.stop()
            self._progress, self._bars = None, {}


def make_display(verbose: int) -> Silent:
    """Return the display: 0 nothing, 1 the best the output can show, 2 plain lines."""
    if verbose == 0:
        return Silent()
    if verbose == 1 and sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        return Live()
    return Lines()
