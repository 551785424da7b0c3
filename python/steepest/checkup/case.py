"""What the checks look at: a copy of the model, the data as the core takes them, samples, and the clock."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data, rng, threads
from steepest.checks import check_bool, check_float, check_int
from steepest.losses import Loss
from steepest.lowering.network import Network
from steepest.model import Model
from steepest.optimizers import Adam, Optimizer
from steepest.registry import LOSSES, OPTIMIZERS
from steepest.training.class_weight import row_weights
from steepest.training.training_set import DataSet, check_data

from .guess import guess_loss

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

# Elements of the largest sample of the data that statistics are taken from, and its rows.
_SAMPLE_ELEMENTS = 4_000_000
_SAMPLE_ROWS = 4096
# Purpose of the generator, beside those of steepest.rng, which belong to the model.
_PURPOSE = 100


class Case:
    """One checkup's subject.

    Attributes
    ----------
    model : Model
        A copy, built; what checks do to copies of it nobody sees.
    x, y : ndarray
        Samples as a matrix, and the targets as given.
    train : DataSet or None
        Checked data and weights; None where `problems` has the reason.
    validation : DataSet or None
        The same for the validation data.
    problems : dict of str to str
        What `fit` would refuse: by "targets", "weights", "validation", in the words of its error.
    loss : Loss
        Given, the model's last one, or guessed from the targets (`guessed`).
    optimizer : Optimizer
        A copy without state.
    fresh : bool
        Whether the model has not been trained yet.
    """

    def __init__(self, model: Model, X: Any, y: Any, settings: dict[str, Any]) -> None:
        self.seed = check_int("seed", settings["seed"], 0)
        self.budget = check_float("budget", settings["budget"], 0.0, open_minimum=True)
        self.started = time.perf_counter()
        self.batch_size = check_int("batch_size", settings["batch_size"], 1)
        self.epochs = None if settings["epochs"] is None else check_int("epochs", settings["epochs"], 0)
        self.shuffle = check_bool("shuffle", settings["shuffle"])
        self.augment = settings["augment"]
        self.model = model.copy() if hasattr(model, "copy") else copy.deepcopy(model)
        self.was_built = model.built
        self.fresh = model.steps == 0
        self.x: Array
        self.network: Network
        self.x, self.network = self.model.receive(X)
        self.columns = _names(X, self.x.shape[1], settings["feature_names"])
        self.y = data.as_array("y", y)
        self.problems: dict[str, str] = {}
        self.guessed = settings["loss"] is None and model.loss is None
        self.loss: Loss = self._choose_loss(settings["loss"])
        self.optimizer = _choose_optimizer(model, settings["optimizer"])
        self.class_weight = settings["class_weight"]
        self.train = self._check("targets", lambda: self._receive(self.x, y, settings["sample_weight"]))
        # What one check leaves for the next ones: see data.py, start.py, learning.py, rate.py and labels.py.
        self.extremes: Any = None
        self.start: Any = None
        self.real: Any = None
        self.suggested_rate = math.nan
        self.explained = 0.0
        self.raised: set[str] = set()
        self.validation_x: Array | None = None
        self.validation: DataSet | None = self._check("validation", lambda: self._held(settings["validation_data"]))

    # ---------------------------------------------------------------------------------------------------------- inputs
    def _choose_loss(self, loss: Any) -> Loss:
        if self.guessed:
            loss = guess_loss(self.y, self.network.program)
        chosen: Loss = LOSSES.create(self.model.loss if loss is None else loss, "loss")
        return chosen

    def _check(self, name: str, get: Callable[[], DataSet | None]) -> DataSet | None:
        try:
            return get()
        except (ValueError, TypeError) as error:
            self.problems.setdefault(name, str(error))
            return None

    def _receive(self, x: Array, y: Any, weight: Any) -> DataSet:
        part = check_data(self.model, self.loss, x, y, None)
        try:
            part = check_data(self.model, self.loss, x, y, weight)
            if self.class_weight is not None:
                weights = row_weights(self.class_weight, part.y, self.width, None)
                part = DataSet(part.x, part.y, weights if part.weight is None else weights * part.weight)
        except (ValueError, TypeError) as error:
            self.problems["weights"] = str(error)
        return part

    def _held(self, held: Any) -> DataSet | None:
        if held is None:
            return None
        if not isinstance(held, (tuple, list)) or len(held) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        x, _ = self.model.receive(held[0], "validation X")
        self.validation_x = x
        return check_data(self.model, self.loss, x, held[1], held[2] if len(held) == 3 else None)

    # ------------------------------------------------------------------------------------------------------------ time
    @property
    def left(self) -> float:
        """Seconds until the budget is used up."""
        return self.started + self.budget - time.perf_counter()

    def share(self, part: float, most: float) -> float:
        """Return a part of the time that is left, in seconds, but no more than `most`."""
        return max(min(part * self.left, most), 0.0)

    # --------------------------------------------------------------------------------------------------------- numbers
    @property
    def rows(self) -> int:
        """Training rows."""
        return len(self.x)

    @property
    def width(self) -> int:
        """Outputs of the network."""
        return self.network.program.output_width

    @property
    def data(self) -> DataSet:
        """The checked training data; only for checks that need "targets"."""
        assert self.train is not None
        return self.train

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """Class of every row where there is one class per row; None for numbers and several labels per row."""
        return None if self.train is None else self.labels_of(self.train.y)

    def labels_of(self, y: Array) -> npt.NDArray[np.int64] | None:
        """Return the class of every row of checked targets, or None."""
        if y.ndim == 1:  # the losses return other targets as a matrix
            return y.astype(np.int64)
        if not self.loss.classifies:
            return None
        if y.shape[1] == 1:
            values = np.unique(y)
            return (y[:, 0] > 0.5 * (values[0] + values[-1])).astype(np.int64) if len(values) <= 2 else None
        if self.loss.kind == "softmax_cross_entropy" and np.all((y == 0) | (y == 1)):
            found: npt.NDArray[np.int64] = y.argmax(axis=1).astype(np.int64)
            return found
        return None

    @property
    def classes(self) -> int:
        """Number of classes the network tells apart."""
        return max(self.width, 2)

    @property
    def has_own_code(self) -> bool:
        """Whether a layer, an activation, the loss or the augmentation is a function of the user's."""
        operations = self.network.program.operations
        own_loss = self.loss.to_core()["kind"] == "host"
        return own_loss or self.augment is not None or any(op.function is not None for op in operations)

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """Targets as a matrix of numbers: labels as one-hot columns, other targets as they are, of the sampled rows."""
        y = self.data.y[self.sampled]
        if y.ndim == 1:
            return np.asarray(np.eye(self.classes)[y], dtype=np.float64)
        return np.asarray(y, dtype=np.float64)

    def planned_rates(self) -> npt.NDArray[np.float64]:
        """Return the learning rates of the steps `fit` would make, of the first thousands of them."""
        steps = -(-self.rows // self.batch_size) * (self.epochs if self.epochs else 10)
        return self.optimizer.rates(int(np.clip(steps, 1, 20_000)))

    def generator(self, key: int) -> np.random.Generator:
        """Return a generator that depends on the checkup's seed and the key only."""
        return rng.generator(self.seed, _PURPOSE, key)

    def draw(self, count: int, key: int) -> Indices:
        """Return the numbers of up to so many rows, drawn at random, in the order of the data."""
        if count >= self.rows:
            return np.arange(self.rows, dtype=np.int64)
        return np.sort(self.generator(key).choice(self.rows, size=count, replace=False)).astype(np.int64)

    @cached_property
    def sampled(self) -> Indices:
        """Numbers of the rows that statistics are taken from."""
        return self.draw(max(min(_SAMPLE_ROWS, _SAMPLE_ELEMENTS // self.x.shape[1]), 64), 0)

    @cached_property
    def sample(self) -> npt.NDArray[np.float64]:
        """The sampled rows of X as float64."""
        return np.asarray(self.x[self.sampled], dtype=np.float64)

    def part(self, rows: Indices) -> DataSet:
        """Return these rows of the training data."""
        source = self.data
        weight = None if source.weight is None else source.weight[rows]
        if weight is not None and not weight.any():
            weight = None
        return DataSet(np.ascontiguousarray(source.x[rows]), source.y[rows], weight)

    @staticmethod
    def raw_targets(part: DataSet) -> Array:
        """Return checked targets in a form that the loss accepts once more."""
        return part.y

    def forward(self, model: Model, x: Array, *, training: bool) -> list[Array]:
        """Return every value of the network for these rows as one batch."""
        values: list[Array] = model.network.core.forward(
            np.ascontiguousarray(x), training, model.steps, model.seed, threads.get_num_threads()
        )
        return values

    def feature(self, column: int) -> str:
        """Return how a column is called."""
        return f"{self.columns[column]!r}" if column < len(self.columns) else str(column)

    def features(self, columns: Any, most: int = 5) -> str:
        """Return some columns' names as "column 3" or "columns 3, 7, 9 and 12 more"."""
        columns = list(columns)
        names = ", ".join(self.feature(int(column)) for column in columns[:most])
        more = f" and {len(columns) - most} more" if len(columns) > most else ""
        return f"column{'s' if len(columns) > 1 else ''} {names}{more}"


def _names(X: Any, width: int, given: Any) -> list[str]:
    """Return the columns' names; none where there are none."""
    names = [str(name) for name in (getattr(X, "columns", ()) if given is None else given)]
    if given is not None and len(names) != width:
        raise ValueError(f"feature_names must hold {width} names, one a column of X, got {len(names)}")
    return names


def _choose_optimizer(model: Model, optimizer: Any) -> Optimizer:
    if optimizer is None:
        optimizer = model.optimizer if model.optimizer is not None else Adam()
    chosen: Optimizer = copy.deepcopy(OPTIMIZERS.create(optimizer, "optimizer"))
    rate = copy.deepcopy(chosen.learning_rate)
    chosen.reset()
    chosen.learning_rate = rate
    return chosen
