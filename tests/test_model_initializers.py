"""Initial values: their distribution, and what they depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import steepest as st
from steepest import initializers, layers


@settings(max_examples=30, deadline=None)
@given(
    kind=some.sampled_from(["lecun", "glorot", "he"]),
    distribution=some.sampled_from(["normal", "uniform"]),
    gain=some.floats(0.1, 3.0),
    fan_in=some.integers(1, 500),
    fan_out=some.integers(1, 500),
)
def test_variance_scaling(kind, distribution, gain, fan_in, fan_out):
    initializer = st.registry.INITIALIZERS.create({"kind": kind, "gain": gain, "distribution": distribution})
    variance = {"lecun": 1 / fan_in, "he": 2 / fan_in, "glorot": 2 / (fan_in + fan_out)}[kind]
    values = initializer.draw(np.random.default_rng(1), (200, 200), fan_in, fan_out)
    std = gain * np.sqrt(variance)
    assert initializer.std(fan_in, fan_out) == pytest.approx(std, rel=1e-12)
    # 40,000 draws: the sample deviation is within 5 standard errors, std / sqrt(2 n) for a normal distribution.
    assert values.std() == pytest.approx(std, rel=5 / np.sqrt(2 * 40_000))
    assert abs(values.mean()) < 5 * std / np.sqrt(40_000)
    if distribution == "uniform":
        assert np.abs(values).max() <= std * np.sqrt(3)


def test_fan_in_form_of_glorot():
    assert initializers.Glorot(mode="fan_in").variance(50, 200) == 1 / 50


def test_plain_ones():
    draw = np.random.default_rng(0)
    assert not initializers.Zeros().draw(draw, (3,), 1, 1).any()
    assert (initializers.Constant(2.5).draw(draw, (3,), 1, 1) == 2.5).all()
    assert initializers.Normal(0.05).draw(draw, (200, 200), 1, 1).std() == pytest.approx(0.05, rel=0.02)


def test_numbers_are_constants():
    model = st.Sequential([layers.Dense(2, initializer=0.5, bias_initializer=0.01)], input_shape=3)
    assert (model.layers[0].weight == np.float32(0.5)).all()
    assert (model.layers[0].bias == np.float32(0.01)).all()


def weights(**options):
    model = st.Sequential([layers.Dense(8, "relu"), layers.Dense(8, "relu")], input_shape=8, **options)
    return [layer.weight.copy() for layer in model.layers]


def test_same_seed_same_weights():
    for a, b in zip(weights(seed=5), weights(seed=5), strict=True):
        np.testing.assert_array_equal(a, b)


def test_seeds_layers_and_tensors_differ():
    first, second = weights(seed=5)
    assert (first != second).all()
    assert (first != weights(seed=6)[0]).all()


def test_float64_twin_has_the_same_weights():
    for single, double in zip(weights(seed=5), weights(seed=5, dtype="float64"), strict=True):
        np.testing.assert_array_equal(single, double.astype(np.float32))


def test_weights_do_not_depend_on_other_layers():
    wide = st.Sequential([layers.Dense(8, "relu"), layers.Dense(4)], input_shape=8, seed=5)
    narrow = st.Sequential([layers.Dense(8, "relu", use_bias=False), layers.Dense(9)], input_shape=8, seed=5)
    np.testing.assert_array_equal(wide.layers[0].weight, narrow.layers[0].weight)


def test_seed_none_draws_one_and_keeps_it():
    first, second = (st.Sequential([layers.Dense(2)], seed=None) for _ in range(2))
    assert first.seed != second.seed
    again = st.Sequential([layers.Dense(2)], seed=first.seed, input_shape=3)
    first.build(3)
    np.testing.assert_array_equal(again.layers[0].weight, first.layers[0].weight)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "x", True])
def test_wrong_seeds(seed):
    with pytest.raises((TypeError, ValueError), match="seed"):
        st.Sequential([layers.Dense(2)], seed=seed)


def test_largest_seed():
    model = st.Sequential([layers.Dense(2), layers.Dropout(0.5)], seed=2**64 - 1)
    value, _ = model.loss_and_gradients(np.ones((3, 2)), np.ones((3, 2)), loss="mse")
    assert np.isfinite(value)


def test_textbook_sizes_and_uniform():
    draw = np.random.default_rng(0)
    assert initializers.SmallNormal().draw(draw, (300, 300), 1, 1).std() == pytest.approx(0.01, rel=0.02)
    assert initializers.LargeNormal().draw(draw, (300, 300), 1, 1).std() == pytest.approx(0.05, rel=0.02)
    uniform = initializers.Uniform(0.3)
    values = uniform.draw(draw, (300, 300), 1, 1)
    assert np.abs(values).max() <= 0.3
    assert values.std() == pytest.approx(uniform.std, rel=0.02)


@pytest.mark.parametrize("shape", [(5, 5), (9, 4), (4, 9), (1, 7), (7, 1)])
@pytest.mark.parametrize("gain", [1.0, 1.4142135623730951])
def test_orthogonal(shape, gain):
    w = initializers.Orthogonal(gain).draw(np.random.default_rng(3), shape, *shape)
    small = min(shape)
    gram = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(gram, gain**2 * np.eye(small), atol=1e-14)


def test_orthogonal_matrices_are_drawn_evenly():
    # E w_ij^2 = 1 / n for uniform ones; of QR without the signs the diagonal would be negative.
    draws = np.array([initializers.Orthogonal().draw(np.random.default_rng(i), (3, 3), 3, 3) for i in range(2000)])
    assert np.abs(draws.mean(axis=0)).max() < 5 / np.sqrt(3 * 2000)
    assert np.abs((draws**2).mean(axis=0) - 1 / 3).max() < 5 * 0.3 / np.sqrt(2000)


def test_given_values():
    model = st.Sequential([layers.Dense(2, initializer=np.arange(6.0).reshape(3, 2))], input_shape=3)
    np.testing.assert_array_equal(model.layers[0].weight, np.arange(6).reshape(3, 2))
    with pytest.raises(ValueError, match=r"values has shape \(3,\), the parameter has \(2,\)"):
        st.Sequential([layers.Dense(2, bias_initializer=[1.0, 2.0, 3.0])], input_shape=3)
    with pytest.raises(ValueError, match="finite"):
        initializers.Values([np.nan])


def best_constant(y, loss, **options):
    """A network whose weights are zero, and its loss with the bias and with the bias moved a little."""
    bias = initializers.output_bias(y, loss, **options)
    model = st.Sequential(
        [layers.Dense(len(bias.values), initializer="zeros", bias_initializer=bias)], dtype="float64", input_shape=1
    )
    x = np.zeros((len(y), 1))
    weight = options.get("sample_weight")
    value = model.evaluate(x, y, loss=loss, sample_weight=weight)["loss"]
    others = []
    for k in range(len(bias.values)):
        for move in (-0.01, 0.01):
            model.layers[0].bias[k] += move
            others.append(model.evaluate(x, y, loss=loss, sample_weight=weight)["loss"])
            model.layers[0].bias[k] -= move
    return bias.values, value, min(others)


LOSSES_WITH_A_CONSTANT = {
    "softmax_cross_entropy": lambda rng: rng.choice(3, p=[0.7, 0.2, 0.1], size=201),
    "sigmoid_cross_entropy": lambda rng: (rng.random((201, 2)) < [0.1, 0.8]).astype(float),
    "mse": lambda rng: rng.normal([3.0, -1.0], size=(201, 2)),
    "mae": lambda rng: rng.exponential(size=201),
    "huber": lambda rng: rng.exponential(3.0, size=201),
    "poisson": lambda rng: rng.poisson([2.0, 0.3], size=(201, 2)),
    "quantile": lambda rng: rng.normal(size=201),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", [name for name in LOSSES_WITH_A_CONSTANT if name in st.registry.LOSSES])
def test_no_constant_has_a_smaller_loss(loss, weighted, rng):
    y = LOSSES_WITH_A_CONSTANT[loss](rng)
    weight = rng.uniform(0.1, 3, size=len(y)) if weighted else None
    _, value, others = best_constant(y, loss, sample_weight=weight)
    assert value <= others


def test_first_loss_is_the_entropy_of_the_classes():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    values, loss, _ = best_constant(y, "softmax_cross_entropy")
    p = np.array([0.6, 0.3, 0.1])
    np.testing.assert_allclose(values, np.log(p), rtol=1e-14)
    assert loss == pytest.approx(-(p * np.log(p)).sum(), rel=1e-12)


def test_classes_that_are_not_there():
    bias = initializers.output_bias([0, 0, 1, 1], "softmax_cross_entropy", classes=3)
    # 2, 2 and half a row
    np.testing.assert_allclose(np.exp(bias.values), np.array([4, 4, 1]) / 9)
    assert np.isfinite(initializers.output_bias(np.zeros(5), "sigmoid_cross_entropy").values).all()
    with pytest.raises(ValueError, match="classes must be at least 2, got 1"):
        initializers.output_bias([0, 1], "softmax_cross_entropy", classes=1)
