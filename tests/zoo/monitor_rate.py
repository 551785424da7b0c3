"""Faults of the learning rate and of the order of rows, which show only while a training runs."""

import numpy as np

import steepest as st

from . import sources as src
from .entry import Setup, fault

layers, optimizers, schedules = st.layers, st.optimizers, st.schedules
HIGH = ("learning rate too high", "exploding gradient")


def letters(rows=4000):
    """Rows of the letters; without the real data as many of 26 clouds that overlap."""
    if src.folder("letter") is None:
        return *src.blobs(rows, columns=16, classes=26, spread=1.4), 26
    X, y, classes = src.letter()
    return src.standard(X)[:rows], y[:rows], classes


def prices():
    """Standardised housing prices; without the real data a surface with noise."""
    if src.folder("housing") is None:
        return src.surface(4000, columns=8, noise=0.5)
    X, y = src.housing()
    return src.standard(X), (y - y.mean()) / y.std()


def classify(optimizer, widths=(64, 64), epochs=6, batch_size=64, activation="relu", **fit):
    X, y, classes = letters()
    model = src.dense(*widths, classes, activation=activation)
    return Setup(
        model, X, y, {**src.CLASSES, "optimizer": optimizer, "epochs": epochs, "batch_size": batch_size, **fit}
    )


def regress(optimizer, widths=(64,), epochs=6, batch_size=64, activation="relu", **fit):
    X, y = prices()
    model = src.dense(*widths, 1, activation=activation)
    return Setup(
        model, X, y, {**src.NUMBERS, "optimizer": optimizer, "epochs": epochs, "batch_size": batch_size, **fit}
    )


@fault(*HIGH, watcher="monitor")
def adam_100_times_too_fast():
    """Adam at 0.1 where 0.001 is right."""
    return classify(optimizers.Adam(0.1))


@fault(*HIGH, watcher="monitor")
def momentum_100_times_too_fast():
    """SGD with momentum at a rate of 1 where 0.01 is right."""
    return classify(optimizers.SGD(1.0, momentum=0.9))


@fault(*HIGH, watcher="monitor")
def regression_100_times_too_fast():
    """Gradient descent for prices at a rate of 1: it overflows."""
    return regress(optimizers.SGD(1.0))


@fault("learning rate too low", watcher="monitor")
def adam_100_times_too_slow():
    """Adam at 0.00001 where 0.001 is right."""
    return classify(optimizers.Adam(1e-5))


@fault("learning rate too low", watcher="monitor")
def descent_100_times_too_slow():
    """Gradient descent at a rate of 0.0005 where 0.05 is right."""
    return classify(optimizers.SGD(5e-4), activation="tanh")


@fault("momentum too high", watcher="monitor")
def momentum_of_a_thousand_steps():
    """A momentum of 0.999."""
    return classify(optimizers.SGD(0.02, momentum=0.999), epochs=10)


@fault("momentum too high", watcher="monitor")
def momentum_that_kills_units():
    """A momentum of 0.995, whose first steps kill the second layer."""
    return classify(optimizers.SGD(0.05, momentum=0.995), epochs=10)


@fault("momentum too high", watcher="monitor")
def momentum_that_swings():
    """A momentum of 0.999 in a regression, whose loss comes and goes."""
    return regress(optimizers.SGD(0.005, momentum=0.999), epochs=15)


@fault("loss spike", "learning rate too high", watcher="monitor")
def rate_jumps_in_the_midst():
    """A schedule that jumps to a rate of 3."""
    return classify(optimizers.SGD(lambda step: 0.05 if step < 200 else 3.0, momentum=0.9), epochs=8)


@fault("loss spike", watcher="monitor")
def outliers_in_one_batch():
    """64 neighbouring rows whose targets are off by 60 deviations, in rows that are not shuffled."""
    setup = regress(optimizers.SGD(0.002), shuffle=False)
    y = np.where(np.arange(len(setup.y)) // 64 == 37 % (len(setup.y) // 64), setup.y + 60.0, setup.y)
    return Setup(setup.model, setup.X, y, setup.fit)


@fault("decayed too early", watcher="monitor")
def decayed_after_one_epoch():
    """The rate falls by a factor of 100 after the first epoch."""
    steps = -(-len(letters()[0]) // 64)
    return classify(optimizers.SGD(schedules.Piecewise([steps], [0.05, 5e-4]), momentum=0.9), epochs=12)


@fault("decayed too early", watcher="monitor")
def exponential_decay_too_fast():
    """The rate falls by a factor of twenty in every epoch."""
    steps = -(-len(letters()[0]) // 64)
    return classify(optimizers.Adam(schedules.Exponential(1e-3, steps=steps, factor=0.05)), epochs=12)


@fault("plateau: decay now", watcher="monitor")
def noise_keeps_the_loss_up():
    """A linear target that a constant rate circles for ever, a row at a time."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 20))
    y = X @ np.arange(20.0) / 30.0 + 0.5 * rng.normal(size=1500)
    fit = {**src.NUMBERS, "optimizer": optimizers.SGD(0.03), "epochs": 20, "batch_size": 1}
    return Setup(src.dense(1), X, y, fit)


@fault("missing shuffle", watcher="monitor")
def sorted_classes():
    """Rows sorted by their class, and no shuffling."""
    setup = classify(optimizers.Adam(1e-3), shuffle=False)
    order = np.argsort(setup.y, kind="stable")
    return Setup(setup.model, setup.X[order], setup.y[order], setup.fit)


@fault("missing shuffle", watcher="monitor")
def sorted_prices():
    """Rows sorted by their price, and no shuffling."""
    setup = regress(optimizers.Adam(1e-3), shuffle=False)
    order = np.argsort(setup.y)
    return Setup(setup.model, setup.X[order], setup.y[order], setup.fit)
