"""The table of a model's layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steepest.layers.base import Layer
from steepest.lowering.network import Network
from steepest.lowering.passes import consumers
from steepest.lowering.program import Op, Program


@dataclass(frozen=True)
class SummaryRow:
    """One layer: its name and description, output columns, number of parameters, and arithmetic of one row forward."""

    name: str
    layer: str
    output: int
    parameters: int
    flops: int


@dataclass(frozen=True)
class Summary:
    """A model's layers; `print` shows the table.

    Attributes
    ----------
    rows : tuple of SummaryRow
        One per layer.
    input : int
        Input columns.
    parameters, flops : int
        Totals: parameters, and floating-point operations per row in the forward pass (an addition and a multiplication
        are two; one for each element of an activation). Training costs about three times as many.
    memory : int
        Bytes of the parameters and states.
    notes : tuple of str
        Remarks on what could be better.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(3, "relu"), st.layers.BatchNorm(), st.layers.Dense(2)], input_shape=4)
    >>> print(model.summary())
    layer         what                               output  parameters  FLOP/row
    input                                                 4
    dense_1       Dense(units=3, activation='relu')       3          15        30
    batch_norm_1  BatchNorm()                             3           6         6
    dense_2       Dense(units=2)                          2           8        14
    total                                                 2          29        50
    140 bytes of parameters and states (float32)
    """

    rows: tuple[SummaryRow, ...]
    input: int
    parameters: int
    flops: int
    memory: int
    dtype: str
    notes: tuple[str, ...]

    def __str__(self) -> str:
        cells = [["layer", "what", "output", "parameters", "FLOP/row"], ["input", "", f"{self.input:,}", "", ""]]
        cells += [[r.name, r.layer, f"{r.output:,}", f"{r.parameters:,}", f"{r.flops:,}"] for r in self.rows]
        cells.append(["total", "", f"{self.rows[-1].output:,}", f"{self.parameters:,}", f"{self.flops:,}"])
        widths = [max(len(row[i]) for row in cells) for i in range(5)]
        lines = []
        for row in cells:
            left = [text.ljust(width) for text, width in zip(row[:2], widths[:2], strict=True)]
            right = [text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)]
            lines.append("  ".join(left + right).rstrip())
        lines.append(f"{_size(self.memory)} of parameters and states ({self.dtype})")
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    __repr__ = __str__


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


# Per element. Batch norm is a multiplication and an addition once its statistics are known; layer norm finds its own.
# Dropout and noise do nothing in inference; the others move numbers.
_FLOPS = {
    "batch_norm": 2,
    "layer_norm": 8,
    "row_function": 4,
    "dropout": 0,
    "noise": 0,
    "select": 0,
    "concatenate": 0,
    "embedding": 0,
}


def flops(program: Program, op: Op) -> int:
    """Floating-point operations of one row forward."""
    width = program.widths[op.output]
    if op.kind == "dense":
        product = 2 * program.widths[op.inputs[0]] * width
        bias = width if len(op.parameters) > 1 else 0
        return product + bias + (width if op.attributes["activation"] != "identity" else 0)
    inputs = sum(program.widths[value] for value in op.inputs)
    if op.kind in ("maxout", "sum"):  # comparisons or additions: one less than what they are between
        return inputs - width
    return _FLOPS.get(op.kind, 1) * width


def _notes(program: Program) -> list[str]:
    notes = []
    for op in program.operations:
        following = consumers(program, op.output)
        plain = op.kind == "dense" and len(op.parameters) > 1 and op.attributes["activation"] == "identity"
        subtracted = [reader.kind == "batch_norm" and not reader.attributes["frozen"] for reader in following]
        if plain and subtracted and all(subtracted):
            notes.append(
                f"the bias of {op.layer} is redundant, since {following[0].layer} after it subtracts the mean: "
                "use_bias=False saves it"
            )
    return notes


def summarize(network: Network, layers: Sequence[Layer], names: Sequence[str]) -> Summary:
    """Return the summary of the layers, which are those of the network's program."""
    program = network.program
    rows = []
    width = program.input_width
    for name, layer in zip(names, layers, strict=True):
        operations = [op for op in program.operations if op.layer == name or op.layer.startswith(f"{name}.")]
        # A fused activation layer has no operation of its own; it keeps the width.
        width = program.widths[operations[-1].output] if operations else width
        count = sum(view.size for key, view in network.parameters.items() if key.startswith(f"{name}."))
        rows.append(SummaryRow(name, repr(layer), width, count, sum(flops(program, op) for op in operations)))
    tensors = [*network.parameters.values(), *network.states.values()]
    return Summary(
        rows=tuple(rows),
        input=program.input_width,
        parameters=sum(row.parameters for row in rows),
        flops=sum(row.flops for row in rows),
        memory=sum(tensor.nbytes for tensor in tensors),
        dtype=str(np.dtype(network.dtype)),
        notes=tuple(_notes(program)),
    )
