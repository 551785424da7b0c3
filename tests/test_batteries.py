"""Common checks of every registered class: its description, and what layers, activations and losses do.

Optimisers, schedules, initialisers, penalties and preprocessing have theirs in test_batteries_training.py.
"""

import copy
import doctest
import inspect
import json
import pickle
import re

import numpy as np
import pytest

import steepest as st
import test_batteries_training as training
from members import FAMILIES, MEMBERS, make, members_of, name_of, reads_categories, same, table, takes, targets_of
from steepest.registry import ACTIVATIONS, LAYERS, LOSSES
from tolerance import assert_within, eps

DTYPES = ("float32", "float64")
MODULES = (
    "layers",
    "activations",
    "losses",
    "optimizers",
    "schedules",
    "initializers",
    "regularizers",
    "preprocessing",
)
# What a repr may say.
NAMES = {name: value for module in MODULES for name, value in vars(getattr(st, module)).items()}


# ------------------------------------------------------------------------------------------------------------ all of it
def test_the_families_are_all_there():
    assert len(MEMBERS) > 60
    assert {family.family for family, _ in MEMBERS} >= {"layer", "activation", "loss", "optimizer", "schedule"}


@pytest.mark.parametrize(("family", "cls"), MEMBERS, ids=name_of)
class TestDescription:
    def test_configuration_round_trip(self, family, cls):
        original = make(cls)
        config = json.loads(json.dumps(original.get_config()))
        twin = family.create(config)
        assert type(twin) is cls
        assert twin.get_config() == original.get_config()
        assert isinstance(config, str) or config["kind"] == cls.kind

    def test_representation_round_trip(self, family, cls):
        original = make(cls)
        # Names of another family may hide one, such as the schedule and the initialiser Constant.
        module = getattr(st, family._module.rpartition(".")[2])
        names = {**NAMES, **vars(module)}
        twin = eval(repr(original), {**names, "st": st})
        assert type(twin) is cls
        assert twin.get_config() == original.get_config()

    def test_copies(self, family, cls):
        original = make(cls)
        for twin in (copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
            assert twin.get_config() == original.get_config()

    def test_documentation(self, family, cls):
        text = inspect.getdoc(cls)
        assert cls.__doc__, f"{cls.__name__} has no docstring of its own"
        # A formula, or a number, or a name of the mathematics between backticks.
        assert "`" in text, f"{cls.__name__} states no formula"
        documented = re.findall(r"^([\w, ]+?) : ", text, re.MULTILINE) + re.findall(
            r"^([\w]+(?:, \w+)+)$", text, re.MULTILINE
        )
        named = {name.strip() for names in documented for name in names.split(",")}
        missing = [name for name in cls.arguments() if name not in named]
        assert not missing, f"{cls.__name__} does not document {missing}"

    def test_example(self, family, cls):
        """There is one; the doctests of the modules run it."""
        examples = doctest.DocTestFinder(recurse=False).find(cls, cls.__name__, module=False)
        assert any(test.examples for test in examples), f"{cls.__name__} has no example"


# --------------------------------------------------------------------------------------------------------------- layers
def chain(cls, dtype="float64", **settings):
    return st.Sequential([make(cls), st.layers.Dense(2)], seed=4, dtype=dtype, input_shape=takes(cls), **settings)


def batch(cls, rng, rows, dtype="float64"):
    return table(rng, rows, dtype)[:, : takes(cls)]


@pytest.mark.parametrize("cls", members_of(LAYERS), ids=name_of)
class TestLayers:
    @pytest.mark.parametrize("training", [True, False])
    def test_gradient(self, cls, training, rng):
        model = chain(cls)
        inputs = not reads_categories(model)  # categories have no neighbours to differ from
        x, y = batch(cls, rng, 9), rng.normal(size=(9, 2))
        report = st.gradcheck(model, x, y, loss="mse", training=training, inputs=inputs)
        assert report.passed, str(report)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_shape_and_dtype(self, cls, dtype, rng):
        model = chain(cls, dtype)
        for rows in (0, 1, 7, 33):
            outputs = model.predict(batch(cls, rng, rows, dtype))
            assert outputs.shape == (rows, 2)
            assert outputs.dtype == np.dtype(dtype)
        assert all(value.dtype == np.dtype(dtype) for value in model.parameters().values())

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_prediction_treats_every_row_by_itself(self, cls, dtype, rng):
        model, x = chain(cls, dtype), batch(cls, rng, 40, dtype)
        whole = model.predict(x)
        for row in (0, 17, 39):
            assert_within(
                model.predict(x[row : row + 1]), whole[row : row + 1], 64 * eps(dtype) * (1 + np.abs(whole).max())
            )

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_same_bits_on_any_number_of_threads(self, cls, dtype, rng):
        x, y = batch(cls, rng, 200, dtype), rng.normal(size=(200, 2))
        results = []
        try:
            for threads in (1, 2, 4):
                st.set_num_threads(threads)
                model = chain(cls, dtype)
                model.fit(x, y, loss="mse", epochs=2, batch_size=64, verbose=0)
                results.append(
                    (model.network.parameter_arena.copy(), model.network.state_arena.copy(), model.predict(x))
                )
        finally:
            st.set_num_threads(None)
        for other in results[1:]:
            for a, b in zip(results[0], other, strict=True):
                same(a, b)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_file(self, cls, dtype, rng, tmp_path):
        x, y = batch(cls, rng, 50, dtype), rng.normal(size=(50, 2))
        once, twice = chain(cls, dtype), chain(cls, dtype)
        once.fit(x, y, loss="mse", epochs=3, verbose=0)
        twice.fit(x, y, loss="mse", epochs=1, verbose=0)
        twice.save(tmp_path / "net.npz")
        twin = st.load(tmp_path / "net.npz")
        same(twin.predict(x), twice.predict(x))
        twin.fit(x, y, epochs=2, verbose=0)
        same(twin.network.parameter_arena, once.network.parameter_arena)
        assert repr(twin.layers) == repr(once.layers)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_extreme_input(self, cls, dtype, rng):
        model, x = chain(cls, dtype), batch(cls, rng, 20, dtype)
        for scale in (0.0, 1e-30, 1e4):
            x[:, 1:] *= scale
            assert np.isfinite(model.predict(x)).all(), scale
            value, gradients = model.loss_and_gradients(x, np.zeros((20, 2)), loss="mse")
            assert np.isfinite(value)
            assert all(np.isfinite(gradient).all() for gradient in gradients.values())
            x = batch(cls, rng, 20, dtype)


# ---------------------------------------------------------------------------------------------------------- activations
def alone(cls, dtype="float64"):
    return st.Sequential([st.layers.Activation(make(cls))], dtype=dtype, input_shape=5)


@pytest.mark.parametrize("cls", members_of(ACTIVATIONS), ids=name_of)
class TestActivations:
    def test_gradient(self, cls, rng):
        x = rng.normal(size=(8, 5))
        report = st.gradcheck(alone(cls), x, rng.normal(size=(8, 5)), loss="mse")
        assert report.passed, str(report)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_shape_dtype_and_twin(self, cls, dtype, rng):
        x = rng.normal(size=(33, 5)).astype("float32")
        y = alone(cls, dtype).predict(x)
        assert (y.shape, y.dtype) == (x.shape, np.dtype(dtype))
        assert_within(y, alone(cls).predict(x), 16 * eps(dtype) * (1 + np.abs(y).max()))

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_extreme_input(self, cls, dtype):
        model = alone(cls, dtype)
        x = np.array([[0.0, 1e4, -1e4, 3e4, -3e4], [-0.0, 1e-30, -1e-30, 88.0, -88.0]], dtype)
        assert np.isfinite(model.predict(x)).all()
        value, gradients = model.loss_and_gradients(x, np.zeros(x.shape), loss="mae", input_gradient=True)
        assert np.isfinite(value)
        assert np.isfinite(gradients["input"]).all()

    def test_part_of_a_dense_layer_is_a_layer_of_its_own(self, cls, rng):
        """Whether it was fused or not, forward and backward."""
        x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 5))
        inside = st.Sequential([st.layers.Dense(5, make(cls))], dtype="float64", input_shape=3)
        behind = st.Sequential([st.layers.Dense(5), st.layers.Activation(make(cls))], dtype="float64", input_shape=3)
        behind.layers[0].weight[...] = inside.layers[0].weight
        assert_within(inside.predict(x), behind.predict(x), 1e-14)
        a, b = (m.loss_and_gradients(x, y, loss="mse", input_gradient=True)[1]["input"] for m in (inside, behind))
        assert_within(a, b, 1e-14)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_same_bits_on_any_number_of_threads(self, cls, dtype, rng):
        x, y = rng.normal(size=(300, 5)), rng.normal(size=(300, 2))
        check_threads(lambda: trained(make(cls), dtype, x, y), x)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_file(self, cls, dtype, rng, tmp_path):
        x, y = rng.normal(size=(50, 5)), rng.normal(size=(50, 2))
        check_file(lambda epochs: trained(make(cls), dtype, x, y, epochs=epochs), x, y, tmp_path)


def trained(activation, dtype, x, y, epochs=2, **settings):
    """A network with the activation inside, after some epochs."""
    layers = [st.layers.Dense(6, activation), st.layers.Activation(activation), st.layers.Dense(y.shape[1])]
    model = st.Sequential(layers, dtype=dtype, seed=3)
    model.fit(x, y, **{"loss": "mse", **settings}, epochs=epochs, batch_size=64, verbose=0)
    return model


def check_threads(make_trained, x):
    """The training and the predictions have the same bits on 1, 2 and 4 threads."""
    results = []
    try:
        for threads in (1, 2, 4):
            st.set_num_threads(threads)
            model = make_trained()
            results.append((model.network.parameter_arena.copy(), model.predict(x)))
    finally:
        st.set_num_threads(None)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            same(a, b)


def check_file(make_trained, x, y, folder):
    """A model from a file predicts the same and its training goes on with the same bits."""
    once, twice = make_trained(3), make_trained(1)
    twice.save(folder / "net.npz")
    twin = st.load(folder / "net.npz")
    same(twin.predict(x), twice.predict(x))
    twin.fit(x, y, epochs=2, batch_size=64, verbose=0)
    same(twin.network.parameter_arena, once.network.parameter_arena)


# --------------------------------------------------------------------------------------------------------------- losses
def value_of(loss, z, y, dtype="float64", **options):
    model = st.Sequential([st.layers.Activation("identity")], dtype=dtype, input_shape=z.shape[1])
    value, gradients = model.loss_and_gradients(z, y, loss=loss, input_gradient=True, **options)
    return value, gradients["input"]


def with_loss(loss, dtype, x, y, epochs=2):
    model = st.Sequential([st.layers.Dense(6, "tanh"), st.layers.Dense(3)], dtype=dtype, seed=3)
    model.fit(x, y, loss=loss, epochs=epochs, batch_size=64, verbose=0)
    return model


@pytest.mark.parametrize("cls", members_of(LOSSES), ids=name_of)
class TestLosses:
    @pytest.mark.parametrize("weighted", [False, True])
    def test_gradient(self, cls, weighted, rng):
        loss = make(cls)
        weights = rng.uniform(0.1, 2, size=9) if weighted else None
        report = st.gradcheck(loss, rng.normal(size=(9, 3)), targets_of(loss, rng, 9, 3), sample_weight=weights)
        assert report.passed, str(report)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_types(self, cls, dtype, rng):
        loss, z = make(cls), rng.normal(size=(17, 3)).astype("float32")
        y = targets_of(loss, rng, 17, 3)
        value, gradient = value_of(loss, z, y, dtype)
        exact, exact_gradient = value_of(loss, z, y)
        assert (gradient.shape, gradient.dtype) == ((17, 3), np.dtype(dtype))
        assert value == pytest.approx(exact, rel=32 * eps(dtype), abs=32 * eps(dtype))
        assert_within(gradient, exact_gradient, 32 * eps(dtype))

    def test_weights_count_rows(self, cls, rng):
        """A row of weight 0 might not be there, one of weight 2 might be there twice."""
        loss, z = make(cls), rng.normal(size=(6, 3))
        y = targets_of(loss, rng, 6, 3)
        rows = [0, 1, 1, 3, 4, 5, 5]
        weighted, _ = value_of(loss, z, y, sample_weight=[1, 2, 0, 1, 1, 2])
        repeated, _ = value_of(loss, z[rows], y[rows])
        assert weighted == pytest.approx(repeated, rel=1e-13)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_extreme_outputs(self, cls, dtype, rng):
        loss = make(cls)
        y = targets_of(loss, rng, 8, 3)
        for scale in (0.0, 1e-30, 50.0):
            value, gradient = value_of(loss, np.sign(rng.normal(size=(8, 3))) * scale, y, dtype)
            assert np.isfinite(value)
            assert np.isfinite(gradient).all()
        # Poisson's exponential may be infinite there, but never not a number.
        value, _ = value_of(loss, np.sign(rng.normal(size=(8, 3))) * 1e4, y, dtype)
        assert not np.isnan(value)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_same_bits_on_any_number_of_threads(self, cls, dtype, rng):
        x, loss = rng.normal(size=(300, 5)), make(cls)
        y = targets_of(loss, rng, 300, 3)
        check_threads(lambda: with_loss(make(cls), dtype, x, y), x)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_file(self, cls, dtype, rng, tmp_path):
        x, loss = rng.normal(size=(50, 5)), make(cls)
        y = targets_of(loss, rng, 50, 3)
        check_file(lambda epochs: with_loss(make(cls), dtype, x, y, epochs), x, y, tmp_path)

    def test_learns(self, cls, rng):
        loss, x = make(cls), rng.normal(size=(60, 4))
        y = targets_of(loss, rng, 60, 3)
        model = st.Sequential([st.layers.Dense(32, "tanh"), st.layers.Dense(3)], seed=0)
        history = model.fit(x, y, loss=loss, optimizer=st.optimizers.Adam(0.02), epochs=200, verbose=0)
        assert history["loss"][-1] < 0.7 * history["loss"][0]
        assert model.evaluate(x, y)["loss"] < 0.7 * history["loss"][0]

    def test_link(self, cls, rng):
        loss, z = make(cls), 20 * rng.normal(size=(9, 3))
        if not loss.has_link:
            with pytest.raises((NotImplementedError, ValueError)):
                st.Sequential([st.layers.Dense(3)], input_shape=3).predict_proba(z, loss=loss)
            return
        p = loss.link(z)
        assert p.shape == z.shape
        assert ((p >= 0) & (p <= 1)).all()


# ------------------------------------------------------------------------------------------------- nothing is left out
# What each battery must look at; beside it TestDescription looks at all.
SUBJECTS = {
    "layer": (TestLayers, ("shape_and_dtype", "gradient", "same_bits", "file", "extreme")),
    "activation": (TestActivations, ("shape_dtype", "gradient", "same_bits", "file", "extreme")),
    "loss": (TestLosses, ("types", "gradient", "same_bits", "file", "extreme", "link", "weights")),
    "optimizer": (training.TestOptimizers, ("learns", "same_bits", "file", "state", "extreme")),
    "schedule": (training.TestSchedules, ("rates", "configuration", "state", "every_optimizer")),
    "initializer": (training.TestInitializers, ("draw", "sizes", "twins")),
    "regularizer": (training.TestRegularizers, ("gradient", "same_bits", "file", "draws_weights")),
    "preprocessing step": (
        training.TestPreprocessing,
        ("shape_dtype", "integers", "there_and_back", "constant", "extreme", "file", "affine"),
    ),
}
# Public classes that are no members: bases, what takes functions of the user's, and what stands for a function that a
# file could not hold.
NO_MEMBERS = {
    *("Layer", "Activation", "RowFunction", "Loss", "Regression", "Optimizer", "Schedule", "Initializer"),
    *("VarianceScaling", "Regularizer", "Preprocessor", "Custom", "Lost"),
}


def test_every_family_has_a_battery_that_runs_over_all_of_its_members():
    assert SUBJECTS.keys() == {family.family for family in FAMILIES}
    for family in FAMILIES:
        battery, subjects = SUBJECTS[family.family]
        (mark,) = [mark for mark in battery.pytestmark if mark.name == "parametrize"]
        assert set(mark.args[1]) == set(members_of(family)), family.family
        written = " ".join(name for name in vars(battery) if name.startswith("test_"))
        for subject in subjects:
            assert subject in written, f"the battery of {family.family} does not look at {subject}"
    assert {member for _, member in MEMBERS} == {cls for family in FAMILIES for cls in members_of(family)}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_class_is_registered(module):
    for name, value in vars(getattr(st, module)).items():
        public = inspect.isclass(value) and issubclass(value, st.registry.Configurable) and not name.startswith("_")
        if public and value is not st.registry.Configurable and name not in NO_MEMBERS:
            assert any(value is cls for _, cls in MEMBERS), f"st.{module}.{name} is not registered"


def test_a_class_registered_by_anybody_goes_through_the_same_checks(rng):
    @ACTIVATIONS.register("late")
    class Late(st.activations.Relu):
        """Documented by nobody."""

    try:
        assert Late in members_of(ACTIVATIONS)
        TestActivations().test_gradient(st.activations.Relu, rng)
        with pytest.raises(AssertionError, match="states no formula"):
            TestDescription().test_documentation(ACTIVATIONS, Late)
        with pytest.raises(AssertionError, match="has no example"):
            TestDescription().test_example(ACTIVATIONS, Late)
    finally:
        del ACTIVATIONS._classes["late"]
