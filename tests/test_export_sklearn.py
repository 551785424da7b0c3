"""scikit-learn's estimators from models and models from scikit-learn's estimators."""

import numpy as np
import pytest

import steepest as st
from export_models import L, fitted, preprocessings, randomize, rows

pytest.importorskip("sklearn")
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, CLASSES = load_iris(return_X_y=True)
FRONTS = {
    "none": [],
    "standard": [StandardScaler()],
    "halves": [StandardScaler(with_mean=False), StandardScaler(with_std=False)],
    "pca": [MinMaxScaler((-1, 1)), PCA(3)],
    "whitened": [RobustScaler(with_centering=False), PCA(2, whiten=True)],
    "quantiles": [QuantileTransformer(n_quantiles=20, output_distribution="normal"), MaxAbsScaler()],
}
TARGETS = {
    "three": CLASSES,
    "texts": np.array(["a", "b", "c"])[CLASSES],
    "binary": CLASSES == 1,
    "labels": np.eye(3, dtype=int)[CLASSES],
}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("target", TARGETS)
def test_classifier_there_and_back(target, front):
    y = TARGETS[target]
    mlp = MLPClassifier(hidden_layer_sizes=(8, 5), activation="logistic", max_iter=5, random_state=0)
    estimator = make_pipeline(*FRONTS[front], mlp).fit(X, y)
    report = st.export.from_sklearn(estimator, X)
    assert report.verified
    assert report.largest_difference < 1e-11
    model = report.result
    assert (model.preprocessing is None) == (front == "none")
    inputs = X if model.preprocessing is None else model.preprocessing.transform(X)
    if target != "labels":
        codes = model.target.transform(y)
        assert set(codes) <= {0, 1, 2}
        assert model.evaluate(inputs, codes)["accuracy"] == pytest.approx(estimator.score(X, y))
    back = st.export.to_sklearn(model, X)
    assert back.largest_difference < 1e-11
    np.testing.assert_array_equal(back.result.predict(X), estimator.predict(X))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_regressor_there_and_back(activation, dtype):
    y = np.column_stack([CLASSES, X[:, 0]])
    mlp = MLPRegressor(hidden_layer_sizes=(8,), activation=activation, max_iter=5, random_state=0)
    mlp.fit(X.astype(dtype), y.astype(dtype))
    report = st.export.from_sklearn(mlp)
    assert report.result.dtype == dtype
    back = st.export.to_sklearn(report.result, X)
    assert back.largest_difference < (1e-5 if dtype == "float32" else 1e-12)
    np.testing.assert_allclose(back.result.predict(X), mlp.predict(X), rtol=1e-5)
    assert back.result.hidden_layer_sizes == (8,)


def test_training_goes_on():
    mlp = MLPRegressor(hidden_layer_sizes=(8,), max_iter=5, random_state=0).fit(X, CLASSES)
    model = st.export.from_sklearn(mlp).result
    before = model.evaluate(X, CLASSES)["loss"]
    model.fit(X, CLASSES, epochs=20, verbose=0)
    assert model.evaluate(X, CLASSES)["loss"] < before


def test_batch_norm_and_scaling_become_weights():
    layers = [L.Standardize(X.mean(axis=0), X.std(axis=0)), L.Dense(8), L.BatchNorm(), L.Activation("tanh")]
    model = randomize(st.Sequential([*layers, L.Dropout(0.5), L.BatchNorm(), L.Dense(2)], input_shape=4))
    model.loss = st.losses.SoftmaxCrossEntropy()
    report = st.export.to_sklearn(model, X)
    assert [w.shape for w in report.result.coefs_] == [(4, 8), (8, 1)]  # two classes have one output there
    np.testing.assert_allclose(report.result.predict_proba(X), model.predict_proba(X), rtol=1e-4, atol=1e-5)


def test_poisson():
    model = randomize(st.Sequential([L.Dense(4, "tanh"), L.Dense(1)], input_shape=4))
    model.loss = st.losses.Poisson()
    if "loss" in MLPRegressor().get_params():
        assert st.export.from_sklearn(st.export.to_sklearn(model).result).result.loss == model.loss
    else:
        with pytest.raises(st.export.ExportError, match=r"before 1\.7"):
            st.export.to_sklearn(model)


@pytest.mark.parametrize("name", ["center", "standardizer", "min_max", "robust", "quantile_normal", "pca", "whitening"])
def test_every_step_it_has(name):
    columns = slice(0, 5 if name == "quantile_normal" else 6)  # the last one is constant
    step = preprocessings()[name].fit(rows()[:, columns])
    model = randomize(st.Sequential([L.Dense(3)], input_shape=step.output_columns, dtype="float64"))
    report = st.export.to_sklearn(model, rows(seed=6)[:, columns], preprocessing=step)
    assert report.largest_difference < 1e-9 * max(1.0, report.largest_output)
    again = st.export.from_sklearn(report.result, rows(seed=7)[:, columns])
    assert again.largest_difference < 1e-9 * max(1.0, again.largest_output)


@pytest.mark.parametrize(
    ("name", "message"),
    [("smooth_clip", "no counterpart"), ("zca", "no counterpart"), ("quantile_normal", "column 5 was constant")],
)
def test_steps_it_has_not(name, message):
    model = st.Sequential([L.Dense(3)], input_shape=fitted(name).output_columns)
    with pytest.raises(st.export.ExportError, match=message):
        st.export.to_sklearn(model, preprocessing=fitted(name))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([L.Dense(3, "gelu", name="first"), L.Dense(2)], r"'first' \(gelu\)"),
        ([L.Dense(3, "relu"), L.Dense(3, "tanh"), L.Dense(2)], "relu, tanh"),
        ([L.Dense(3), L.LayerNorm(name="norm"), L.Dense(2)], r"'norm' \(layer_norm\)"),
        ([L.Residual([L.Dense(4)]), L.Dense(2)], r"'residual_1' \(sum\)"),
        ([L.Dense(3), L.Dense(2, "softmax")], r"'dense_2' \(softmax\)"),
        ([L.Dense(3), L.Dense(2, "relu")], "last layer must be dense"),
        ([L.Dense(3, "relu"), L.Activation("tanh", name="second"), L.Dense(2)], "'second' applies tanh to relu"),
    ],
)
def test_what_has_no_place_is_named(layers, message):
    import copy

    with pytest.raises(st.export.ExportError, match=message):
        st.export.to_sklearn(st.Sequential(copy.deepcopy(layers), input_shape=4))


def test_what_cannot_be_read():
    mlp = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, CLASSES)
    for front, message in (
        (FunctionTransformer(np.abs), "step FunctionTransformer"),
        (MinMaxScaler(clip=True), "clip=True"),
        (QuantileTransformer(n_quantiles=5), "normal"),
    ):
        estimator = make_pipeline(front, mlp).fit(X, CLASSES)
        with pytest.raises(st.export.ExportError, match=message):
            st.export.from_sklearn(estimator)
    for wrong in (MLPRegressor(), StandardScaler().fit(X), 3):
        with pytest.raises(TypeError, match="fitted MLPClassifier"):
            st.export.from_sklearn(wrong)
