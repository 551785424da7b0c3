"""ONNX files."""

from __future__ import annotations

import importlib.util
import math
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import archive
from steepest.checks import check_path
from steepest.export import onnx_reader, protobuf, table
from steepest.export.errors import ExportError
from steepest.export.onnx_model import ML, OnnxGraph
from steepest.export.onnx_nodes import Writer
from steepest.export.report import ExportReport, compare
from steepest.export.source import Source

Array = npt.NDArray[Any]


def onnx(
    model: Any,
    path: str | os.PathLike[str],
    X: npt.ArrayLike | None = None,
    *,
    preprocessing: Any = None,
    link: bool = False,
    input_dtype: npt.DTypeLike | None = None,
    tolerance: float | None = None,
) -> ExportReport:
    """Write the model as an ONNX file (opset 17, which every ONNX Runtime since 1.12 of 2022 runs).

    The graph has one input `input`, `(N, D)` or the model's own sample shape, and one output `output (N, K)`; N is
    free. With a `TablePreprocessor` each column is an input of its own name, `(N, 1)`: numbers with NaN for a missing
    one, texts for categories (whole numbers without decimal point, "True" and "False"). Dropout and noise are gone,
    batch norm is part of the dense layers where that loses no digits. The file is written without the onnx package and
    tried before it is kept: by ONNX Runtime where that is installed, else by a reader of its own in NumPy.

    Parameters
    ----------
    model : Sequential or Ensemble
        Built; an ensemble of classifiers with `link=True`. Or a fitted estimator of `steepest.sklearn`.
    path : str or path-like
        File; replaced in one piece, or left alone if the outputs are not those of the model.
    X : array (N, D), optional
        Rows to try it on, best some of your own data (at most 4096 are used); None draws 64.
    preprocessing : Preprocessor, optional
        Becomes part of the graph, in float64; None takes the model's own, if it has one.
    link : bool
        True: the outputs are what the loss's link makes of them (probabilities, rates), as `predict_proba` gives.
    input_dtype : {"float32", "float64"}, optional
        Of the graph's input. None means with preprocessing float32 if X is, else float64, in which the preprocessing
        computes; without preprocessing it means the model's dtype.
    tolerance : float, optional
        Largest difference accepted, times the largest output where that is above 1; None means 1e-5 for float32 and
        1e-9 for float64 models, in float32 more from 440 columns on (4 epsilon times the root of the widest layer).

    Returns
    -------
    ExportReport
        With `largest_difference` to the model's outputs.

    Raises
    ------
    ExportError
        If a layer cannot be exported, the outputs differ, or the file would pass protobuf's limit of 2 GB.

    Examples
    --------
    >>> import os, tempfile
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(8, "gelu"), st.layers.Dense(2)], input_shape=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = st.export.onnx(model, os.path.join(folder, "net.onnx"))
    >>> report.largest_difference < 1e-6
    True
    """
    path = check_path("path", path)
    source = Source(model, X, preprocessing=preprocessing, link=link, input_dtype=input_dtype)
    accepted = source.accepted(tolerance)
    content = write(source)
    runner, given = _run(content, _inputs(source))
    difference, largest = compare("the ONNX graph", given, source.outputs, accepted)
    with archive.replacing(path) as file:
        file.write(content)
    return ExportReport("ONNX", os.fspath(path), difference, largest, len(source.rows), accepted, runner)


def write(source: Source) -> bytes:
    """Return the bytes of the file."""
    import steepest

    graph, made = source.graph, OnnxGraph()
    size = sum(array.nbytes for node in graph.nodes for array in node.tensors.values())
    if size > protobuf.LIMIT - 2**20:  # a megabyte for the nodes
        raise ExportError(
            f"the weights have {size / 1e9:.2f} GB, an ONNX file is limited to 2 GB by protobuf: export a float32 or a "
            "smaller model, or use safetensors"
        )
    writer = Writer(graph, made)
    names = {0: _columns(source, writer) if source.table else _matrix(source, made)}
    for node in graph.nodes:
        names[node.output] = writer.write(node, [names[value] for value in node.inputs])
    output = made.name("output")
    made.node("Identity", [names[graph.output]], "result", output=output)
    made.output(output, graph.output_dtype, ("N", graph.widths[graph.output]))
    return made.model("steepest", steepest.__version__, source.metadata)


def _matrix(source: Source, made: OnnxGraph) -> str:
    """Add the one input, and return it as rows."""
    name = made.input("input", source.graph.input_dtype, ("N", *source.graph.shape))
    return made.node("Flatten", [name], "input", axis=1) if len(source.graph.shape) > 1 else name


def _columns(source: Source, writer: Writer) -> str:
    """Add an input for each column of the table, and return them side by side, categories by their numbers."""
    made, dtype, parts = writer.onnx, source.graph.input_dtype, []
    writer.scope = "input"
    encoders = source.preprocessing.encoders
    names = [made.input(each.name, "string" if each.kind == "categorical" else dtype, ("N", 1)) for each in encoders]
    for name, each in zip(names, encoders, strict=True):
        if each.kind != "categorical":
            parts.append(name)
            continue
        codes = dict.fromkeys(("", *source.preprocessing.missing), math.nan)
        codes.update({level: float(number) for number, level in enumerate(each.levels)})
        number = made.node(
            "LabelEncoder",
            [name],
            "input",
            domain=ML,
            keys_strings=list(codes),
            values_floats=list(codes.values()),
            default_float=-1.0,
        )
        parts.append(number if dtype == "float32" else writer.cast(number, dtype))
    return writer("Concat", *parts, axis=1)


def _inputs(source: Source) -> dict[str, Array]:
    """Return the sample rows as the graph takes them."""
    if not source.table:
        return {"input": source.shaped_rows}
    columns = table.strings(source.preprocessing, source.frame)
    return {n: a if a.dtype == object else a.astype(source.graph.input_dtype) for n, a in columns.items()}


def _run(content: bytes, inputs: dict[str, Array]) -> tuple[str, Array]:
    """Return what ran the model, and its outputs."""
    if importlib.util.find_spec("onnxruntime") is None:
        return "steepest's reader of ONNX files in NumPy", onnx_reader.run(content, inputs)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return f"ONNX Runtime {onnxruntime.__version__}", np.asarray(session.run(None, inputs)[0])
