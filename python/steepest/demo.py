"""The demonstration: a digit classifier from data to verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

import steepest as st
from steepest.datasets import Split, load_digits, load_mnist
from steepest.layers import Activation, BatchNorm, Dense, Dropout, Layer
from steepest.schedules import Cosine
from steepest.sequential import Sequential
from steepest.training.progress import duration


@dataclass(frozen=True)
class Recipe:
    """A network and its training."""

    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    rate: float = 0.2
    learning_rate: float = 3e-3


# The digits: the best mean over ten divisions into training and test set. MNIST: the first try.
DIGITS = Recipe(hidden=(128, 64), epochs=60, batch_size=64)
MNIST = Recipe(hidden=(256, 128), epochs=10, batch_size=128)


def make_model(recipe: Recipe, seed: int) -> Sequential:
    """Return hidden layers with batch norm and dropout, and ten outputs."""
    layers: list[Layer] = []
    for units in recipe.hidden:
        # Batch norm has its own shift, so a bias before it would be redundant.
        layers += [Dense(units, use_bias=False), BatchNorm(), Activation("relu"), Dropout(recipe.rate)]
    return Sequential([*layers, Dense(10)], seed=seed)


def train(model: Sequential, recipe: Recipe, data: Split, epochs: int, verbose: int = 1) -> float:
    """Train with Adam under a cosine schedule and return the accuracy on the test set."""
    steps = epochs * -(-len(data.X_train) // recipe.batch_size)
    model.fit(
        data.X_train,
        data.y_train,
        loss="softmax_cross_entropy",
        optimizer=st.optimizers.Adam(Cosine(recipe.learning_rate, steps=steps)),
        epochs=epochs,
        batch_size=recipe.batch_size,
        verbose=verbose,
    )
    return model.evaluate(data.X_test, data.y_test)["accuracy"]


def prepare(mnist: str | None) -> Split:
    """Return the data with pixels in [0, 1].

    One factor for all pixels: many border pixels are nearly constant, and a scale of their own would blow up noise.
    """
    data = load_digits() if mnist is None else load_mnist(mnist)
    scale = np.float32(data.X_train.max())
    return Split(data.X_train / scale, data.y_train, data.X_test / scale, data.y_test)


def run(mnist: str | None = None, epochs: int | None = None, seed: int = 0, threads: int | None = None) -> int:
    """Train, print what happens, and return the exit code: 0 if the gradient check passes."""
    if threads is not None:
        st.set_num_threads(threads)
    recipe = DIGITS if mnist is None else MNIST
    data = prepare(mnist)
    train_rows, columns = data.X_train.shape
    print(f"{train_rows:,} training and {len(data.X_test):,} test images of {columns} pixels\n")
    model = make_model(recipe, seed)
    model.build(columns)
    print(model.summary(), end="\n\n")
    started = time.perf_counter()
    accuracy = train(model, recipe, data, epochs or recipe.epochs)
    seconds = time.perf_counter() - started
    print(f"\ntest accuracy {accuracy:.2%} after {duration(seconds)} of training\n")
    report = st.gradcheck(model, data.X_train[:16], data.y_train[:16], max_entries=2000)
    print(report)
    return 0 if report.passed else 1
