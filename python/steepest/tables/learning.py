"""From a frame and the name of a column to a trained network: what `steepest train` does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.callbacks import Callback, EarlyStopping
from steepest.checks import check_bool
from steepest.history import History
from steepest.optimizers import AdamW
from steepest.schedules import Cosine
from steepest.sequential import Sequential
from steepest.tables import frames, scores
from steepest.tables.columns import MISSING, Column, ColumnError
from steepest.tables.network import build_network
from steepest.tables.preprocessor import TablePreprocessor, check_marks
from steepest.tables.splitting import split_rows
from steepest.tables.targets import ClassLabels, TargetScaler
from steepest.tables.tasks import Task, guess_task

Array = npt.NDArray[Any]

_FEWEST_ROWS = 10
# Updates of a default training: a few seconds, and enough for tables of tens of thousands of rows. Numbers go on
# improving where classes are overfitted, and more classes need more.
_STEPS_OF_NUMBERS, _STEPS_OF_CLASSES, _STEPS_PER_CLASS, _MOST_STEPS = 2500, 1600, 100, 6000
_EPOCHS = (12, 100)


@dataclass(frozen=True)
class Part:
    """Some rows as the network takes them."""

    x: Array
    y: Array

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Problem:
    """A table, its target, and the parts it was divided into.

    Attributes
    ----------
    name : str
        Of the target column.
    task : Task
    table : TablePreprocessor
        Fitted to the training rows.
    target : ClassLabels or TargetScaler
        Fitted, the one to all labels, the other to the training rows.
    train, validation, test : Part
        Transformed; `test` may be rows of another frame.
    """

    name: str
    task: Task
    table: TablePreprocessor
    target: ClassLabels | TargetScaler
    train: Part
    validation: Part
    test: Part

    @property
    def loss(self) -> str:
        """Name of the loss."""
        return "softmax_cross_entropy" if isinstance(self.target, ClassLabels) else "mse"

    @property
    def outputs(self) -> int:
        """Number of outputs that a network needs."""
        return len(self.target.classes) if isinstance(self.target, ClassLabels) else 1


def make_problem(
    frame: Any,
    target: str,
    *,
    task: str | None = None,
    test_frame: Any = None,
    numerical: Any = "quantile",
    columns: Mapping[str, str] | Iterable[str] | None = None,
    missing: Iterable[str] = MISSING,
    drop_gaps: bool = False,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.15,
) -> Problem:
    """Divide a frame, fit the preprocessing to the training rows, and transform all of them.

    Parameters
    ----------
    frame : frame
        Of any kind that `TablePreprocessor` takes.
    target : str
        Name of the column to learn.
    task : {"classification", "regression"}, optional
        None guesses, see `guess_task`.
    test_frame : frame, optional
        Test rows; then `frame` is divided into training and validation only.
    numerical, columns, missing
        See `TablePreprocessor`.
    drop_gaps : bool
        Whether rows without a target are left out, or are an error.
    seed, validation, test
        See `split_rows`.

    Raises
    ------
    ColumnError
        A ValueError with column and row, where a value does not fit its column.
    ValueError
        If there is no such column, or nothing can be learnt from it.
    """
    missing = check_marks(missing)
    source = _source(frame, target, missing)
    used = np.arange(len(source[target]))
    if check_bool("drop_gaps", drop_gaps):
        used = np.flatnonzero(~source[target].missing)
        source = _take(source, used)
    goal = source.pop(target)
    if len(goal) < _FEWEST_ROWS:
        few = "1 row" if len(goal) == 1 else f"{len(goal)} rows"
        raise ValueError(f"the table has {few}, at least {_FEWEST_ROWS} are needed")
    with _rows_of_table(used):
        chosen = guess_task(goal, task)
        labels = ClassLabels().fit(goal) if chosen.kind == "classification" else None
    codes = None if labels is None else labels.transform(goal)
    share = 0.0 if test_frame is not None else test
    rows = split_rows(len(goal), seed=seed, validation=validation, test=share, classes=codes)
    if not len(rows.validation) or (test_frame is None and not len(rows.test)):
        raise ValueError(f"the classes of the target {target!r} have too few rows to divide them")
    with _rows_of_table(used):
        table = TablePreprocessor(numerical, columns=columns, missing=missing).fit_part(source, rows.train)
    scaler = TargetScaler().fit(goal.as_numbers()[rows.train]) if labels is None else None
    learnt: Any = labels if scaler is None else scaler

    def part(columns: Mapping[str, Column], goal: Column) -> Part:
        y = goal if labels is not None else goal.as_numbers()
        return Part(table.transform(columns), learnt.transform(y))

    parts = []
    for each in rows:
        with _rows_of_table(used[each]):
            parts.append(part(_take(source, each), goal.take(each)))
    if test_frame is not None:
        other = _source(test_frame, target, missing)
        with _rows_of_table(None):
            parts[2] = part(other, other.pop(target))
    return Problem(target, chosen, table, learnt, *parts)


@contextlib.contextmanager
def _rows_of_table(rows: Array | None) -> Iterator[None]:
    """Make errors name the row of the table and not of its part; None for the test table."""
    try:
        yield
    except ColumnError as error:
        raise error.at(error.row if rows is None else int(rows[error.row]), of_test=rows is None) from None


def _source(frame: Any, target: str, missing: Iterable[str]) -> dict[str, Column]:
    if not isinstance(target, str):
        raise TypeError(f"target must be the name of a column, a text, got {target!r}")
    source = frames.open_frame(frame)
    if target not in source:
        raise ValueError(f"the table has no column {target!r}, only {', '.join(map(repr, source))}")
    return frames.read_columns(source, source, missing)


def _take(source: Mapping[str, Column], rows: Array) -> dict[str, Column]:
    return {name: column.take(rows) for name, column in source.items()}


@dataclass(frozen=True)
class Recipe:
    """Network and training for a table.

    Attributes
    ----------
    hidden : sequence of int
        Units of the hidden layers.
    dropout : float
        Behind each of them.
    epochs, batch_size : int
    learning_rate : float
        Highest, of AdamW with a short warm-up and half a cosine down to 0.
    weight_decay : float
    patience : int
        Epochs without a better validation loss after which the training ends; the best epoch's weights are kept.
    """

    hidden: Sequence[int] = (128, 128)
    dropout: float = 0.1
    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    patience: int = 8

    def model(self, problem: Problem, seed: int) -> Sequential:
        """Return the untrained network, which holds the preprocessing."""
        model = build_network(
            problem.table,
            problem.train.x,
            problem.train.y,
            loss=problem.loss,
            outputs=problem.outputs,
            hidden=self.hidden,
            dropout=self.dropout,
            seed=seed,
        )
        model.target = problem.target
        return model

    def settings(self, problem: Problem) -> dict[str, Any]:
        """Return the arguments of `fit` that the checkup looks at, too."""
        steps = self.epochs * -(-len(problem.train) // self.batch_size)
        schedule = Cosine(self.learning_rate, steps=steps, warmup=min(steps // 20, 200))
        return {
            "loss": problem.loss,
            "optimizer": AdamW(schedule, weight_decay=self.weight_decay),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "validation_data": (problem.validation.x, problem.validation.y),
        }

    def fit(
        self, model: Sequential, problem: Problem, *, callbacks: Sequence[Callback] = (), verbose: int = 1
    ) -> tuple[History, EarlyStopping]:
        """Train, and leave the model as it was in its best epoch."""
        stopping = EarlyStopping(self.patience)
        history = model.fit(
            problem.train.x,
            problem.train.y,
            **self.settings(problem),
            callbacks=callbacks,
            early_stopping=stopping,
            verbose=verbose,
        )
        return history, stopping


def default_recipe(rows: int, outputs: int = 1, **given: Any) -> Recipe:
    """Return the recipe for so many training rows and outputs; what is given and not None replaces its defaults."""
    chosen = {key: value for key, value in given.items() if value is not None}
    power = int(np.log2(max(rows / 40, 1.0)))
    batch = chosen.setdefault("batch_size", 1024 if rows > 200_000 else int(np.clip(2**power, 16, 256)))
    steps = _STEPS_OF_NUMBERS if outputs == 1 else min(_STEPS_OF_CLASSES + _STEPS_PER_CLASS * outputs, _MOST_STEPS)
    epochs = chosen.setdefault("epochs", int(np.clip(round(steps / -(-rows // batch)), *_EPOCHS)))
    chosen.setdefault("patience", max(5, epochs // 4))
    return Recipe(**chosen)


def judge(model: Sequential, problem: Problem, part: Part) -> tuple[dict[str, float], dict[str, float]]:
    """Return the scores of the model on the part, and those of the best constant."""
    if isinstance(problem.target, ClassLabels):
        constant = scores.constant_classification(problem.train.y, part.y, problem.outputs)
        return scores.classification_scores(part.y, model.predict_proba(part.x)), constant
    back: Callable[[Any], Array] = problem.target.inverse_transform
    y = back(part.y)
    return scores.regression_scores(y, back(model.predict(part.x)[:, 0])), scores.constant_regression(
        back(problem.train.y), y
    )
