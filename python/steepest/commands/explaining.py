"""Errors of a column in words of the command line: the file, the line, and what to type."""

from __future__ import annotations

import csv
import shlex

from steepest.commands import reading
from steepest.tables.columns import ColumnError


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
    remedy = _remedy(error, target) if error.remedy else ""
    end = f": {remedy}" if remedy else ""
    return reading.FileError(f"{path}, {where}: column {error.column!r} {error.problem}{end}")


def _remedy(error: ColumnError, target: str | None) -> str:
    mark = shlex.quote(error.value)
    if error.column != target:
        return f"correct it, or give --missing {mark}, or --categorical {shlex.quote(error.column)}"
    if error.value:
        return f"correct it, or give --missing {mark} --drop-missing-target, or --task classification"
    return "fill such gaps, or give --drop-missing-target"


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
