"""Every registered layer, activation, preprocessing step and link through every format, and what exports refuse."""

from pathlib import Path

import numpy as np
import pytest

import steepest as st
from export_models import (
    FORMATS,
    FUNCTIONS,
    L,
    everything,
    export,
    fitted,
    preprocessings,
    randomize,
    rows,
    with_activation,
    with_layer,
)
from members import members_of, name_of
from steepest.export import graph, report, steps

STEPS = sorted(preprocessings())
QUICK = [kind for kind in FORMATS if kind != "c99"]  # a compiler's run takes longer than all the others


def check(made, dtype="float32"):
    assert made.verified
    assert made.largest_difference <= {"float32": 1e-5, "float64": 1e-9}[dtype] * max(1.0, made.largest_output)
    assert f"largest difference {made.largest_difference:.2g}" in str(made)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("cls", members_of(st.registry.LAYERS), ids=name_of)
def test_every_layer(kind, cls, tmp_path):
    check(export(kind, with_layer(cls), tmp_path))


@pytest.mark.parametrize("kind", QUICK)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_activation(kind, dtype, name, tmp_path):
    check(export(kind, with_activation(name, dtype), tmp_path), dtype)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_with_preprocessing(kind, dtype, tmp_path):
    P = st.preprocessing
    step = P.Pipeline([P.Robust(), P.QuantileNormal(50), P.PCA(4)]).fit(rows())
    made = export(kind, everything(dtype), tmp_path, rows(300, seed=5), preprocessing=step)
    assert made.rows == 300
    check(made, dtype)


def test_list_of_steps_is_complete():
    tried = {type(step).kind for step in preprocessings().values()}
    assert tried == {cls.kind for cls in members_of(st.registry.PREPROCESSORS)}
    assert tried <= set(steps.STEPS)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", STEPS)
def test_every_preprocessing_step(kind, name, tmp_path):
    step = fitted(name)
    model = randomize(st.Sequential([L.Dense(3)], input_shape=step.output_columns, dtype="float64"))
    # The training rows, rows beyond them and the points of the distributions themselves; and rows of its own.
    for X in (np.concatenate([rows(), 3 * rows(50, seed=9), np.zeros((1, 6))]), None):
        check(export(kind, model, tmp_path, X, preprocessing=step), "float64")
        if kind == "c99":
            break


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in ("step", "hardmax")])
def test_a_nan_stays_one(name, tmp_path):
    """In every format: a ReLU written as `x > 0 ? x : 0` would make a number of it."""
    x = rows(8)[:, :4]
    x[3, 1] = np.nan
    model = randomize(st.Sequential([L.Activation(name), L.Activation("identity")], input_shape=4))
    assert np.isnan(model.predict(x)).any()
    for kind in FORMATS if name in ("relu", "leaky_relu", "hard_sigmoid", "softmax") else QUICK:
        check(export(kind, model, tmp_path, x))


@pytest.mark.parametrize("kind", [*FORMATS, "safetensors"])
@pytest.mark.parametrize("path", [None, 1, ["net"]])
def test_a_path_is_no_number(kind, path):
    """`open(1)` would close the standard output."""
    model = randomize(st.Sequential([L.Dense(3)], input_shape=4))
    function = {"onnx": st.export.onnx, "c99": st.export.c99, "numpy": st.export.numpy_function}
    with pytest.raises(TypeError, match="path must be the name of a file, got"):
        function.get(kind, st.export.safetensors)(model, path)
    for load in (st.load, st.ensembles.Ensemble.load, st.preprocessing.load, st.export.from_safetensors):
        with pytest.raises(TypeError, match="path must be the name of a file, got"):
            load(path)


@pytest.mark.parametrize("name", ["main", "x", "samples", None, "int", "a-b"])
def test_names_in_c(name, tmp_path):
    model = randomize(st.Sequential([L.Dense(3)], input_shape=4))
    with pytest.raises(ValueError, match=f"name must be a name that C allows, got {name!r}|name={name!r} is what the"):
        st.export.c99(model, tmp_path / "net.c", name=name)


def test_no_rows_to_try_on(tmp_path):
    model = randomize(st.Sequential([L.Dense(3)], input_shape=4))
    with pytest.raises(ValueError, match="X must have at least one row"):
        st.export.safetensors(model, tmp_path / "net", np.zeros((0, 4)))


@pytest.mark.parametrize("kind", QUICK)
def test_model_carries_its_preprocessing(kind, tmp_path):
    model = randomize(st.Sequential([L.Dense(3)], input_shape=6))
    model.preprocessing = fitted("standardizer")
    made = export(kind, model, tmp_path, rows())
    plain = export(kind, model, tmp_path, rows(), preprocessing=fitted("standardizer"))
    check(made)
    assert made.largest_output == plain.largest_output


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("loss", [cls.kind for cls in members_of(st.registry.LOSSES)])
def test_every_link(kind, loss, tmp_path):
    model = randomize(st.Sequential([L.Dense(4, "tanh"), L.Dense(3)], input_shape=5))
    model.loss = st.registry.LOSSES.create(loss)
    made = export(kind, model, tmp_path, link=True)
    check(made)
    if loss in graph.LINKS:
        assert made.largest_output == pytest.approx(np.abs(model.loss.link(model.predict(drawn(model)))).max())


def drawn(model):
    from steepest.export import samples

    return samples.draw(model, model.preprocessing)


@pytest.mark.parametrize("kind", QUICK)
@pytest.mark.parametrize("name", ["center", "standardizer", "min_max", "robust"])
def test_outputs_in_the_unit_of_the_targets(kind, name, tmp_path):
    model = randomize(st.Sequential([L.Dense(6)], input_shape=5))
    model.loss = st.losses.MSE()
    model.target = fitted(name)
    made = export(kind, model, tmp_path, link=True)
    check(made)
    assert made.largest_output == pytest.approx(
        np.abs(model.target.inverse_transform(model.predict(drawn(model)))).max(), rel=1e-5
    )


def test_targets_that_cannot_be_undone(tmp_path):
    model = st.Sequential([L.Dense(6)], input_shape=5)
    model.loss, model.target = st.losses.MSE(), fitted("quantile_normal")
    with pytest.raises(st.export.ExportError, match=r"what QuantileNormal did to the targets .* TargetScaler"):
        st.export.onnx(model, tmp_path / "net.onnx", link=True)
    assert st.export.onnx(model, tmp_path / "net.onnx").verified


@pytest.mark.parametrize("kind", FORMATS)
def test_images(kind, tmp_path):
    slopes = L.PReLU(shared="channel")
    layers = [L.BatchNorm(), slopes, L.Activation("relu"), L.Dense(6, "relu"), L.Standardize(1.0, 2.0), L.Dense(2)]
    model = randomize(st.Sequential(layers, input_shape=(3, 4, 2)))
    slopes.slope[...] = [0.5, -0.25, -1.0]
    check(export(kind, model, tmp_path, np.random.default_rng(0).normal(size=(5, 3, 4, 2))))


@pytest.mark.parametrize("kind", QUICK)
def test_categories_known_and_unknown(kind, tmp_path):
    groups = {"a": (0, L.Embedding(5, 3)), "b": ([3], L.Embedding(4, 2)), "same": ([1, 2, 1], None)}
    model = randomize(st.Sequential([L.Columns(groups), L.BatchNorm(), L.Dense(2)], input_shape=5))
    X = np.zeros((12, 5))
    X[:, 0] = [0, 4, 5, -1, 2.7, -0.5, 1e30, -1e30, np.nan, np.inf, -np.inf, 3]
    X[:, 3] = 3
    check(export(kind, model, tmp_path, X))


def test_input_scaling_with_large_means_keeps_its_digits(tmp_path):
    X = np.random.default_rng(0).normal(size=(100, 3)) + 1e5
    model = st.Sequential([L.Standardize(X.mean(axis=0), X.std(axis=0)), L.Dense(20), L.Dense(1)], input_shape=3)
    for kind in FORMATS:
        assert export(kind, model, tmp_path, X).largest_difference < 1e-5


# --------------------------------------------------------------------------------------------------------------- errors
class Halve(L.Custom):
    def forward(self, x, parameters, training):
        return x / 2

    def backward(self, dy, x, y, parameters, training):
        return dy / 2, {}


@pytest.mark.parametrize("kind", FORMATS)
def test_layer_in_python_is_named(kind, tmp_path):
    custom = st.activations.Custom(np.sin, lambda dy, x: dy * np.cos(x))
    for layer, name in ((Halve(name="mine"), "mine"), (L.Dense(3, custom, name="sines"), "sines")):
        model = st.Sequential([layer, L.Dense(2)], input_shape=3)
        with pytest.raises(st.export.ExportError, match=f"'{name}' is written in Python .* replace it"):
            export(kind, model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_python_link_is_refused(tmp_path):
    class Odds(st.losses.MSE):
        kind = "odds"

        def link(self, outputs):
            return outputs**2

    model = st.Sequential([L.Dense(1)], input_shape=3)
    with pytest.raises(ValueError, match="has not been trained"):
        st.export.onnx(model, tmp_path / "net.onnx", link=True)
    model.loss = Odds()
    with pytest.raises(st.export.ExportError, match=r"link of loss .* link=False"):
        st.export.onnx(model, tmp_path / "net.onnx", link=True)


def test_arguments(tmp_path):
    model = st.Sequential([L.Dense(1)], input_shape=3)
    with pytest.raises(TypeError, match="model must be"):
        st.export.onnx("net", tmp_path / "net.onnx")
    with pytest.raises(ValueError, match="not built"):
        st.export.onnx(st.Sequential([L.Dense(1)]), tmp_path / "net.onnx")
    with pytest.raises(TypeError, match="preprocessing must be"):
        st.export.onnx(model, tmp_path / "net.onnx", preprocessing=3)
    with pytest.raises(ValueError, match="not been fitted"):
        st.export.onnx(model, tmp_path / "net.onnx", preprocessing=st.preprocessing.MinMax())
    with pytest.raises(ValueError, match="gives 6 columns, the model takes 3"):
        st.export.onnx(model, tmp_path / "net.onnx", preprocessing=fitted("min_max"))
    with pytest.raises(ValueError, match="X has 2 columns"):
        st.export.onnx(model, tmp_path / "net.onnx", np.ones((4, 2)))
    with pytest.raises(ValueError, match="input_dtype"):
        st.export.onnx(model, tmp_path / "net.onnx", input_dtype="int8")
    with pytest.raises(ValueError, match="tolerance"):
        st.export.onnx(model, tmp_path / "net.onnx", tolerance=-1.0)
    model.parameters()["dense_1.weight"][0, 0] = np.inf
    with pytest.raises(st.export.ExportError, match="weight of dense_1 is not finite"):
        st.export.onnx(model, tmp_path / "net.onnx")


@pytest.mark.parametrize("kind", ["onnx", "numpy_function", "c99"])
def test_wrong_export_is_not_written(kind, tmp_path, monkeypatch):
    model = with_activation("relu")
    before = export(kind, model, tmp_path)
    content = Path(before.result).read_bytes()
    # The weights of the file are no longer those of the model.
    original = graph.Graph.add

    def wrong(self, kind, *arguments, tensors=None, **others):
        if kind == "dense":
            tensors = {**tensors, "weight": tensors["weight"] * 1.001}
        return original(self, kind, *arguments, tensors=tensors, **others)

    monkeypatch.setattr(graph.Graph, "add", wrong)
    with pytest.raises(st.export.ExportError, match=r"gives .* where the model gives .* nothing was written"):
        export(kind, model, tmp_path)
    assert Path(before.result).read_bytes() == content
    assert export(kind, model, tmp_path, tolerance=1.0).largest_difference > 1e-4  # said to be harmless
    assert len(list(tmp_path.iterdir())) == 1


def test_comparison():
    one = np.array([[1.0, np.nan, np.inf]])
    assert report.compare("it", one, one.copy(), 0.0) == (0.0, 1.0)
    for other in ([[1.0, np.nan, -np.inf]], [[np.nan, np.nan, np.inf]], [[1.0, 0.0, np.inf]], [[1.1, np.nan, np.inf]]):
        with pytest.raises(st.export.ExportError, match="it gives"):
            report.compare("it", np.array(other), one, 1e-3)
    with pytest.raises(st.export.ExportError, match="shape"):
        report.compare("it", one.T, one, 0.0)


def test_wide_networks_are_given_the_rounding_of_their_sums(tmp_path):
    model = st.Sequential([L.Dense(3000, "relu"), L.Dense(1)], input_shape=4)
    made = export("onnx", model, tmp_path)
    assert made.tolerance == pytest.approx(4 * 2.0**-23 * 3000**0.5)
    assert export("onnx", with_activation("relu"), tmp_path).tolerance == 1e-5
    assert export("onnx", model.astype("float64"), tmp_path).tolerance == 1e-9
