"""The rows a training sees: checked once, with weights, and the part of them that is held back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import data, rng, threads
from steepest.checks import check_float
from steepest.losses import Loss
from steepest.lowering.network import Network
from steepest.rng import Rows
from steepest.training.class_weight import row_weights

if TYPE_CHECKING:
    from steepest.model import Model

Array = npt.NDArray[Any]

# Rows of one batch in evaluation, where only the memory for the layers' outputs depends on it.
EVALUATION_BATCH = 256


@dataclass(frozen=True)
class DataSet:
    """Checked data as the core takes them, and the rows of them that are used (None: all)."""

    x: Array
    y: Array
    weight: npt.NDArray[np.float64] | None
    rows: Rows | None = None

    def __len__(self) -> int:
        return int(self.x.shape[0]) if self.rows is None else len(self.rows)


@dataclass(frozen=True)
class Fold:
    """Checked numbers of the rows to train on, and of those to validate on (None: the fold has none)."""

    rows: Rows
    held: Rows | None


def check_data(model: Model, loss: Loss, x: Array, y: Any, sample_weight: Any) -> DataSet:
    """Check targets and weights against the data and the network."""
    rows = int(x.shape[0])
    targets = loss.check_targets(y, rows, model.network.program.output_width)
    return DataSet(x, targets, data.check_sample_weight(sample_weight, rows))


def split(
    model: Model, loss: Loss, train: DataSet, validation_data: Any, validation_split: Any, fold: Fold | None = None
) -> tuple[DataSet, DataSet | None]:
    """Return the training and the validation set; a split depends on the model's seed and the number of rows only."""
    if isinstance(validation_split, np.ndarray):
        if fold is not None or validation_data is not None:
            raise ValueError("give validation_split, validation_data or folds, not two of them")
        held = _check_held(validation_split, len(train))
        rows = np.delete(np.arange(len(train), dtype=np.int64), held)
        return replace(train, rows=rows), _hold_back(train, held, "validation_split")
    share = check_float("validation_split", validation_split, 0.0, 1.0, open_maximum=True)
    if fold is not None:
        train = _take_rows(train, fold.rows)
        if fold.held is not None:
            if validation_data is not None or share:
                raise ValueError("give validation_data, validation_split, or folds with held rows: one of them")
            return train, _hold_back(train, fold.held, "folds")
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
    if train.rows is not None:
        held, rows = train.rows[held], train.rows[rows]
    return replace(train, rows=rows), _hold_back(train, held, "validation_split")


def _check_held(held: Array, rows: int) -> Rows:
    if held.ndim != 1 or held.dtype.kind not in "iu" or not 0 < len(held) < rows:
        raise ValueError(
            "validation_split must be a share, or an array of row numbers, at least one and fewer than the "
            f"{rows} rows, got {held.dtype} {held.shape}"
        )
    if held.min() < 0 or held.max() >= rows or len(np.unique(held)) < len(held):
        raise ValueError(f"validation_split must hold different row numbers in [0, {rows}), got {held!r}")
    return np.sort(held).astype(np.int64)


def check_order(order: Any, count: int) -> Rows:
    """Return the row numbers a user's `shuffle` gave; the core checks that they are rows of the data."""
    array = np.asarray(order)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise ValueError(f"shuffle must return {count} row numbers, got {array.dtype} {array.shape}")
    return np.ascontiguousarray(array, dtype=np.int64)


def _take_rows(train: DataSet, rows: Rows) -> DataSet:
    if train.weight is not None and not train.weight[rows].any():
        raise ValueError("folds: sample_weight is zero in every training row of a fold")
    return replace(train, rows=rows)


def _hold_back(train: DataSet, rows: Rows, name: str) -> DataSet:
    weight = None if train.weight is None else train.weight[rows]
    if weight is not None and not weight.any():
        raise ValueError(f"{name}: sample_weight is zero in every row of the validation part")
    return DataSet(train.x[rows], train.y[rows], weight)


def weigh_classes(train: DataSet, class_weight: Any, network: Network) -> DataSet:
    """Multiply the rows' weights by those of their classes."""
    weights = row_weights(class_weight, train.y, network.program.output_width, train.rows)
    if train.weight is not None:
        weights = weights * train.weight
    if not (weights if train.rows is None else weights[train.rows]).any():
        raise ValueError("class_weight leaves every training row without weight")
    return replace(train, weight=weights)


def read_scores(loss: Loss, part: DataSet, result: Any) -> dict[str, float]:
    """Mean loss, and accuracy where the loss has one, from the sums of an evaluation."""
    scores = {"loss": float(result.loss_sum / result.weight_sum)}
    if loss.classifies:
        scores["accuracy"] = result.correct / len(part)
    return scores


def evaluate(network: Network, loss: Loss, part: DataSet, batch_size: int) -> dict[str, float]:
    """Mean loss, and accuracy where the loss has one, in inference mode."""
    result = network.core.evaluate(part.x, part.y, part.weight, loss.to_core(), batch_size, threads.get_num_threads())
    return read_scores(loss, part, result)
