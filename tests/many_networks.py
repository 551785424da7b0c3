"""What the tests of many networks share: a problem, a network for it, and when two trainings are the same."""

import numpy as np

import steepest as st

L = st.layers
LOSS = "softmax_cross_entropy"
ROWS, FEATURES, CLASSES = 330, 12, 4


def problem():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(ROWS, FEATURES)).astype("float32")
    return x, rng.integers(CLASSES, size=ROWS)


def build(seed=0, rate=0.2, width=40, dtype="float32", regularizer=None):
    layers = [L.Dense(width, "relu"), L.BatchNorm(), L.Dropout(rate), L.Dense(33, "tanh"), L.Dense(CLASSES)]
    return st.Sequential(layers, seed=seed, dtype=dtype, regularizer=regularizer)


def tensors(model):
    return b"".join(array.tobytes() for array in [*model.parameters().values(), *model.states().values()])


def without_seconds(history):
    return {name: values for name, values in history.history.items() if name != "seconds"}


def assert_alike(models, histories, alone):
    """Each model and history is what `alone` gives: pairs of a model and its history."""
    for model, history, (twin, expected) in zip(models, histories, alone, strict=True):
        assert tensors(model) == tensors(twin)
        assert without_seconds(history) == without_seconds(expected)
        assert (model.steps, model.epochs_seen) == (twin.steps, twin.epochs_seen)
        assert model.optimizer.iterations == twin.optimizer.iterations
        for slot, other in zip(model.optimizer.slots, twin.optimizer.slots, strict=True):
            assert slot.tobytes() == other.tobytes()
