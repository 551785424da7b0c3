"""Exports at the ends of the numbers: infinities, NaN and the largest finite values give what the kernels give."""

import ctypes
import runpy
import subprocess

import numpy as np
import pytest

import steepest as st
from export_models import FUNCTIONS, L, export
from steepest.export import onnx_reader, to_c

NAN, INF = np.nan, np.inf
ROWS = np.array([[1, NAN, 0], [NAN, 1, 2], [1, 2, NAN], [NAN, NAN, NAN], [INF, 0, 1], [-INF, 0, 1], [0, -INF, NAN]])


def with_runtime(made, x, outputs):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(made.result, providers=["CPUExecutionProvider"])
    return session.run(None, {"input": x})[0]


def with_reader(made, x, outputs):
    with open(made.result, "rb") as file:
        return onnx_reader.run(file.read(), {"input": x})


def with_numpy(made, x, outputs):
    with np.errstate(all="ignore"):
        return runpy.run_path(made.result)["predict"](x)


def with_compiler(made, x, outputs):
    library = made.result + ".so"
    subprocess.run([*to_c.find_compiler(), "-shared", "-fPIC", made.result, "-o", library, "-lm"], check=True)
    predict = ctypes.CDLL(library).predict
    result = np.empty((len(x), outputs), x.dtype)
    for row, y in zip(x, result, strict=True):
        predict(row.ctypes.data_as(ctypes.c_void_p), y.ctypes.data_as(ctypes.c_void_p))
    return result


WAYS = {
    "runtime": ("onnx", with_runtime),
    "reader": ("onnx", with_reader),
    "numpy": ("numpy_function", with_numpy),
    "c": ("c99", with_compiler),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_limits_are_those_of_the_kernels(name, dtype, way, tmp_path):
    if (name, dtype, way) == ("log_softmax", "float64", "runtime"):
        pytest.skip("ONNX Runtime's float64 kernel takes NaN and infinity for numbers: [1, NaN] gives [46, NaN]")
    oldest = way == "runtime" and pytest.importorskip("onnxruntime").__version__.startswith("1.20.")
    if oldest and (name, dtype) == ("prelu", "float32"):
        pytest.skip("PRelu of ONNX Runtime 1.20 makes NaN of infinity")
    kind, run = WAYS[way]
    largest = float(np.finfo(dtype).max)
    x = ROWS
    if name not in ("softmax", "log_softmax", "hardmax"):
        x = np.array([[INF, -INF, NAN], [largest, -largest, 0.0], [1e30, -1e30, -0.0]])
    x = x.astype(dtype)
    model = st.Sequential([L.Activation(name)], input_shape=3, dtype=dtype)
    made = export(kind, model, tmp_path)
    expected = model.predict(x)
    given = run(made, x, 3)
    # Where both are finite they differ by a few roundings: 3e38 in float32 is a number like any other. Only ONNX
    # Runtime 1.20 gives 0 for what is smaller than all normal numbers.
    smallest = np.finfo(dtype).tiny if oldest else 0.0
    np.testing.assert_allclose(given, expected, rtol=8 * np.finfo(dtype).eps, atol=smallest)
