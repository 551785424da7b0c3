"""One Python file that predicts with NumPy alone."""

from __future__ import annotations

import base64
import os
import re
import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import archive
from steepest.checks import check_path
from steepest.export import table
from steepest.export.numpy_nodes import CALLS, FUNCTIONS, NODES
from steepest.export.report import ExportReport, compare
from steepest.export.source import Source

Array = npt.NDArray[Any]

_HEAD = '''"""Predicts with a neural network; needs Python and NumPy, nothing else.

Written by {producer}.{preprocessing}
Outputs: {outputs}.

    from {module} import predict
    outputs = predict(X)  # X {shape} -> {output_dtype} (N, {columns})
"""

import base64
{math}
import numpy as np


def _array(dtype, shape, text):
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)
'''
_PREDICT = '''

def predict(X):
    """Return the outputs (N, {columns}) for the samples X {shape}, of any numeric dtype."""
    v0 = np.asarray(X, dtype="{input_dtype}")
    if v0.ndim < 2 or v0.shape[1:] not in {shapes}:
        raise ValueError(f"X must have shape {shape}, got {{v0.shape}}")
    v0 = v0.reshape(len(v0), {width})
'''
_ENCODE = '''

# Columns of the matrix that predict takes, the categories of those that have some, and what stands for a missing value.
COLUMNS = {columns!r}
LEVELS = {levels!r}
MISSING = {missing!r}
TIMES = {times!r}  # columns of seconds since 1970-01-01 UTC


def encode(table):
    """Return the matrix (N, {width}) that predict takes, from a dictionary of columns.

    It holds numbers, of categories their place in LEVELS[column] or -1 for others, and NaN where a value is missing.
    """
    return np.array([_numbers(name, list(table[name])) for name in COLUMNS], dtype=float).T


def _numbers(name, values):
    levels = LEVELS.get(name)
    absent = [v is None or v != v or (isinstance(v, str) and v.strip() in MISSING) for v in values]
    if levels is None:
        convert = _seconds if name in TIMES else float
        return [np.nan if gone else convert(v) for v, gone in zip(values, absent)]
    place = {{level: number for number, level in enumerate(levels)}}
    return [np.nan if gone else place.get(_level(v), -1) for v, gone in zip(values, absent)]


def _seconds(value):
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        value = value.strip().rstrip("Z")
    elif getattr(value, "tzinfo", None) is not None:
        return value.timestamp()
    return np.datetime64(value, "us").astype(np.int64) * 1e-6


def _level(value):
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, str):
        return value.strip()
    return str(int(value)) if value == int(value) else repr(float(value))
'''


def numpy_function(
    model: Any,
    path: str | os.PathLike[str],
    X: npt.ArrayLike | None = None,
    *,
    preprocessing: Any = None,
    link: bool = False,
    input_dtype: npt.DTypeLike | None = None,
    tolerance: float | None = None,
) -> ExportReport:
    """Write the model as one Python file with a function `predict(X)` that needs NumPy only.

    The weights stand inside, as base64 text. With a `TablePreprocessor` there is also `encode(table)`, which makes the
    matrix that `predict` takes from a dictionary of columns. The file is run before it is kept.

    Parameters
    ----------
    model, path, X, preprocessing, link, input_dtype, tolerance
        As for `steepest.export.onnx`.

    Returns
    -------
    ExportReport
        With `largest_difference` to the model's outputs.

    Raises
    ------
    ExportError
        If a layer cannot be exported, or the outputs differ.

    Examples
    --------
    >>> import os, runpy, tempfile
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(8, "mish"), st.layers.Dense(2)], input_shape=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = st.export.numpy_function(model, os.path.join(folder, "net.py"))
    ...     predict = runpy.run_path(report.result)["predict"]
    >>> float(np.abs(predict(np.ones((1, 3))) - model.predict(np.ones((1, 3)))).max()) < 1e-6
    True
    """
    path = check_path("path", path)
    source = Source(model, X, preprocessing=preprocessing, link=link, input_dtype=input_dtype)
    accepted = source.accepted(tolerance)
    text = write(source, os.fspath(path))
    namespace: dict[str, Any] = {"__name__": "steepest_export"}
    exec(compile(text, os.fspath(path), "exec"), namespace)
    given = namespace["predict"](source.shaped_rows)
    difference, largest = compare("the NumPy function", given, source.outputs, accepted)
    if source.table:
        columns = {name: column[:, 0] for name, column in table.strings(source.preprocessing, source.frame).items()}
        compare("encode of the NumPy file", namespace["encode"](columns), source.rows.astype(np.float64), 0.0)
    with archive.replacing(path) as file:
        file.write(text.encode())
    runner = f"NumPy {np.__version__}"
    return ExportReport("NumPy", os.fspath(path), difference, largest, len(source.rows), accepted, runner)


def write(source: Source, path: str) -> str:
    """Return the text of the file."""
    graph = source.graph
    module = re.sub(r"\W", "_", os.path.basename(path).removesuffix(".py")) or "network"
    about = source.metadata
    shape = f"(N, {', '.join(map(str, graph.shape))})"
    steps = textwrap.fill(about["preprocessing"], 100) if "preprocessing" in about else ""
    facts = {
        "producer": about["producer"],
        "preprocessing": f" The preprocessing is part of it:\n{_plain(steps)}." if steps else "",
        "outputs": _plain(about["outputs"]),
        "module": module,
        "shape": shape,
        "columns": graph.widths[graph.output],
        "output_dtype": graph.output_dtype,
        "input_dtype": graph.input_dtype,
        "width": graph.widths[0],
        "shapes": sorted({graph.shape, (graph.widths[0],)}),
    }
    arrays, lines, called = [], [], set()
    for node in graph.nodes:
        x = [f"v{value}" for value in node.inputs]
        if node.kind == "cast":
            expression = f'{x[0]}.astype("{graph.dtypes[node.output]}")'
        else:
            names = {name: f"{_identifier(node.source)}_{node.output}_{name}" for name in node.tensors}
            arrays += [_literal(names[name], array) for name, array in node.tensors.items()]
            expression = NODES[node.kind](node, x, names)
            called |= set(re.findall(r"\b[a-z_]+(?=\()", expression)) & FUNCTIONS.keys()
        lines.append(f"    v{node.output} = {expression}")
    for name in list(called):
        called.update(CALLS.get(name, []))
    functions = [f"\n{FUNCTIONS[name]}" for name in FUNCTIONS if name in called]
    lines.append(f"    return v{graph.output}\n")
    if source.table:
        pre = source.preprocessing
        levels = {name: list(names) for name, names in table.levels(pre).items()}
        encode = _ENCODE.format(
            columns=list(pre.names),
            times=table.times(pre),
            levels=levels,
            missing=list(pre.missing),
            width=graph.widths[0],
        )
    else:
        encode = ""
    head = _HEAD.format(**facts, math="import math\n" if "erf" in called else "")
    return "".join([head, *functions, "\n\n", *arrays, encode, _PREDICT.format(**facts), "\n".join(lines)])


def _plain(text: str) -> str:
    """Return the text as it may stand in a docstring."""
    return text.replace("\\", "/").replace('"', "'")


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _literal(name: str, array: Array) -> str:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    text = base64.b64encode(little.tobytes()).decode()
    code = little.dtype.str.replace("=", "<").replace("|", "<")
    wrapped = "\n".join(text[i : i + 116] for i in range(0, len(text), 116))
    return f'{name} = _array("{code}", {array.shape}, """\n{wrapped}\n""")\n'
