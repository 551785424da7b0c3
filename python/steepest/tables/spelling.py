"""Numbers and dates as people write them, which are texts to whoever reads them."""

from __future__ import annotations

import re

import numpy as np

from steepest.tables.columns import Column, parse_number

# Space, apostrophe, no-break spaces: what stands between thousands beside the comma.
_BETWEEN = " '\u2019\u00a0\u202f"
_MONEY = "$\u20ac\u00a3\u00a5"
_WHOLE = re.compile(rf"[+-]?\s?([{_MONEY}]?)\s?[+-]?(\d[\d.,{_BETWEEN}]*)\s?([%{_MONEY}]?)")
_GROUPED = re.compile(rf"\d{{1,3}}([,{_BETWEEN}]\d{{3}})+(\.\d+)?")
_DATE = re.compile(r"(\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}[.-]\d{1,2}[.-]\d{4}|\d{4}[/.]\d{1,2}[/.]\d{1,2})([T ]\d.*)?")
_COMMA = re.compile(r"(\d{1,3}(\.\d{3})+|\d+),\d+")

WORDS = {
    "thousands": "a number with signs between its thousands",
    "comma": "a number with a comma before its decimals",
    "percent": "a number with a percent sign",
    "money": "a number with the sign of a currency",
    "date": "a date in another order than 2026-11-21",
}
_REMEDIES = {
    "thousands": "read it with pandas.read_csv(..., thousands={sign!r})",
    "comma": "read it with pandas.read_csv(..., decimal=',')",
    "percent": "take the sign away and make numbers of the rest",
    "money": "take the sign away and make numbers of the rest",
    "date": "make dates of it, with pandas.to_datetime for instance",
}


def spelling_of(text: str) -> str:
    """Return how the text writes a number or a date, one of `WORDS`; "" if it is none, or one that is read.

    Examples
    --------
    >>> from steepest.tables.spelling import spelling_of
    >>> [spelling_of(text) for text in ("1,234.5", "12,5", "12%", "$ 3", "12.5", "21/11/2026")]
    ['thousands', 'comma', 'percent', 'money', '', 'date']
    """
    if _DATE.fullmatch(text.strip()):
        return "date"
    found = _WHOLE.fullmatch(text.strip())
    if found is None:
        return ""
    before, digits, after = found.groups()
    digits = digits.strip()
    way = "thousands" if _GROUPED.fullmatch(digits) else "comma" if _COMMA.fullmatch(digits) else ""
    if not way and parse_number(digits) is None:
        return ""
    return "percent" if after == "%" else "money" if before or after else way


def sign_of(text: str) -> str:
    """Return what stands between the thousands of such a number."""
    return next((sign for sign in text.strip() if sign in f",{_BETWEEN}"), ",")


def unread(column: Column) -> str:
    """Return a value of a column of texts most of which are numbers or dates written in such a way; "" if not."""
    if column.kind != "text" or column.codes is None:
        return ""
    ways = [spelling_of(level) for level in column.levels]
    if not any(ways):
        return ""
    numbers = [bool(way) or parse_number(level) is not None for way, level in zip(ways, column.levels, strict=True)]
    share = np.array([*numbers, False])[column.codes].sum() / max(1, (~column.missing).sum())
    present = set(column.codes.tolist())
    spelled = [
        (level, way) for code, (level, way) in enumerate(zip(column.levels, ways, strict=True)) if code in present
    ]
    if share < 0.5:
        return ""
    # What says most: 12,5 tells that the comma of 1,234 stands before decimals.
    return next(
        (level for kind in ("date", "money", "percent", "comma", "thousands") for level, way in spelled if way == kind),
        "",
    )


def remedy(value: str) -> str:
    """Return what to do about the value in Python."""
    return _REMEDIES[spelling_of(value)].format(sign=sign_of(value))
