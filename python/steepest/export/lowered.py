"""From models and their preprocessing to the graph that is exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from steepest.export import steps, table
from steepest.export.errors import ExportError
from steepest.export.graph import LINKS, Array, Graph, Line
from steepest.losses import Loss
from steepest.lowering import passes
from steepest.lowering.program import Op, Program
from steepest.model import Model


def build(
    models: Sequence[Model],
    preprocessing: Any = None,
    input_dtype: str | None = None,
    link: Loss | None = None,
    target: Line | None = None,
    *,
    link_first: bool = False,
) -> Graph:
    """Return the graph of the average of the models behind their preprocessing, of a link and a scaler of targets.

    `input_dtype` None means float64 where there is preprocessing, whose arithmetic is in float64, else the first
    model's. With `link_first` each model's outputs go through the link, otherwise their average does.
    """
    network = models[0].network
    dtype = "float64" if any(model.dtype == "float64" for model in models) else "float32"
    if preprocessing is None:
        shape = network.program.input_shape
        graph = Graph(shape, [network.program.input_width], [input_dtype or dtype])
    else:
        graph = _front(network.program, preprocessing, input_dtype or "float64")
    start = graph.output
    outputs = []
    for model in models:
        with model.guard.use():
            network = model.network
            program, tensors = _folded(network.program, {**network.parameters, **network.states})
        graph.start = graph.cast(start, model.dtype, "input")
        value = _append(graph, graph.start, program, tensors)
        outputs.append(graph.cast(_link(graph, value, link) if link_first else value, dtype, "average"))
    value = outputs[0]
    if len(models) > 1:
        value = graph.add("sum", tuple(outputs), source="average")
        share = np.full(graph.widths[value], 1.0 / len(models))
        value = graph.add("shift_scale", value, source="average", tensors={"multiply": share})
    if not link_first:
        value = _link(graph, value, link)
    if target is not None:
        value = graph.cast(value, "float64", "target")
        scaling = {"multiply": target.scale, "add": target.shift}
        value = graph.add("shift_scale", value, source="target", tensors=scaling)
    if value == 0:  # a model that does nothing still has a node to its name
        value = graph.add("activation", 0, source="identity", activation="identity", alpha=0.0)
    graph.output = value
    return graph


def _link(graph: Graph, value: int, link: Loss | None) -> int:
    if link is None:
        return value
    kind, attributes = LINKS[link.kind]
    return graph.add(kind, value, source="link", **attributes)


def _front(program: Program, preprocessing: Any, input_dtype: str) -> Graph:
    """Return the graph of the preprocessing alone."""
    if table.is_table(preprocessing):
        columns = len(preprocessing.names)
        graph = Graph((columns,), [columns], [input_dtype])
        value = table.lower(graph, graph.cast(0, "float64", "input"), preprocessing)
    else:
        columns = steps.columns(preprocessing)
        shape = program.input_shape if columns == program.input_width else (columns,)
        graph = Graph(shape, [columns], [input_dtype])
        value = steps.lower(graph, graph.cast(0, "float64", "input"), preprocessing)
        value = graph.cast(value, steps.dtype(preprocessing) or input_dtype, "preprocessing")
    if graph.widths[value] != program.input_width:
        raise ExportError(f"preprocessing gives {graph.widths[value]} columns, the model takes {program.input_width}")
    graph.output = value
    return graph


def _folded(program: Program, tensors: Mapping[str, Array]) -> tuple[Program, Mapping[str, Array]]:
    """Fold what loses no digits: not the scaling of raw inputs, whose means may be large beside their deviations."""
    raw = {0}
    for op in program.operations:
        if op.kind in ("select", "concatenate", "batch_norm", "dropout", "noise") and raw.issuperset(op.inputs):
            raw.add(op.output)
    kept = {op.layer for op in program.operations if op.kind == "batch_norm" and op.inputs[0] in raw}
    return passes.fold(program, tensors, {op.layer for op in program.operations} - kept)


def _append(graph: Graph, value: int, program: Program, tensors: Mapping[str, Array]) -> int:
    """Append the operations of the program, reading `value`, and return its output."""
    values = {0: value}
    for op in program.operations:
        arrays = [tensors[program.parameters[number].name] for number in op.parameters]
        states = [tensors[program.states[number].name] for number in op.states]
        inputs = tuple(values[number] for number in op.inputs)
        values[op.output] = _node(graph, op, inputs, program.widths[op.output], arrays, states)
    return values[program.output]


def _node(graph: Graph, op: Op, inputs: tuple[int, ...], width: int, arrays: list[Array], states: list[Array]) -> int:
    """Append what the operation does in prediction."""
    attributes = dict(op.attributes)
    if op.kind in ("dropout", "noise"):  # left where folding may not touch the layer
        return inputs[0]
    if op.kind == "host":
        raise ExportError(
            f"layer {op.layer!r} is written in Python ({type(op.function).__name__}) and cannot be exported: "
            "replace it by layers of steepest, or export the model without it and call it yourself"
        )
    if op.kind == "dense":
        tensors = dict(zip(("weight", "bias"), arrays, strict=False))
        value = graph.add("dense", inputs, width, source=op.layer, tensors=tensors)
        if attributes["activation"] == "identity":
            return value
        return graph.add("activation", value, source=op.layer, **attributes)
    if op.kind == "batch_norm":
        return _normalization(graph, op, inputs[0], arrays, states)
    named: dict[str, tuple[str, ...]] = {"layer_norm": ("gamma", "beta"), "prelu": ("slope",), "embedding": ("table",)}
    if op.kind not in (*named, "activation", "row_function", "maxout", "sum", "concatenate", "select"):
        raise ExportError(f"layer {op.layer!r}: operation {op.kind!r} cannot be exported")
    tensors = dict(zip(named.get(op.kind, ()), arrays, strict=True))
    if op.kind == "prelu":
        tensors["slope"] = np.repeat(tensors["slope"], width // len(tensors["slope"]))
    return graph.add(op.kind, inputs, width, source=op.layer, tensors=tensors, **attributes)


def _normalization(graph: Graph, op: Op, value: int, arrays: list[Array], states: list[Array]) -> int:
    """Append `(x - mean) gamma / sqrt(variance + epsilon) + beta`, a channel's numbers in each of its columns."""
    gamma, beta, mean, variance = (array.astype(np.float64) for array in (*arrays, *states))
    scale = gamma / np.sqrt(variance + op.attributes["epsilon"])
    columns = graph.widths[value] // len(gamma)
    tensors = {"subtract": mean, "multiply": scale, "add": beta}
    full = {name: np.repeat(array, columns) for name, array in tensors.items()}
    return graph.add("shift_scale", value, source=op.layer, tensors=full)
