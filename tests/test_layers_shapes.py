"""Images: shapes of samples through the model, and batch norm per channel."""

import numpy as np
import pytest

import steepest as st
from reference import layers as reference
from steepest import _core
from tolerance import assert_within, eps, sum_bound

L = st.layers


def images(rng, rows=6, shape=(3, 4, 5)):
    return rng.normal(2.0, 3.0, size=(rows, *shape))


def test_batch_norm_per_channel(rng):
    x = images(rng)
    model = st.Sequential([L.BatchNorm(epsilon=0.1)], input_shape=(3, 4, 5), dtype="float64")
    layer = model.layers[0]
    layer.gamma[:], layer.beta[:] = rng.normal(size=3), rng.normal(size=3)
    (_, trained) = model.network.core.forward(x.reshape(6, 60), True, 0, 0, 1)
    expected = reference.batch_norm_images(x, layer.gamma, layer.beta, 0.1)
    np.testing.assert_allclose(trained, expected.reshape(6, 60), rtol=1e-12, atol=1e-13)


def test_running_statistics_per_channel(rng):
    x = images(rng, 8)
    model = st.Sequential([L.BatchNorm(momentum=1.0), L.Dense(1)], dtype="float64")
    model.fit(x, np.zeros(8), loss="mse", epochs=1, batch_size=8, verbose=0)
    layer = model.layers[0]
    np.testing.assert_allclose(layer.running_mean, x.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(layer.running_variance, x.var(axis=(0, 2, 3), ddof=1), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.1, 12345.678, 1e6 + 1])
def test_batch_norm_of_plain_images_is_beta(dtype, value):
    """The mean of equal values is their value: one that misses it by a rounding is all their variance, and gives 1."""
    for shape in ((2, 10, 10), (1, 224, 224), (2, 7, 1)):
        x = np.full((3, *shape), value, dtype)
        model = st.Sequential([L.BatchNorm(momentum=1.0)], input_shape=shape, dtype=dtype)
        y = np.full((3, x[0].size), -0.5)
        loss, gradients = model.loss_and_gradients(x, y, loss="mse")
        assert_within(loss, 0.25, eps(dtype))  # one over the columns is rounded
        assert np.array_equal(gradients["batch_norm_1.gamma"], np.zeros(shape[0]))
        # Three rows and the numbers themselves are rounded in dtype, each sum over the columns in float64.
        bound = (4 * eps(dtype) + x[0].size * eps("float64")) / shape[0]
        assert_within(gradients["batch_norm_1.beta"], np.full(shape[0], 1 / shape[0]), bound)
        model.fit(x, y, loss="mse", epochs=1, batch_size=3, verbose=0)
        assert np.array_equal(model.layers[0].running_mean, np.full(shape[0], value, dtype))
        assert np.array_equal(model.layers[0].running_variance, np.zeros(shape[0]))


@pytest.mark.parametrize("training", [True, False])
def test_gradient_of_images(training, rng):
    model = st.Sequential([L.BatchNorm(), L.PReLU(), L.Flatten(), L.BatchNorm(), L.Dense(2)])
    report = st.gradcheck(model, images(rng, 5, (2, 3, 2)), rng.normal(size=(5, 2)), loss="mse", training=training)
    assert report.passed, str(report)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slopes_per_channel(dtype, rng):
    x = images(rng).astype(dtype)
    model = st.Sequential([L.PReLU(shared="channel")], input_shape=(3, 4, 5), dtype=dtype)
    slope = model.layers[0].slope
    assert slope.shape == (3,)
    slope[...] = [0.5, -2.0, 0.25]
    each = slope.reshape(3, 1, 1)
    np.testing.assert_array_equal(model.predict(x).reshape(x.shape), np.where(x > 0, x, each * x))
    y = rng.normal(size=(6, 60))
    _, gradients = model.loss_and_gradients(x, y, loss="mse", input_gradient=True)
    dy = 2 * (model.predict(x) - y).reshape(x.shape) / y.size
    # Sums of 6 x 20 products, of which each is at most max|dy| max|x|.
    bound = sum_bound(dtype, 120, dy, x, c=2)
    assert_within(gradients["prelu_1.slope"], (dy * np.minimum(x, 0)).sum(axis=(0, 2, 3)), bound)
    assert_within(gradients["input"], np.where(x > 0, dy, each * dy), 4 * eps(dtype) * np.abs(dy).max() * 2)


def test_gradient_of_slopes_per_channel(rng):
    model = st.Sequential([L.BatchNorm(), L.Activation({"kind": "prelu", "shared": "channel"}), L.Dense(2)])
    report = st.gradcheck(model, images(rng, 5), rng.normal(size=(5, 2)), loss="mse")
    assert report.passed, str(report)
    assert model.copy().built is False
    assert [s.shape for s in report.summaries if s.name == "activation_1.slope"] == [(3,)]


def test_slopes_per_channel_are_trained_alike_on_any_number_of_threads(rng, tmp_path):
    x, y = images(rng, 300).astype("float32"), rng.normal(size=(300, 2))
    results = []
    try:
        for threads in (1, 2, 4):
            st.set_num_threads(threads)
            model = st.Sequential([L.PReLU(shared="channel"), L.Dense(2)], seed=1)
            model.fit(x, y, loss="mse", optimizer="adam", epochs=3, batch_size=64, verbose=0)
            results.append(model.network.parameter_arena.copy())
    finally:
        st.set_num_threads(None)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    assert (model.layers[0].slope != 0.25).all()
    model.save(tmp_path / "net.npz")
    np.testing.assert_array_equal(st.load(tmp_path / "net.npz").predict(x), model.predict(x))


def test_slopes_must_be_those_of_the_channels():
    program = st.Sequential([L.PReLU(shared="channel")], input_shape=(3, 4, 5)).network.program.to_core()
    for channels, message in ((7, "7 channels do not divide 60 columns"), (6, r"has shape \(1, 3\).*needs \(1, 6\)")):
        program["operations"][0]["attributes"]["channels"] = channels
        with pytest.raises(ValueError, match=message):
            _core.Network32(program)


def test_a_row_of_the_right_length_is_an_image(rng):
    x = images(rng)
    model = st.Sequential([L.BatchNorm(), L.Dense(2)], input_shape=(3, 4, 5))
    np.testing.assert_array_equal(model.predict(x), model.predict(x.reshape(6, 60)))
    value, gradients = model.loss_and_gradients(x, np.zeros((6, 2)), loss="mse", input_gradient=True)
    assert gradients["input"].shape == x.shape
    assert value > 0


def test_a_file_keeps_the_shape(rng, tmp_path):
    x = images(rng)
    model = st.Sequential([L.BatchNorm(), L.Dense(2)])
    expected = model.predict(x)
    model.save(tmp_path / "images.npz")
    twin = st.load(tmp_path / "images.npz")
    assert "input_shape=(3, 4, 5)" in repr(twin)
    np.testing.assert_array_equal(twin.predict(x), expected)
    np.testing.assert_array_equal(model.copy().predict(x), expected)


def test_other_shapes_are_refused(rng):
    x = images(rng)
    model = st.Sequential([L.BatchNorm(), L.Dense(2)], input_shape=(3, 4, 5))
    with pytest.raises(ValueError, match=r"X has samples of shape \(4, 5, 3\), the network takes \(3, 4, 5\)"):
        model.predict(x.transpose(0, 2, 3, 1).copy())
    with pytest.raises(ValueError, match=r"X has samples of shape \(59,\).*rows of 60 columns"):
        model.fit(x.reshape(6, 60)[:, 1:], np.zeros((6, 2)), loss="mse", epochs=1)
    with pytest.raises(ValueError, match=r"validation X has samples of shape \(4, 5\)"):
        model.fit(x, np.zeros((6, 2)), loss="mse", epochs=1, validation_data=(x[:, 0], np.zeros((6, 2))), verbose=0)
    with pytest.raises(ValueError, match="cannot be flattened"):
        model.predict(x[:, ::2])
    with pytest.raises(ValueError, match=r"batch norm takes samples of shape .*got \(4, 5\).*Flatten"):
        st.Sequential([L.BatchNorm()], input_shape=(4, 5))


def test_models_of_rows_take_images_of_as_many_columns(rng):
    x = images(rng)
    model = st.Sequential([L.Dense(2)], input_shape=60)
    np.testing.assert_array_equal(model.predict(x), model.predict(x.reshape(6, 60)))
    with pytest.raises(ValueError, match=r"X has samples of shape \(4, 5\), the network takes \(60,\)"):
        model.predict(x[:, 0])
