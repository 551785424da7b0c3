"""Rows for training, validation and test: the same for the same seed, and every class in each as often as in all."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from steepest import rng
from steepest.checks import check_float, check_int

# Beside the split that `fit` makes of a model's seed.
_KEY = 1


class Rows(NamedTuple):
    """Numbers of rows, ascending; together they are all."""

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def split_rows(
    count: int, *, seed: int = 0, validation: float = 0.15, test: float = 0.15, classes: npt.ArrayLike | None = None
) -> Rows:
    """Divide rows at random; a function of the number of rows, their classes and the seed only.

    Parameters
    ----------
    count : int
        Number of rows.
    seed : int
        Determines the division.
    validation, test : float
        Shares of the rows, in [0, 1), less than 1 together; of a share above 0 there is at least one row.
    classes : array (count,), optional
        Class numbers. The parts then have the classes in the same proportions, to one row; classes without a row in the
        training set give it all they have.

    Examples
    --------
    >>> from steepest.tables import split_rows
    >>> rows = split_rows(10, validation=0.2, test=0.2, classes=[0, 1] * 5)
    >>> [len(part) for part in rows]
    [6, 2, 2]
    """
    count = check_int("count", count, 1)
    validation = check_float("validation", validation, 0.0, 1.0, open_maximum=True)
    test = check_float("test", test, 0.0, 1.0, open_maximum=True)
    order = rng.generator(rng.check_seed(seed), rng.SPLIT, _KEY).permutation(count)
    codes = np.zeros(count, dtype=np.int64) if classes is None else np.asarray(classes)
    if codes.shape != (count,):
        raise ValueError(f"classes must have shape ({count},), got {codes.shape}")
    order = order[np.argsort(codes[order], kind="stable")]
    numbers = [
        math.ceil(share * count) if share * count < 1.0 else round(share * count) for share in (test, validation)
    ]
    if sum(numbers) >= count:
        raise ValueError(f"validation={validation:g} and test={test:g} leave no row of {count} to train on")
    part = np.zeros(count, dtype=np.int64)
    for number, size in enumerate(numbers, start=1):
        free = order[part[order] == 0]
        # Evenly spread over the rows in the order of their classes.
        part[free[(np.arange(size) * len(free) + len(free) // 2) // max(size, 1)]] = number
    if classes is not None:
        absent = np.setdiff1d(codes, codes[part == 0])
        part[np.isin(codes, absent)] = 0
    return Rows(*(np.flatnonzero(part == number) for number in (0, 2, 1)))


def describe(rows: Rows) -> dict[str, Any]:
    """Return the numbers of rows by the names of the parts."""
    return {name: len(part) for name, part in rows._asdict().items()}
