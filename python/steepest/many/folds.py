"""Divisions of the rows into folds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data, rng
from steepest.checks import check_int
from steepest.many.members import check_fold
from steepest.rng import Rows

Pair = tuple[Rows, Rows]


def k_fold(rows: int, folds: int = 5, *, labels: npt.ArrayLike | None = None, seed: int = 0) -> list[Pair]:
    """Divide the rows at random into K parts of equal size, to one row, each of which is held back once.

    Parameters
    ----------
    rows : int
        Their number N, at least `folds`.
    folds : int
        Their number K, at least 2.
    labels : array (N,), optional
        Stratified folds: every fold has the same number of each label, to one row.
    seed : int
        Decides the division.

    Returns
    -------
    list of (training rows, held rows)
        Ascending row numbers.

    Examples
    --------
    >>> from steepest.many import k_fold
    >>> for train, held in k_fold(6, 3, labels=[0, 0, 0, 1, 1, 1]):
    ...     print(len(train), held % 3 == held, held.size)
    4 [ True False] 2
    4 [ True False] 2
    4 [ True False] 2
    """
    rows, folds = check_int("rows", rows, 1), check_int("folds", folds, 2)
    if folds > rows:
        raise ValueError(f"folds must be at most the number of rows, got {folds} folds of {rows} rows")
    order = rng.generator(rng.check_seed(seed), rng.FOLDS).permutation(rows).astype(np.int64)
    if labels is not None:
        classes = data.as_array("labels", labels)
        data.check_rows("labels", classes, rows)
        if classes.ndim != 1:
            raise ValueError(f"labels must have one dimension, got shape {classes.shape}")
        _, smallest = np.unique(classes, return_counts=True)
        if smallest.min() < folds:
            warnings.warn(
                f"the rarest label has {smallest.min()} rows, fewer than the {folds} folds: some folds are without it",
                UserWarning,
                stacklevel=2,
            )
        # Label after label, at random within each; dealing them out in turn gives every fold its share of each.
        order = order[np.argsort(classes[order], kind="stable")]
    parts = [np.sort(order[number::folds]) for number in range(folds)]
    everything = np.arange(rows, dtype=np.int64)
    return [(np.setdiff1d(everything, held, assume_unique=True), held) for held in parts]


def make_folds(folds: Any, rows: int, labels: npt.NDArray[Any] | None, seed: int, X: Any, y: Any) -> list[Pair]:
    """Return the folds that a number, a splitter of scikit-learn or pairs of rows stand for, each with held rows."""
    if isinstance(folds, (int, np.integer)):
        return k_fold(rows, int(folds), labels=labels, seed=seed)
    split = getattr(folds, "split", None)
    pairs = split(X, y) if callable(split) else folds
    if not isinstance(pairs, Iterable):
        raise TypeError(
            "folds must be a number, pairs (training rows, held rows), or a splitter such as scikit-learn's, "
            f"got {folds!r:.80}"
        )
    checked = []
    for number, pair in enumerate(pairs):
        fold = check_fold(pair, rows, number)
        if fold is None or fold.held is None:
            raise ValueError(f"folds[{number}] has no held rows, and cross-validation measures on them")
        if np.intersect1d(fold.rows, fold.held).size:
            shared = np.intersect1d(fold.rows, fold.held)[0]
            raise ValueError(f"folds[{number}] trains on row {shared} and holds it back: its score would be too good")
        checked.append((fold.rows, fold.held))
    if len(checked) < 2:
        raise ValueError(f"folds must be at least 2, got {len(checked)}")
    return checked
