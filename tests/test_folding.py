"""Folding: smaller models that predict the same."""

import copy

import numpy as np
import pytest

import steepest as st
from members import make, members_of
from steepest.lowering import passes
from steepest.registry import PREPROCESSORS

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


P = st.preprocessing
AFFINE = {
    "center": lambda: P.Center(),
    "standardizer": lambda: P.Standardizer(),
    "min_max": lambda: P.MinMax(-1, 2),
    "robust": lambda: P.Robust(),
    "pca": lambda: P.PCA(3),
    "whitening": lambda: P.Whitening(components=3, epsilon=1e-3),
    "zca": lambda: P.Whitening("zca", epsilon=1e-3),
    "diagonal pipeline": lambda: P.Pipeline([P.MinMax(), P.Robust(), P.Center()]),
    "pipeline": lambda: P.Pipeline([P.Robust(), P.Pipeline([P.PCA(4), P.Standardizer()]), P.Whitening("pca", 3)]),
}


def measurements(rng, rows=60):
    """Columns far from 0 in units far from 1, one of them constant."""
    x = rng.normal(size=(rows, 5)) @ rng.normal(size=(5, 5)) * [1, 10, 1e-2, 300, 1] + [0, 100, 0, -2000, 7]
    x[:, 4] = 7.0
    return x


def test_every_affine_step_is_tried():
    """A step that is registered tomorrow either folds here or is no affine function."""
    x = measurements(np.random.default_rng(0))
    affine = {cls.kind for cls in members_of(PREPROCESSORS) if make(cls).fit(x).affine() is not None}
    assert affine == {make().kind for make in AFFINE.values()}
    assert {cls.kind for cls in members_of(PREPROCESSORS)} - affine == {"quantile_normal"}


@pytest.mark.parametrize("name", AFFINE)
def test_the_affine_form_is_the_step(name, rng):
    x, other = measurements(rng), measurements(rng)
    step = AFFINE[name]().fit(x)
    center, matrix, shift = step.affine()
    by_hand = ((other - center) * matrix if matrix.ndim == 1 else (other - center) @ matrix) + shift
    expected = step.transform(other)
    # Centred numbers of up to 2e3 are divided by deviations down to 1e-2 and summed: 1e5 times a few roundings.
    np.testing.assert_allclose(by_hand, expected, rtol=1e-11, atol=1e5 * 8 * 2.0**-52)


FIRST = {
    "dense": lambda columns: [L.Dense(4, "tanh"), L.Dense(2)],
    "dense without bias": lambda columns: [L.Dense(4, "gelu", use_bias=False), L.Dense(2)],
    "maxout": lambda columns: [L.Maxout(3, 2), L.Dense(2)],
    "batch norm": lambda columns: [L.BatchNorm(), L.Dropout(0.5), L.Dense(4, "tanh"), L.BatchNorm(), L.Dense(2)],
    "block": lambda columns: [L.Residual([L.Dense(4)], projection=True), L.Dense(2)],
    "skip": lambda columns: [L.Residual([L.Dense(4, "tanh"), L.Dense(columns)], projection=None), L.Dense(2)],
    "layer norm": lambda columns: [L.LayerNorm(), L.Dense(2)],
    "columns": lambda columns: [L.Columns({"one": (0, L.Dense(2, "tanh")), "two": ([1, 2], None)}), L.Dense(2)],
}
# Of these the first layer is not dense: the scaling stays a layer of its own.
IN_FRONT = ("block", "skip", "layer norm", "columns")


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("name", AFFINE)
def test_scaling_of_the_inputs(name, first, rng, tmp_path):
    x, other = measurements(rng), measurements(rng, 20)
    step = AFFINE[name]().fit(x)
    columns = step.output_columns
    model = st.Sequential(FIRST[first](columns), input_shape=columns, dtype="float64", regularizer="l2")
    scramble(model, rng)
    small = model.folded(step)
    assert small.input_size == 5
    assert small.preprocessing is None
    assert (small.names[0] == "scaling") == (first in IN_FRONT)
    expected = model.predict(step.transform(other))
    # The products of raw inputs are up to 1e5 times as large as their sums, of which eps = 2e-16 is lost.
    bound = 1e-10 * (1 + np.abs(expected).max())
    np.testing.assert_allclose(small.predict(other), expected, rtol=0, atol=bound)
    small.save(tmp_path / "small.npz")
    np.testing.assert_array_equal(st.load(tmp_path / "small.npz").predict(other), small.predict(other))
    model.preprocessing = step  # the model's own is folded without being asked for
    np.testing.assert_array_equal(model.folded().predict(other), small.predict(other))
    kept = model.folded(False)
    assert kept.preprocessing is step
    np.testing.assert_allclose(kept.predict(step.transform(other)), expected, rtol=0, atol=bound)


@pytest.mark.parametrize("name", AFFINE)
def test_scaling_in_float32_to_rounding(name, rng):
    x = rng.normal(size=(300, 5)) * [1, 10, 1e-2, 300, 1] + [0, 20, 0, -500, 1]
    step = AFFINE[name]().fit(x)
    model = st.Sequential([L.Dense(8, "tanh"), L.Dense(3)], seed=1)
    model.fit(step.transform(x), x[:, :3] / [1, 10, 1e-2], loss="mse", epochs=3, verbose=0)
    small = model.folded(step)
    assert small.dtype == "float32"
    center, matrix, _ = step.affine()
    full = np.diag(matrix) if matrix.ndim == 1 else matrix
    # Each pre-activation sums |x| |W| and a bias of the size |center| |W|; tanh has slope at most 1, the next layer
    # multiplies by its weights and rounds sums of eight terms of at most 1 itself.
    weight = np.abs(full @ model.layers[0].weight)
    sizes = (np.abs(x).max(axis=0) + np.abs(center)) @ weight
    second = np.abs(model.layers[1].weight)
    bound = 2.0**-23 * ((6 * sizes + 9) @ second + 9 * second.sum(axis=0))
    difference = np.abs(small.predict(x) - model.predict(step.transform(x)))
    assert (difference <= bound).all(), (difference.max(axis=0), bound)


def test_exports_of_a_folded_model_take_raw_inputs(rng, tmp_path):
    x = measurements(rng)
    step = AFFINE["pipeline"]().fit(x)
    model = scramble(st.Sequential([L.Dense(4, "relu"), L.Dense(2)], input_shape=3, dtype="float64"), rng)
    model.preprocessing = step
    report = st.export.numpy_function(model.folded(), tmp_path / "net.py", x)
    names = {}
    exec(compile((tmp_path / "net.py").read_text(), "net.py", "exec"), names)
    np.testing.assert_allclose(names["predict"](x), model.predict(step.transform(x)), rtol=1e-9, atol=1e-9)
    assert report.verified


def test_what_is_not_affine_stays_in_front(rng):
    x = measurements(rng)
    model = scramble(st.Sequential([L.Dense(4, "tanh"), L.Dense(2)], input_shape=3, dtype="float64"), rng)
    chains = {
        P.Pipeline([P.Standardizer(), P.QuantileNormal(20), P.PCA(3), P.Standardizer()]): "pipeline",
        P.Pipeline([P.QuantileNormal(20), P.PCA(3)]): "quantile_normal",
        P.Pipeline([P.PCA(3), P.Robust(smooth_clip=True)]): "pipeline",
    }
    for chain, left in chains.items():
        model.preprocessing = chain.fit(x)
        small = model.folded()
        assert small.preprocessing.kind == left
        expected = model.predict(chain.transform(x))
        np.testing.assert_allclose(small.predict(small.preprocessing.transform(x)), expected, rtol=1e-10, atol=1e-11)
        with pytest.raises(TypeError, match=r"scaling must be a fitted step .* that is an affine function"):
            model.folded(chain)
    assert model.preprocessing is chain  # the last one ends with what is not affine: nothing was folded
    assert small.preprocessing is chain


def test_a_subclass_with_a_transformation_of_its_own_is_not_taken_for_its_base(rng):
    class Squared(P.Standardizer):
        def forward(self, part):
            return super().forward(part) ** 2

    class Renamed(P.Standardizer):
        pass

    x = measurements(rng)
    model = scramble(st.Sequential([L.Dense(2)], input_shape=5, dtype="float64"), rng)
    with pytest.raises(TypeError, match="affine"):
        model.folded(Squared().fit(x))
    np.testing.assert_array_equal(
        model.folded(Renamed().fit(x)).predict(x), model.folded(P.Standardizer().fit(x)).predict(x)
    )


def test_scaling_of_images(rng):
    images = rng.normal(3.0, 2.0, size=(40, 2, 3, 4))
    norms = [L.BatchNorm(), L.Dense(3)]
    relu = [L.BatchNorm(), L.Activation("relu"), L.Flatten(), L.Dense(3)]
    for step in (P.Center(), P.Center(per="channel"), P.Standardizer(per="channel"), P.Whitening("zca", epsilon=0.1)):
        step.fit(images)
        for layers in (norms, relu):
            model = scramble(st.Sequential(copy.deepcopy(layers), input_shape=(2, 3, 4), dtype="float64"), rng)
            model.preprocessing = step
            if layers is relu and step.kind == "whitening":  # mixes pixels that batch norm takes apart by channels
                assert model.folded().preprocessing is step
                with pytest.raises(ValueError, match=r"samples \(2, 3, 4\).*'batch_norm_1' is none"):
                    model.folded(step)
                continue
            small = model.folded()
            assert small.preprocessing is None
            expected = model.predict(step.transform(images))
            np.testing.assert_allclose(small.predict(images), expected, rtol=1e-9, atol=1e-9)


def test_scalings_that_do_not_fit(rng):
    x = measurements(rng)
    model = st.Sequential([L.Dense(2)], input_shape=5)
    for wrong in (True, 3, "standardizer", P.QuantileNormal(20).fit(x), P.Robust(smooth_clip=True).fit(x)):
        with pytest.raises(TypeError, match="scaling must be a fitted step"):
            model.folded(wrong)
    with pytest.raises(ValueError, match="not been fitted"):
        model.folded(P.PCA())
    with pytest.raises(ValueError, match="scaling gives 3 columns, the model takes 5"):
        model.folded(P.PCA(3).fit(x))


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
