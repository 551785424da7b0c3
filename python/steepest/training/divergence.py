"""What to say about numbers that became NaN or infinite: where it began, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import data, threads
from steepest.errors import NonFiniteData, TrainingDiverged

if TYPE_CHECKING:
    from steepest.training.trainer import Trainer

Array = npt.NDArray[Any]

# Steps that are made again at a time, with one scan of the parameters behind them.
_STRIDE = 64


@dataclass(frozen=True)
class Place:
    """Where the first number that was not finite stood: training step of the model, layer, and words for a sentence."""

    step: int
    layer: str | None
    where: str


def place_of(trainer: Trainer, bad_operation: int) -> Place:
    """Return the place in the forward pass that the core has seen."""
    operations = trainer.network.running.operations
    layer = operations[bad_operation].layer if bad_operation >= 0 else None
    return Place(trainer.run.model.steps, layer, f"the output of layer {layer!r}" if layer else "the loss alone")


def explain(trainer: Trainer, place: Place, counters: tuple[int, int]) -> Exception:
    """Go back to the start of the epoch and return the error that tells what happened.

    Where a parameter is not finite it became so in some earlier step, whose loss was still finite (a ReLU hides NaN):
    the steps are then made again from the start of the epoch until that step is found.
    """
    run = trainer.run
    if run.watch is not None:
        run.watch.fail(run)
    hidden = trainer.network.find_non_finite() is not None
    last = run.model.steps
    rate = run.optimizer.rate()
    trainer.good.restore()
    run.model.steps, run.optimizer.iterations = counters
    for name, array in (("X", trainer.data.x), ("y", trainer.data.y)):
        found = data.find_non_finite(array, np.dtype(trainer.network.dtype))
        if found is not None:
            row, column = found
            at = np.flatnonzero(trainer.order() == row)
            steps = len(at) and not run.optimizer.full_batch
            return NonFiniteData(
                f"{name}[{row}, {column}] is {array[row, column]}, which is not finite in {trainer.network.dtype}: "
                "fill or drop such rows; the model stands where this epoch began",
                row=row,
                step=counters[0] + int(at[0]) // trainer.batch_size if steps else None,
            )
    if hidden and not run.optimizer.full_batch:
        place = _Replay(trainer, last - counters[0]).find() or place
        trainer.good.restore()
    run.history.stopped = f"diverged in epoch {run.epoch}"
    return TrainingDiverged(
        f"training diverged at step {place.step}, in epoch {run.epoch} of this fit: numbers became NaN or infinite, "
        f"first in {place.where}. "
        f"The data are finite. Lower the learning rate (now {rate:g}), say by a factor of ten, standardise the "
        "inputs (steepest.preprocessing.Standardizer) and check the scale of the targets. "
        "The model stands where this epoch began and can be used.",
        history=run.history,
        epoch=run.epoch,
        step=place.step,
        layer=place.layer,
    )


def leap(trainer: Trainer, counters: tuple[int, int]) -> TrainingDiverged:
    """Go back to the start of the epoch and return the error for a loss that leapt."""
    run = trainer.run
    if run.watch is not None:
        run.watch.fail(run)
    step = run.model.steps
    trainer.good.restore()
    run.model.steps, run.optimizer.iterations = counters
    run.history.stopped = f"the loss leapt in epoch {run.epoch}"
    return TrainingDiverged(
        f"the loss leapt at step {step}, in epoch {run.epoch} of this fit; the model stands where this epoch began",
        history=run.history,
        epoch=run.epoch,
        step=step,
        layer=None,
        finite=True,
    )


class _Replay:
    """Makes the steps of the epoch again, which gives the same numbers, and looks behind them.

    Only what a callback changed between slices is not repeated; then nothing may be found.
    """

    def __init__(self, trainer: Trainer, count: int) -> None:
        self.trainer = trainer
        self.network = trainer.network
        self.order = trainer.order()
        self.rates = trainer.rates(0)[1]
        self.count = min(count, len(self.rates))
        self.first = trainer.run.model.steps
        self.memory = [self.network.parameter_arena, self.network.state_arena, *trainer.run.optimizer.slots]

    def find(self) -> Place | None:
        """Return the place of the first number that is not finite; None if the steps do not show one."""
        step, stride = 0, _STRIDE
        while step < self.count:
            before = [array.copy() for array in self.memory]
            made = self.make(step, min(stride, self.count - step))
            if self.network.find_non_finite() is None and made:
                step += made
                continue
            bad = self.network.find_non_finite()
            for array, copy in zip(self.memory, before, strict=True):
                np.copyto(array, copy)
            if stride == 1:
                return self.look(step, bad)
            stride = 1
        return None

    def rows(self, step: int, count: int = 1) -> npt.NDArray[np.int64]:
        """Return the rows of the steps from `step` of the epoch."""
        size = self.trainer.batch_size
        return self.order[step * size : (step + count) * size]

    def make(self, step: int, count: int) -> int:
        """Make `count` steps; return how many had a finite loss."""
        run, trainer = self.trainer.run, self.trainer
        made = 0
        while made < count:
            if trainer.augmentation is not None:
                trainer.augmentation.step = self.first + step + made
            result = self.network.core.train(
                trainer.data.x,
                trainer.data.y,
                trainer.data.weight,
                self.rows(step + made, count - made),
                self.rates[step + made : step + count],
                trainer.batch_size,
                run.loss.to_core(),
                run.optimizer.to_core(),
                run.optimizer.slots,
                run.optimizer.iterations + step + made,
                self.first + step + made,
                run.model.seed,
                threads.get_num_threads(),
                1.0,
            )
            made += result.steps
            if not result.finite or result.leaps:
                break
        return made

    def look(self, step: int, bad: str | None) -> Place:
        """Return the place inside one step: outputs in the order of the layers, gradients from the last one back."""
        network, trainer, number = self.network, self.trainer, self.first + step
        rows = self.rows(step)
        x, y = trainer.data.x[rows], trainer.data.y[rows]
        weight = None if trainer.data.weight is None else trainer.data.weight[rows]
        seed, workers = trainer.run.model.seed, threads.get_num_threads()
        if trainer.augmentation is not None:
            trainer.augmentation.step = number
        values = network.core.forward(x, True, number, seed, workers)
        for op in network.running.operations:
            if not np.isfinite(values[op.output]).all():
                return Place(number, op.layer, f"the output of layer {op.layer!r}")
        flat = np.zeros_like(network.parameter_arena)
        network.core.loss_and_gradients(
            x, y, weight, trainer.run.loss.to_core(), True, flat, None, number, seed, workers
        )
        gradients = network.split(flat)
        for name in reversed(gradients):
            if not np.isfinite(gradients[name]).all():
                layer = name.rpartition(".")[0]
                return Place(number, layer, f"the gradient of {name!r}")
        if bad is None:
            return Place(number, None, "the loss alone")
        return Place(number, bad.rpartition(".")[0], f"{bad!r} after an update")
