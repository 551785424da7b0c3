"""L-BFGS: its line search, its direction, quadratics, networks, and how it lives inside fit."""

import math

import numpy as np
import pytest

import steepest as st
from steepest.optimizers import LBFGS, SGD
from steepest.optimizers.line_search import LineSearch, Point, cubic_minimum
from tolerance import assert_within

LOSS = "softmax_cross_entropy"


def on_line(function, slope):
    def point(a):
        return Point(a, function(a), slope(a), abs(slope(a)))

    return point


LINES = {
    "parabola": (lambda a: (a - 3) ** 2, lambda a: 2 * (a - 3)),
    "steep": (lambda a: 1e4 * (a - 3) ** 2, lambda a: 2e4 * (a - 3)),
    "waves": (lambda a: -a + 2 * math.sin(a) - 4 * a, lambda a: -5 + 2 * math.cos(a)),
    "quartic": (lambda a: (a - 5) ** 4 - 20 * a, lambda a: 4 * (a - 5) ** 3 - 20),
    "wall": (lambda a: -a if a < 2 else math.inf, lambda a: -1.0 if a < 1.9 else 20 * (a - 1.9)),
    # More and Thuente's first function, mu = 2
    "more_thuente": (lambda a: -a / (a * a + 2), lambda a: (a * a - 2) / (a * a + 2) ** 2),
}


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("name", ["parabola", "steep", "quartic", "more_thuente"])
def test_strong_wolfe(name, first):
    function, slope = LINES[name]
    start = on_line(function, slope)(0.0)
    found = LineSearch(on_line(function, slope), start, 1e-4, 0.1, 40, 0.0).run(first)
    assert found.value <= start.value + 1e-4 * found.distance * start.slope
    assert abs(found.slope) <= 0.1 * abs(start.slope)


def test_a_wall_of_infinity_still_gives_a_lower_point():
    function, slope = LINES["wall"]
    found = LineSearch(on_line(function, slope), on_line(function, slope)(0.0), 1e-4, 0.9, 40, 0.0).run(100.0)
    assert 0 < found.distance < 2


def test_nothing_lower_is_none():
    rising = on_line(lambda a: a, lambda a: -1.0)  # a gradient that lies
    assert LineSearch(rising, rising(0.0), 1e-4, 0.9, 40, 0.0).run(1.0) is None


def test_cubic_minimum():
    f, s = (lambda a: a**3 - 3 * a + 7), (lambda a: 3 * a**2 - 3)
    assert cubic_minimum(on_line(f, s)(0.0), on_line(f, s)(3.0)) == pytest.approx(1.0, rel=1e-14)
    assert cubic_minimum(on_line(f, s)(3.0), on_line(f, s)(0.0)) == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("pairs", [0, 1, 3, 7])
def test_direction_is_that_of_the_matrix_formula(rng, pairs):
    """The two-loop recursion against H = V^T H V + rho s s^T with V = I - rho y s^T (Nocedal and Wright, 7.16)."""
    n, kept = 6, 4
    optimizer = LBFGS(history=kept)
    optimizer.slots = [np.zeros(n) for _ in optimizer.slot_names]
    curvature = rng.normal(size=(n, n))
    curvature = curvature @ curvature.T + np.eye(n)
    history = []
    for _ in range(pairs):
        s = rng.normal(size=n)
        optimizer.remember(s, curvature @ s)
        history.append((s, curvature @ s))
    matrix = np.eye(n)
    if history:
        s, y = history[-1]
        matrix *= s @ y / (y @ y)
    for s, y in history[-kept:]:
        rho = 1 / (s @ y)
        v = np.eye(n) - rho * np.outer(y, s)
        matrix = v.T @ matrix @ v + rho * np.outer(s, s)
    gradient = rng.normal(size=n)
    assert_within(optimizer.direction(gradient), -matrix @ gradient, 1e-10)


def test_pairs_of_negative_curvature_are_left_out():
    optimizer = LBFGS()
    optimizer.slots = [np.zeros(2) for _ in optimizer.slot_names]
    optimizer.remember(np.array([1.0, 0.0]), np.array([-1.0, 0.0]))
    optimizer.remember(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert optimizer.pairs == 0


def minimize(function, x, optimizer, iterations=200):
    """Run the optimiser on a function of an array, as fit would."""
    optimizer.slots = [np.zeros_like(x) for _ in optimizer.slot_names]
    value, gradient = function(x)
    for iteration in range(iterations):
        if np.abs(gradient).max() <= optimizer.tolerance:
            return iteration
        found = optimizer.iterate(x, value, gradient, lambda: function(x))
        if found is None:
            return iteration
        value, gradient = found.value, found.gradient
    return iterations


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e4, 1e6])
def test_quadratics_take_as_many_iterations_as_dimensions(rng, condition):
    """With a sharp line search and a long enough memory; a few more for the rounding."""
    n = 8
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    hessian = q @ np.diag(np.geomspace(1, condition, n)) @ q.T
    solution = rng.normal(size=n)
    x = np.zeros(n)
    iterations = minimize(
        lambda p: (0.5 * (p - solution) @ hessian @ (p - solution), hessian @ (p - solution)),
        x,
        LBFGS(tolerance=1e-12, c2=0.1),
    )
    assert iterations <= n + 4
    assert_within(x, solution, 1e-11)


def rosenbrock(p):
    a, b = p[:-1], p[1:]
    gradient = np.zeros_like(p)
    gradient[:-1] = -2 * (1 - a) - 400 * a * (b - a**2)
    gradient[1:] += 200 * (b - a**2)
    return float(np.sum((1 - a) ** 2 + 100 * (b - a**2) ** 2)), gradient


@pytest.mark.parametrize("n", [2, 10])
def test_rosenbrock_as_well_as_scipy(n):
    scipy = pytest.importorskip("scipy.optimize")
    x = np.full(n, -1.2)
    calls = [0, 0]

    def mine(p):
        calls[0] += 1
        return rosenbrock(p)

    minimize(mine, x, LBFGS(tolerance=1e-8))
    assert_within(x, np.ones(n), 1e-7)
    options = {"gtol": 1e-8, "ftol": 0.0, "maxiter": 1000}
    theirs = scipy.minimize(rosenbrock, np.full(n, -1.2), jac=True, method="L-BFGS-B", options=options)
    assert_within(theirs.x, np.ones(n), 1e-6)
    assert calls[0] < 2 * theirs.nfev


# --------------------------------------------------------------------------------------------------------- inside fit
def chain(dtype="float64", *more):
    return st.Sequential([st.layers.Dense(8, "tanh"), *more, st.layers.Dense(3)], seed=1, dtype=dtype)


@pytest.fixture
def data(rng):
    x = rng.normal(size=(200, 4))
    return x, np.argmax(x[:, :3] + 0.3 * rng.normal(size=(200, 3)), axis=1)


def fit(model, data, epochs=50, optimizer=None, **options):
    chosen = optimizer or LBFGS()
    return model.fit(*data, loss=LOSS, optimizer=chosen, epochs=epochs, verbose=0, **options)


def test_linear_regression_is_least_squares(rng):
    x, y = rng.normal(size=(80, 5)), rng.normal(size=80)
    model = st.Sequential([st.layers.Dense(1)], dtype="float64")
    history = model.fit(x, y, loss="mse", optimizer=LBFGS(tolerance=1e-13), epochs=100, verbose=0)
    exact, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(80)]), y, rcond=None)
    assert_within(np.append(model.layers[0].weight[:, 0], model.layers[0].bias), exact, 1e-12)
    assert history.epochs < 50
    assert history["loss"][-1] == pytest.approx(model.evaluate(x, y)["loss"], rel=1e-12)


def test_ridge_regression_has_the_penalty_in_it(rng):
    x, y = rng.normal(size=(80, 5)), rng.normal(size=80)
    model = st.Sequential([st.layers.Dense(1, use_bias=False)], dtype="float64", regularizer=st.regularizers.L2(0.5))
    model.fit(x, y, loss="mse", optimizer=LBFGS(tolerance=1e-13), epochs=100, verbose=0)
    # mean of squares + 0.25 |w|^2
    exact = np.linalg.solve(x.T @ x / 80 + 0.25 * np.eye(5), x.T @ y / 80)
    assert_within(model.layers[0].weight[:, 0], exact, 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_beats_gradient_descent_on_a_small_network(data, dtype):
    quick, slow = chain(dtype), chain(dtype)
    quick_loss = fit(quick, data, epochs=40)["loss"]
    slow_loss = fit(slow, data, epochs=400, optimizer=SGD(0.5), batch_size=200)["loss"]
    assert quick_loss[-1] < 0.5 * slow_loss[-1]
    assert (np.diff(quick_loss) <= 0).all()


def test_scipy_finds_the_same_minimum(data):
    scipy = pytest.importorskip("scipy.optimize")
    model = st.Sequential([st.layers.Dense(3)], dtype="float64", input_shape=4, regularizer=st.regularizers.L2(1e-2))
    history = fit(model, data, epochs=200, optimizer=LBFGS(tolerance=1e-10))
    found = model.copy()

    def objective(theta):
        model.network.parameter_arena[...] = theta
        value, gradients = model.loss_and_gradients(*data, loss=LOSS)
        flat = np.zeros_like(theta)
        for name, view in model.network.split(flat).items():
            view[...] = gradients[name]
        return value, flat

    result = scipy.minimize(objective, np.zeros_like(model.network.parameter_arena), jac=True, tol=1e-12)
    # The minimum is unique in the weights; all biases may shift together.
    model.network.parameter_arena[...] = result.x
    assert_within(found.layers[0].weight, model.layers[0].weight, 1e-5)
    assert history["loss"][-1] + history["penalty"][-1] == pytest.approx(result.fun, rel=1e-10)


def test_two_calls_and_a_file_are_one_training(data, tmp_path):
    once, twice = chain(), chain()
    history = fit(once, data, epochs=30)
    first = fit(twice, data, epochs=11)
    twice.save(tmp_path / "net.npz")
    loaded = st.load(tmp_path / "net.npz")
    second = loaded.fit(*data, epochs=19, verbose=0)
    assert history["loss"] == first["loss"] + second["loss"]
    np.testing.assert_array_equal(once.network.parameter_arena, loaded.network.parameter_arena)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_same_bits_on_any_number_of_threads(data, threads):
    model, other = chain("float32"), chain("float32")
    fit(model, data, epochs=10)
    st.set_num_threads(threads)
    try:
        fit(other, data, epochs=10)
    finally:
        st.set_num_threads(None)
    np.testing.assert_array_equal(model.network.parameter_arena, other.network.parameter_arena)


def test_chunks_of_rows_make_the_same_loss(data, monkeypatch, rng):
    from steepest.training import full_batch

    weights = rng.uniform(size=200)
    weights[:64] = 0.0
    whole, parts = chain(), chain()
    options = {"sample_weight": weights, "epochs": 5}
    whole_loss = fit(whole, data, **options)["loss"]
    monkeypatch.setattr(full_batch, "_CHUNK", 32)
    assert_within(fit(parts, data, **options)["loss"], whole_loss, 1e-9)


def test_validation_split_and_batch_norm(data):
    model = chain("float64", st.layers.BatchNorm())
    history = fit(model, data, epochs=15, validation_split=0.25)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert model.states()["batch_norm_1.running_mean"].any()
    assert len(history["val_loss"]) == history.epochs


def test_stops_when_it_has_converged(data):
    model = st.Sequential([st.layers.Dense(3)], dtype="float64", regularizer=st.regularizers.L2(1e-2))
    history = fit(model, data, epochs=500)
    assert history.epochs < 100
    assert "converged: no gradient entry is larger than 1e-07" in history.stopped
    single = st.Sequential([st.layers.Dense(3)], dtype="float32", regularizer=st.regularizers.L2(1e-2))
    assert "no lower loss in float32" in fit(single, data, epochs=500, optimizer=LBFGS(tolerance=0.0)).stopped


def test_refuses_what_is_no_smooth_function(data):
    with pytest.raises(ValueError, match="'dropout_1' draws random numbers"):
        fit(chain("float64", st.layers.Dropout(0.5)), data)
    with pytest.raises(ValueError, match="max_norm=2"):
        fit(st.Sequential([st.layers.Dense(3, max_norm=2.0)]), data)
    fit(chain("float64", st.layers.Dropout(0.0)), data, epochs=1)


def test_data_that_are_not_finite(data):
    x, y = data
    x = x.copy()
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"X\[3, 1\] is nan"):
        fit(chain(), (x, y))


def test_wrong_arguments():
    for options, name in (({"history": 0}, "history"), ({"c1": 0.5, "c2": 0.1}, "c2"), ({"tolerance": -1.0}, "toler")):
        with pytest.raises(ValueError, match=name):
            LBFGS(**options)


def test_frozen_layers_stay(data):
    layers = [st.layers.Dense(8, "tanh", trainable=False), st.layers.Dense(3)]
    model = st.Sequential(layers, seed=1, input_shape=4, regularizer=st.regularizers.L2(1e-3))
    before = model.layers[0].weight.copy()
    history = fit(model, data, epochs=20)
    np.testing.assert_array_equal(model.layers[0].weight, before)
    assert history["loss"][-1] < 0.9 * history["loss"][0]


def test_refuses_augmentation(data):
    with pytest.raises(ValueError, match="augment"):
        fit(chain(), data, augment=lambda batch, generator: batch)
