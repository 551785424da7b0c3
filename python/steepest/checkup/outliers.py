"""Checks of single numbers that lie so far from all others that their rows would make the gradient by themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .case import Case
from .columns import seen_rows
from .data import column_extremes, modal_share
from .registry import check, passed, skipped, warned
from .report import Check

Array = npt.NDArray[np.float64]

# Ranges of a column's inner 80 %, from its median: normal numbers end at 2, exp(normal) at 20 in 20,000 rows.
_FAR = 100.0
# And as the first layer sees the number: its weights' gradient is as many times that of a usual row.
_LARGE = 100.0
_ROWS, _COLUMNS = 30, 5
_ADVICE = (
    "see whether the rows are right; take logarithms of what grows in powers (preprocessing.QuantileNormal), or clip"
)


@check(
    "outliers",
    needs=("finite features", "feature scale"),
    explains=(
        "overfit a few rows",
        "learning rate",
        "input-independent baseline",
        "shuffled-label baseline",
        "loss at initialisation",
        "activation scale",
        "gradient scale",
        "saturated units",
    ),
)
def outliers(case: Case) -> Check:
    """Whether single numbers of the features or targets outweigh all others."""
    threshold = (
        f"{_FAR:g} times the range of the inner 80 % away from the median; of features also {_LARGE:g} as the first "
        "layer sees them, of targets under mse only"
    )
    source = "a row's gradient is proportional to its inputs, under mse to its error as well"
    if case.rows < _ROWS:
        return skipped(f"{case.rows} rows are too few to tell")
    found = _of_targets(case) or _of_features(case)
    if not found:
        return passed("no number lies that far from the others", threshold=threshold)
    return warned(found, _ADVICE, threshold=threshold, source=source)


def _distance(values: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return how far the extremes lie from the columns' medians, in ranges of the inner 80 %, and those medians.

    0 in columns in which one value fills half of the rows: there the range says nothing.
    """
    first, middle, last = np.quantile(values, (0.1, 0.5, 0.9), axis=0)
    known = (last > first) & (modal_share(values) < 0.5)
    away = np.maximum(high - middle, middle - low) / np.where(known, last - first, 1.0)
    return np.where(known, away, 0.0), middle


def _of_targets(case: Case) -> str:
    if case.train is None or case.loss.kind != "mse":
        return ""
    y = case.data.y
    values = np.asarray(y[case.sampled], dtype=np.float64)
    away, middle = _distance(values, y.min(axis=0).astype(np.float64), y.max(axis=0).astype(np.float64))
    column = int(away.argmax())
    if away[column] < _FAR:
        return ""
    row = int(np.abs(y[:, column] - middle[column]).argmax())
    name = "the target" if y.shape[1] == 1 else f"target {column}"
    return (
        f"{name} of row {row} is {y[row, column]:.4g}, {away[column]:.3g} ranges from the median {middle[column]:.3g}"
    )


def _of_features(case: Case) -> str:
    low, high = column_extremes(case).low, column_extremes(case).high
    away, middle = _distance(case.sample, low, high)
    columns = np.argsort(-away)[:_COLUMNS]
    columns = columns[away[columns] >= _FAR]
    if not len(columns):
        return ""
    rows = [int(np.abs(np.asarray(case.x[:, k], dtype=np.float64) - middle[k]).argmax()) for k in columns]
    # Beside usual rows, as batch norm would see them.
    usual = case.sampled[:256]
    view = seen_rows(case, case.x[np.concatenate([usual, rows])], training=True)
    for row, column, value in zip(rows, columns, view.values[len(usual) :], strict=True):
        size = float(np.abs(value[view.columns == column]).max(initial=0.0))
        if size >= _LARGE:
            return (
                f"{case.features([column])} of row {row} is {case.x[row, column]:.4g}, {away[column]:.3g} ranges from "
                f"the median {middle[column]:.3g}"
                + (f"; so in {len(columns) - 1} more columns" if len(columns) > 1 else "")
            )
    return ""
