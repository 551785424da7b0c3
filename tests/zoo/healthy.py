"""Healthy set-ups on real data: nothing is to be found in them."""

import numpy as np

import steepest as st

from . import sources as src
from .entry import Setup, healthy

layers = st.layers


def image_fit(**options):
    return {**src.CLASSES, "optimizer": src.adam(), "epochs": 10, "batch_size": 64, **options}


@healthy()
def digits_in_0_1():
    """Digits in [0, 1], ReLU, Adam."""
    X, y, Xv, yv = src.digits()
    return Setup(src.dense(64, 10), X, y, image_fit(validation_data=(Xv, yv)))


@healthy()
def digits_standardised():
    """Digits, every pixel standardised."""
    X, y, _, _ = src.digits()
    return Setup(src.dense(128, 64, 10), src.standard(X), y, image_fit())


@healthy()
def digits_with_batch_norm_and_dropout():
    """The network of the README."""
    X, y, Xv, yv = src.digits()
    model = st.Sequential(
        [layers.Dense(128, activation="relu"), layers.BatchNorm(), layers.Dropout(0.2), layers.Dense(10)], seed=0
    )
    return Setup(model, X, y, image_fit(validation_data=(Xv, yv), epochs=30))


@healthy()
def digits_by_gradient_descent():
    """Digits, tanh, SGD with momentum."""
    X, y, _, _ = src.digits()
    sgd = st.optimizers.SGD(0.05, momentum=0.9)
    return Setup(src.dense(64, 10, activation="tanh"), X, y, image_fit(optimizer=sgd, batch_size=32))


@healthy()
def digits_one_hot_targets():
    """Digits with one-hot targets and label smoothing."""
    X, y, _, _ = src.digits()
    loss = st.losses.SoftmaxCrossEntropy(label_smoothing=0.1)
    return Setup(src.dense(64, 10), X, np.eye(10)[y], image_fit(loss=loss))


@healthy()
def digits_even_or_odd():
    """One sigmoid output: is the digit even?"""
    X, y, Xv, yv = src.digits()
    fit = image_fit(loss="sigmoid_cross_entropy", validation_data=(Xv, yv % 2))
    return Setup(src.dense(32, 16, 1), X, y % 2, fit)


@healthy()
def digits_bits_of_the_label():
    """Four labels at once: the bits of the digit."""
    X, y, _, _ = src.digits()
    bits = (y[:, None] >> np.arange(4)) & 1
    return Setup(src.dense(64, 4), X, bits, image_fit(loss="sigmoid_cross_entropy"))


@healthy()
def digits_autoencoder():
    """Digits to themselves through 16 units."""
    X, _, _, _ = src.digits()
    return Setup(src.dense(64, 16, 64, 64), X, X, image_fit(loss="mse"))


@healthy()
def mnist_in_0_1():
    """MNIST / 255: many pixels that never change."""
    X, y, Xv, yv = src.mnist()
    scaled = [(part / 255).astype("float32") for part in (X, Xv)]
    return Setup(src.dense(128, 10), scaled[0], y, image_fit(validation_data=(scaled[1], yv)))


@healthy()
def mnist_bytes_into_standardize():
    """MNIST as bytes, the scaling being the first layer."""
    X, y, Xv, yv = src.mnist()
    model = st.Sequential([layers.Standardize(33.0, 79.0), layers.Dense(64, "relu"), layers.Dense(10)])
    return Setup(model, X, y, image_fit(validation_data=(Xv, yv)))


@healthy()
def mnist_bytes_into_batch_norm():
    """MNIST as bytes, batch norm as the first layer."""
    X, y, _, _ = src.mnist()
    model = st.Sequential([layers.BatchNorm(), layers.Dense(64, "relu"), layers.Dense(10)])
    return Setup(model, X, y, image_fit())


@healthy()
def mnist_pixels_standardised():
    """MNIST, every pixel standardised: rare pixels become very large where they are on."""
    X, y, _, _ = src.mnist()
    return Setup(src.dense(100, 10), src.standard(X.astype("float32")), y, image_fit())


@healthy()
def mnist_residual():
    """MNIST through residual blocks with layer norm."""
    X, y, _, _ = src.mnist()
    block = [layers.LayerNorm(), layers.Dense(64, "gelu"), layers.Dense(64)]
    blocks = [layers.Residual([layers.LayerNorm(), layers.Dense(64, "gelu"), layers.Dense(64)]), layers.Residual(block)]
    model = st.Sequential([layers.Dense(64), *blocks, layers.Dense(10)])
    return Setup(model, (X / 255).astype("float32"), y, image_fit(optimizer=st.optimizers.AdamW(1e-3)))


@healthy()
def letter_standardised():
    """Letters: sixteen standardised numbers, 26 classes."""
    X, y, classes = src.letter()
    return Setup(src.dense(128, classes), src.standard(X), y, image_fit(epochs=20))


@healthy()
def letter_selu():
    """Letters in [0, 1] through a self-normalising network."""
    X, y, classes = src.letter()
    return Setup(src.dense(64, 64, 64, classes, activation="selu"), (X / 15).astype("float32"), y, image_fit(epochs=20))


@healthy()
def letter_raw():
    """Letters as whole numbers 0..15 behind batch norm, with an L2 penalty."""
    X, y, classes = src.letter()
    model = st.Sequential(
        [layers.BatchNorm(), layers.Dense(64, "relu"), layers.Dense(classes)], regularizer=st.regularizers.L2(1e-4)
    )
    return Setup(model, X, y, image_fit(epochs=20))


@healthy()
def adult_one_hot():
    """Mixed table as standardised numbers and one-hot columns, one output."""
    X, _, y = src.adult_matrix("one_hot")
    fit = {"loss": "sigmoid_cross_entropy", "optimizer": src.adam(), "epochs": 10, "batch_size": 64}
    return Setup(src.dense(64, 1), X, y, fit)


@healthy()
def adult_embeddings():
    """Mixed table whose categories go through embeddings."""
    X, codes, y = src.adult_matrix("codes")
    groups = {f"g{column}": (column, layers.Embedding(n, 4)) for column, n in codes.values()}
    front = [layers.Columns(groups)] if groups else []
    model = st.Sequential([*front, layers.Dense(32, "relu"), layers.Dense(2)])
    return Setup(model, X, y, {**src.CLASSES, "optimizer": src.adam(), "epochs": 10, "batch_size": 64})


@healthy()
def adult_balanced():
    """Mixed table with balanced class weights."""
    X, _, y = src.adult_matrix("one_hot")
    fit = {**src.CLASSES, "optimizer": src.adam(), "epochs": 10, "batch_size": 64, "class_weight": "balanced"}
    return Setup(src.dense(32, 2), X, y, fit)


def prices():
    X, y = src.housing()
    return src.standard(X), (y - y.mean()) / y.std()


@healthy()
def housing_standardised():
    """Prices from standardised numbers, both standardised."""
    X, y = prices()
    return Setup(src.dense(64, 64, 1), X, y, {**src.NUMBERS, "optimizer": src.adam(), "epochs": 20, "batch_size": 64})


@healthy()
def housing_huber():
    """Prices in units of 100,000, not centred, by Huber's loss."""
    X, y = src.housing()
    fit = {"loss": "huber", "optimizer": src.adam(3e-3), "epochs": 20, "batch_size": 64}
    return Setup(src.dense(64, 32, 1, activation="silu"), src.standard(X), y / 1e5, fit)


@healthy()
def housing_quantile():
    """The upper quartile of standardised prices."""
    X, y = prices()
    fit = {"loss": st.losses.Quantile(0.75), "optimizer": src.adam(), "epochs": 20, "batch_size": 64}
    return Setup(src.dense(64, 1), X, y, fit)


@healthy()
def housing_poisson():
    """Prices in units of 100,000 as rates."""
    X, y = src.housing()
    fit = {"loss": "poisson", "optimizer": src.adam(), "epochs": 20, "batch_size": 64}
    return Setup(src.dense(64, 1), src.standard(X), np.round(y / 1e5), fit)


@healthy()
def housing_linear():
    """Linear regression by SGD."""
    X, y = prices()
    fit = {**src.NUMBERS, "optimizer": st.optimizers.SGD(0.01), "epochs": 20, "batch_size": 32}
    return Setup(st.Sequential([layers.Dense(1)]), X, y, fit)


@healthy()
def digits_few_rows():
    """A hundred digits."""
    X, y, _, _ = src.digits()
    return Setup(src.dense(32, 10), X[:100], y[:100], image_fit(batch_size=16, epochs=60))
