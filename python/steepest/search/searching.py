"""One run of a search: stages of trials, the ledger behind them and the display before them."""

from __future__ import annotations

import contextlib
import glob
import os
import time
import warnings as python_warnings
from collections.abc import Callable, Sequence
from typing import Any

from steepest.search.crew import Crew
from steepest.search.display import Silent, describe
from steepest.search.ledger import Ledger
from steepest.search.problem import Problem
from steepest.search.result import SearchResult, Stage
from steepest.search.space import Space
from steepest.search.training import Training
from steepest.search.trial import State, Trial

# States of trials that ended badly.
_ENDED = ("stopped", "failed")


class Searching:
    """A search while it runs.

    Every search is a list of stages: trials are drawn, trained up to a number of epochs, and some of them go on to the
    next stage, where their training continues. A search that goes on from its file takes the same way again, and finds
    in the ledger what has been done.
    """

    def __init__(
        self, problem: Problem, ledger: Ledger, crew: Crew, display: Silent, result: SearchResult, folder: str | None
    ) -> None:
        self.problem, self.ledger, self.crew = problem, ledger, crew
        self.display, self.result, self.folder = display, result, folder
        self.trainings: dict[int, Training] = {}
        self._started = time.perf_counter()
        result.study = ledger.study
        result.folder = folder

    def _training(self, trial: Trial) -> Training:
        """Return the training of a trial, which may have been begun in this run or in an earlier one."""
        if trial.number not in self.trainings:
            file = None if self.folder is None else os.path.join(self.folder, f"trial_{trial.number}.npz")
            self.trainings[trial.number] = Training(self.problem, trial, file)
        return self.trainings[trial.number]

    def stage(
        self,
        title: str,
        space: Space,
        epochs: int,
        new: int,
        on: Sequence[Trial] = (),
        sampler: str = "random",
        points: Sequence[dict[str, Any]] | None = None,
        final: bool = False,
    ) -> list[Trial]:
        """Train new trials, and others that go on, up to so many epochs; return all of them that are done.

        Parameters
        ----------
        title : str
            For the display.
        space : Space
            From which new trials are drawn.
        epochs : int
            Up to which all of them are trained.
        new : int
            Trials to draw.
        on : sequence of Trial
            Those that go on from the stage before.
        sampler, points
            How new trials are drawn, or their parameters.
        final : bool
            Whether trials are complete with this stage; otherwise the plan says which go on, and closes the others.
        """
        stage = Stage(space, epochs)
        number = len(self.result.stages)
        self.result.stages.append(stage)
        self.display.begin(title, len(on) + new)
        first = len(self.result.trials)
        going, drawn = list(on), 0
        done: list[Trial] = []

        def finish(trial: Trial) -> None:
            done.append(trial)
            self._find_best()
            self.display.told(trial, self.result.objective, self.result.best)

        def following() -> Training | None:
            nonlocal drawn
            while True:
                if going:
                    trial = going.pop(0)
                elif drawn < new:
                    point = points[drawn] if points is not None else None
                    trial = self.ledger.obtain(first + drawn, space, sampler, point, self.crew.jobs)
                    drawn += 1
                    self.result.trials.append(trial)
                else:
                    return None
                stage.trials.append(trial.number)
                if epochs in trial.values or trial.state in _ENDED:
                    finish(trial)  # in the search that goes on
                    continue
                trial.stage = number
                return self._training(trial)

        def told(training: Training) -> None:
            if training.interrupted:
                return
            trial = training.trial
            if final and trial.state == "running":
                trial.state = "complete"
            self._keep_best(training)
            if trial.state == "running":
                self.ledger.note(trial)
            else:
                self._close(trial)
            finish(trial)

        self.crew.work(following, epochs, self.display.tick, told)
        return done

    # ---------------------------------------------------------------------------------------------------- bookkeeping
    def _find_best(self) -> None:
        """Find the best trial: those that were trained longer count more, those that ended badly do not."""
        self.result.best = next(iter(self.result.ranked()), None)

    def _keep_best(self, training: Training) -> None:
        """Keep the model of the best trial, in memory and beside the storage."""
        self._find_best()
        if self.result.best is not training.trial or training.model is None:
            return
        self.result.kept = (training.trial.number, training.model)
        if self.folder is not None:
            before = glob.glob(os.path.join(glob.escape(self.folder), "best_*.npz"))
            path = self.result.model_file
            assert path is not None
            with contextlib.suppress(ValueError):  # a model that no file can hold
                training.model.save(path)
                for other in before:
                    if other != path:
                        os.unlink(other)

    def _close(self, trial: Trial) -> None:
        """Write the trial's end and let its model go, unless it is the best."""
        self.ledger.tell(trial)
        training = self.trainings.pop(trial.number, None)
        if training is not None:
            training.forget()

    def close(self, trials: Sequence[Trial], state: State) -> None:
        """End trials that do not go on."""
        for trial in trials:
            if trial.state == "running":
                trial.state = state
                self._close(trial)

    def carry(self, trials: Sequence[Trial]) -> None:
        """Write the checkpoints of trials that go on, for a search that is interrupted."""
        for trial in trials:
            if trial.number in self.trainings:
                self.trainings[trial.number].keep()

    def ranking(self, trials: Sequence[Trial], epochs: int) -> list[Trial]:
        """Return those that came to the end of a stage of so many epochs, the best first."""
        key = self.problem.key
        arrived = [trial for trial in trials if epochs in trial.values]
        return sorted(arrived, key=lambda trial: (key(trial.values[epochs]), trial.number))

    # ----------------------------------------------------------------------------------------------------------- edges
    def warn_edges(self, space: Space) -> None:
        """Warn where the best value lies at the edge of its range."""
        if self.result.best is None:
            return
        for name, side in space.edges(self.result.best.parameters).items():
            value = self.result.best.parameters[name]
            shown = f"{value:.4g}" if isinstance(value, float) else value
            self.warn(
                f"the best {name}, {shown}, lies at the {side} edge of {space[name]!r}: "
                "better values may lie beyond; search again in result.widened(), or with widen=True in coarse_to_fine"
            )

    def warn(self, text: str) -> None:
        """Keep a warning; it is given, as Python does, when the search has ended."""
        self.result.warnings.append(text)

    def run(self, plan: Callable[[Searching], None]) -> SearchResult:
        """Follow the plan; what is done stays in the result and in the file, however it ends."""
        try:
            plan(self)
        finally:
            self.display.end()
            self.ledger.close()
            self.result.interrupted = self.crew.stopped
            self.result.seconds = time.perf_counter() - self._started
        failed = [trial for trial in self.result.trials if trial.state == "failed"]
        if failed and len(failed) == len(self.result.trials):
            self.warn(f"every trial failed, the first with {failed[0].message}")
        for text in self.result.warnings:
            python_warnings.warn(text, UserWarning, stacklevel=4)
        if self.result.best is not None:
            self.display.say(f"best: {describe(self.result.best, self.result.objective)}")
        if self.result.interrupted:
            again = "" if self.ledger.storage is None else "; the same call goes on from there"
            self.display.say(f"interrupted: {len(self.result.trials)} trials begun, what is done is kept{again}")
        return self.result
