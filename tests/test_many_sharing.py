"""Members that see the same rows in the same order read them from one block: the bits are theirs alone."""

import tracemalloc

import numpy as np
import pytest

import steepest as st
from many_networks import assert_alike, build
from steepest.callbacks import Callback
from steepest.training import trainer as trainer_module
from test_threads import count_python_calls

LOSS = "softmax_cross_entropy"
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1e30, 2e-1, 3e-1, 0.0)


@pytest.fixture(params=[1, 2])
def workers(request):
    st.set_num_threads(request.param)
    yield request.param
    st.set_num_threads(None)


def members(**changes):
    """Networks of one seed, so of one order of rows; with dropout and batch norm, and one that diverges."""
    return [build(seed=5, rate=0.1 * (number % 4), **changes) for number in range(len(RATES))]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8", "columns"])
def test_sources_of_all_kinds(rng, workers, kind, shuffle):
    x = rng.normal(2, 40, size=(700, 12))
    x = np.asfortranarray(x, "float32") if kind == "columns" else (np.abs(x) % 256).astype(kind)
    y, weight = rng.integers(4, size=700), rng.uniform(0, 2, size=700)
    settings = {"loss": LOSS, "epochs": 2, "sample_weight": weight, "shuffle": shuffle, "batch_size": 16, "verbose": 0}
    models, alone = members(), []
    histories = st.train_many(models, x, y, optimizers=[st.optimizers.SGD(rate) for rate in RATES], **settings)
    for twin, rate in zip(members(), RATES, strict=True):
        try:
            history = twin.fit(x, y, optimizer=st.optimizers.SGD(rate), **settings)
        except st.TrainingDiverged as error:
            history = error.history
        alone.append((twin, history))
    assert_alike(models, histories, alone)
    assert [history.failure is None for history in histories] == [rate < 1e9 for rate in RATES]


def test_sparse_rows(rng, workers):
    sparse = pytest.importorskip("scipy.sparse")
    x, y = sparse.random(300, 12, 0.3, "csr", rng=1), rng.integers(4, size=300)
    settings = {"loss": LOSS, "epochs": 2, "batch_size": 16, "verbose": 0}
    models = members()
    histories = st.train_many(models, x, y, optimizers="adam", **settings)
    assert_alike(models, histories, [(twin, twin.fit(x, y, optimizer="adam", **settings)) for twin in members()])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_targets_of_numbers(rng, workers, dtype):
    x, y = rng.normal(size=(300, 12)), rng.normal(size=(300, 4)).astype("float32")
    settings = {"loss": "huber", "epochs": 2, "optimizers": "adam", "batch_size": 25, "verbose": 0}
    models = members(dtype=dtype)
    histories = st.train_many(models, x, y, **settings)
    settings["optimizer"] = settings.pop("optimizers")
    assert_alike(models, histories, [(twin, twin.fit(x, y, **settings)) for twin in members(dtype=dtype)])


def test_slices_end_between_blocks(rng, monkeypatch):
    """Without time a group makes one block, here 128 steps, and its members go on together."""
    x, y = rng.normal(size=(1200, 256)).astype("float32"), rng.integers(4, size=1200)
    settings = {"loss": LOSS, "epochs": 2, "batch_size": 4, "verbose": 0}
    models, slices = members()[:4], []

    class Steps(Callback):
        def on_slice_end(self, run):
            slices.append(run.step)

    monkeypatch.setattr(trainer_module, "SLICE_SECONDS", 0.0)
    st.set_num_threads(1)
    try:
        histories = st.train_many(models, x, y, optimizers="adam", callbacks=[[Steps()], [], [], []], **settings)
    finally:
        st.set_num_threads(None)
    monkeypatch.undo()
    assert_alike(models, histories, [(twin, twin.fit(x, y, optimizer="adam", **settings)) for twin in members()[:4]])
    assert slices == [128, 256, 300] * 2


def test_an_error_in_one_of_a_group_is_raised(rng, workers):
    x, y = rng.normal(size=(300, 12)), rng.integers(4, size=300)
    calls = []

    def broken(batch, generator):
        calls.append(len(batch))
        if len(calls) == 25:
            raise ZeroDivisionError("in the function")
        return batch

    models = members()[:8]
    settings = {"loss": LOSS, "epochs": 2, "batch_size": 16, "verbose": 0}
    with pytest.raises(ZeroDivisionError, match="in the function"):
        st.train_many(models, x, y, optimizers="adam", augment=broken, **settings)
    assert len(calls) >= 25
    st.train_many(models, x, y, **settings)  # all are free again, and whole


def test_members_of_one_fold(rng, workers):
    x, y = rng.normal(size=(300, 12)), rng.integers(4, size=300)
    folds = [(np.arange(100, 300), np.arange(100)), (np.arange(200), np.arange(200, 300))]
    models, alone = members(), []
    settings = {"loss": LOSS, "epochs": 2, "batch_size": 16, "verbose": 0}
    histories = st.train_many(
        models, x, y, folds=[folds[number % 2] for number in range(len(RATES))], optimizers="adam", **settings
    )
    for number, twin in enumerate(members()):
        rows, held = folds[number % 2]
        history = twin.fit(x[rows], y[rows], validation_data=(x[held], y[held]), optimizer="adam", **settings)
        alone.append((twin, history))
    assert_alike(models, histories, alone)


# -------------------------------------------------------------------------------------------------------- what it costs
def test_no_python_call_per_batch(rng, monkeypatch):
    monkeypatch.setattr(trainer_module, "SLICE_SECONDS", 60.0)  # a slower machine must not cut the epoch in two
    st.set_num_threads(1)
    x, y = rng.normal(size=(4000, 12)).astype("float32"), rng.integers(4, size=4000)

    def epoch(batch_size):
        models = members()[:5]
        for model in models:
            model.build(12)
        optimizers = [st.optimizers.Adam() for _ in models]
        settings = {"loss": LOSS, "optimizers": optimizers, "epochs": 1, "batch_size": batch_size, "verbose": 0}
        return count_python_calls(lambda: st.train_many(models, x, y, **settings))

    try:
        epoch(4000)  # what is done once
        few, many = epoch(400), epoch(4)
    finally:
        st.set_num_threads(None)
    assert few > 100
    assert many == few


def test_the_data_are_not_copied_for_each_member(rng):
    x, y = rng.normal(size=(4000, 300)).astype("float32"), rng.integers(4, size=4000).astype(float)
    folds = [(np.arange(0, 4000, 2), None), (np.arange(1, 4000, 2), None)] * 8
    models = [build(seed=number) for number in range(16)]
    for model in models:
        model.build(300)
    settings = {"loss": LOSS, "folds": folds, "sample_weight": np.ones(4000), "optimizers": "sgd", "epochs": 2}
    st.train_many(models[:2], x, y, **{**settings, "folds": folds[:2]}, verbose=0)  # what is imported once
    tracemalloc.start()
    try:
        st.train_many(models, x, y, **settings, verbose=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    parameters = sum(model.network.parameter_arena.nbytes for model in models)
    # Every member keeps its last good parameters, its targets while they are checked, and the order of its rows.
    assert peak < parameters + 16 * 4000 * (4 + 8) + 0.1 * x.nbytes
