"""Arguments of layers whose model is built: what can follow does, what cannot is refused; nothing is ignored."""

import numpy as np
import pytest

import steepest as st
from members import MEMBERS, make, name_of, takes

L = st.layers
LAYERS = [cls for family, cls in MEMBERS if family is st.registry.LAYERS]


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 5))
    return X, (X[:, 0] > 0).astype(int)


def value(model):
    return model.loss_and_gradients(*data(), loss="softmax_cross_entropy")[0]


def build(rate=0.5, activation="relu", momentum=0.1, regularizer=None, inner=0.4, whole=None):
    layers = [
        L.Dense(8, activation, regularizer=regularizer),
        L.Residual([L.Dense(8, "tanh"), L.Dropout(inner)]),
        L.BatchNorm(momentum),
        L.Dropout(rate),
        L.Dense(2),
    ]
    return st.Sequential(layers, seed=0, dtype="float64", input_shape=5, regularizer=whole)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: setattr(m.layers[3], "rate", 0.1), {"rate": 0.1}),
        (lambda m: setattr(m.layers[0], "activation", "tanh"), {"activation": "tanh"}),
        (lambda m: setattr(m.layers[0], "regularizer", "l2"), {"regularizer": "l2"}),
        (lambda m: setattr(m.layers[1].layers[1], "rate", 0.0), {"inner": 0.0}),
        (lambda m: setattr(m, "regularizer", st.regularizers.L2(0.5)), {"whole": st.regularizers.L2(0.5)}),
    ],
    ids=["rate", "activation", "regularizer", "inside", "model"],
)
def test_the_network_follows(change, expected, tmp_path):
    model, twin = build(), build(**expected)
    for name, view in model.parameters().items():
        view[...] = twin.parameters()[name]  # relu and tanh start differently
    before = value(model)
    change(model)
    assert value(model) == value(twin) != before
    model.save(tmp_path / "net.npz")
    assert value(st.load(tmp_path / "net.npz")) == value(twin)


def test_momentum_of_the_running_statistics():
    model, twin = build(rate=0.0, inner=0.0), build(rate=0.0, inner=0.0, momentum=0.9)
    model.layers[2].momentum = 0.9
    for each in (model, twin):
        each.fit(*data(), loss="softmax_cross_entropy", epochs=1, verbose=0)
    np.testing.assert_array_equal(
        model.states()["batch_norm_1.running_mean"], twin.states()["batch_norm_1.running_mean"]
    )


@pytest.mark.parametrize(
    ("layer", "name", "new", "words"),
    [
        (0, "units", 9, r"units of Dense\(units=8.*cannot become 9"),
        (4, "units", 3, r"cannot become 3: the tensors would be others: dense_2.weight is \(8, 2\), not \(8, 3\)"),
        (4, "use_bias", False, r"cannot become False: the tensors would be others: dense_2.bias is \(2,\), not None"),
        (3, "rate", 5, r"rate must be in \[0, 1\), got 5"),
        (0, "activation", "rleu", r"did you mean 'relu'"),
        (1, "layers", [L.Dense(8)], r"other layers have other tensors"),
        (0, "initializer", "he", r"initializer of Dense.* cannot be changed any more"),
        (0, "name", "first", r"name of Dense.* cannot be changed any more"),
    ],
)
def test_what_cannot_follow_is_refused(layer, name, new, words):
    model = build()
    before, shown = value(model), repr(model)
    with pytest.raises((ValueError, AttributeError), match=words):
        setattr(model.layers[layer], name, new)
    assert value(model) == before
    assert repr(model) == shown


def test_before_the_model_is_built_everything_may_change():
    model = st.Sequential([L.Dense(8, "relu"), L.Dense(2)], seed=0)
    model.layers[0].units = 3
    model.build(5)
    assert model.layers[0].weight.shape == (5, 3)


@pytest.mark.parametrize("cls", LAYERS, ids=name_of)
def test_an_argument_may_be_set_to_what_it_is(cls):
    model = st.Sequential([make(cls)], input_shape=takes(cls))
    layer = model.layers[0]
    shown = repr(layer)
    for name in layer.arguments():
        read_only = isinstance(getattr(cls, name, None), property) and getattr(cls, name).fset is None
        if not read_only and name != "name" and not name.endswith("initializer"):
            setattr(layer, name, getattr(layer, name))
    assert repr(layer) == shown


def test_a_rate_may_change_in_a_callback():
    class Fade(st.callbacks.Callback):
        def on_epoch_end(self, run):
            run.model.layers[3].rate = 0.5 / (1 + run.epoch)

    model = build()
    model.fit(*data(), loss="softmax_cross_entropy", epochs=3, callbacks=[Fade()], verbose=0)
    assert model.layers[3].rate == 0.125
