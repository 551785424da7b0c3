"""Types of arguments that several commands share; argparse shows their errors."""

from __future__ import annotations

import argparse
import math


def positive(text: str) -> int:
    """Return the whole number above 0 that the text says."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
    return number


def natural(text: str) -> int:
    """Return the whole number of at least 0 that the text says."""
    return 0 if text.strip() == "0" else positive(text)


def sizes(text: str) -> list[int]:
    """Return the whole numbers above 0 that the text lists with commas."""
    return [positive(part) for part in text.split(",")]


def share(text: str) -> float:
    """Return the number in [0, 1) that the text says."""
    number = _number(text)
    if not 0.0 <= number < 1.0:
        raise argparse.ArgumentTypeError(f"must be at least 0 and below 1, got {text!r}")
    return number


def above_zero(text: str) -> float:
    """Return the finite number above 0 that the text says."""
    number = _number(text)
    if not 0.0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
