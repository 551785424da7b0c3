"""Checks of scalar arguments: each returns the value as a plain Python object, or raises naming the argument."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np


def check_int(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return `value` as an int in [minimum, maximum]; booleans are refused, they are a slip here."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < minimum or (maximum is not None and value > maximum):
        accepted = f"at least {minimum}" if maximum is None else f"in {minimum}..{maximum}"
        raise ValueError(f"{name} must be {accepted}, got {value!r}")
    return int(value)


def check_verbose(value: Any) -> int:
    """Return how much a training says, 0, 1 or 2; False and True are 0 and 1."""
    return check_int("verbose", int(value) if isinstance(value, (bool, np.bool_)) else value, 0, 2)


def check_float(
    name: str,
    value: Any,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    *,
    open_minimum: bool = False,
    open_maximum: bool = False,
) -> float:
    """Return `value` as a finite float in the interval, whose ends belong to it unless they are said to be open."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    low = value > minimum if open_minimum else value >= minimum
    high = value < maximum if open_maximum else value <= maximum
    if not (math.isfinite(value) and low and high):
        # Infinity itself is never accepted.
        left = "(" if open_minimum or minimum == -math.inf else "["
        right = ")" if open_maximum or maximum == math.inf else "]"
        interval = (
            "finite" if minimum == -math.inf and maximum == math.inf else f"in {left}{minimum:g}, {maximum:g}{right}"
        )
        raise ValueError(f"{name} must be {interval}, got {value!r}")
    return float(value)


def check_bool(name: str, value: Any) -> bool:
    """Return `value` as a bool; other types are refused, since 0.2 or "no" would silently count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_items(name: str, value: Any, accepted: str) -> list[Any]:
    """Return the items of a list, tuple or other iterable; a text is none here. `accepted` says what it must be."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        raise TypeError(f"{name} must be {accepted}, got {value!r}")
    return list(value)


def check_path(name: str, value: Any) -> Any:
    """Return `value` if it names a file; a number, which `open` takes for a file that is open already, does not."""
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} must be the name of a file, got {value!r:.80}")
    return os.fsdecode(value)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return `value` if it is one of the strings in `choices`."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_dtype(name: str, value: Any) -> str:
    """Return "float32" or "float64", the two types networks compute in."""
    try:
        dtype = np.dtype(value).name if value is not None else "None"
    except TypeError:
        dtype = repr(value)
    if dtype not in ("float32", "float64"):
        raise ValueError(f"{name} must be 'float32' or 'float64', got {value!r}")
    return dtype
