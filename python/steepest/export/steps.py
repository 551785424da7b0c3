"""Preprocessing steps as nodes of a graph, in float64 and in the very order of their own arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest import preprocessing as pre
from steepest.export.errors import ExportError
from steepest.export.graph import Array, Graph
from steepest.preprocessing import ranges

Lower = Callable[[Graph, int, Any], int]


def columns(step: Any) -> int:
    """Return how many columns the fitted step takes; raise if it is none, or not fitted."""
    if not isinstance(step, pre.Preprocessor):
        raise TypeError(f"preprocessing must be a TablePreprocessor or a step of steepest.preprocessing, got {step!r}")
    if step.columns is None:
        raise ValueError(f"the {type(step).__name__} has not been fitted: call fit with the training set first")
    return step.columns


def dtype(step: Any) -> str | None:
    """Return the dtype of the step's result; None if it follows that of the input."""
    result: str | None = step.steps[-1].dtype if isinstance(step, pre.Pipeline) else step.dtype
    return result


def lower(graph: Graph, value: int, step: Any) -> int:
    """Append the step, reading `value`, and return its output."""
    kind = type(step).__dict__.get("kind", "")  # of this very class: a subclass may do something else
    if kind not in STEPS:
        raise ExportError(
            f"preprocessing step {type(step).__name__} cannot be exported (only {', '.join(STEPS)}): "
            "transform the rows before the exported function sees them"
        )
    return STEPS[kind](graph, value, step)


def _shift_scale(graph: Graph, value: int, step: Any, **tensors: Any) -> int:
    width = graph.widths[value]
    full = {name: np.broadcast_to(np.asarray(array, np.float64), (width,)) for name, array in tensors.items()}
    return graph.add("shift_scale", value, source=step.kind, tensors=full)


def _min_max(graph: Graph, value: int, step: pre.MinMax) -> int:
    span = step.largest - step.smallest
    return _shift_scale(
        graph,
        value,
        step,
        subtract=step.smallest,
        divide=np.where(span > 0.0, span, 1.0),
        multiply=step.high - step.low,
        add=step.low,
    )


def _robust(graph: Graph, value: int, step: pre.Robust) -> int:
    value = _shift_scale(graph, value, step, subtract=step.center, divide=step.scale)
    return graph.add("smooth_clip", value, source=step.kind, bend=ranges.BEND) if step.smooth_clip else value


def _rotation(graph: Graph, value: int, step: Any) -> int:
    value = _shift_scale(graph, value, step, subtract=step.mean)
    value = graph.add("dense", value, len(step.axes), source=step.kind, tensors={"weight": step.axes.T})
    if not isinstance(step, pre.Whitening):
        return value
    value = _shift_scale(graph, value, step, divide=np.sqrt(step.variances + step.epsilon))
    if step.method == "pca":
        return value
    return graph.add("dense", value, step.axes.shape[1], source=step.kind, tensors={"weight": step.axes})


def _pipeline(graph: Graph, value: int, step: pre.Pipeline) -> int:
    for inner in step.steps:
        value = lower(graph, value, inner)
    return value


def _quantile_normal(graph: Graph, value: int, step: pre.QuantileNormal) -> int:
    tables = [_knots(points) for points in step.points.T]
    # A power of two, so that the search for the last point that is not larger can halve it down to one.
    size = 1 << (max(len(table["points"]) for table in tables) - 1).bit_length()
    tensors = {name: np.stack([_padded(name, table, size) for table in tables]) for name in tables[0]}
    return graph.add("quantile_normal", value, source=step.kind, tensors=tensors)


def _padded(name: str, table: dict[str, Array], size: int) -> Array:
    values = table[name]
    after = np.finfo(np.float64).max if name == "points" else values[-1]
    return np.append(values, np.full(size - len(values), after))


def _knots(points: Array) -> dict[str, Array]:
    """Return one column's distribution function: each distinct point once, and before them what holds below them.

    At a point the probability is `middle`, beyond it and before the next one `start + (x - base) / gap rise`.
    """
    distinct, first, count = np.unique(points, return_index=True, return_counts=True)
    step = 1.0 / (len(points) - 1)
    if len(distinct) == 1:  # a constant column becomes 0, the quantile of 1/2, whatever comes
        start = middle = np.array([0.5, 0.5])
        rise = np.zeros(1)
    else:
        last = first + count - 1
        start = np.concatenate([[0.0], last[:-1] * step, [1.0]])
        middle = np.concatenate([[0.0, 0.0], 0.5 * (first + last)[1:-1] * step, [1.0]])
        rise = np.append((first[1:] - last[:-1]) * step, 0.0)
    return {
        "points": np.append(-np.finfo(np.float64).max, distinct),
        "base": np.append(distinct[0], distinct),
        "start": start,
        "gap": np.concatenate([[1.0], np.diff(distinct), [1.0]]),
        "rise": np.append(0.0, rise),
        "middle": middle,
    }


STEPS: dict[str, Lower] = {
    "center": lambda graph, value, step: _shift_scale(graph, value, step, subtract=step.mean),
    "standardizer": lambda graph, value, step: _shift_scale(graph, value, step, subtract=step.mean, divide=step.scale),
    "min_max": _min_max,
    "robust": _robust,
    "quantile_normal": _quantile_normal,
    "pca": _rotation,
    "whitening": _rotation,
    "pipeline": _pipeline,
}
