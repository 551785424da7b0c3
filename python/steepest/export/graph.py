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

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from steepest.export.errors import ExportError
from steepest.lowering.program import Shape

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
