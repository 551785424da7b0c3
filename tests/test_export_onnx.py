"""ONNX files: valid by the onnx package's checker, the same by ONNX Runtime and by the reader in NumPy."""

import json
import sys

import numpy as np
import pytest

import steepest as st
from export_models import FUNCTIONS, L, everything, export, fitted, preprocessings, randomize, rows, with_activation
from steepest.export import onnx_model, onnx_reader, protobuf, to_onnx

STEPS = sorted(preprocessings())


def run(path, feed):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, feed)[0]


def read(path, feed):
    return onnx_reader.run(path.read_bytes(), feed)


@pytest.fixture(params=["runtime", "reader"])
def runner(request, monkeypatch):
    """Both ways to run a file, and the export's own check by the same."""
    if request.param == "reader":
        monkeypatch.setattr(to_onnx.importlib.util, "find_spec", lambda name: None)
        return read
    pytest.importorskip("onnxruntime")
    return run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_checker_accepts_everything(dtype, tmp_path):
    onnx = pytest.importorskip("onnx")
    P = st.preprocessing
    step = P.Pipeline([P.QuantileNormal(20), P.PCA(4), P.Robust(True)]).fit(rows())
    made = st.export.onnx(everything(dtype), tmp_path / "net.onnx", rows(), preprocessing=step)
    model = onnx.load(made.result)
    onnx.checker.check_model(model, full_check=True)  # with shape inference
    assert model.opset_import[0].version == onnx_model.OPSET == 17
    assert model.ir_version == onnx_model.IR_VERSION == 8
    assert model.producer_name == "steepest"
    (given,) = model.graph.input
    assert given.name == "input"
    assert given.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["N", 6]
    (result,) = model.graph.output
    assert [d.dim_param or d.dim_value for d in result.type.tensor_type.shape.dim] == ["N", 5]
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["preprocessing"].startswith("Pipeline(")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_extreme_inputs(name, dtype, runner, tmp_path):
    layers = [L.Activation(name), L.Activation("identity")]
    model = randomize(st.Sequential(layers, input_shape=4, dtype=dtype))
    x = np.array([[0.0, -0.0, 1e4, -1e4], [88.0, -88.0, 1e-30, -1e-30], [3.0, -3.0, 5.5, -5.5], [20, -20, 40, -40]])
    made = export("onnx", model, tmp_path, x)
    assert made.largest_difference <= (1e-6 if dtype == "float32" else 1e-13) * max(1.0, made.largest_output)
    got = runner(tmp_path / "net.onnx", {"input": x.astype(dtype)})
    assert got.dtype == dtype
    assert np.abs(got - model.predict(x)).max() <= 1e-6 * max(1.0, made.largest_output)


@pytest.mark.parametrize("name", STEPS)
def test_preprocessing_by_both_ways(name, runner, tmp_path):
    step = fitted(name)
    model = randomize(st.Sequential([L.Dense(3)], input_shape=step.output_columns, dtype="float64"))
    made = export("onnx", model, tmp_path, rows(seed=8), preprocessing=step)
    got = runner(tmp_path / "net.onnx", {"input": rows()})
    assert np.abs(got - model.predict(step.transform(rows()))).max() < 1e-9 * max(1.0, made.largest_output)


def test_everything_by_both_ways(runner, tmp_path):
    model = everything()
    made = export("onnx", model, tmp_path)
    assert ("reader" in made.checked_with) == (runner is read)
    x = np.random.default_rng(3).normal(size=(50, 4)).astype("float32")
    np.testing.assert_allclose(runner(tmp_path / "net.onnx", {"input": x}), model.predict(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_number_of_rows_is_free(count, runner, tmp_path):
    model = everything()
    export("onnx", model, tmp_path)
    x = np.random.default_rng(3).normal(size=(count, 4)).astype("float32")
    got = runner(tmp_path / "net.onnx", {"input": x})
    assert got.shape == (count, 5)
    np.testing.assert_allclose(got, model.predict(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_input_follows_the_sample_rows(dtype, tmp_path):
    X = (np.random.default_rng(0).normal(size=(20, 5)) * 10).astype(dtype)
    step = st.preprocessing.Standardizer().fit(X)
    export("onnx", with_activation("relu"), tmp_path, X, preprocessing=step)
    feed = X.astype("float32" if dtype == "float32" else "float64")
    given = run(tmp_path / "net.onnx", {"input": feed})
    np.testing.assert_allclose(given, with_activation("relu").predict(step.transform(X)), rtol=1e-5, atol=1e-5)


def test_input_dtype(tmp_path):
    model = with_activation("relu")
    for chosen in ("float32", "float64"):
        step = st.preprocessing.Standardizer().fit(np.random.default_rng(0).normal(size=(20, 5)))
        export("onnx", model, tmp_path, preprocessing=step, input_dtype=chosen)
        x = np.ones((2, 5), chosen)
        np.testing.assert_allclose(
            read(tmp_path / "net.onnx", {"input": x}), model.predict(step.transform(x)), rtol=1e-5, atol=1e-5
        )


def test_classes_stand_in_the_metadata(tmp_path):
    onnx = pytest.importorskip("onnx")
    from steepest.tables import ClassLabels

    model = randomize(st.Sequential([L.Dense(2)], input_shape=3))
    model.target = ClassLabels().fit(["no", "yes"])
    model.loss = st.losses.SoftmaxCrossEntropy()
    made = st.export.onnx(model, tmp_path / "net.onnx", link=True)
    about = {entry.key: entry.value for entry in onnx.load(made.result).metadata_props}
    assert json.loads(about["classes"]) == ["no", "yes"]
    assert about["outputs"] == "link of SoftmaxCrossEntropy()"


def test_two_gigabytes(tmp_path, monkeypatch):
    monkeypatch.setattr(protobuf, "LIMIT", 2**20 + 200)
    with pytest.raises(st.export.ExportError, match="limited to 2 GB by protobuf"):
        st.export.onnx(with_activation("relu"), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_nothing_of_onnx_is_imported(tmp_path, monkeypatch):
    for name in ("onnx", "onnxruntime", "google.protobuf"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(to_onnx.importlib.util, "find_spec", lambda name: None)
    assert st.export.onnx(everything(), tmp_path / "net.onnx").verified


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31 - 1, 2**63 - 1, -1, -(2**63)])
def test_varint(value):
    assert list(protobuf.fields(memoryview(protobuf.integer(5, value)))) == [(5, value)]


def test_wire_format():
    content = protobuf.message(2, [protobuf.integer(1, 150), protobuf.real(3, 1.5), protobuf.message(4, "é")])
    # The first example of protobuf's documentation is field 1 with 150.
    assert content[:5] == bytes([2 << 3 | 2, len(content) - 2, 0x08, 0x96, 0x01])
    ((number, inner),) = protobuf.fields(memoryview(content))
    found = [(n, bytes(v) if isinstance(v, memoryview) else v) for n, v in protobuf.fields(inner)]
    assert (number, found) == (2, [(1, 150), (3, 1.5), (4, "é".encode())])
    with pytest.raises(ValueError, match="wire type"):
        list(protobuf.fields(memoryview(bytes([1 << 3 | 1]))))
