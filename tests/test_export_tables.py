"""Models of mixed tables: numbers with gaps, texts, booleans and the unit of the targets in every format."""

import runpy
import subprocess

import numpy as np
import pytest

import steepest as st
from export_models import FORMATS, L, export, randomize
from steepest.export import onnx_reader, to_c
from steepest.tables import TablePreprocessor, TargetScaler

CITIES = ["Oslo", "Paris, FR", 'quo"te', "back\\slash", "Ålesund", "?", None]


def table(count=300, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "age": [None if rng.random() < 0.1 else float(rng.integers(90)) for _ in range(count)],
        "city": [CITIES[i] for i in rng.integers(len(CITIES), size=count)],
        "pay": rng.lognormal(10, 1, count),
        "shop": rng.integers(50, size=count).astype(str).tolist(),
        "flag": rng.random(count) < 0.5,
        "rooms": rng.choice([1, 2, 3.5], size=count),
    }


def network(numerical="standard", dtype="float32"):
    kinds = {"rooms": "categorical"}
    preprocessing = TablePreprocessor(numerical, max_one_hot=10, columns=kinds, dtype=dtype).fit(table())
    assert list(preprocessing.codes) == ["shop"]
    groups = {name: (column, L.Embedding(count, 4)) for name, (column, count) in preprocessing.codes.items()}
    model = st.Sequential(
        [L.Columns(groups), L.Dense(8, "relu"), L.Dense(1)], input_shape=preprocessing.output_columns, dtype=dtype
    )
    model.preprocessing = preprocessing
    model.target = TargetScaler().fit([1e5, 3e5])
    model.loss = st.losses.MSE()
    return randomize(model)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("numerical", ["standard", "quantile", "robust", None])
def test_tables(kind, numerical, tmp_path):
    model = network(numerical)
    made = export(kind, model, tmp_path, table(seed=1))
    assert made.verified
    assert made.rows == 300
    if numerical == "standard":
        assert export(kind, network(dtype="float64"), tmp_path).largest_difference < 1e-9
        prices = export(kind, model, tmp_path, table(seed=1), link=True)  # in the unit of the targets
        assert prices.verified
        assert prices.largest_output > 1e5


def expected(model, frame):
    return model.predict(model.preprocessing.transform(frame))


def test_onnx_takes_columns_by_name(tmp_path):
    model = network()
    export("onnx", model, tmp_path)
    feed = {
        "age": np.array([[31.0], [np.nan]]),
        "city": np.array([["Oslo"], ["Atlantis"]], dtype=object),
        "pay": np.array([[20000.0], [30000.0]]),
        "shop": np.array([["7"], [""]], dtype=object),
        "flag": np.array([["True"], ["False"]], dtype=object),
        "rooms": np.array([["3.5"], ["2"]], dtype=object),
    }
    frame = {
        "age": [31.0, None],
        "city": ["Oslo", "Atlantis"],
        "pay": [20000.0, 30000.0],
        "shop": ["7", None],
        "flag": [True, False],
        "rooms": [3.5, 2],
    }
    results = [onnx_reader.run((tmp_path / "net.onnx").read_bytes(), feed)]
    try:
        import onnxruntime
    except ImportError:
        pass
    else:
        session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
        assert [given.type for given in session.get_inputs()][:2] == ["tensor(double)", "tensor(string)"]
        results.append(session.run(None, feed)[0])
    for result in results:
        np.testing.assert_allclose(result, expected(model, frame), rtol=1e-5, atol=1e-5)


def test_onnx_checker(tmp_path):
    onnx = pytest.importorskip("onnx")
    export("onnx", network("quantile"), tmp_path)
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {(entry.domain, entry.version) for entry in model.opset_import} == {("", 17), ("ai.onnx.ml", 3)}


def test_columns_may_have_any_name(tmp_path):
    frame = {"output": [1.0, 2.0, 3.0, 5.0], "input": ["a", "b", "a", "b"], "a b/c": [True, False, True, True]}
    preprocessing = TablePreprocessor().fit(frame)
    model = randomize(st.Sequential([L.Dense(2)], input_shape=preprocessing.output_columns))
    for kind in FORMATS:
        assert export(kind, model, tmp_path, frame, preprocessing=preprocessing).verified


def test_numpy_file_encodes_tables(tmp_path):
    model = network()
    made = export("numpy_function", model, tmp_path)
    functions = runpy.run_path(made.result)
    frame = table(20, seed=2)
    frame["city"][3] = " Oslo "  # blanks do not count
    frame["city"][4] = "Atlantis"
    result = functions["predict"](functions["encode"](frame))
    np.testing.assert_allclose(result, expected(model, frame), rtol=1e-5, atol=1e-5)
    assert functions["LEVELS"]["rooms"] == ["1", "2", "3.5"]


def test_c_file_numbers_categories(tmp_path):
    compiler = to_c.find_compiler()
    if compiler is None:
        pytest.skip("needs a C compiler")
    model = network()
    made = export("c99", model, tmp_path)
    main = r"""
#include <stdio.h>
#include "net.c"
int main(void)
{
    const double city = predict_code(1, "\303\205lesund"), shop = predict_code(3, "7");
    const double x[6] = {31.0, city, 20000.0, shop, predict_code(4, "True"), predict_code(5, "3.5")};
    float y[1];
    predict(x, y);
    printf("%.9g %g %d\n", (double)y[0], predict_code(1, "Atlantis"), predict_code(1, "") != predict_code(1, ""));
    return predict_code(0, "Oslo") == -1.0 && predict_code(99, "Oslo") == -1.0 ? 0 : 1;
}
"""
    (tmp_path / "main.c").write_text(main)
    program = str(tmp_path / "main")
    subprocess.run([*compiler, *to_c.FLAGS, str(tmp_path / "main.c"), "-o", program, "-lm"], check=True)
    value, stranger, missing = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    row = {"age": [31], "city": ["Ålesund"], "pay": [20000.0], "shop": ["7"], "flag": [True], "rooms": [3.5]}
    assert float(value) == pytest.approx(expected(model, row)[0, 0], rel=1e-5)
    assert (stranger, missing) == ("-1", "1")
    # A gap among the self test's samples is written as such.
    subprocess.run([*compiler, *to_c.FLAGS, "-DPREDICT_SELF_TEST", made.result, "-o", program, "-lm"], check=True)
    subprocess.run([program], check=True, capture_output=True)


DAYS = [
    "1899-12-31", "1900-02-28", "1900-03-01", "1970-01-01", "1999-12-31T23:59:59.999999", "2000-02-28",
    "2000-02-29T12:00", "2000-03-01", "2000-12-31", "2001-01-01", "2023-12-31", "2024-02-29", "2024-12-31T23:00",
    "2026-11-21T07:30", "2100-02-28", "2100-03-01", "2400-02-29", "2400-12-31", "NaT",
]  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("numerical", ["standard", None])
def test_dates(kind, numerical, tmp_path):
    frame = {
        "first": np.arange(len(DAYS)) * 1.5,
        "day": np.array(DAYS, "M8[us]"),
        "between": np.arange(len(DAYS)) ** 2.0,
        "kind": ["a", "b"] * 9 + ["a"],
    }
    kinds = {"first": "numerical", "day": "time", "between": "numerical"}
    preprocessing = TablePreprocessor(numerical, columns=kinds, dtype="float64").fit(frame)
    assert preprocessing.kinds["day"] == "time"
    # Every part by itself, so that nothing hides behind the days.
    model = randomize(st.Sequential([L.Dense(20)], input_shape=preprocessing.output_columns, dtype="float64"))
    model.layers[0].weight = np.eye(preprocessing.output_columns, 20)
    for X in (frame, None):
        made = export(kind, model, tmp_path, X, preprocessing=preprocessing)
        assert made.largest_difference <= 1e-12 * made.largest_output
    if kind == "numpy_function":
        functions = runpy.run_path(made.result)
        texts = {**frame, "day": [None if day == "NaT" else f"{day}Z" for day in DAYS]}
        np.testing.assert_allclose(
            functions["predict"](functions["encode"](texts)), model.predict(preprocessing.transform(frame)), atol=1e-9
        )


def test_messages(tmp_path):
    model = network()
    with pytest.raises(ValueError, match="X has no column 'city'"):
        st.export.onnx(model, tmp_path / "net.onnx", {"age": [1.0]})
    with pytest.raises(ValueError, match="not been fitted"):
        st.export.onnx(model, tmp_path / "net.onnx", preprocessing=TablePreprocessor())
    linear = st.Sequential([L.Dense(1)], input_shape=model.preprocessing.output_columns)
    with pytest.raises(st.export.ExportError, match="no counterpart in scikit-learn"):
        st.export.to_sklearn(linear, preprocessing=model.preprocessing)
