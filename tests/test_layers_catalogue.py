"""Every registered layer: the same checks for all, then what is particular to each."""

import json

import numpy as np
import pytest

import steepest as st
from reference import layers as reference
from steepest.registry import LAYERS

L = st.layers
WIDTH = 4  # columns; the first one holds categories 0..4 where the layer is for tables

EXAMPLES = {
    "activation": [lambda: L.Activation("mish"), lambda: L.Activation("prelu"), lambda: L.Activation("log_softmax")],
    "prelu": [lambda: L.PReLU(), lambda: L.PReLU(0.1, shared=True), lambda: L.PReLU(shared="channel")],
    "dense": [lambda: L.Dense(5, "gelu"), lambda: L.Dense(3, "prelu", use_bias=False, max_norm=2.0)],
    "maxout": [lambda: L.Maxout(3, 4), lambda: L.Maxout(2, 1, use_bias=False)],
    "dropout": [lambda: L.Dropout(0.4)],
    "gaussian_noise": [lambda: L.GaussianNoise(0.5)],
    "batch_norm": [lambda: L.BatchNorm(), lambda: L.BatchNorm(momentum=0.5, trainable=False)],
    "layer_norm": [lambda: L.LayerNorm(epsilon=1e-3)],
    "standardize": [lambda: L.Standardize([1.0, 2.0, 3.0, 4.0], [0.5, 2.0, 1.0, 3.0]), lambda: L.Standardize(0.5)],
    "flatten": [lambda: L.Flatten()],
    "residual": [
        lambda: L.Residual([L.BatchNorm(), L.Dense(6, "tanh"), L.Dropout(0.3), L.Dense(WIDTH)], "softplus"),
        lambda: L.Residual([L.Dense(3), L.Residual([L.Dense(3, "silu")])], projection=True, rate_scale=0.5),
    ],
    "embedding": [lambda: L.Embedding(5, 3)],
    "columns": [
        lambda: L.Columns({"kind": (0, L.Embedding(5, 3)), "numbers": ([1, 3], [L.BatchNorm(), L.Dense(2, "elu")])}),
        lambda: L.Columns({"kind": ([0], L.Embedding(5, 2)), "again": ([1, 1], None)}, rest="drop"),
    ],
}
CASES = [(kind, number) for kind, makes in EXAMPLES.items() for number in range(len(makes))]


def example(kind, number):
    return EXAMPLES[kind][number]()


def batch(rng, kind, rows=13):
    if kind == "embedding":
        return rng.integers(5, size=(rows, 1)).astype(float)
    x = rng.normal(size=(rows, WIDTH))
    if kind == "columns":
        x[:, 0] = rng.integers(5, size=rows)
    return x


def model_of(kind, number, **settings):
    return st.Sequential([example(kind, number), L.Dense(2)], seed=5, **settings)


def test_every_registered_layer_has_an_example():
    assert set(EXAMPLES) == {kind for kind in LAYERS.names() if not kind.startswith("test_")}


@pytest.mark.parametrize(("kind", "number"), CASES)
class TestEveryLayer:
    def test_gradient(self, kind, number, rng):
        x, y = batch(rng, kind), rng.normal(size=(13, 2))
        for training in (True, False):
            # Categories have no neighbours to differ from.
            inputs = kind not in ("embedding", "columns")
            report = st.gradcheck(model_of(kind, number), x, y, loss="mse", training=training, inputs=inputs)
            assert report.passed, str(report)

    def test_configuration(self, kind, number):
        layer = example(kind, number)
        twin = LAYERS.create(json.loads(json.dumps(layer.get_config())))
        assert repr(twin) == repr(layer)
        assert twin.get_config() == layer.get_config()

    def test_training_goes_on_from_a_file(self, kind, number, rng, tmp_path):
        x, y = batch(rng, kind, 40), rng.normal(size=(40, 2))
        model = model_of(kind, number)
        model.fit(x, y, loss="mse", epochs=2, batch_size=16, verbose=0)
        model.save(tmp_path / "model.npz")
        twin = st.load(tmp_path / "model.npz")
        for each in (model, twin):
            each.fit(x, y, epochs=1, batch_size=16, verbose=0)
        assert np.array_equal(model.predict(x), twin.predict(x))
        assert repr(model) == repr(twin)

    def test_same_bits_on_any_number_of_threads(self, kind, number, rng):
        x, y = batch(rng, kind, 300), rng.normal(size=(300, 2))
        results, before = [], st.get_num_threads()
        try:
            for threads in (1, 2, 4):
                st.set_num_threads(threads)
                model = model_of(kind, number)
                model.fit(x, y, loss="mse", epochs=2, batch_size=128, verbose=0)
                results.append(model.predict(x))
        finally:
            st.set_num_threads(before)
        assert np.array_equal(results[0], results[1])
        assert np.array_equal(results[0], results[2])

    def test_rows_do_not_see_each_other_in_prediction(self, kind, number, rng):
        x = batch(rng, kind, 21)
        model = model_of(kind, number, dtype="float64")
        whole = model.predict(x)
        np.testing.assert_allclose(model.predict(x[:1]), whole[:1], rtol=1e-12, atol=1e-14)
        assert model.predict(x[:0]).shape == (0, 2)

    def test_float32_follows_float64(self, kind, number, rng):
        x = batch(rng, kind).astype(np.float32)
        wide = model_of(kind, number, dtype="float64")
        wide.predict(x)
        # Rows of normalised numbers: a dozen operations of rounding 6e-8 on numbers of size 1 to 10.
        np.testing.assert_allclose(wide.astype("float32").predict(x), wide.predict(x), rtol=1e-4, atol=1e-5)

    def test_frozen_it_keeps_everything(self, kind, number, rng):
        x, y = batch(rng, kind, 40), rng.normal(size=(40, 2))
        model = model_of(kind, number)
        model.build(x.shape[1])
        model.layers[0].trainable = False
        mine = {**model.parameters(), **model.states()}
        before = {name: view.copy() for name, view in mine.items()}
        model.fit(x, y, loss="mse", epochs=2, batch_size=16, verbose=0)
        for name, view in mine.items():
            assert np.array_equal(view, before[name]) == (
                not name.startswith("dense_2" if kind == "dense" else "dense_1")
            ), name

    def test_summary_names_it(self, kind, number, rng):
        model = model_of(kind, number, input_shape=batch(rng, kind).shape[1])
        summary = model.summary()
        assert summary.rows[0].name == model.names[0]
        assert summary.parameters == sum(view.size for view in model.parameters().values())
        assert summary.rows[0].output == model.layers[1].weight.shape[0]


# --------------------------------------------------------------------------------------------------------- one by one
def test_maxout_is_the_largest_piece(rng):
    x = rng.normal(size=(9, 4))
    model = st.Sequential([L.Maxout(3, 5, bias_initializer="normal")], input_shape=4, dtype="float64")
    weight, bias = model.layers[0].weight, model.layers[0].bias
    assert weight.shape == (4, 15)
    np.testing.assert_allclose(model.predict(x), reference.maxout(x, weight, bias, 5), rtol=1e-13, atol=1e-14)


def test_layer_norm_of_every_row(rng):
    x = rng.normal(3.0, 10.0, size=(6, 8))
    model = st.Sequential([L.LayerNorm(epsilon=0.5)], input_shape=8, dtype="float64")
    layer = model.layers[0]
    layer.gamma[:], layer.beta[:] = rng.normal(size=8), rng.normal(size=8)
    expected = reference.layer_norm(x, layer.gamma, layer.beta, 0.5)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-12, atol=1e-13)


def test_residual_adds(rng):
    x = rng.normal(size=(5, 3))
    block = L.Residual([L.Dense(7, "tanh"), L.Dense(3)])
    model = st.Sequential([block], input_shape=3, dtype="float64")
    first, second = block.layers
    expected = x + np.tanh(x @ first.weight + first.bias) @ second.weight + second.bias
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-13, atol=1e-14)


def test_residual_projects_where_widths_differ(rng):
    x = rng.normal(size=(5, 3))
    model = st.Sequential([L.Residual([L.Dense(2)], "relu")], input_shape=3, dtype="float64")
    names = ["residual_1.dense_1.weight", "residual_1.dense_1.bias", "residual_1.projection.weight"]
    weight, bias, projection = (model.parameters()[name] for name in names)
    expected = np.maximum(x @ projection + x @ weight + bias, 0)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-13, atol=1e-14)
    assert model.layers[0].tensor("projection.weight") is not None
    with pytest.raises(ValueError, match="adds 3 columns to 2"):
        st.Sequential([L.Residual([L.Dense(2)], projection=False)], input_shape=3)


def test_standardize_is_its_preprocessing_step(rng):
    x = rng.normal(50.0, 3.0, size=(30, 4))
    x[:, 2] = 7.0
    p = st.preprocessing
    for step in (p.Standardizer(), p.Center(), p.MinMax(-1.0, 2.0)):
        step.fit(x)
        model = st.Sequential([L.Standardize.like(step)], dtype="float64")
        np.testing.assert_allclose(model.predict(x), step.transform(x), rtol=1e-12, atol=1e-12)
        assert not any(parameter.trainable for parameter in model.network.program.parameters)


def test_noise_is_noise_in_training_only(rng):
    x = np.zeros((2000, 3))
    model = st.Sequential([L.GaussianNoise(0.5)], input_shape=3, dtype="float64")
    assert not model.predict(x).any()
    (_, noisy) = model.network.core.forward(x, True, 0, model.seed, 1)
    # 6000 numbers: the deviation's own deviation is 0.5 / sqrt(12000)
    assert noisy.std() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(12000))
    assert noisy.mean() == pytest.approx(0.0, abs=5 * 0.5 / np.sqrt(6000))
    (_, again) = model.network.core.forward(x, True, 0, model.seed, 1)
    (_, later) = model.network.core.forward(x, True, 1, model.seed, 1)
    assert np.array_equal(noisy, again)
    assert not np.any(noisy == later)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: L.Maxout(2, 0), ValueError, "pieces.*0"),
        (lambda: L.GaussianNoise(-1.0), ValueError, "sigma.*-1"),
        (lambda: L.LayerNorm(0.0), ValueError, "epsilon"),
        (lambda: L.Standardize(scale=[1.0, 0.0]), ValueError, "scale must not be 0"),
        (lambda: L.Standardize(mean=np.nan), ValueError, "mean must be finite"),
        (lambda: L.Standardize(mean="many"), TypeError, "mean.*'many'"),
        (lambda: L.Standardize.like(st.preprocessing.Standardizer()), ValueError, "not been fitted"),
        (lambda: L.Standardize.like(3), TypeError, "step must be.*3"),
        (
            lambda: st.Sequential([L.Standardize([1.0, 2.0])], input_shape=3),
            ValueError,
            "mean has 2 numbers.*3 columns",
        ),
        (lambda: L.Residual([]), ValueError, "layers must hold at least one"),
        (lambda: L.Residual(3), TypeError, "layers must be a list of layers, got 3"),
        (lambda: L.Residual([L.Dense]), TypeError, r"write Dense\(\.\.\.\)"),
        (lambda: L.Residual([L.Dense(2, name="projection")]), ValueError, "'projection'"),
        (lambda: L.Dense(2, trainable="no"), TypeError, "trainable.*'no'"),
        (lambda: L.Dense(2, rate_scale=0.0), ValueError, "rate_scale.*0"),
    ],
)
def test_arguments(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_one_layer_object_cannot_stand_twice_whatever_is_between():
    layer = L.Dense(2)
    with pytest.raises(ValueError, match="stands twice"):
        st.Sequential([layer, L.Residual([layer])])
    block = L.Residual([L.Dense(2)])
    model = st.Sequential([block])
    with pytest.raises(ValueError, match="already part of another model"):
        st.Sequential([block.layers[0]])
    assert model.layers == (block,)
