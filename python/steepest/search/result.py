"""What a search found: every trial, the best, and where the ranges ended."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steepest import archive
from steepest.search.display import describe, describe_values
from steepest.search.space import Space
from steepest.search.trial import Parameters, Trial

if TYPE_CHECKING:
    from steepest.sequential import Sequential


@dataclass
class Stage:
    """A pass of coarse-to-fine or a rung of successive halving; other searches have one.

    Attributes
    ----------
    space : Space
        The ranges from which its new trials were drawn, if there were any.
    epochs : int
        Up to which its trials were trained.
    trials : list of int
        Numbers of the trials that were in it, new ones and those that went on.
    """

    space: Space
    epochs: int
    trials: list[int] = field(default_factory=list)


@dataclass
class SearchResult:
    """The trials of a search.

    Attributes
    ----------
    method, objective : str
        How was searched, and for what.
    maximize : bool
        Whether larger values are better.
    space : Space
        The whole space, as widened on request.
    trials : list of Trial
        By number.
    stages : list of Stage
        Passes or rungs.
    warnings : list of str
        Best values at the edge of their range, and the like.
    interrupted : bool
        Whether Ctrl-C ended the search.
    best : Trial or None
        The best of those that were trained longest; None if no trial has a value.
    seconds : float
        Time of this call.
    study : optuna.Study
        For Optuna's own tools.
    """

    method: str
    objective: str
    maximize: bool
    space: Space
    trials: list[Trial] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    interrupted: bool = False
    best: Trial | None = None
    seconds: float = 0.0
    study: Any = None
    folder: str | None = None
    kept: tuple[int, Any] | None = None

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    @property
    def best_parameters(self) -> Parameters:
        """The values of the best trial; ValueError with the first error if there is none."""
        if self.best is None:
            reasons = [trial.message for trial in self.trials if trial.message]
            raise ValueError(f"no trial has a value{': ' + reasons[0] if reasons else ''}")
        return self.best.parameters

    @property
    def model_file(self) -> str | None:
        """Where the best trial's model is kept beside the storage."""
        if self.folder is None or self.best is None:
            return None
        return os.path.join(self.folder, f"best_{self.best.number}.npz")

    @property
    def model(self) -> Sequential | None:
        """The trained model of the best trial; None if it is neither in memory nor beside the storage."""
        path = self.model_file
        if self.best is not None and (self.kept is None or self.kept[0] != self.best.number):
            if path is None or not os.path.exists(path):
                return None
            from steepest.saving import load

            self.kept = (self.best.number, load(path))
        return None if self.kept is None else self.kept[1]

    @property
    def epochs(self) -> int:
        """Epochs trained in all trials."""
        return sum(trial.epochs for trial in self.trials)

    def ranked(self) -> list[Trial]:
        """Return the trials that ended well: those with the longest trainings first, and among these the best."""
        sign = -1.0 if self.maximize else 1.0
        valued = [
            trial for trial in self.trials if trial.value is not None and trial.state not in ("stopped", "failed")
        ]
        # By the epochs a stage asked for: early stopping may have ended a training before.
        return sorted(valued, key=lambda trial: (-max(trial.values), sign * (trial.value or 0.0), trial.number))

    def widened(self, share: float = 0.5) -> Space:
        """Return the space for a next search: with more range where the best value lies at an edge."""
        return self.space.widened(self.space.edges(self.best_parameters), share)

    # ---------------------------------------------------------------------------------------------------------- tables
    def table(self) -> list[dict[str, Any]]:
        """Return one flat dictionary per trial: number, stage, state, value, epochs, seconds, parameters, message."""
        return [trial.row() for trial in self.trials]

    def to_frame(self) -> Any:
        """Return the table as a pandas frame (extra `frames`)."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install 'steepest[frames]'; table() needs nothing") from error
        return pandas.DataFrame(self.table())

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a CSV file with a header line, in one piece.

        Parameters
        ----------
        path : str or path-like
            File; an existing one is replaced.
        """
        rows = self.table()
        text = io.StringIO(newline="")
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(text, names or ["trial"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with archive.replacing(path) as file:
            file.write(text.getvalue().encode())

    # -------------------------------------------------------------------------------------------------------- pictures
    def plot_parameters(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the objective over each parameter on the parameter's own scale (matplotlib).

        Parameters
        ----------
        path : str or path-like, optional
            Picture to write.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from steepest.search.pictures import plot_parameters

        return plot_parameters(self, path)

    def plot_parallel(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw every trial as a line over parallel axes, one per parameter and one for the objective (matplotlib).

        Parameters
        ----------
        path : str or path-like, optional
            Picture to write.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from steepest.search.pictures import plot_parallel

        return plot_parallel(self, path)

    # ------------------------------------------------------------------------------------------------------------ text
    def __str__(self) -> str:
        states = [trial.state for trial in self.trials]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        lines = [f"{self.method}: {len(self)} trials ({counts}), {self.epochs} epochs, {self.seconds:.1f} s"]
        if len(self.stages) > 1:
            for number, stage in enumerate(self.stages):
                ranges = "  ".join(f"{name} {parameter!r}" for name, parameter in stage.space.items())
                lines.append(f"  stage {number}: {len(stage.trials)} trials to epoch {stage.epochs}: {ranges}")
        lines += [describe(trial, self.objective) for trial in self.ranked()[:5]]
        lines += [f"warning: {text}" for text in self.warnings]
        if self.interrupted:
            lines.append("interrupted: what is done is kept")
        return "\n".join(lines)

    def __repr__(self) -> str:
        best = "none" if self.best is None else f"{self.best.value:.5g} at {describe_values(self.best.parameters)}"
        return f"<SearchResult: {self.method}, {len(self)} trials, best {self.objective} {best}>"
