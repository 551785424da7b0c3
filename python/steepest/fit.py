"""The training loop: epochs in Python, slices of many steps in the core."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import data, rng, threads
from steepest.augment import Augmentation
from steepest.callbacks import Callback, EarlyStopping
from steepest.checks import check_bool, check_float, check_int
from steepest.class_weight import row_weights
from steepest.errors import TrainingDiverged
from steepest.history import History
from steepest.interrupt import DeferredInterrupt
from steepest.losses import Loss
from steepest.network import Network, Snapshot
from steepest.optimizers import Adam, Optimizer
from steepest.progress import make_progress
from steepest.registry import LOSSES, OPTIMIZERS
from steepest.run import Run

if TYPE_CHECKING:
    from steepest.model import Model

Array = npt.NDArray[Any]

# Seconds of training between two returns to Python: short enough for Ctrl-C and a progress bar, long enough to cost
# nothing.
SLICE_SECONDS = 0.08
# Rows of one batch in evaluation, where only the memory for the layers' outputs depends on it.
EVALUATION_BATCH = 256


@dataclass(frozen=True)
class DataSet:
    """Checked data as the core takes them, and the rows of them that are used (None: all)."""

    x: Array
    y: Array
    weight: npt.NDArray[np.float64] | None
    rows: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.x) if self.rows is None else len(self.rows)


def fit(
    model: Model,
    X: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: Any,
    epochs: Any,
    batch_size: Any,
    validation_data: Any,
    validation_split: Any,
    shuffle: Any,
    sample_weight: Any,
    class_weight: Any,
    augment: Any,
    callbacks: Sequence[Callback],
    early_stopping: Any,
    verbose: Any,
) -> History:
    """Train; see `Model.fit`."""
    epochs = check_int("epochs", epochs, 0)
    batch_size = check_int("batch_size", batch_size, 1)
    shuffle = check_bool("shuffle", shuffle)
    verbose = check_int("verbose", verbose, 0, 2)
    chosen_loss = _choose_loss(model, loss)
    chosen_optimizer = _choose_optimizer(model, optimizer)
    with model.guard.train():
        x, network = model.receive(X)
        train = check_data(model, chosen_loss, x, y, sample_weight)
        train, validation = _split(model, chosen_loss, train, validation_data, validation_split)
        if class_weight is not None:
            train = _weigh_classes(train, class_weight, network)
        if augment is not None and chosen_optimizer.full_batch:
            raise ValueError("augment makes every step's data new, and L-BFGS needs the same: use Adam, for instance")
        augmentation = None if augment is None else Augmentation(augment, model.seed, network.program.input_shape)
        chosen_optimizer.bind(model, network.parameter_arena, network.signature)
        model.loss, model.optimizer = chosen_loss, chosen_optimizer
        run = Run(
            model=model,
            optimizer=chosen_optimizer,
            loss=chosen_loss,
            epochs=epochs,
            steps_per_epoch=-(-len(train) // batch_size),
            has_validation=validation is not None,
        )
        hooks = [*_check_callbacks(callbacks, early_stopping), make_progress(verbose)]
        with network.training(augmentation, chosen_optimizer.rate_scales(network.parameters)):
            trainer = _trainer_class(chosen_optimizer)
            return trainer(run, network, train, validation, batch_size, shuffle, augmentation, hooks).train()


def _weigh_classes(train: DataSet, class_weight: Any, network: Network) -> DataSet:
    weights = row_weights(class_weight, train.y, network.program.output_width, train.rows)
    if train.weight is not None:
        weights = weights * train.weight
    if not (weights if train.rows is None else weights[train.rows]).any():
        raise ValueError("class_weight leaves every training row without weight")
    return replace(train, weight=weights)


def _trainer_class(optimizer: Optimizer) -> type[Trainer]:
    if not optimizer.full_batch:
        return Trainer
    from steepest.full_batch import FullBatchTrainer

    return FullBatchTrainer


def _choose_loss(model: Model, loss: Any) -> Loss:
    if loss is None and model.loss is None:
        raise ValueError(f"loss must be given at the first fit, one of {', '.join(map(repr, LOSSES.names()))}")
    chosen: Loss = LOSSES.create(model.loss if loss is None else loss, "loss")
    return chosen


def _choose_optimizer(model: Model, optimizer: Any) -> Optimizer:
    if optimizer is None:
        return model.optimizer if model.optimizer is not None else Adam()
    chosen: Optimizer = OPTIMIZERS.create(optimizer, "optimizer")
    return chosen


def _check_callbacks(callbacks: Any, early_stopping: Any) -> list[Callback]:
    if isinstance(callbacks, Callback):
        callbacks = [callbacks]
    chosen = list(callbacks)
    for callback in chosen:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks must be objects of steepest.callbacks.Callback, got {callback!r}")
    if early_stopping is not None:
        if not isinstance(early_stopping, EarlyStopping):
            early_stopping = EarlyStopping(patience=check_int("early_stopping", early_stopping, 1))
        chosen.append(early_stopping)
    return chosen


def check_data(model: Model, loss: Loss, x: Array, y: Any, sample_weight: Any) -> DataSet:
    """Check targets and weights against the data and the network."""
    targets = loss.check_targets(y, len(x), model.network.program.output_width)
    return DataSet(x, targets, data.check_sample_weight(sample_weight, len(x)))


def _split(
    model: Model, loss: Loss, train: DataSet, validation_data: Any, validation_split: Any
) -> tuple[DataSet, DataSet | None]:
    """Return the training and the validation set; a split depends on the model's seed and the number of rows only."""
    share = check_float("validation_split", validation_split, 0.0, 1.0, open_maximum=True)
    if validation_data is not None:
        if share:
            raise ValueError("give validation_data or validation_split, not both")
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        x, y = validation_data[:2]
        held_weight = validation_data[2] if len(validation_data) == 3 else None
        x, _ = model.receive(x, "validation X")
        return train, check_data(model, loss, x, y, held_weight)
    if not share:
        return train, None
    count = max(1, round(share * len(train)))
    if count >= len(train):
        raise ValueError(f"validation_split={share} leaves no row of {len(train)} to train on")
    order = rng.generator(model.seed, rng.SPLIT).permutation(len(train)).astype(np.int64)
    # In the order of the data, which is kinder to memory maps.
    held, rows = np.sort(order[:count]), np.sort(order[count:])
    weight = None if train.weight is None else train.weight[held]
    if weight is not None and not weight.any():
        raise ValueError("validation_split: sample_weight is zero in every row of the validation part")
    return DataSet(train.x, train.y, train.weight, rows), DataSet(train.x[held], train.y[held], weight)


def evaluate(network: Network, loss: Loss, part: DataSet, batch_size: int) -> dict[str, float]:
    """Mean loss, and accuracy where the loss has one, in inference mode."""
    result = network.core.evaluate(part.x, part.y, part.weight, loss.to_core(), batch_size, threads.get_num_threads())
    scores = {"loss": float(result.loss_sum / result.weight_sum)}
    if loss.classifies:
        scores["accuracy"] = result.correct / len(part)
    return scores


class Trainer:
    """One call of `fit` after its arguments were checked."""

    def __init__(
        self,
        run: Run,
        network: Network,
        train: DataSet,
        validation: DataSet | None,
        batch_size: int,
        shuffle: bool,
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
        self.penalized = any(p.l1 > 0.0 or p.l2 > 0.0 for p in network.program.parameters)
        # The last good state: the start of the epoch.
        self.good = Snapshot([network.parameter_arena, network.state_arena, *run.optimizer.slots])

    def train(self) -> History:
        """Train to the end, or until something stops it."""
        run, history = self.run, self.run.history
        self.call("on_train_begin")
        try:
            with DeferredInterrupt() as interrupt:
                while run.epoch < run.epochs and not run.stopping:
                    finished = self.epoch(interrupt)
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
        return history

    def call(self, hook: str) -> None:
        """Call every callback's method of that name."""
        for callback in self.hooks:
            getattr(callback, hook)(self.run)

    def order(self) -> npt.NDArray[np.int64]:
        """Rows of this epoch in the order of training: a function of the seed and of the epochs the model has seen."""
        rows = self.data.rows if self.data.rows is not None else np.arange(len(self.data), dtype=np.int64)
        if not self.shuffle:
            return rows
        model = self.run.model
        return rng.generator(model.seed, rng.SHUFFLE, model.epochs_seen).permutation(rows)

    def epoch(self, interrupt: DeferredInterrupt) -> bool:
        """Train one epoch; False if it was left before its end."""
        run, model = self.run, self.run.model
        run.epoch += 1
        run.step = 0
        run.logs = {}
        started = time.perf_counter()
        self.call("on_epoch_begin")
        self.good.take()
        counters = (model.steps, run.optimizer.iterations)
        if not self.steps(interrupt, counters):
            return False
        bad = self.network.find_non_finite()
        if bad is not None:
            self.diverged(counters, bad.rpartition(".")[0], f"{bad!r} after an update")
        model.epochs_seen += 1
        self.finish(time.perf_counter() - started)
        return True

    def steps(self, interrupt: DeferredInterrupt, counters: tuple[int, int]) -> bool:
        """Make the epoch's steps, a slice at a time; False if they were left before their end."""
        run = self.run
        order = self.order()
        self.window = 1024
        totals = _Totals()
        schedule, rates = self.rates(0)
        while run.step < run.steps_per_epoch:
            if run.optimizer.learning_rate is not schedule:
                schedule, rates = self.rates(run.step)
            self.run_slice(order, rates, totals, counters)
            run.logs = {**totals.means(run.loss), "learning_rate": float(rates[run.step - 1])}
            self.call("on_slice_end")
            if run.step < run.steps_per_epoch and (interrupt.pending or run.stopping):
                return False
        return True

    def rates(self, done: int) -> tuple[Any, npt.NDArray[np.float64]]:
        """Return the learning rate as it is set now, and the rates of the epoch's steps, of which `done` lie behind."""
        rates = np.zeros(self.run.steps_per_epoch)
        rates[done:] = self.run.optimizer.rates(self.run.steps_per_epoch - done)
        return self.run.optimizer.learning_rate, rates

    def run_slice(
        self, order: npt.NDArray[np.int64], rates: npt.NDArray[np.float64], totals: _Totals, counters: tuple[int, int]
    ) -> None:
        """Make as many steps as fit into a slice."""
        run, optimizer = self.run, self.run.optimizer
        if self.augmentation is not None:
            self.augmentation.step = run.model.steps
        # The core checks all rows it is given, so give it what a slice may need and not the whole rest.
        window = slice(run.step * self.batch_size, (run.step + self.window) * self.batch_size)
        result = self.network.core.train(
            self.data.x,
            self.data.y,
            self.data.weight,
            order[window],
            rates[run.step : run.step + self.window],
            self.batch_size,
            run.loss.to_core(),
            optimizer.to_core(),
            optimizer.slots,
            optimizer.iterations,
            run.model.steps,
            run.model.seed,
            threads.get_num_threads(),
            SLICE_SECONDS,
            totals.loss,
            totals.weight,
        )
        self.window = max(64, 4 * result.steps)
        run.step += result.steps
        run.model.steps += result.steps
        optimizer.iterations += result.steps
        totals.add(result)
        if not result.finite:
            operations = self.network.running.operations
            layer = operations[result.bad_operation].layer if result.bad_operation >= 0 else None
            self.diverged(counters, layer, f"the output of layer {layer!r}" if layer else "the loss alone")

    def finish(self, seconds: float) -> None:
        """Complete the epoch's record and show it to the callbacks."""
        run = self.run
        if self.penalized:
            run.logs["penalty"] = self.network.penalty()
        if self.validation is not None:
            scores = evaluate(self.network, run.loss, self.validation, EVALUATION_BATCH)
            run.logs.update({f"val_{name}": value for name, value in scores.items()})
        run.logs["seconds"] = seconds
        run.optimizer.end_epoch(run.logs)  # before a checkpoint looks
        run.history.append(run.logs)
        self.call("on_epoch_end")

    def diverged(self, counters: tuple[int, int], layer: str | None, where: str) -> None:
        """Go back to the start of the epoch and raise what explains the non-finite numbers."""
        run = self.run
        step = run.model.steps
        rate = run.optimizer.rate()
        self.good.restore()
        run.model.steps, run.optimizer.iterations = counters
        for name, array in (("X", self.data.x), ("y", self.data.y)):
            found = data.find_non_finite(array, np.dtype(self.network.dtype))
            if found is not None:
                row, column = found
                raise ValueError(
                    f"{name}[{row}, {column}] is {array[row, column]}, which is not finite in {self.network.dtype}: "
                    "fill or drop such rows; the model stands where this epoch began"
                )
        run.history.stopped = f"diverged in epoch {run.epoch}"
        raise TrainingDiverged(
            f"training diverged at step {step}, in epoch {run.epoch} of this fit: numbers became NaN or infinite, "
            f"first in {where}. "
            f"The data are finite. Lower the learning rate (now {rate:g}), say by a factor of ten, standardise the "
            "inputs (steepest.preprocessing.Standardizer) and check the scale of the targets. "
            "The model stands where this epoch began and can be used.",
            history=run.history,
            epoch=run.epoch,
            step=step,
            layer=layer,
        )


class _Totals:
    """Sums over an epoch's batches."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.weight = 0.0
        self.correct = 0
        self.rows = 0

    def add(self, result: Any) -> None:
        # The core goes on from the sums it was given: one chain of additions, wherever slices end.
        self.loss = result.loss_sum
        self.weight = result.weight_sum
        self.correct += result.correct
        self.rows += result.rows

    def means(self, loss: Loss) -> dict[str, float]:
        means = {"loss": self.loss / self.weight if self.weight else 0.0}
        if loss.classifies:
            means["accuracy"] = self.correct / max(self.rows, 1)
        return means
