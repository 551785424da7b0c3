"""What a column of a table is, judged by its values and its name."""

from __future__ import annotations

import numpy as np

from steepest.tables.columns import Column, ColumnError, parse_number, parse_time
from steepest.tables.spelling import WORDS, remedy, spelling_of, unread

KINDS = ("numerical", "categorical", "time", "drop")

# Columns of different whole numbers that number the rows, by their names.
_IDENTIFIERS = ("id", "index", "row", "row_id", "rowid", "unnamed: 0", "")


def detect(column: Column, max_one_hot: int) -> tuple[str, str]:
    """Return the kind of a column of the training set, one of `KINDS`, and for "drop" the reason.

    Numbers and times are what they are, booleans and texts are categories. Left out is what says nothing: columns
    without values, constant ones, texts that differ in most rows, and whole numbers that number the rows by their name.

    Raises
    ------
    ColumnError
        If it is a mixture of numbers and texts, where most probably something went wrong.
    """
    missing = column.missing
    if missing.all():
        return "drop", "it has no values"
    if column.codes is None:
        assert column.numbers is not None
        present = column.numbers[~missing]
        different = len(np.unique(present))
        if different == 1 and not missing.any():
            return "drop", "it is the same in every row"
        if column.kind == "time":
            return "time", ""
        numbering = column.name.strip().lower() in _IDENTIFIERS and different == len(column) > max_one_hot
        if numbering and (present == np.floor(present)).all():
            return "drop", "it only numbers the rows"
        return "numerical", ""
    present_codes = np.unique(column.codes[~missing])
    if len(present_codes) == 1 and not missing.any():
        return "drop", "it is the same in every row"
    if column.kind == "boolean":
        return "categorical", ""
    levels = [column.levels[code] for code in present_codes]
    if all(parse_time(level) is not None for level in levels):
        return "time", ""
    refuse_mixture(column, "say that the column is categorical")
    if len(levels) > max_one_hot and 2 * len(levels) > len(column):
        return "drop", "it is a text that differs in most rows"
    return "categorical", ""


def refuse_mixture(column: Column, otherwise: str) -> None:
    """Raise ColumnError where at least half of the values are numbers and the others are not.

    `otherwise` is what to do if that is meant.
    """
    assert column.codes is not None
    numeric = np.array([*(parse_number(level) is not None for level in column.levels), False])
    share = numeric[column.codes].sum() / max(1, (~column.missing).sum())
    if 0.5 <= share < 1.0:
        row = int(np.flatnonzero(~numeric[column.codes] & ~column.missing)[0])
        level = column.levels[column.codes[row]]
        way = spelling_of(level)
        raise ColumnError(
            column.name,
            row,
            # Rounded down, since 100 % of them are not.
            f"holds {level!r}, {f'{WORDS[way]}, ' if way else ''}but {int(100 * share)}% of the column are numbers",
            f"{remedy(level) if way else f'correct it, count {level!r} as missing'}, or {otherwise}",
            value=level,
        )


def refuse_spelled(column: Column, otherwise: str) -> None:
    """Raise ColumnError where most values are numbers that people write and nobody reads, such as `1,234` and `12%`.

    `otherwise` is what to do if texts are meant.
    """
    value = unread(column)
    if value:
        assert column.codes is not None
        row = int(np.flatnonzero(column.codes == column.levels.index(value))[0])
        problem = f"holds {value!r}, {WORDS[spelling_of(value)]}, which is a text here"
        raise ColumnError(column.name, row, problem, f"{remedy(value)}, or {otherwise}", value=value)
