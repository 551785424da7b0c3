"""scikit-learn's rules while a training runs: what is recorded, when it stops, what is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.callbacks import Callback
from steepest.lowering.network import Snapshot
from steepest.optimizers import LBFGS
from steepest.schedules.cosine import half_cosine
from steepest.training.progress import duration
from steepest.training.run import Run

# SciPy's default for L-BFGS-B: the relative decrease of the loss below which nothing is to be gained.
_FLAT = 1e7 * float(np.finfo(np.float64).eps)
# scikit-learn's: an adaptive rate is divided by 5, and the training ends once it is below 1e-6.
_ADAPTIVE_DIVISOR, _ADAPTIVE_END = 5.0, 1e-6


class Watch(Callback):
    """Follows one call of `fit` for an estimator.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Whose attributes are kept up to date, epoch by epoch.
    rows, batch : int
        Training rows, and those of a usual batch.
    to_loss : callable
        From the data loss that `fit` records to the one that scikit-learn reports.
    score : callable or None
        `score(logs)` of the validation set after an epoch, larger being better; None without validation.
    single : bool
        One epoch only and no word about convergence: `partial_fit`.
    """

    def __init__(
        self,
        estimator: Any,
        rows: int,
        batch: int,
        to_loss: Callable[[float], float],
        score: Callable[[dict[str, float]], float] | None,
        single: bool,
    ) -> None:
        self.estimator = estimator
        self.rows = rows
        self.to_loss = to_loss
        # scikit-learn adds alpha's part of every batch, the short last one included.
        self.penalty_share = -(-rows // batch) * batch / rows
        self.score = score
        self.single = single
        self.converged = False
        self.out_of_time = False
        self.out_of_evaluations = False
        self.best: Snapshot | None = None
        self.stops_by_score = bool(estimator.early_stopping) and score is not None
        self.verbose = int(estimator.verbose)
        # The members share the budget.
        self.budget = None if estimator.max_time is None else estimator.max_time / estimator.n_members

    # -------------------------------------------------------------------------------------------------------- the hooks
    def on_train_begin(self, run: Run) -> None:
        """Note where the training begins."""
        self.began = time.monotonic()
        self.schedule = run.optimizer.learning_rate
        self.first_update = run.optimizer.iterations
        self.full_batch = run.optimizer.full_batch
        if self.score is not None and self.estimator.best_validation_score_ > -math.inf:
            # A warm start begins with the best weights of the last fit, which it may not surpass.
            self.keep(run)
        self.evaluated_before = run.optimizer.evaluated if isinstance(run.optimizer, LBFGS) else 0

    def on_epoch_begin(self, run: Run) -> None:
        """Note the penalty, which changes through the epoch."""
        self.penalty_before = run.model.network.penalty()
        self.anneal(run)

    def on_slice_end(self, run: Run) -> None:
        """Follow the clock."""
        self.anneal(run)

    def on_epoch_end(self, run: Run) -> None:
        """Record the epoch as scikit-learn does, keep the best weights, and see whether it is time to stop."""
        e = self.estimator
        penalty = run.logs.get("penalty", 0.0)
        if not self.full_batch:
            # scikit-learn adds what every batch found before its update; in between it goes about in a straight line.
            share = 0.5 * (run.steps_per_epoch - 1) / run.steps_per_epoch
            penalty = self.penalty_before + share * (penalty - self.penalty_before)
        before = e.loss_curve_[-1] if e.loss_curve_ else math.inf
        e.n_iter_ += 1
        e.loss_ = self.to_loss(run.logs["loss"]) + self.penalty_share * penalty
        e.t_ += 0 if self.full_batch else self.rows
        e.loss_curve_.append(e.loss_)
        if self.verbose:
            print(f"Iteration {e.n_iter_}, loss = {e.loss_:.8f}")
        if self.score is not None:
            self.validate(run)
        self.count_no_improvement()
        if self.full_batch:
            self.judge_full_batch(run, before)
        else:
            self.step_rate(run)
            if e._no_improvement_count > e.n_iter_no_change:
                self.trigger(run)

    def on_train_end(self, run: Run) -> None:
        """Put the best weights back, and the schedule that the clock has bent."""
        if self.best is not None:
            self.best.restore()
        if self.budget is not None:
            run.optimizer.learning_rate = self.schedule

    # ---------------------------------------------------------------------------------------------------- what they do
    def validate(self, run: Run) -> None:
        """Score the validation set, and keep the weights if they are the best so far."""
        assert self.score is not None
        e = self.estimator
        value = self.score(run.logs)
        run.log("val_score", value)
        e.validation_scores_.append(value)
        e.validation_loss_curve_.append(self.to_loss(run.logs["val_loss"]))
        if self.verbose:
            print(f"Validation score: {value:f}")
            if self.verbose > 1:
                print(f"Validation loss: {e.validation_loss_curve_[-1]:f}, {duration(run.logs['seconds'])}")
        self.not_better = value < e.best_validation_score_ + e.tol
        if value > e.best_validation_score_:
            e.best_validation_score_ = value
            self.keep(run)

    def keep(self, run: Run) -> None:
        """Keep the weights and statistics as the best."""
        if self.best is None:
            network = run.model.network
            self.best = Snapshot([network.parameter_arena, network.state_arena])
        self.best.take()

    def count_no_improvement(self) -> None:
        """Count the epochs in a row that did not improve by `tol`: on the validation score, or on the training loss."""
        e = self.estimator
        if self.stops_by_score:
            stands_still = self.not_better
        else:
            # None after a fit that early stopping ended.
            best = math.inf if e.best_loss_ is None else e.best_loss_
            stands_still = e.loss_ > best - e.tol
            e.best_loss_ = min(best, e.loss_)
        e._no_improvement_count = e._no_improvement_count + 1 if stands_still else 0

    def trigger(self, run: Run) -> None:
        """Stop, or lower an adaptive rate."""
        e = self.estimator
        what = "Validation score" if self.stops_by_score else "Training loss"
        message = f"{what} did not improve more than tol={e.tol:f} for {e.n_iter_no_change} consecutive epochs."
        rate = run.optimizer.learning_rate
        if e.solver == "sgd" and e.learning_rate == "adaptive" and not callable(rate):
            if rate > _ADAPTIVE_END:
                self.change_rate(run, rate / _ADAPTIVE_DIVISOR)
                e._no_improvement_count = 0
                self.say(f"{message} Setting learning rate to {run.optimizer.learning_rate:f}")
                return
            message += " Learning rate too small."
        self.stop(run, message)

    def stop(self, run: Run, message: str) -> None:
        """End the training by convergence."""
        self.converged = True
        self.say(f"{message} Stopping.")
        run.stop(message)

    def say(self, message: str) -> None:
        """Print if anything is printed."""
        if self.verbose:
            print(message)

    def step_rate(self, run: Run) -> None:
        """Lower the rate of `invscaling`, a function of the rows seen, once per epoch."""
        e = self.estimator
        if e.solver == "sgd" and e.learning_rate == "invscaling":
            self.change_rate(run, float(e.learning_rate_init) / (e.t_ + 1) ** e.power_t)

    def change_rate(self, run: Run, rate: float) -> None:
        """Set the rate; scikit-learn's velocity has the old rates inside, ours `v = mu v + g` has none."""
        before = run.optimizer.rate()
        run.optimizer.learning_rate = rate
        for velocity in run.optimizer.slots:
            velocity *= before / rate

    def judge_full_batch(self, run: Run, before: float) -> None:
        """Stop L-BFGS where SciPy's would: a flat loss, or no evaluations left."""
        e, optimizer = self.estimator, run.optimizer
        assert isinstance(optimizer, LBFGS)
        if run.stopping:
            self.converged = True
        elif math.isfinite(before) and before - e.loss_ <= _FLAT * max(abs(before), abs(e.loss_), 1.0):
            self.stop(run, "The loss of L-BFGS did not fall any more.")
        elif optimizer.evaluated - self.evaluated_before >= e.max_fun:
            self.out_of_evaluations = True
            run.stop(f"max_fun={e.max_fun} evaluations of the loss are made")

    # ------------------------------------------------------------------------------------------------------- the clock
    def anneal(self, run: Run) -> None:
        """Bend the schedule so that it ends with `max_time`: its place is the larger share of time and of epochs."""
        e = self.estimator
        if self.budget is None:
            return
        passed = (time.monotonic() - self.began) / self.budget
        if passed >= 1.0:
            self.out_of_time = True
            run.stop(f"max_time={e.max_time:g} s is over")
            return
        if self.full_batch:
            return
        whole = run.epochs * run.steps_per_epoch
        share = max(passed, ((run.epoch - 1) * run.steps_per_epoch + run.step) / whole)
        if callable(self.schedule):
            rate = float(self.schedule(self.first_update + int(share * whole)))
        else:
            rate = half_cosine(float(self.schedule), 0.0, share)
        run.optimizer.learning_rate = rate
