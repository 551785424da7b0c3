"""Common checks of every registered optimiser, schedule, initialiser, penalty and preprocessing step."""

import contextlib
import json
import math

import numpy as np
import pytest

import steepest as st
from members import make, members_of, name_of, same
from steepest import preprocessing
from steepest.registry import INITIALIZERS, OPTIMIZERS, PREPROCESSORS, REGULARIZERS, SCHEDULES
from tolerance import assert_within, eps

DTYPES = ("float32", "float64")


@pytest.fixture
def problem(rng):
    x = rng.normal(size=(120, 3))
    return x, np.column_stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2]])


def network(dtype="float32", **settings):
    return st.Sequential([st.layers.Dense(8, "tanh"), st.layers.Dense(2)], seed=3, dtype=dtype, **settings)


def fit(model, problem, optimizer, epochs=4, **options):
    return model.fit(*problem, loss="mse", optimizer=optimizer, epochs=epochs, batch_size=32, verbose=0, **options)


# ----------------------------------------------------------------------------------------------------------- optimisers
@pytest.mark.parametrize("cls", members_of(OPTIMIZERS), ids=name_of)
class TestOptimizers:
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_learns(self, cls, dtype, problem):
        model = network(dtype)
        history = fit(model, problem, make(cls), epochs=40)
        assert history["loss"][-1] < 0.9 * history["loss"][0]
        assert all(value.dtype == np.dtype(dtype) for value in model.parameters().values())

    def test_same_bits_on_any_number_of_threads(self, cls, problem):
        results = []
        try:
            for threads in (1, 2, 4):
                st.set_num_threads(threads)
                model = network()
                fit(model, problem, make(cls))
                results.append(model.network.parameter_arena.copy())
        finally:
            st.set_num_threads(None)
        same(results[0], results[1])
        same(results[0], results[2])

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_training_from_a_file_is_the_same_training(self, cls, dtype, problem, tmp_path):
        once, twice = network(dtype), network(dtype)
        fit(once, problem, make(cls), 7)
        fit(twice, problem, make(cls), 3)
        twice.save(tmp_path / "net.npz")
        twin = st.load(tmp_path / "net.npz")
        fit(twin, problem, None, 4)
        same(once.network.parameter_arena, twin.network.parameter_arena)
        assert twin.optimizer.get_state() == once.optimizer.get_state()

    def test_a_copy_goes_on_by_itself(self, cls, problem):
        once, first = network(), network()
        fit(once, problem, make(cls), 5)
        fit(first, problem, make(cls), 3)
        second = first.copy()
        fit(first, problem, None, 5)
        fit(second, problem, None, 2)
        same(once.network.parameter_arena, second.network.parameter_arena)

    def test_state_is_json_and_reset_forgets_it(self, cls, problem):
        optimizer, fresh = make(cls), make(cls)
        fit(network(), problem, optimizer)
        state = optimizer.get_state()
        assert json.loads(json.dumps(state)) == state
        assert state != fresh.get_state()
        optimizer.reset()
        assert optimizer.get_state() == fresh.get_state()
        assert not optimizer.slots

    def test_no_gradient_no_movement(self, cls):
        """Targets that are met already: nothing moves but by decay, which is of the weights."""
        model = st.Sequential([st.layers.Dense(2, use_bias=True, initializer="zeros")], input_shape=3)
        model.fit(np.ones((8, 3)), np.zeros((8, 2)), loss="mse", optimizer=make(cls), epochs=3, verbose=0)
        assert not any(value.any() for value in model.parameters().values())

    def test_extreme_gradients_do_not_make_nan_silently(self, cls, problem):
        """Either training stays finite, or it raises and leaves the model usable."""
        model, (x, y) = network(), problem
        with contextlib.suppress(st.TrainingDiverged):
            fit(model, (x, 1e18 * y), make(cls), 2)
        assert all(np.isfinite(value).all() for value in model.parameters().values())


# ------------------------------------------------------------------------------------------------------------ schedules
@pytest.mark.parametrize("cls", members_of(SCHEDULES), ids=name_of)
class TestSchedules:
    def test_rates(self, cls):
        schedule = make(cls)
        for step in (0, 1, 2, 6, 7, 8, 1000, 10**7):
            rate = schedule(step)
            assert math.isfinite(rate)
            assert rate >= 0.0
            assert schedule(step) == rate

    def test_configuration_gives_the_same_rates(self, cls):
        schedule = make(cls)
        twin = SCHEDULES.create(json.loads(json.dumps(schedule.get_config())))
        assert [twin(step) for step in range(20)] == [schedule(step) for step in range(20)]

    def test_state(self, cls):
        schedule, twin, fresh = make(cls), make(cls), make(cls)
        for loss in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0):
            schedule.end_epoch({"loss": loss})
        twin.set_state(json.loads(json.dumps(schedule.get_state())))
        assert [twin(step) for step in range(20)] == [schedule(step) for step in range(20)]
        schedule.set_state({})
        assert [schedule(step) for step in range(20)] == [fresh(step) for step in range(20)]

    @pytest.mark.parametrize("optimizer", [c for c in members_of(OPTIMIZERS) if not c.full_batch], ids=name_of)
    def test_with_every_optimizer(self, cls, optimizer, problem):
        history = fit(network(), problem, optimizer(make(cls)), epochs=3)
        last = make(cls)(3 * 4 - 1)
        if not make(cls).get_state():  # else it follows the training
            assert history["learning_rate"][-1] == last


# --------------------------------------------------------------------------------------------------------- initialisers
def shape_for(initializer):
    return np.shape(initializer.values) if initializer.kind == "values" else (6, 4)


@pytest.mark.parametrize("cls", members_of(INITIALIZERS), ids=name_of)
class TestInitializers:
    def test_draw(self, cls):
        initializer = make(cls)
        shape = shape_for(initializer)
        first, again = (initializer.draw(np.random.default_rng(1), shape, 6, 4) for _ in range(2))
        assert (first.shape, first.dtype) == (shape, np.dtype(np.float64))
        assert np.isfinite(first).all()
        same(first, again)
        other = initializer.draw(np.random.default_rng(2), shape, 6, 4)
        assert initializer.get_config() == make(cls).get_config()
        if len(np.unique(first)) > 2:  # a random one
            assert (first != other).any()

    @pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (300, 200)])
    def test_sizes(self, cls, shape):
        initializer = make(cls)
        if initializer.kind == "values":
            initializer = type(initializer)(np.ones(shape))
        assert np.isfinite(initializer.draw(np.random.default_rng(0), shape, *shape)).all()

    def test_twins_start_alike(self, cls):
        initializer = make(cls)
        if initializer.kind == "values":
            initializer = type(initializer)(np.ones((3, 8)) / 3)
        models = [
            st.Sequential([st.layers.Dense(8, initializer=initializer)], dtype=dtype, input_shape=3, seed=2)
            for dtype in DTYPES
        ]
        same(models[0].layers[0].weight, models[1].layers[0].weight.astype(np.float32))


# ------------------------------------------------------------------------------------------------------------ penalties
@pytest.mark.parametrize("cls", members_of(REGULARIZERS), ids=name_of)
class TestRegularizers:
    def test_part_of_the_loss_and_of_the_gradient(self, cls, rng):
        x, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
        plain, model = (network("float64", input_shape=3, regularizer=r) for r in (None, make(cls)))
        penalty = sum(
            make(cls).l1 * np.abs(w).sum() + 0.5 * make(cls).l2 * (w**2).sum()
            for name, w in model.parameters().items()
            if name.endswith("weight")
        )
        values = [m.loss_and_gradients(x, y, loss="mse")[0] for m in (plain, model)]
        assert penalty > 0
        assert values[1] - values[0] == pytest.approx(penalty, rel=1e-9)
        report = st.gradcheck(model, x, y, loss="mse")
        assert report.passed, str(report)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_same_bits_on_any_number_of_threads(self, cls, dtype, problem):
        arenas = []
        try:
            for threads in (1, 2, 4):
                st.set_num_threads(threads)
                model = network(dtype, regularizer=make(cls))
                fit(model, problem, "adam")
                arenas.append(model.network.parameter_arena.copy())
        finally:
            st.set_num_threads(None)
        same(arenas[0], arenas[1])
        same(arenas[0], arenas[2])

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_file(self, cls, dtype, problem, tmp_path):
        once, twice = (network(dtype, regularizer=make(cls)) for _ in range(2))
        fit(once, problem, "adam", 5)
        fit(twice, problem, "adam", 2)
        twice.save(tmp_path / "net.npz")
        twin = st.load(tmp_path / "net.npz")
        fit(twin, problem, None, 3)
        assert twin.regularizer == make(cls)
        same(once.network.parameter_arena, twin.network.parameter_arena)

    def test_draws_weights_to_zero(self, cls, problem):
        strong = cls(**dict.fromkeys(cls.arguments(), 1.0))
        lengths = []
        for regularizer in (None, strong):
            model = network(regularizer=regularizer)
            fit(model, problem, "adam", epochs=30)
            lengths.append(np.linalg.norm(model.layers[0].weight))
        assert lengths[1] < 0.9 * lengths[0]


# -------------------------------------------------------------------------------------------------------- preprocessing
@pytest.mark.parametrize("cls", members_of(PREPROCESSORS), ids=name_of)
class TestPreprocessing:
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_shape_dtype_and_finite(self, cls, dtype, rng):
        x = rng.normal(size=(60, 4)).astype(dtype)
        step = make(cls)
        z = step.fit_transform(x)
        assert (z.shape, z.dtype) == ((60, step.output_columns), np.dtype(dtype))
        assert np.isfinite(z).all()
        same(step.transform(x), z)
        assert step.transform(x[:0]).shape == (0, step.output_columns)

    @pytest.mark.parametrize("kind", ["u1", "i8", "?"])
    def test_integers(self, cls, kind, rng):
        x = rng.integers(0, 2, size=(30, 3)).astype(kind)
        z = make(cls).fit_transform(x)
        assert z.dtype == np.float32
        assert_within(z, make(cls).fit_transform(x.astype(float)), 16 * eps(np.float32) * (1 + np.abs(z).max()))

    def test_the_training_sets_numbers_are_used_row_by_row(self, cls, rng):
        x, other = rng.normal(size=(60, 4)), rng.normal(3, 5, size=(20, 4))
        step = make(cls).fit(x)
        state = step.get_state()
        whole = step.transform(other)
        assert_within(step.transform(other[7:9]), whole[7:9], 1e-13 * (1 + np.abs(whole).max()))
        for name, value in step.get_state().items():
            same(value, state[name])

    def test_there_and_back(self, cls, rng):
        step, x = make(cls), rng.normal(2, 3, size=(60, 4))
        z = step.fit_transform(x)
        if not step.invertible:
            with pytest.raises(ValueError, match="has no inverse"):
                step.inverse_transform(z)
        elif step.output_columns == 4:
            assert_within(step.inverse_transform(z), x, 1e-9)

    def test_an_affine_step_is_its_matrix(self, cls, rng):
        """Or it says that it has none: of the middle of two rows it makes no middle."""
        x = rng.normal(2, 3, size=(60, 4))
        step = make(cls).fit(x)
        function, middle = step.affine(), 0.5 * (x[:30] + x[30:])
        if function is None:
            assert np.abs(step.transform(middle) - 0.5 * (step.transform(x[:30]) + step.transform(x[30:]))).max() > 0.1
            return
        full = np.diag(function.matrix) if function.diagonal else function.matrix
        assert_within((middle - function.center) @ full + function.shift, step.transform(middle), 1e-12)

    def test_constant_columns(self, cls, rng):
        x = rng.normal(size=(40, 4))
        x[:, 1], x[:, 2] = 0.1, -1e10
        assert np.isfinite(make(cls).fit_transform(x)).all()
        assert np.isfinite(make(cls).fit_transform(np.full((9, 2), 0.1))).all()
        assert np.isfinite(make(cls).fit_transform(x[:1])).all()

    def test_extreme_numbers(self, cls, rng):
        for scale in (1e-150, 1e-30, 1e30, 1e100):
            assert np.isfinite(make(cls).fit_transform(scale * rng.normal(size=(40, 3)))).all(), scale

    def test_numbers_that_are_not_finite(self, cls, rng):
        x = rng.normal(size=(20, 3))
        step = make(cls).fit(x)
        for value in (np.nan, np.inf, -np.inf):
            bad = x.copy()
            bad[7, 2] = value
            for call in (make(cls).fit, step.transform):
                with pytest.raises(ValueError, match=rf"X\[7, 2\] is {value}"):
                    call(bad)

    def test_wrong_use(self, cls, rng):
        x = rng.normal(size=(20, 3))
        for call in (make(cls).transform, make(cls).inverse_transform):
            with pytest.raises(ValueError, match="not been fitted"):
                call(x)
        with pytest.raises(ValueError, match="2 columns"):
            make(cls).fit(x).transform(x[:, :2])

    def test_file(self, cls, rng, tmp_path):
        x = rng.normal(size=(50, 4))
        for step in (make(cls), make(cls).fit(x)):
            step.save(tmp_path / "step.npz")
            twin = preprocessing.load(tmp_path / "step.npz")
            assert twin == step
        same(twin.transform(x), step.transform(x))

    def test_the_input_is_left_alone(self, cls, rng):
        x = rng.normal(size=(30, 4))
        before = x.copy()
        x.flags.writeable = False
        make(cls).fit_transform(x)
        same(x, before)
