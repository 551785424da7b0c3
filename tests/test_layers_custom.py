"""Layers written in Python: they train inside the core's network, are checked, saved, and say what is wrong."""

import numpy as np
import pytest

import steepest as st
from steepest.registry import LAYERS

L = st.layers


@LAYERS.register("test_affine")
class Affine(L.Custom):
    """x @ weight + bias, for the tests."""

    def __init__(self, units, spread=1.0, *, name=None, trainable=True, rate_scale=1.0):
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        self.units = units
        self.spread = spread

    def output_width(self, width):
        return self.units

    def parameters(self, width):
        initializer = st.initializers.Glorot(gain=self.spread)
        return {"weight": ((width, self.units), initializer), "bias": ((self.units,), 0.5)}

    def forward(self, x, parameters, training):
        return x @ parameters["weight"] + parameters["bias"]

    def backward(self, dy, x, y, parameters, training):
        return dy @ parameters["weight"].T, {"weight": x.T @ dy, "bias": dy.sum(axis=0)}


class Centre(L.Custom):
    """Subtracts the batch's mean in training: it mixes rows."""

    def forward(self, x, parameters, training):
        return x - x.mean(axis=0) if training else x

    def backward(self, dy, x, y, parameters, training):
        return (dy - dy.mean(axis=0) if training else dy), {}


def data(rng, rows=48):
    return rng.normal(size=(rows, 4)), rng.normal(size=(rows, 2))


def test_it_trains_like_its_built_in_twin(rng):
    x, y = data(rng)
    found = []
    for middle in (L.Dense(5, initializer="glorot", bias_initializer=0.5), Affine(5)):
        chain = [L.Dense(6, "tanh"), middle, L.Activation("relu"), L.Dense(2)]
        model = st.Sequential(chain, seed=3, dtype="float64", input_shape=4)
        # Drawn by the number of the layer and the tensor, so both start alike.
        model.fit(x, y, loss="mse", optimizer=st.optimizers.Adam(0.01), epochs=4, batch_size=16, verbose=0)
        found.append(model.predict(x))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", [lambda: Affine(3), Centre])
def test_gradient(make, training, rng):
    report = st.gradcheck(make(), rng.normal(size=(6, 4)), training=training)
    assert report.passed, str(report)


def test_a_wrong_gradient_is_found(rng):
    class Wrong(Affine):
        def backward(self, dy, x, y, parameters, training):
            dx, gradients = super().backward(dy, x, y, parameters, training)
            gradients["bias"] = 1.001 * gradients["bias"]
            return dx, gradients

    report = st.gradcheck(Wrong(3), rng.normal(size=(6, 4)))
    assert not report.passed
    assert {entry.name for entry in report.wrong} == {"test_affine_1.bias"}


def test_same_bits_on_any_number_of_threads(rng):
    x, y = data(rng, 300)
    before, results = st.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            st.set_num_threads(threads)
            model = st.Sequential([L.Dense(8, "tanh"), Centre(), Affine(4), L.Dropout(0.2), L.Dense(2)], seed=1)
            model.fit(x, y, loss="mse", epochs=2, batch_size=100, verbose=0)
            results.append(model.predict(x))
    finally:
        st.set_num_threads(before)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_a_registered_class_can_be_saved(rng, tmp_path):
    x, y = data(rng)
    model = st.Sequential([L.Residual([Affine(4, spread=0.5)]), L.Dense(2)])
    model.fit(x, y, loss="mse", epochs=1, verbose=0)
    model.save(tmp_path / "model.npz")
    twin = st.load(tmp_path / "model.npz")
    assert repr(twin.layers[0].layers[0]) == "Affine(units=4, spread=0.5)"
    for each in (model, twin):
        each.fit(x, y, epochs=1, verbose=0)
    assert np.array_equal(model.predict(x), twin.predict(x))

    class Other(Affine):
        """Not registered, so not what its base's name stands for."""

    with pytest.raises(ValueError, match="Other cannot be saved: register it"):
        st.Sequential([Other(2)]).save(tmp_path / "never.npz")
    nameless = st.Sequential([L.Residual([Centre()])], input_shape=4)
    with pytest.raises(ValueError, match=r"cannot be saved.*register"):
        nameless.save(tmp_path / "never.npz")
    assert np.array_equal(nameless.copy().predict(x), nameless.predict(x))


def test_views_freezing_and_rates(rng):
    x, y = data(rng)
    layer = Affine(2, trainable=False)
    model = st.Sequential([layer], input_shape=4)
    assert layer.tensor("bias").tolist() == [0.5, 0.5]
    before = layer.tensor("weight").copy()
    model.fit(x, y, loss="mse", epochs=1, verbose=0)
    assert np.array_equal(layer.tensor("weight"), before)
    layer.trainable = True
    model.fit(x, y, loss="mse", epochs=1, verbose=0)
    assert not np.array_equal(layer.tensor("weight"), before)


def test_what_it_is_given(rng):
    seen = []

    class Look(L.Custom):
        def forward(self, x, parameters, training):
            seen.append((training, x.shape, x.dtype.name, x.flags.writeable))
            return x

        def backward(self, dy, x, y, parameters, training):
            seen.append(("backward", dy.flags.writeable, y.shape))
            return dy, {}

    model = st.Sequential([L.Dense(3), Look()], input_shape=4)
    model.fit(rng.normal(size=(8, 4)), np.zeros((8, 3)), loss="mse", epochs=1, batch_size=8, verbose=0)
    assert seen == [(True, (8, 3), "float32", False), ("backward", False, (8, 3))]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"forward": lambda self, x, p, t: x[:, :1]}, ValueError, r"forward of Bad must have shape \(3, 4\)"),
        ({"forward": lambda self, x, p, t: 1 / 0}, ZeroDivisionError, "division"),
        ({"backward": lambda self, dy, x, y, p, t: dy}, TypeError, r"backward of Bad must return \(dx, \{name"),
        ({"backward": lambda self, dy, x, y, p, t: (dy, {"a": 1})}, ValueError, r"gradients of \[\], got \['a'\]"),
        ({"backward": lambda self, dy, x, y, p, t: (dy[:1], {})}, ValueError, r"dx of Bad must have shape \(3, 4\)"),
        ({"parameters": lambda self, w: {"a": ((2, 2, 2), 0.0)}}, ValueError, r"bad_1.a must be.*\(2, 2, 2\)"),
    ],
)
def test_what_is_wrong_is_said(changes, error, words, rng):
    bad = type("Bad", (Centre,), changes)
    model = st.Sequential([L.Dense(4), bad()])
    with pytest.raises(error, match=words):
        model.fit(rng.normal(size=(3, 4)), np.zeros((3, 4)), loss="mse", epochs=1, verbose=0)


def test_what_a_subclass_must_define(rng):
    model = st.Sequential([L.Custom()], input_shape=2)
    with pytest.raises(NotImplementedError, match="Custom must define forward"):
        model.predict(rng.normal(size=(1, 2)))
