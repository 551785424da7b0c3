"""Errors of a column in words of the command line: the file, the line, and what to type."""

from __future__ import annotations

import csv
import shlex

from steepest.commands import reading
from steepest.tables.columns import ColumnError
from steepest.tables.spelling import WORDS, sign_of, spelling_of


def explain(error: ColumnError, path: str, form: reading.Form, target: str | None = None) -> reading.FileError:
    """Return the error in words of the command line.

    Parameters
    ----------
    error : ColumnError
        Of a row of the file.
    path : str
        The file.
    form : Form
        How it is written, if it is a CSV file.
    target : str, optional
        The column to learn.
    """
    is_csv = not path.lower().endswith((".parquet", ".pq"))
    where = f"line {line_of(path, form, error.row)}" if is_csv else f"row {error.row}"
    if error.remedy:
        end = f": {_remedy(error, target)}"
    else:
        end = f": {remedy(error.value)}" if spelling_of(error.value) else ""
    return reading.FileError(f"{path}, {where}: column {error.column!r} {error.problem}{end}")


def _remedy(error: ColumnError, target: str | None) -> str:
    mark = shlex.quote(error.value)
    if spelling_of(error.value):
        words = "--task classification" if error.column == target else f"--categorical {shlex.quote(error.column)}"
        return f"{remedy(error.value)}, or give {words}"
    if error.column != target:
        return f"correct it, or give --missing {mark}, or --categorical {shlex.quote(error.column)}"
    if error.value:
        return f"correct it, or give --missing {mark} --drop-missing-target, or --task classification"
    return "fill such gaps, or give --drop-missing-target"


def remedy(value: str) -> str:
    """Return what to do about a number that is written as people write it."""
    way = spelling_of(value)
    if way == "thousands":
        sign = sign_of(value)
        other = (
            ", or --decimal ',' if decimals follow"
            if sign == "," and value.count(",") == 1 and "." not in value
            else ""
        )
        return f"give --thousands '{sign}'{other}"
    if way == "date":
        return "write such dates as 2026-11-21"
    return "give --decimal ','" if way == "comma" else "take the sign away"


def unread(name: str, value: str) -> str:
    """Return what to say of a column of such numbers, which is taken for one of texts."""
    return (
        f"warning: {name} holds {value!r}, {WORDS[spelling_of(value)]}, and is taken for a text: "
        f"{remedy(value)}, or give --categorical {shlex.quote(name)} if that is meant"
    )


def line_of(path: str, form: reading.Form, row: int) -> int:
    """Return the line, counted from 1, in which a row of a CSV file begins; rows count from 0 after the header.

    Quoted values may have several lines, and empty lines are no rows.
    """
    with reading.open_text(path, form) as file:
        reader = csv.reader(file, delimiter=reading.delimiter_of(path, form), skipinitialspace=True)
        begins, records = 1, -1
        for fields in reader:
            records += bool(fields)
            if records > row:
                return begins
            begins = reader.line_num + 1
    return begins
