"""What the estimators ask of `fit`: an order, rows to hold back, scaled losses, penalties by weight."""

import numpy as np
import pytest

import steepest as st
from members import same


def linear(**settings):
    return st.Sequential([st.layers.Dense(1, initializer="zeros", use_bias=False)], dtype="float64", **settings)


def samples(rng, rows=23):
    x = rng.normal(size=(rows, 3))
    return x, x @ [1.0, -2.0, 0.5]


def train(x, y, **settings):
    model = linear(regularizer=settings.pop("regularizer", None))
    defaults = {"loss": "mse", "optimizer": st.optimizers.SGD(0.1), "epochs": 1, "batch_size": 4, "verbose": 0}
    history = model.fit(x, y, **{**defaults, **settings})
    return model.layers[0].weight[:, 0].copy(), history


def test_own_order_is_the_order_of_the_steps(rng):
    x, y = samples(rng)
    order = rng.permutation(len(x))
    weight, _ = train(x, y, shuffle=lambda rows: order)
    same(weight, train(x[order], y[order], shuffle=False)[0])


def test_own_order_gets_the_training_rows(rng):
    x, y = samples(rng)
    seen = []
    train(
        x, y, validation_split=np.array([2, 5]), epochs=2, shuffle=lambda rows: seen.append(rows.copy()) or rows[::-1]
    )
    assert len(seen) == 2
    same(seen[0], np.delete(np.arange(23), [2, 5]))


@pytest.mark.parametrize("order", [lambda rows: rows[:-1], lambda rows: rows.astype(float), lambda rows: None])
def test_wrong_order_is_refused(order, rng):
    x, y = samples(rng)
    with pytest.raises(ValueError, match="shuffle must return 23 row numbers"):
        train(x, y, shuffle=order)


def test_rows_outside_the_data_are_refused(rng):
    x, y = samples(rng)
    with pytest.raises(ValueError, match="outside"):
        train(x, y, shuffle=lambda rows: rows + 1)


def test_held_rows_are_validated_on_and_not_trained_on(rng):
    x, y = samples(rng)
    held = np.array([11, 3, 20])
    weight, history = train(x, y, validation_split=held, shuffle=False)
    kept = np.delete(np.arange(23), held)
    same(weight, train(x[kept], y[kept], shuffle=False)[0])
    assert history["val_loss"][0] == pytest.approx(np.mean((x[held] @ weight - y[held]) ** 2))


@pytest.mark.parametrize(
    "held", [np.array([0, 0]), np.array([-1]), np.array([23]), np.arange(23), np.array([]), np.array([0.5]), np.eye(2)]
)
def test_wrong_held_rows_are_refused(held, rng):
    x, y = samples(rng)
    with pytest.raises(ValueError, match="validation_split must"):
        train(x, y, validation_split=held)


@pytest.mark.parametrize("make", [st.losses.MSE, st.losses.MAE, st.losses.Huber, st.losses.Poisson, st.losses.Quantile])
def test_factor_multiplies_loss_and_gradient(make, rng):
    x, y = samples(rng)
    model = linear()
    model.build(3)
    model.layers[0].weight = rng.normal(size=(3, 1))
    y = np.abs(y)
    for factor in (0.5, 3.0):
        value, gradients = model.loss_and_gradients(x, y, loss=make())
        scaled, others = model.loss_and_gradients(x, y, loss=make(factor=factor))
        assert scaled == pytest.approx(factor * value, rel=1e-14)
        np.testing.assert_allclose(others["dense_1.weight"], factor * gradients["dense_1.weight"], rtol=1e-13)
        evaluated = model.evaluate(x, y, loss=make(factor=factor))["loss"]
        assert evaluated == pytest.approx(factor * value, rel=1e-14)
    assert st.gradcheck(make(factor=2.0), x, np.abs(rng.normal(size=x.shape))).passed
    with pytest.raises(ValueError, match="factor must be"):
        make(factor=0.0)


def test_epsilon_hat_is_added_to_the_uncorrected_moment(rng):
    x, y = samples(rng, rows=4)
    x = x * 1e-4  # gradients of the size of epsilon, where its place matters
    rate, b1, b2, epsilon = 0.1, 0.8, 0.9, 1e-3
    optimizer = st.optimizers.Adam(rate, b1, b2, epsilon, epsilon_hat=True)
    weight, _ = train(x, y, optimizer=optimizer, epochs=5)
    expected, m, s = np.zeros(3), np.zeros(3), np.zeros(3)
    for t in range(1, 6):
        gradient = 2.0 * x.T @ (x @ expected - y) / 4
        m, s = b1 * m + (1 - b1) * gradient, b2 * s + (1 - b2) * gradient**2
        expected -= rate * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(s) + epsilon)
    np.testing.assert_allclose(weight, expected, rtol=1e-11)
    plain, _ = train(x, y, optimizer=st.optimizers.Adam(rate, b1, b2, epsilon), epochs=5)
    assert np.abs(plain / weight - 1.0).max() > 0.1
    with pytest.raises(ValueError, match="epsilon_hat=True"):
        st.optimizers.Adam(bias_correction=False, epsilon_hat=True)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("clip_norm", [None, 1e9])
def test_penalty_weight_divides_the_penalty_by_the_weight_of_the_batch(weighted, clip_norm, rng):
    x, y = samples(rng, rows=7)
    weights = rng.uniform(0.5, 2.0, size=7) if weighted else np.ones(7)
    alpha, rate = 3.0, 0.05
    optimizer = st.optimizers.SGD(rate, clip_norm=clip_norm)
    optimizer.penalty_weight = 4.0
    weight, _ = train(
        x, y, optimizer=optimizer, shuffle=False, epochs=2, regularizer=st.regularizers.L2(alpha / 4.0),
        sample_weight=weights if weighted else None,
    )  # fmt: skip
    expected = np.zeros(3)
    for batch in (slice(0, 4), slice(4, 7)) * 2:
        total = weights[batch].sum()
        residual = weights[batch] * (x[batch] @ expected - y[batch])
        expected -= rate * (2.0 * x[batch].T @ residual + alpha * expected) / total
    np.testing.assert_allclose(weight, expected, rtol=1e-12)


def test_restarts_begin_the_schedule_anew():
    schedule = st.schedules.Restarts(st.schedules.Exponential(1.0, steps=2, factor=0.25), steps=4, start=3)
    assert [schedule(step) for step in range(3, 7)] == [1.0, 0.5, 0.25, 0.125]
    assert [schedule(step) for step in (0, 2, 7, 11)] == [1.0, 1.0, 1.0, 1.0]
    optimizer = st.optimizers.SGD(schedule)
    assert st.registry.OPTIMIZERS.create(optimizer.get_config()).rates(9).tolist() == optimizer.rates(9).tolist()
