"""The demonstration: a digit classifier from data to verdict."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import steepest as st
from steepest.datasets import Split, load_digits, load_mnist
from steepest.preprocessing import Standardizer
from steepest.schedules import Cosine
from steepest.sequential import Sequential

BATCH = 128


def digits_model(seed: int) -> Sequential:
    """Return a 64-128-64-10 network for scikit-learn's digits."""
    return _network((128, 64), rate=0.2, seed=seed)


def mnist_model(seed: int) -> Sequential:
    """Return a 784-256-128-10 network for MNIST."""
    return _network((256, 128), rate=0.2, seed=seed)


def _network(hidden: tuple[int, ...], rate: float, seed: int) -> Sequential:
    layers: list[Any] = []
    for units in hidden:
        # Batch norm has its own shift, so the bias would be redundant.
        layers += [
            st.layers.Dense(units, use_bias=False),
            st.layers.BatchNorm(),
            st.layers.Activation("relu"),
            st.layers.Dropout(rate),
        ]
    return Sequential([*layers, st.layers.Dense(10)], seed=seed)


def train(model: Sequential, data: Split, epochs: int, verbose: int = 1) -> float:
    """Train with Adam under a cosine schedule and return the accuracy on the test set, which nothing else looks at."""
    steps = epochs * -(-len(data.X_train) // BATCH)
    model.fit(
        data.X_train,
        data.y_train,
        loss="softmax_cross_entropy",
        optimizer=st.optimizers.Adam(Cosine(3e-3, steps=steps)),
        epochs=epochs,
        batch_size=BATCH,
        verbose=verbose,
    )
    return model.evaluate(data.X_test, data.y_test)["accuracy"]


def prepare(mnist: str | None, seed: int) -> Split:
    """Return the data with inputs scaled by what the training set says."""
    if mnist is not None:
        data = load_mnist(mnist)
        # Pixels share one scale, and most border pixels are constant: one factor for all suits them better than one
        # each.
        return Split(
            data.X_train.astype(np.float32) / 255, data.y_train, data.X_test.astype(np.float32) / 255, data.y_test
        )
    data = load_digits(seed=seed)
    standardizer = Standardizer().fit(data.X_train)
    return Split(standardizer.transform(data.X_train), data.y_train, standardizer.transform(data.X_test), data.y_test)


def run(mnist: str | None = None, epochs: int | None = None, seed: int = 0, threads: int | None = None) -> int:
    """Train, print what happens, and return the exit code: 0 if the gradient check passes."""
    if threads is not None:
        st.set_num_threads(threads)
    data = prepare(mnist, seed)
    print(f"{len(data.X_train):,} training and {len(data.X_test):,} test images of {data.X_train.shape[1]} pixels\n")
    model = mnist_model(seed) if mnist is not None else digits_model(seed)
    model.build(data.X_train.shape[1])
    print(model.summary(), end="\n\n")
    started = time.perf_counter()
    accuracy = train(model, data, epochs or (10 if mnist is not None else 30))
    seconds = time.perf_counter() - started
    print(f"\ntest accuracy {accuracy:.2%} after {seconds:.1f} s of training\n")
    report = st.gradcheck(model, data.X_train[:32], data.y_train[:32], loss="softmax_cross_entropy")
    print(report)
    return 0 if report.passed else 1
