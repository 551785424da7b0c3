"""The training loop: epochs in Python, slices of many steps in the core.

A trainer does not call the core itself: it yields what it wants done (`steepest.training.requests`) and goes on with
the result, so that one training and many side by side are the same loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.errors import TrainingDiverged
from steepest.history import History
from steepest.losses import Loss
from steepest.lowering.network import Network, Snapshot
from steepest.rng import Rows, shuffle_rows
from steepest.training import divergence
from steepest.training.augment import Augmentation
from steepest.training.callback import Callback
from steepest.training.interrupt import DeferredInterrupt
from steepest.training.requests import Evaluation, Request, Slice
from steepest.training.run import Run
from steepest.training.training_set import EVALUATION_BATCH, DataSet, check_order

# Seconds of training between two returns to Python: short enough for Ctrl-C and a progress bar, long enough to cost
# nothing.
SLICE_SECONDS = 0.08


class Trainer:
    """One call of `fit` after its arguments were checked."""

    def __init__(
        self,
        run: Run,
        network: Network,
        train: DataSet,
        validation: DataSet | None,
        batch_size: int,
        shuffle: bool | Callable[[Rows], Any],
        augmentation: Augmentation | None,
        hooks: list[Callback],
    ) -> None:
        self.run = run
        self.network = network
        self.data = train
        self.validation = validation
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.augmentation = augmentation
        self.hooks = hooks
        self.shuffled: Callable[[int | None, int, Rows | None, int], Rows] = shuffle_rows
        self.penalized = any(p.l1 > 0.0 or p.l2 > 0.0 for p in network.program.parameters)
        # The last good state: the start of the epoch.
        self.good = Snapshot.of_training(network, run.optimizer.slots)

    def train(self, interrupt: DeferredInterrupt) -> Generator[Request, Any, History]:
        """Train to the end, or until something stops it."""
        run, history = self.run, self.run.history
        self.call("on_train_begin")
        try:
            while run.epoch < run.epochs and not run.stopping:
                try:
                    finished = yield from self.epoch(interrupt)
                except (TrainingDiverged, ValueError) as error:
                    if not self.goes_on(error):
                        raise
                    finished = True
                if interrupt.pending:
                    raise KeyboardInterrupt
                if not finished:
                    break
        except KeyboardInterrupt:
            history.interrupted = True
            history.stopped = (
                f"stopped by Ctrl-C after {history.epochs} finished epochs; the model keeps what it has learnt"
            )
        finally:
            self.call("on_train_end")
            if run.watch is not None:
                run.watch.close(run)
            self.good.leave(self.network)
        return history

    def goes_on(self, error: Exception) -> bool:
        """Whether a callback has dealt with a divergence, so that the epoch is to be trained again."""
        run = self.run
        run.failure = error
        if not isinstance(error, TrainingDiverged) or not any(h.on_divergence(run, error) for h in self.hooks):
            return False
        run.failure = run.history.stopped = None
        run.epoch -= 1
        return True

    def call(self, hook: str) -> None:
        """Call every callback's method of that name."""
        for callback in self.hooks:
            getattr(callback, hook)(self.run)

    def order(self) -> Rows:
        """Rows of this epoch in the order of training: a function of the seed and of the epochs the model has seen."""
        rows, model = self.data.rows, self.run.model
        if callable(self.shuffle):
            given = np.arange(len(self.data), dtype=np.int64) if rows is None else rows
            return check_order(self.shuffle(given), len(given))
        seed, epoch = (model.seed, model.epochs_seen) if self.shuffle else (None, 0)
        return self.shuffled(seed, epoch, rows, len(self.data))

    def epoch(self, interrupt: DeferredInterrupt) -> Generator[Request, Any, bool]:
        """Train one epoch; False if it was left before its end."""
        run, model = self.run, self.run.model
        run.epoch += 1
        run.step = 0
        run.logs = {}
        started = time.perf_counter()
        self.call("on_epoch_begin")
        if run.watch is not None:
            run.watch.begin_epoch(run)
        self.good.take()
        counters = (model.steps, run.optimizer.iterations)
        if not (yield from self.steps(interrupt, counters)):
            return False
        bad = self.network.find_non_finite()
        if bad is not None:
            place = divergence.Place(model.steps, bad.rpartition(".")[0], f"{bad!r} after an update")
            raise divergence.explain(self, place, counters)
        model.epochs_seen += 1
        yield from self.finish(time.perf_counter() - started)
        return True

    def steps(self, interrupt: DeferredInterrupt, counters: tuple[int, int]) -> Generator[Request, Any, bool]:
        """Make the epoch's steps, a slice at a time; False if they were left before their end."""
        run = self.run
        order = self.order()
        self.window = 1024
        totals = Totals()
        schedule, rates = self.rates(0)
        while run.step < run.steps_per_epoch:
            if run.optimizer.learning_rate is not schedule:
                schedule, rates = self.rates(run.step)
            self.take(totals, (yield self.next_slice(order, rates, totals)), counters)
            run.logs = {**totals.means(run.loss), "learning_rate": float(rates[run.step - 1])}
            self.call("on_slice_end")
            if run.step < run.steps_per_epoch and (interrupt.pending or run.stopping):
                return False
        return True

    def rates(self, done: int) -> tuple[Any, npt.NDArray[np.float64]]:
        """Return the learning rate as it is set now, and the rates of the epoch's steps, of which `done` lie behind."""
        rates = self.run.optimizer.rates(self.run.steps_per_epoch - done)
        if done:
            rates = np.concatenate([np.zeros(done), rates])
        return self.run.optimizer.learning_rate, rates

    def next_slice(self, order: Rows, rates: npt.NDArray[np.float64], totals: Totals) -> Slice:
        """Return the next steps, as many as fit into a slice."""
        run, optimizer = self.run, self.run.optimizer
        if self.augmentation is not None:
            self.augmentation.step = run.model.steps
        # The core checks all rows it is given, so give it what a slice may need and not the whole rest.
        end = run.step + min([self.window, *(p - run.model.steps % p for hook in self.hooks if (p := hook.pace))])
        given = (
            self.data.x,
            self.data.y,
            self.data.weight,
            order[run.step * self.batch_size : end * self.batch_size],
            rates[run.step : end],
            self.batch_size,
            run.loss.to_core(),
            optimizer.to_core(),
            optimizer.slots,
            optimizer.iterations,
            run.model.steps,
            run.model.seed,
        )
        unchanged = run.step > 0 and all(
            hook.observes or type(hook).on_slice_end is Callback.on_slice_end for hook in self.hooks
        )
        return Slice(self.network.core, given, SLICE_SECONDS, (totals.loss, totals.weight), unchanged)

    def take(self, totals: Totals, result: Any, counters: tuple[int, int]) -> None:
        """Count the steps of a slice that was run."""
        run = self.run
        # A slice may have been short because others waited for it: shrink slowly.
        self.window = max(64, 4 * result.steps, self.window // 2)
        run.step += result.steps
        run.model.steps += result.steps
        run.optimizer.iterations += result.steps
        totals.add(result)
        if result.leaps:
            raise divergence.leap(self, counters)
        if not result.finite:
            raise divergence.explain(self, divergence.place_of(self, result.bad_operation), counters)

    def finish(self, seconds: float) -> Generator[Request, Any, None]:
        """Complete the epoch's record and show it to the callbacks."""
        run = self.run
        if self.penalized:
            run.logs["penalty"] = self.network.penalty()
        if self.validation is not None:
            scores = yield Evaluation(self.network, run.loss, self.validation, EVALUATION_BATCH)
            run.logs.update({f"val_{name}": value for name, value in scores.items()})
        run.logs["seconds"] = seconds
        run.optimizer.end_epoch(run.logs)  # before a checkpoint looks
        run.history.append(run.logs)
        self.call("on_epoch_end")


class Totals:
    """Sums over an epoch's batches."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.weight = 0.0
        self.correct = 0
        self.rows = 0

    def add(self, result: Any) -> None:
        """Take over what a slice did."""
        # The core goes on from the sums it was given: one chain of additions, wherever slices end.
        self.loss = result.loss_sum
        self.weight = result.weight_sum
        self.correct += result.correct
        self.rows += result.rows

    def means(self, loss: Loss) -> dict[str, float]:
        """Return the means over the epoch so far."""
        means = {"loss": self.loss / self.weight if self.weight else 0.0}
        if loss.classifies:
            means["accuracy"] = self.correct / max(self.rows, 1)
        return means
