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
