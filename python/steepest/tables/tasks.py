"""What there is to learn from a column: a class or a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steepest.checks import check_choice
from steepest.tables.columns import Column, ColumnError, parse_time
from steepest.tables.detection import refuse_mixture, refuse_spelled

TASKS = ("classification", "regression")
# Whole numbers with at most so many different values are taken for classes.
_MOST_CLASSES = 20


@dataclass(frozen=True)
class Task:
    """A task and why it was chosen.

    Attributes
    ----------
    kind : {"classification", "regression"}
    reason : str
        Such as "it holds texts".
    """

    kind: str
    reason: str


def guess_task(column: Column, asked: str | None = None) -> Task:
    """Return the task of a target column: classification for texts, booleans and few different whole numbers.

    Parameters
    ----------
    column : Column
        The target.
    asked : {"classification", "regression"}, optional
        What the user wants, instead of a guess.

    Raises
    ------
    ValueError
        If no such task can be learnt from the column: gaps, a single value, or classes that differ in every row.
    """
    missing = column.missing
    count = int(missing.sum())
    if not len(column):
        raise ValueError(f"the target {column.name!r} has no rows")
    if count:
        first = int(np.flatnonzero(missing)[0])
        where = f" (as {count:,} of {len(column):,} rows)" if count > 1 else ""
        raise ColumnError(
            column.name, first, f"has no value{where}, and it is the target", "fill or leave out such rows"
        )
    task = Task(check_choice("task", asked, TASKS), "as asked for") if asked is not None else _guess(column)
    different = len(np.unique(np.asarray(column.numbers if column.codes is None else column.codes)))
    if different == 1:
        raise ValueError(f"the target {column.name!r} is the same in every row: there is nothing to learn")
    if task.kind == "regression":
        column.as_numbers()
    elif different > max(2, len(column) // 2):
        found = f"{different:,} different values in {len(column):,} rows"
        raise ValueError(f"the target {column.name!r} has {found}, too many for classes")
    return task


def _guess(column: Column) -> Task:
    if column.kind == "boolean":
        return Task("classification", "it holds true and false")
    if column.kind == "time" or (column.levels and all(parse_time(level) is not None for level in column.levels)):
        raise ValueError(f"the target {column.name!r} holds dates: make numbers of them first, such as days until then")
    if column.kind == "text":
        refuse_mixture(column, "give task='classification'")
        refuse_spelled(column, "give task='classification'")
        return Task("classification", "it holds texts")
    numbers = column.as_numbers()
    different = np.unique(numbers)
    if len(different) == 2:
        return Task("classification", "it holds two different numbers")
    if (different != np.floor(different)).any():
        return Task("regression", "it holds numbers with decimals")
    if len(different) <= _MOST_CLASSES and 10 * len(different) <= len(numbers):
        return Task("classification", f"it holds {len(different)} different whole numbers")
    return Task("regression", f"it holds {len(different):,} different whole numbers")
