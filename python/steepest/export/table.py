"""Tables in exports: the columns as one matrix of numbers, which graphs begin with, and the way there from a frame.

Column i of the matrix is `preprocessor.names[i]`: a number, NaN where it is missing; of a time the seconds since 1970
(UTC); of a category the number of the level in `levels(...)`, and anything else for one that is not among them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.export import steps
from steepest.export.graph import Array, Graph

_SEED = 20260102
_DAY = 86400.0  # seconds
# What a row of a column of categories holds that is none of the levels; blanks would be cut off.
_STRANGER = "\u2205 no such category"


def is_table(preprocessing: Any) -> bool:
    """Whether it is a fitted TablePreprocessor; raise if it is one that has not been fitted."""
    if getattr(preprocessing, "kind", "") != "table":
        return False
    if not preprocessing.encoders:
        raise ValueError("the TablePreprocessor has not been fitted: call fit with the training set first")
    return True


def times(preprocessing: Any) -> list[str]:
    """Return the names of the columns that hold points in time."""
    return [each.name for each in preprocessing.encoders if each.kind == "time"]


def levels(preprocessing: Any) -> dict[str, tuple[str, ...]]:
    """Return the levels of each column of categories, by name and in the order of their numbers."""
    return {each.name: each.levels for each in preprocessing.encoders if each.kind == "categorical"}


def read(preprocessing: Any, frame: Any, limit: int) -> dict[str, Any]:
    """Return the columns of a frame that the preprocessing reads, and of them the first rows."""
    from steepest.tables import frames

    source = frames.open_frame(frame, preprocessing.names)
    lacking = [name for name in preprocessing.names if name not in source]
    if lacking:
        raise ValueError(f"X has no column {lacking[0]!r}, which the preprocessing was fitted with")
    return {name: source[name]()[:limit] for name in preprocessing.names}


def matrix(preprocessing: Any, frame: dict[str, Any]) -> Array:
    """Return the columns of the frame as numbers, float64 `(rows, columns)`."""
    from steepest.tables import frames

    columns = frames.read_columns(frames.open_frame(frame), preprocessing.names, preprocessing.missing)
    result = []
    for each in preprocessing.encoders:
        column = columns[each.name]
        if each.kind != "categorical":
            result.append(each.read(column))
            continue
        column = column.as_categories()
        number = {level: float(i) for i, level in enumerate(each.levels)}
        # Code -1, a missing value, is the last.
        result.append(np.array([*(number.get(level, -1.0) for level in column.levels), math.nan])[column.codes])
    return np.stack(result, axis=1)


def draw(preprocessing: Any, rows: int) -> dict[str, Any]:
    """Return a frame that looks like the training set as far as the preprocessing knows it, with gaps and strangers."""
    rng = np.random.default_rng(_SEED)
    numeric = [each for each in preprocessing.encoders if each.kind != "categorical"]
    scaler = preprocessing.scaler
    if scaler is None:
        middle = [each.fill / (_DAY if each.kind == "time" else 1.0) for each in numeric for _ in each.parts]
        values = rng.normal(size=(rows, len(middle))) + np.array(middle)
    else:
        values = scaler.inverse_transform(np.clip(rng.normal(size=(rows, scaler.output_columns)), -2.5, 2.5))
    frame: dict[str, Any] = {}
    place = 0
    for each in preprocessing.encoders:
        if each.kind == "categorical":
            choices = np.array([*each.levels, _STRANGER, None], dtype=object)
            frame[each.name] = choices[rng.integers(len(choices), size=rows)].tolist()
            continue
        column = np.where(rng.random(rows) < 0.1, np.nan, values[:, place])
        if each.kind == "time":  # the first of its parts is the day
            microseconds = np.round(np.nan_to_num(column) * _DAY * 1e6).astype("M8[us]")
            frame[each.name] = np.where(np.isnan(column), np.datetime64("NaT", "us"), microseconds)
        else:
            frame[each.name] = column
        place += len(each.parts)
    return frame


def lower(graph: Graph, value: int, preprocessing: Any) -> int:
    """Append the preprocessing, reading the matrix of numbers, and return its output."""
    column = {name: i for i, name in enumerate(preprocessing.names)}
    numeric = [each for each in preprocessing.encoders if each.kind != "categorical"]
    categorical = [each for each in preprocessing.encoders if each.kind == "categorical"]
    dtype, parts = preprocessing.dtype, []

    def select(chosen: list[Any]) -> int:
        columns = [column[each.name] for each in chosen]
        if columns == list(range(graph.widths[value])):
            return value
        return graph.add("select", value, len(columns), source="table", columns=columns)

    if numeric:
        parts.append(graph.cast(_numbers(graph, select, numeric, preprocessing.scaler), dtype, "table"))
    gaps = [each for each in numeric if each.indicator]
    if gaps:
        parts.append(graph.cast(graph.add("is_missing", select(gaps), source="table"), dtype, "table"))
    for one_hot in (True, False):
        for each in categorical:
            if each.one_hot == one_hot:
                parts.append(graph.cast(_category(graph, select([each]), each), dtype, "table"))
    return _together(graph, parts)


def _together(graph: Graph, parts: list[int]) -> int:
    """Put the values side by side."""
    if len(parts) == 1:
        return parts[0]
    return graph.add("concatenate", tuple(parts), sum(graph.widths[part] for part in parts), source="table")


def _numbers(graph: Graph, select: Callable[[list[Any]], int], numeric: list[Any], scaler: Any) -> int:
    """Append what becomes of numbers and times: gaps filled, times taken apart, all scaled."""
    parts = []
    for is_time, run in itertools.groupby(numeric, lambda each: each.kind == "time"):
        # Each time by itself, numbers together as far as no time stands between them.
        chosen = list(run)
        for group in [[each] for each in chosen] if is_time else [chosen]:
            fills = np.array([each.fill for each in group])
            part = graph.add("fill", select(group), source="table", tensors={"values": fills})
            parts.append(graph.add("time_parts", part, len(group[0].parts), source="table") if is_time else part)
    numbers = _together(graph, parts)
    return numbers if scaler is None else steps.lower(graph, numbers, scaler)


def _category(graph: Graph, value: int, each: Any) -> int:
    """Append what becomes of a column with the numbers of levels."""
    count = len(each.levels)
    unknown = count if each.others else each.slots
    missing = each.slots - 1 if each.absent else unknown
    value = graph.add("slot", value, source=each.name, levels=count, unknown=float(unknown), missing=float(missing))
    return graph.add("one_hot", value, each.slots, source=each.name, slots=each.slots) if each.one_hot else value


def strings(preprocessing: Any, frame: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the frame as the separate inputs of an ONNX graph: float64 numbers and texts, each `(rows, 1)`."""
    numbers = matrix(preprocessing, frame)
    result: dict[str, npt.NDArray[Any]] = {}
    for i, each in enumerate(preprocessing.encoders):
        values = numbers[:, i : i + 1]
        if each.kind == "categorical":
            gap = missing_text(preprocessing, each)
            texts = [gap if math.isnan(v) else each.levels[int(v)] if v >= 0 else _STRANGER for v in values[:, 0]]
            values = np.array(texts, dtype=object).reshape(-1, 1)
        result[each.name] = values
    return result


def missing_text(preprocessing: Any, each: Any) -> str:
    """Return a text that stands for a missing value in this column."""
    return next((mark for mark in ("", *preprocessing.missing) if mark not in each.levels), "")
