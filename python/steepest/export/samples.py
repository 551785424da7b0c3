"""Rows to try an export on, and the model's outputs for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.export.errors import ExportError
from steepest.lowering.program import Program
from steepest.model import Model

Array = npt.NDArray[Any]

ROWS = 64
MOST = 4096
_SEED = 20260101


def draw(model: Model, preprocessing: Any) -> Array:
    """Return rows that look like the training set as far as model and preprocessing know it: float64 `(ROWS, D)`.

    Normal numbers, in columns that are read as categories their numbers and one beyond, all taken back through the
    preprocessing where it has an inverse.
    """
    program = model.network.program
    rng = np.random.default_rng(_SEED)
    rows = np.clip(rng.normal(size=(ROWS, program.input_width)), -2.5, 2.5)
    for column, categories in _categories(program).items():
        # A quarter more than the number, since the inverse may round it down.
        rows[:, column] = rng.integers(-1, categories + 1, size=ROWS) + (0.25 if preprocessing is not None else 0.0)
    if preprocessing is None:
        return rows
    if not preprocessing.invertible:
        raise ExportError(f"{type(preprocessing).__name__} has no inverse to draw sample rows with: pass X, some rows")
    result: Array = preprocessing.inverse_transform(rows)
    return result


def _categories(program: Program) -> dict[int, int]:
    """Return the numbers of categories of the input columns that embeddings read."""
    columns = {0: list(range(program.input_width))}
    found = {}
    for op in program.operations:
        known = columns.get(op.inputs[0])
        if known is not None and op.kind == "select":
            columns[op.output] = [known[column] for column in op.attributes["columns"]]
        elif known is not None and op.kind == "embedding":
            found[known[0]] = program.parameters[op.parameters[0]].shape[0]
    return found


def check(X: npt.ArrayLike, width: int, dtype: str) -> Array:
    """Return the sample rows as the export takes them, not more than `MOST`."""
    x = data.check_matrix("X", X, width)
    return np.ascontiguousarray(x[:MOST], dtype)
