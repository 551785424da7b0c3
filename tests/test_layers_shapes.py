"""Images: shapes of samples through the model, and batch norm per channel."""

import numpy as np
import pytest

import steepest as st
from reference import layers as reference

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


@pytest.mark.parametrize("training", [True, False])
def test_gradient_of_images(training, rng):
    model = st.Sequential([L.BatchNorm(), L.PReLU(), L.Flatten(), L.BatchNorm(), L.Dense(2)])
    report = st.gradcheck(model, images(rng, 5, (2, 3, 2)), rng.normal(size=(5, 2)), loss="mse", training=training)
    assert report.passed, str(report)


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
