"""What one argument for all members becomes: one for each."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.callbacks import Callback, EarlyStopping
from steepest.checks import check_items
from steepest.model import Model
from steepest.optimizers import Optimizer
from steepest.rng import Rows
from steepest.training.training_set import Fold

Array = npt.NDArray[Any]


def check_models(models: Any) -> list[Model]:
    """Return the models, all of them different objects."""
    chosen = [models] if isinstance(models, Model) else check_items("models", models, "a list of models")
    for model in chosen:
        if not isinstance(model, Model):
            raise TypeError(f"models must be models such as steepest.Sequential, got {model!r}")
    if not chosen:
        raise ValueError("models must hold at least one model, got none")
    if len({id(model) for model in chosen}) < len(chosen):
        raise ValueError("models holds one object twice: members are models of their own, see Sequential.copy()")
    return chosen


def each(name: str, value: Any, count: int) -> list[Any]:
    """Return a list as the members' values, anything else as the value of all."""
    if not isinstance(value, list):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{name} has {len(value)} entries, there are {count} models")
    return list(value)


def each_optimizer(value: Any, count: int) -> list[Any]:
    """Return what makes or is each member's own optimiser: one object alone is a pattern that is copied."""
    if isinstance(value, Optimizer):
        if value.slots or value.iterations:
            raise ValueError(f"optimizers: {value!r} carries the state of a model, so it is no pattern for new ones")
        return [copy.deepcopy(value) for _ in range(count)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = list(value)
    chosen = each("optimizers", value, count)
    objects = [id(one) for one in chosen if isinstance(one, Optimizer)]
    if len(set(objects)) < len(objects):
        raise ValueError("optimizers holds one object twice: its state belongs to one model")
    return chosen


def each_early_stopping(value: Any, count: int) -> list[Any]:
    """Return each member's own: one object alone is a pattern that is copied."""
    if isinstance(value, EarlyStopping):
        return [copy.deepcopy(value) for _ in range(count)]
    return each("early_stopping", value, count)


def each_callbacks(value: Any, count: int) -> list[list[Callback]]:
    """Return the members' callbacks, given as one sequence per member."""
    entries = check_items("callbacks", value, f"a sequence of callbacks for each of the {count} models")
    if not entries:
        return [[] for _ in range(count)]
    if len(entries) != count or any(isinstance(entry, Callback) for entry in entries):
        raise ValueError(
            f"callbacks must be a sequence of callbacks for each of the {count} models, got {value!r}: "
            "a callback follows one training"
        )
    return [list(entry) for entry in entries]


def each_fold(folds: Sequence[Any], rows: int) -> list[Fold | None]:
    """Return the members' folds, checked: one object where one was given, since its members see the same rows."""
    checked: dict[int, Fold | None] = {}
    for number, fold in enumerate(folds):
        if id(fold) not in checked:
            checked[id(fold)] = check_fold(fold, rows, number)
    return [checked[id(fold)] for fold in folds]


def check_fold(fold: Any, rows: int, number: int) -> Fold | None:
    """Return the fold with its row numbers checked; None for all rows."""
    if fold is None:
        return None
    if not isinstance(fold, (tuple, list)) or len(fold) != 2:
        raise TypeError(
            f"folds[{number}] must be None or (training rows, validation rows), as a splitter of scikit-learn gives "
            f"them, got {fold!r:.80}"
        )
    train = check_row_numbers(f"folds[{number}][0]", fold[0], rows)
    held = None if fold[1] is None else check_row_numbers(f"folds[{number}][1]", fold[1], rows)
    return Fold(train, held)


def check_row_numbers(name: str, value: Any, rows: int) -> Rows:
    """Return row numbers, or the numbers of the rows where a boolean mask is true; at least one."""
    array = data.as_array(name, value)
    if not array.size:
        raise ValueError(f"{name} has no rows")
    if array.dtype.kind == "b":
        if array.shape != (rows,):
            raise ValueError(f"{name} is a mask of shape {array.shape}, X has {rows} rows")
        array = np.flatnonzero(array)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be row numbers or a mask of one dimension, got {array.dtype} {array.shape}")
    if not len(array):
        raise ValueError(f"{name} has no rows")
    bad = (array < 0) | (array >= rows)
    if bad.any():
        raise ValueError(f"{name} holds the row {array[bad][0]}, X has {rows} rows")
    return np.ascontiguousarray(array, np.int64)
