"""What an export writes: preprocessing, network and link as one list of array functions, dropout and batch norm gone.

Value 0 is the input, one row per sample; every node reads values and writes one. The kinds, their tensors in brackets:

| kind | what it does to a row x |
| --- | --- |
| `cast` | changes the dtype |
| `shift_scale` | `(x - subtract) / divide * multiply + add`, in this order, what is absent left out |
| `smooth_clip` | `x / sqrt(1 + (x / bend)^2)` |
| `quantile_normal` | normal quantiles of the column's distribution [points, base, start, gap, rise, middle] |
| `dense` | `x weight + bias` [weight (in, out), bias or nothing] |
| `activation` | `function` with `alpha`: those of `steepest.activations` and `exp` |
| `row_function` | `softmax`, `log_softmax`, `hardmax` |
| `layer_norm` | [gamma, beta], `epsilon` |
| `prelu` | [slope, one a column] |
| `maxout` | largest of each `pieces` neighbours |
| `sum`, `concatenate` | of several values |
| `select` | the `columns` |
| `embedding` | row of the table by number, zeros where there is none [table] |
| `fill` | `values` where x is NaN [values] |
| `is_missing` | 1 where x is NaN, else 0 |
| `slot` | the number of a level below `levels` as it is, NaN becomes `missing`, all else `unknown` |
| `time_parts` | of seconds since 1970 the days, and sine and cosine of the phases of year, week and day |
| `one_hot` | 1 in the column whose number x is, out of `slots` |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from steepest.export.errors import ExportError
from steepest.losses import Loss
from steepest.lowering import passes
from steepest.lowering.program import Op, Program, Shape
from steepest.model import Model

Array = npt.NDArray[Any]

# What the links of the losses are called among the nodes.
LINKS: dict[str, tuple[str, dict[str, Any]]] = {
    "softmax_cross_entropy": ("row_function", {"function": "softmax"}),
    "sigmoid_cross_entropy": ("activation", {"activation": "sigmoid", "alpha": 0.0}),
    "poisson": ("activation", {"activation": "exp", "alpha": 0.0}),
}


@dataclass(frozen=True)
class Node:
    """One function of rows; `source` is the layer or preprocessing step that it does the work of."""

    kind: str
    inputs: tuple[int, ...]
    output: int
    source: str
    tensors: Mapping[str, Array] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Line(NamedTuple):
    """`y scale + shift`, column by column."""

    scale: Array
    shift: Array


@dataclass
class Graph:
    """Nodes in the order of execution, over values of the given widths and dtypes.

    `shape` is that of one sample; `start` is the value that the network reads, after the preprocessing.
    """

    shape: Shape
    widths: list[int]
    dtypes: list[str]
    nodes: list[Node] = field(default_factory=list)
    output: int = 0
    start: int = 0

    @property
    def input_dtype(self) -> str:
        """Dtype of the input."""
        return self.dtypes[0]

    @property
    def output_dtype(self) -> str:
        """Dtype of the result."""
        return self.dtypes[self.output]

    def add(
        self,
        kind: str,
        inputs: int | tuple[int, ...],
        width: int | None = None,
        *,
        source: str,
        dtype: str | None = None,
        tensors: Mapping[str, Array] | None = None,
        **attributes: Any,
    ) -> int:
        """Append a node and return the value it writes; width and dtype are those of its first input if not given."""
        read = (inputs,) if isinstance(inputs, int) else inputs
        self.widths.append(self.widths[read[0]] if width is None else width)
        self.dtypes.append(dtype or self.dtypes[read[0]])
        output = len(self.widths) - 1
        # Numbers are kept as the target computes with them.
        kept = {name: np.ascontiguousarray(array, self.dtypes[output]) for name, array in (tensors or {}).items()}
        for name, array in kept.items():
            if not np.isfinite(array).all():
                raise ExportError(f"{name} of {source} is not finite: such a model cannot be exported")
        self.nodes.append(Node(kind, read, output, source, kept, attributes))
        self.output = output
        return output

    def cast(self, value: int, dtype: str, source: str) -> int:
        """Return the value in this dtype."""
        return value if self.dtypes[value] == dtype else self.add("cast", value, source=source, dtype=dtype)


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
    from steepest.export import steps, table

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
