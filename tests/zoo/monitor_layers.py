"""Faults inside the layers, seen at the steps of a training."""

import numpy as np

import steepest as st

from . import sources as src
from .entry import Setup, fault
from .monitor_rate import classify, letters, regress

layers, optimizers = st.layers, st.optimizers


def chain(*parts, optimizer, epochs=5, batch_size=64, rows=4000):
    X, y, classes = letters(rows)
    model = st.Sequential([*parts, layers.Dense(classes)], seed=0)
    return Setup(model, X, y, {**src.CLASSES, "optimizer": optimizer, "epochs": epochs, "batch_size": batch_size})


@fault("dying ReLU", watcher="monitor")
def units_dead_by_their_bias():
    """ReLU units with a bias of -20."""
    return chain(layers.Dense(64, "relu", bias_initializer=-20.0), optimizer=optimizers.Adam(1e-3))


@fault("dying ReLU", watcher="monitor")
def second_layer_dead():
    """The second of two ReLU layers has a bias of -15."""
    first = layers.Dense(64, "relu")
    return chain(first, layers.Dense(32, "relu", bias_initializer=-15.0), optimizer=optimizers.SGD(0.05))


@fault("vanishing gradient", watcher="monitor")
def sigmoid_stack():
    """Eight sigmoid layers under gradient descent."""
    return classify(optimizers.SGD(0.1), (64,) * 8, activation="sigmoid")


@fault("vanishing gradient", watcher="monitor")
def sigmoid_stack_under_adam():
    """Ten sigmoid layers under Adam."""
    return classify(optimizers.Adam(1e-3), (32,) * 10, activation="sigmoid")


@fault("vanishing gradient", "flat start: initialisation", watcher="monitor")
def weights_too_small():
    """Five tanh layers with weights of deviation 0.01."""
    small = {"kind": "normal", "std": 0.01}
    parts = [layers.Dense(64, "tanh", initializer=small) for _ in range(5)]
    return chain(*parts, optimizer=optimizers.SGD(0.05, momentum=0.9))


@fault("flat start: initialisation", watcher="monitor")
def weights_of_zero():
    """All weights start at zero."""
    parts = [layers.Dense(64, "relu", initializer="zeros") for _ in range(2)]
    return chain(*parts, optimizer=optimizers.SGD(0.05, momentum=0.9))


@fault("flat start: initialisation", watcher="monitor")
def weights_all_equal():
    """All weights start at 0.1, so that all units are one."""
    return chain(layers.Dense(32, "tanh", initializer=0.1), optimizer=optimizers.SGD(0.1))


@fault("saturation", watcher="monitor")
def tanh_at_its_ends():
    """Tanh layers with weights of deviation 2."""
    large = {"kind": "normal", "std": 2.0}
    parts = [layers.Dense(64, "tanh", initializer=large) for _ in range(3)]
    return chain(*parts, optimizer=optimizers.SGD(0.01))


@fault("saturation", watcher="monitor")
def unscaled_inputs_of_sigmoids():
    """Inputs a hundred times too large for sigmoids."""
    setup = classify(optimizers.Adam(1e-4), (64, 32), activation="sigmoid")
    return Setup(setup.model, setup.X * 100, setup.y, setup.fit)


@fault("exploding gradient", watcher="monitor")
def weights_too_large():
    """Six ReLU layers with weights of deviation 1, under Adam."""
    large = {"kind": "normal", "std": 1.0}
    parts = [layers.Dense(64, "relu", initializer=large) for _ in range(6)]
    return chain(*parts, optimizer=optimizers.Adam(1e-3))


@fault("exploding gradient", watcher="monitor")
def weights_too_large_for_descent():
    """The same under gradient descent: it overflows."""
    large = {"kind": "normal", "std": 1.0}
    parts = [layers.Dense(64, "relu", initializer=large) for _ in range(6)]
    return chain(*parts, optimizer=optimizers.SGD(0.01))


@fault("batch norm with one row", watcher="monitor")
def batch_norm_row_by_row():
    """Batch norm with batches of one row."""
    parts = [layers.Dense(32), layers.BatchNorm(), layers.Activation("relu")]
    return chain(*parts, optimizer=optimizers.Adam(1e-3), epochs=3, batch_size=1, rows=400)


@fault("non-finite value", watcher="monitor")
def nan_in_a_late_batch():
    """One NaN in the features of one row."""
    setup = regress(optimizers.Adam(1e-3))
    X = setup.X.copy()
    X[len(X) * 3 // 4, 2] = np.nan
    return Setup(setup.model, X, setup.y, setup.fit)
