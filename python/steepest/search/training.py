"""The training of one trial, which can stop and go on."""

from __future__ import annotations

import copy
import math
import os
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from steepest import threads
from steepest.callbacks import Callback, EarlyStopping
from steepest.errors import TrainingDiverged
from steepest.registry import OPTIMIZERS
from steepest.search.problem import Problem, sample_rows
from steepest.search.trial import Trial
from steepest.training.run import Run

if TYPE_CHECKING:
    from steepest.optimizers import Optimizer
    from steepest.sequential import Sequential


class LossGuard(Callback):
    """Stop a training at once when its loss passes a multiple of the initial loss.

    The mean loss of every `pace` steps and of every epoch is compared with `initial + (factor - 1) |initial|`, which is
    `factor * initial` for the losses that are never negative.

    Parameters
    ----------
    initial : float
        Loss before the first step.
    factor : float
        Above 1.

    Attributes
    ----------
    message : str
        Why it stopped the training; empty if it did not.
    """

    # Fixed steps, not the slices of the clock: a slow machine stops the same trials at the same step.
    pace = 100

    def __init__(self, initial: float, factor: float = 3.0) -> None:
        self.initial = initial
        self.bound = initial + (factor - 1.0) * abs(initial)
        self.message = ""
        self._last = (0, 0.0)

    def on_epoch_begin(self, run: Run) -> None:
        """Begin the sums of an epoch."""
        self._last = (0, 0.0)

    def on_slice_end(self, run: Run) -> None:
        """Compare the mean loss since the last time."""
        if run.model.steps % self.pace == 0:
            steps, total = self._last
            self._last = (run.step, run.step * run.logs["loss"])
            self._compare(run, (self._last[1] - total) / (run.step - steps))

    def on_epoch_end(self, run: Run) -> None:
        """Compare the loss of the epoch."""
        self._compare(run, run.logs["loss"])

    def _compare(self, run: Run, loss: float) -> None:
        if not loss <= self.bound and not self.message:
            self.message = f"loss {loss:.4g} passed the bound {self.bound:.4g} (initial loss {self.initial:.4g})"
            run.stop(self.message)


class _Watcher(Callback):
    """Tells the search about every epoch, and the training that the search is over."""

    def __init__(self, training: Training, tick: Callable[[Training], None], stopping: Callable[[], bool]) -> None:
        self.training, self.tick, self.stopping = training, tick, stopping

    def on_slice_end(self, run: Run) -> None:
        """Look whether the search was interrupted."""
        if self.stopping():
            self.training.interrupted = True
            run.stop("the search was interrupted")

    def on_epoch_end(self, run: Run) -> None:
        """Count the epoch, and fail at the first where there is no such record, not after a whole training."""
        self.training.trial.epochs += 1
        objective = self.training.problem.objective
        if isinstance(objective, str) and objective not in run.logs:
            raise ValueError(f"objective={objective!r} is not recorded, only {', '.join(map(repr, run.logs))}")
        self.tick(self.training)


class Training:
    """The model of one trial while it is needed; `advance` trains it up to a number of epochs.

    Parameters
    ----------
    problem, trial
        What is trained, and the record that is written.
    checkpoint : str or None
        File of the model at the end of its last stage, for a search that was interrupted.
    """

    def __init__(self, problem: Problem, trial: Trial, checkpoint: str | None = None) -> None:
        self.problem, self.trial, self.checkpoint = problem, trial, checkpoint
        self.model: Sequential | None = None
        self.target = 0
        self.interrupted = False
        self._optimizer: Optimizer | None = None
        self._arguments: dict[str, Any] = {}

    def advance(
        self, epochs: int, workers: int | None, tick: Callable[[Training], None], stopping: Callable[[], bool]
    ) -> None:
        """Train until the model has seen so many epochs, with at most so many workers; the trial says what came of it.

        Nothing is raised but KeyboardInterrupt: an error is the trial's state.
        """
        trial, started = self.trial, time.perf_counter()
        self.target = epochs
        try:
            with threads.limited(workers) if workers else nullcontext():
                self._advance(epochs, tick, stopping)
        except TrainingDiverged as error:
            trial.state, trial.message = "stopped", str(error).partition(". The data are finite")[0]
        except Exception as error:
            trial.state, trial.message = "failed", _describe(error)
        trial.seconds += time.perf_counter() - started

    def _advance(self, epochs: int, tick: Callable[[Training], None], stopping: Callable[[], bool]) -> None:
        problem, trial = self.problem, self.trial
        if self.model is None:
            self._prepare()
        assert self.model is not None
        initial = trial.initial_loss
        if initial is None or not math.isfinite(initial):
            trial.state, trial.message = "stopped", f"the initial loss is {initial}"
            return
        guard = LossGuard(initial, problem.factor)
        extra: Sequence[Callback] = () if problem.callbacks is None else problem.callbacks(trial)
        arguments = dict(self._arguments)
        patience = self._early_stopping(arguments.pop("early_stopping", None))
        history = self.model.fit(
            problem.x,
            problem.y,
            optimizer=self._optimizer,
            epochs=epochs - trial.epochs,
            validation_data=problem.validation,
            callbacks=[*extra, _Watcher(self, tick, stopping), guard],
            early_stopping=patience,
            verbose=0,
            **arguments,
        )
        if self.interrupted or history.interrupted:
            self.interrupted = True
            return
        if guard.message:
            trial.state, trial.message = "stopped", guard.message
            return
        # Early stopping has put the best epoch back, whose objective it knows.
        known = patience is not None and patience.monitor == problem.objective
        value = patience.best if patience is not None and known else problem.score(self.model, history)
        if not math.isfinite(value):
            trial.state, trial.message = "stopped", f"the objective is {value}"
            return
        trial.value = trial.values[epochs] = value

    def _early_stopping(self, asked: Any) -> EarlyStopping | None:
        """Return an object of this trial's own that follows the objective."""
        if asked is None or isinstance(asked, EarlyStopping):
            return copy.deepcopy(asked)
        objective = self.problem.objective
        if not isinstance(objective, str):
            return EarlyStopping(patience=asked)
        return EarlyStopping(patience=asked, monitor=objective, mode="max" if self.problem.maximize else "min")

    def _prepare(self) -> None:
        """Build the model; one that has trained before comes from its checkpoint, or starts again."""
        trial, problem = self.trial, self.problem
        model, arguments = problem.make(trial.parameters)
        chosen = OPTIMIZERS.create(arguments.pop("optimizer", None) or "adam", "optimizer")
        self._arguments, self._optimizer, self.model = arguments, chosen, model
        if trial.initial_loss is None:
            x, y = sample_rows(problem.x, problem.y)
            # As the first step sees it: with the batch's statistics in batch norm, without the penalty.
            value, _ = model.loss_and_gradients(x, y, loss=arguments["loss"])
            trial.initial_loss = value - model.network.penalty()
        if trial.epochs and not self._restore():
            trial.epochs = 0

    def _restore(self) -> bool:
        """Go on from the checkpoint, with the optimiser that `build` made."""
        from steepest import saving

        assert self._optimizer is not None
        assert self.model is not None
        if self.checkpoint is None or not os.path.exists(self.checkpoint):
            return False
        try:
            kept = saving.load(self.checkpoint)
        except ValueError:
            return False
        before, mine = kept.optimizer, self._optimizer
        if before is None or kept.epochs_seen - self.model.epochs_seen != self.trial.epochs:
            return False
        mine.bind(kept, kept.network.parameter_arena, kept.network.signature)
        mine.set_state(before.get_state())
        for slot, flat in zip(mine.slots, before.slots, strict=True):
            slot[...] = flat
        self.model = kept
        return True

    def keep(self) -> None:
        """Write the checkpoint, if there is a place for it; a model that no file can hold trains again if need be."""
        if self.checkpoint is not None and self.model is not None:
            try:
                self.model.save(self.checkpoint)
            except ValueError:
                self.checkpoint = None

    def forget(self) -> None:
        """Let the model go, and its checkpoint."""
        self.model = None
        if self.checkpoint is not None and os.path.exists(self.checkpoint):
            os.unlink(self.checkpoint)


def _describe(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(last.filename)}:{last.lineno})"
