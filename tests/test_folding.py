"""Folding: smaller models that predict the same."""

import numpy as np
import pytest

import steepest as st
from steepest.lowering import passes

L = st.layers


def scramble(model, rng):
    """Give every tensor numbers that nothing cancels."""
    for name, view in model.parameters().items():
        view[...] = rng.normal(size=view.shape) / np.sqrt(len(view))
        if name.endswith("gamma"):
            view += 1.0
    for name, view in model.states().items():
        view[...] = rng.uniform(0.5, 2.0, size=view.shape) if "variance" in name else rng.normal(size=view.shape)
    return model


def kinds(model):
    return [layer.kind for layer in model.layers]


CHAINS = {
    "after a dense layer": ([lambda: L.Dense(5), lambda: L.BatchNorm()], ["dense"]),
    "before a dense layer": ([lambda: L.BatchNorm(), lambda: L.Dense(5, "relu", use_bias=False)], ["dense"]),
    "behind an activation": (
        [lambda: L.Dense(5, "tanh"), lambda: L.BatchNorm(), lambda: L.Dense(2)],
        ["dense", "dense"],
    ),
    "across dropout and noise": (
        [lambda: L.Dense(5, use_bias=False), lambda: L.Dropout(0.5), lambda: L.BatchNorm(), lambda: L.GaussianNoise(1)],
        ["dense"],
    ),
    "dropout and noise in a row": (
        [
            lambda: L.Dense(4),
            lambda: L.Dropout(0.5),
            lambda: L.GaussianNoise(1),
            lambda: L.Dropout(0.1),
            lambda: L.Dense(2),
        ],
        ["dense", "dense"],
    ),
    "two in a row": ([lambda: L.BatchNorm(), lambda: L.Standardize(1.0, 2.0), lambda: L.Maxout(3, 2)], ["maxout"]),
    "between two dense layers": ([lambda: L.Dense(4), lambda: L.BatchNorm(), lambda: L.Dense(3)], ["dense", "dense"]),
    "without a dense neighbour": (
        [lambda: L.BatchNorm(), lambda: L.Activation("relu"), lambda: L.LayerNorm()],
        ["batch_norm", "activation", "layer_norm"],
    ),
    "nothing but noise": ([lambda: L.GaussianNoise(1.0)], ["activation"]),
    "activation as a layer": (
        [lambda: L.Dense(4), lambda: L.BatchNorm(), lambda: L.Activation("elu"), lambda: L.Dense(2, "prelu")],
        ["dense", "activation", "dense"],
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains(name, rng):
    makes, expected = CHAINS[name]
    x = rng.normal(size=(11, 3))
    model = scramble(st.Sequential([make() for make in makes], input_shape=3, dtype="float64"), rng)
    small = model.folded()
    assert kinds(small) == expected
    # Products and sums of a handful of numbers of size 1 to 10 in another order.
    np.testing.assert_allclose(small.predict(x), model.predict(x), rtol=1e-11, atol=1e-12)


def random_layers(rng, depth=0):
    chain = []
    for _ in range(rng.integers(1, 5)):
        width = int(rng.integers(1, 7))
        makes = [
            lambda w=width: L.Dense(
                w, str(rng.choice(["identity", "relu", "gelu"])), use_bias=bool(rng.random() < 0.5)
            ),
            lambda w=width: L.Maxout(w, 2, use_bias=bool(rng.random() < 0.5)),
            lambda: L.BatchNorm(),
            lambda: L.BatchNorm(trainable=False),
            lambda: L.Dropout(0.5),
            lambda: L.Standardize(float(rng.normal()), 0.5),
            lambda: L.Activation("tanh"),
            lambda: L.LayerNorm(),
            lambda: L.Residual(random_layers(rng, depth + 1), "identity"),
            lambda: L.Columns({"one": (0, random_layers(rng, depth + 1)), "two": ([0], None)}),
        ]
        chain.append(makes[rng.integers(len(makes) - (2 if depth > 1 else 0))]())
    return chain


@pytest.mark.parametrize("number", range(60))
def test_random_networks(number):
    rng = np.random.default_rng(number)
    x = rng.normal(size=(9, 4))
    model = scramble(st.Sequential(random_layers(rng), input_shape=4, dtype="float64"), rng)
    small = model.folded()
    expected = model.predict(x)
    scale = np.abs(expected).max() + 1
    np.testing.assert_allclose(small.predict(x), expected, rtol=1e-9, atol=1e-10 * scale)
    assert len(small.network.program.operations) <= len(model.network.program.operations)
    assert not any(op.kind in ("dropout", "noise") for op in small.network.program.operations)


def test_float32_to_rounding(rng):
    x = rng.normal(size=(200, 20)).astype("float32")
    model = st.Sequential([L.Dense(30), L.BatchNorm(), L.Activation("relu"), L.BatchNorm(), L.Dense(5)])
    model.fit(x, rng.integers(5, size=200), loss="softmax_cross_entropy", epochs=3, verbose=0)
    small = model.folded()
    assert len(small.layers) == 3
    np.testing.assert_allclose(small.predict(x), model.predict(x), rtol=1e-4, atol=1e-5)
    assert small.predict_proba(x).shape == (200, 5)
    assert small.evaluate(x, rng.integers(5, size=200))["loss"] > 0


def test_images(rng):
    x = rng.normal(size=(5, 2, 3, 4))
    model = scramble(st.Sequential([L.BatchNorm(), L.Dense(3)], input_shape=(2, 3, 4), dtype="float64"), rng)
    small = model.folded()
    assert kinds(small) == ["dense"]
    np.testing.assert_allclose(small.predict(x), model.predict(x), rtol=1e-11, atol=1e-12)


def test_scaling_of_the_inputs(rng, tmp_path):
    x = rng.normal(100.0, 5.0, size=(60, 4))
    for step in (st.preprocessing.Standardizer(), st.preprocessing.MinMax(-1, 1), st.preprocessing.Center()):
        step.fit(x)
        model = scramble(st.Sequential([L.Dense(3, "tanh"), L.Dense(2)], input_shape=4, dtype="float64"), rng)
        small = model.folded(step)
        assert kinds(small) == ["dense", "dense"]
        np.testing.assert_allclose(small.predict(x), model.predict(step.transform(x)), rtol=1e-9, atol=1e-10)
        small.save(tmp_path / "small.npz")
        np.testing.assert_array_equal(st.load(tmp_path / "small.npz").predict(x), small.predict(x))


def test_names_stay(rng):
    model = st.Sequential([L.BatchNorm(), L.Dense(3, name="first"), L.Dense(2)], input_shape=3)
    small = model.folded()
    assert small.names == ("first", "dense_1")
    assert model.names == ("batch_norm_1", "first", "dense_1")
    assert len(model.parameters()) == 6


def test_inside_blocks(rng):
    block = L.Residual([L.Dense(4, use_bias=False), L.BatchNorm(), L.Activation("relu"), L.Dropout(0.5), L.Dense(3)])
    model = scramble(st.Sequential([block, L.BatchNorm(), L.Dense(2)], input_shape=3, dtype="float64"), rng)
    small = model.folded()
    assert [layer.kind for layer in small.layers[0].layers] == ["dense", "activation", "dense"]
    assert kinds(small) == ["residual", "dense"]
    assert small.layers[0].layers[0].use_bias
    x = rng.normal(size=(6, 3))
    np.testing.assert_allclose(small.predict(x), model.predict(x), rtol=1e-11, atol=1e-12)


def test_a_shared_value_is_not_folded_away(rng):
    # The block reads the normalised value twice: once through a dense layer, once as it is.
    model = scramble(st.Sequential([L.BatchNorm(), L.Residual([L.Dense(3)])], input_shape=3, dtype="float64"), rng)
    assert kinds(model.folded()) == ["batch_norm", "residual"]


def test_the_pass_is_pure(rng):
    model = scramble(st.Sequential([L.Dense(4), L.BatchNorm()], input_shape=3, dtype="float64"), rng)
    program = model.lower(3)
    tensors = {name: view.copy() for name, view in {**model.parameters(), **model.states()}.items()}
    kept = {name: view.copy() for name, view in tensors.items()}
    before = repr(program)
    after, folded = passes.fold(program, tensors)
    assert [op.kind for op in after.operations] == ["dense"]
    assert set(folded) == {"dense_1.weight", "dense_1.bias"}
    assert repr(program) == before
    assert all(np.array_equal(tensors[name], kept[name]) for name in kept)
    untouched, _ = passes.fold(program, tensors, among={"batch_norm_1"})
    assert [op.kind for op in untouched.operations] == ["dense", "batch_norm"]


def test_summary_notes_the_redundant_bias():
    plain = st.Sequential([L.Dense(3), L.BatchNorm()], input_shape=2).summary()
    assert any("the bias of dense_1 is redundant" in note for note in plain.notes)
    for chain in (
        [L.Dense(3, use_bias=False), L.BatchNorm()],
        [L.Dense(3, "relu"), L.BatchNorm()],
        [L.Dense(3), L.BatchNorm(trainable=False)],  # subtracts what it has learnt, whatever the bias
        [L.Dense(3), L.Standardize(1.0)],
    ):
        assert st.Sequential(chain, input_shape=2).summary().notes == ()


def test_an_unbuilt_model_cannot_be_folded():
    with pytest.raises(ValueError, match="not built"):
        st.Sequential([L.Dense(2)]).folded()
