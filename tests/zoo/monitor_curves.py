"""Networks too large or too small for their data, and healthy trainings of many kinds."""

import numpy as np

import steepest as st

from . import sources as src
from .entry import Setup, fault, healthy
from .monitor_rate import classify, letters, prices, regress

layers, optimizers, schedules = st.layers, st.optimizers, st.schedules


def held_out(setup, rows, **fit):
    """Train on the first rows, validate on a thousand others."""
    held = (setup.X[-1000:], setup.y[-1000:])
    return Setup(setup.model, setup.X[:rows], setup.y[:rows], {**setup.fit, "validation_data": held, **fit})


@fault("over-fitting", watcher="monitor")
def three_hundred_letters():
    """300 rows for a network of 80,000 weights."""
    return held_out(classify(optimizers.Adam(1e-3), (256, 256)), 300, epochs=60, batch_size=32)


@fault("over-fitting", watcher="monitor")
def noisy_regression():
    """200 rows with as much noise as signal."""
    X, y = src.surface(rows=700, columns=20, noise=1.0)
    fit = {**src.NUMBERS, "optimizer": optimizers.Adam(2e-3), "epochs": 60, "batch_size": 32}
    return Setup(src.dense(128, 128, 1), X[:200], y[:200], {**fit, "validation_data": (X[200:], y[200:])})


@fault("over-fitting", watcher="monitor")
def label_noise_learnt_by_heart():
    """Four of ten labels are drawn by lot, and the network learns them."""
    X, y, Xv, yv = src.digits()
    X, y = X[:500], y[:500]
    rng = np.random.default_rng(3)
    noisy = np.where(rng.random(len(y)) < 0.4, rng.integers(10, size=len(y)), y)
    fit = {**src.CLASSES, "optimizer": optimizers.Adam(2e-3), "epochs": 80, "batch_size": 32}
    return Setup(src.dense(512, 10), X, noisy, {**fit, "validation_data": (Xv, yv)})


@fault("under-fitting", watcher="monitor")
def line_for_a_ring():
    """A linear classifier for points inside and outside of a circle."""
    X = np.random.default_rng(0).normal(size=(1500, 2))
    y = (np.linalg.norm(X, axis=1) > 1.18).astype(int)
    fit = {**src.CLASSES, "optimizer": optimizers.Adam(1e-2), "epochs": 30, "batch_size": 32}
    return held_out(Setup(src.dense(2), X, y, fit), 500)


@fault("under-fitting", watcher="monitor")
def one_unit_for_all_letters():
    """A hidden layer of one unit."""
    return classify(optimizers.Adam(1e-2), (1,), epochs=15)


@fault("under-fitting", watcher="monitor")
def penalty_too_strong():
    """An L2 penalty of 0.3."""
    X, y, classes = letters()
    model = st.Sequential(
        [layers.Dense(64, "relu"), layers.Dense(classes)], seed=0, regularizer=st.regularizers.L2(0.3)
    )
    return Setup(model, X, y, {**src.CLASSES, "optimizer": optimizers.Adam(2e-3), "epochs": 12, "batch_size": 64})


@healthy(watcher="monitor")
def letters_by_adam():
    """Letters, two ReLU layers, Adam."""
    return held_out(classify(optimizers.Adam(2e-3)), 3000, epochs=12)


@healthy(watcher="monitor")
def letters_by_cosine():
    """Letters, momentum, a cosine schedule."""
    rate = schedules.Cosine(0.05, steps=63 * 12)
    return classify(optimizers.SGD(rate, momentum=0.9), epochs=12)


@healthy(watcher="monitor")
def letters_by_steps():
    """Letters, momentum, the rate divided by ten twice."""
    rate = schedules.Step(0.05, factor=0.1, every=63 * 6)
    return held_out(classify(optimizers.SGD(rate, momentum=0.9)), 4000, epochs=15)


@healthy(watcher="monitor")
def letters_with_batch_norm():
    """Letters, batch norm and dropout."""
    X, y, classes = letters()
    parts = [layers.Dense(64), layers.BatchNorm(), layers.Activation("relu"), layers.Dropout(0.2)]
    model = st.Sequential([*parts, layers.Dense(classes)], seed=1)
    return Setup(model, X, y, {**src.CLASSES, "optimizer": src.adam(2e-3), "epochs": 10, "batch_size": 64})


@healthy(watcher="monitor")
def letters_deep():
    """Letters, six ReLU layers."""
    return classify(optimizers.Adam(1e-3), (64,) * 6, epochs=12)


@healthy(watcher="monitor")
def letters_by_tanh_and_descent():
    """Letters, tanh, plain gradient descent."""
    return classify(optimizers.SGD(0.2), activation="tanh", epochs=12, batch_size=32)


@healthy(watcher="monitor")
def letters_clipped():
    """Letters, a bound on the gradient, one-cycle schedule."""
    return classify(optimizers.Adam(schedules.OneCycle(5e-3, steps=63 * 12), clip_norm=1.0), epochs=12)


@healthy(watcher="monitor")
def prices_by_adam():
    """Housing prices, two layers."""
    return held_out(regress(optimizers.Adam(1e-3), (64, 64)), 3000, epochs=12)


@healthy(watcher="monitor")
def prices_by_absolute_error():
    """Housing prices, ELU, absolute error, RMSprop."""
    setup = regress(optimizers.RMSprop(1e-3), (32,), activation="elu", epochs=10)
    return Setup(setup.model, setup.X, setup.y, {**setup.fit, "loss": "mae"})


@healthy(watcher="monitor")
def prices_by_a_line():
    """Housing prices, linear regression."""
    X, y = prices()
    return Setup(src.dense(1), X, y, {**src.NUMBERS, "optimizer": src.adam(3e-3), "epochs": 12, "batch_size": 32})


@healthy(watcher="monitor")
def digits_row_by_row():
    """Digits, batches of one row, without shuffling."""
    X, y, _, _ = src.digits()
    fit = {**src.CLASSES, "optimizer": optimizers.SGD(0.01), "epochs": 6, "batch_size": 1, "shuffle": False}
    return Setup(src.dense(32, 10), X, y, fit)


@healthy(watcher="monitor")
def digits_in_one_batch():
    """Digits, all rows in one batch, Adam at 0.01."""
    X, y, Xv, yv = src.digits()
    fit = {**src.CLASSES, "optimizer": src.adam(1e-2), "epochs": 80, "batch_size": len(X)}
    return Setup(src.dense(32, 10), X, y, {**fit, "validation_data": (Xv, yv)})


@healthy(watcher="monitor")
def digits_by_l_bfgs():
    """Digits, L-BFGS with a penalty."""
    X, y, Xv, yv = src.digits()
    model = st.Sequential([layers.Dense(16, "tanh"), layers.Dense(10)], seed=0, regularizer=st.regularizers.L2(1e-3))
    return Setup(model, X, y, {**src.CLASSES, "optimizer": "lbfgs", "epochs": 30, "validation_data": (Xv, yv)})


def faint(seed, rows=4000):
    """Standard normal columns, of which the first explains a tenth of a number, and that number."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 8)).astype("float32")
    return X, 0.35 * X[:, 0] + rng.normal(size=rows)


@healthy()
def faint_line():
    """Numbers that are nine parts noise, by a line: all that can be known is learnt."""
    X, y = faint(1)
    return Setup(src.dense(1), X, y, {**src.NUMBERS, "optimizer": optimizers.SGD(0.01), "epochs": 15, "batch_size": 32})


@healthy()
def faint_classes():
    """The sign of such a number, by a small network."""
    X, y = faint(2)
    fit = {**src.CLASSES, "optimizer": src.adam(), "epochs": 15, "batch_size": 32}
    return held_out(Setup(src.dense(16, 2), X, (y > 0).astype(int), fit), 3000)


@healthy()
def counts_of_few():
    """Small counts, of which the most frequent lies between the others."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 6)).astype("float32")
    y = rng.poisson(np.exp(0.6 * X[:, 0] - 0.4 * X[:, 1]))
    return Setup(src.dense(32, 1), X, y, {"loss": "poisson", "optimizer": src.adam(), "epochs": 10, "batch_size": 32})


@healthy()
def grades_of_a_score():
    """Three grades of a noisy score, the middle one being that of half of the rows."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(3000, 5)).astype("float32")
    score = X @ np.array([1.0, 0.6, -0.5, 0.3, 0.0]) + 0.9 * rng.normal(size=3000)
    grades = np.digitize(score, np.quantile(score, (0.25, 0.75)))
    return Setup(src.dense(16, 3), X, grades, {**src.CLASSES, "optimizer": src.adam(), "epochs": 10, "batch_size": 32})


@healthy()
def measured_again():
    """A few hundred settings, each measured several times with noise of its own."""
    rng = np.random.default_rng(5)
    settings = rng.normal(size=(300, 6)).astype("float32")
    X = settings[rng.integers(300, size=3000)]
    y = X[:, 0] - X[:, 1] + 0.5 * rng.normal(size=3000)
    fit = {**src.NUMBERS, "optimizer": src.adam(3e-3), "epochs": 10, "batch_size": 32}
    return held_out(Setup(src.dense(32, 1), X, y / y.std(), fit), 2000)
