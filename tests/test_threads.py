"""Same seed, same bits: on any number of threads, for every instruction set; and Python stays out of an epoch."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import steepest as st
from steepest import _core
from steepest import threads as workers
from steepest.training import trainer as trainer_module
from tolerance import assert_equal

L = st.layers
# Enough arithmetic per step, and rows, that the core uses all workers it is given: see useful_workers in cpp/engine.
ROWS, BATCH, FEATURES, CLASSES = 500, 96, 40, 7

OPTIMIZERS = {
    "sgd": lambda: st.optimizers.SGD(0.05),
    "momentum": lambda: st.optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda: st.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda: st.optimizers.RMSprop(1e-3),
    "adam": lambda: st.optimizers.Adam(1e-3),
    "adamw, clipped": lambda: st.optimizers.AdamW(1e-3, clip_norm=0.5),
}


@pytest.fixture(params=[1, 2, 4])
def threads(request):
    st.set_num_threads(request.param)
    yield request.param
    st.set_num_threads(None)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(ROWS, FEATURES)).astype("float32")
    return x, rng.integers(CLASSES, size=ROWS), rng.uniform(0.5, 2, size=ROWS)


def make(dtype="float32"):
    layers = [
        L.Dense(129, activation="relu", regularizer=st.regularizers.L1L2(1e-5, 1e-4)),
        L.BatchNorm(),
        L.Dropout(0.3),
        L.Dense(65, activation="tanh", max_norm=2.0),
        L.BatchNorm(),
        L.Activation("leaky_relu"),
        L.Dense(CLASSES),
    ]
    return st.Sequential(layers, seed=11, dtype=dtype)


def train(data, optimizer, dtype="float32", count=None):
    """Everything a training leaves behind, as bytes."""
    before = st.get_num_threads()
    if count is not None:
        st.set_num_threads(count)
    try:
        model, (x, y, weights) = make(dtype), data
        settings = {"epochs": 3, "batch_size": BATCH, "sample_weight": weights, "verbose": 0}
        history = model.fit(x, y, loss="softmax_cross_entropy", optimizer=optimizer(), validation_split=0.1, **settings)
        value, gradients = model.loss_and_gradients(x, y, sample_weight=weights, input_gradient=True)
        arrays = [*model.parameters().values(), *model.states().values(), *model.optimizer.slots, *gradients.values()]
        arrays += [model.predict(x), np.array([value, *history.history["loss"], *history.history["val_loss"]])]
        return b"".join(array.tobytes() for array in arrays)
    finally:
        st.set_num_threads(before)


_alone = {}  # what one thread gives, by instruction set and case


def on_one_thread(data, name, dtype):
    key = (_core.isa(), name, dtype)
    if key not in _alone:
        _alone[key] = train(data, OPTIMIZERS[name], dtype, count=1)
    return _alone[key]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_whole_trainings_have_the_same_bits(isa, name, dtype, threads, data):
    assert train(data, OPTIMIZERS[name], dtype) == on_one_thread(data, name, dtype)


def test_another_seed_has_other_bits(data):
    """The comparison is able to fail."""
    models = [st.Sequential([L.Dense(9), L.Dropout(0.2), L.Dense(CLASSES)], seed=seed) for seed in (1, 1, 2)]
    for model in models:
        model.fit(*data[:2], loss="softmax_cross_entropy", epochs=1, verbose=0)
    first, same, other = (model.layers[0].weight.tobytes() for model in models)
    assert first == same != other


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts the threads of a process by Linux's /proc")
def test_the_workers_exist():
    """Otherwise all of the above would compare one worker with itself."""
    code = f"""
import os, sys
sys.path[:0] = {sys.path!r}
import numpy as np, steepest as st
count = lambda: len(os.listdir("/proc/self/task"))
x, y = np.ones(({ROWS}, {FEATURES}), "float32"), np.zeros({ROWS}, int)
before = count()
for threads in (1, 2, 4):
    st.set_num_threads(threads)
    model = st.Sequential([st.layers.Dense(129, activation="relu"), st.layers.Dense({CLASSES})])
    model.fit(x, y, loss="softmax_cross_entropy", epochs=1, batch_size={BATCH}, verbose=0)
    print(count() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1", "3"]


def test_batches_of_any_size_keep_their_bits(isa, data):
    """Chunks have 16 rows: batches around their borders, the last one short or of one row."""
    x, y, _ = data
    for batch_size in (1, 15, 16, 17, 33, 64, 499):
        results, rows = set(), 130 if batch_size < 33 else ROWS
        for count in (1, 2, 4):
            st.set_num_threads(count)
            try:
                model = make()
                model.fit(x[:rows], y[:rows], loss="softmax_cross_entropy", epochs=1, batch_size=batch_size, verbose=0)
            finally:
                st.set_num_threads(None)
            results.add(b"".join(value.tobytes() for value in (*model.parameters().values(), *model.states().values())))
        assert len(results) == 1, f"batch size {batch_size}"


def test_a_batch_size_of_prediction_does_not_change_it(isa, data):
    model = make()
    model.build(FEATURES)
    whole = model.predict(data[0], batch_size=ROWS)
    for batch_size in (1, 7, 16, 100):
        assert_equal(model.predict(data[0], batch_size=batch_size), whole)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_rows_through_large_weights_have_the_bits_of_many(isa, dtype, rng):
    """The workers divide the columns then, not the rows; the layers between take them all."""
    layers = [
        L.Dense(1100, activation="relu"),
        L.LayerNorm(),
        L.Dense(1301, activation="tanh"),
        L.Dense(6, activation="softmax"),
    ]
    model = st.Sequential(layers, seed=3, dtype=dtype, input_shape=600)
    x = rng.normal(size=(40, 600)).astype(dtype)
    whole = model.predict(x)
    for count in (1, 2, 4):
        st.set_num_threads(count)
        try:
            for rows in (1, 2, 4, 16, 17):
                assert_equal(model.predict(x[:rows]), whole[:rows])
        finally:
            st.set_num_threads(None)


def count_python_calls(function):
    """Python and C functions called from Python while `function` runs."""
    count = 0

    def profiler(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()  # the finalisers of other tests' objects are calls too
    gc.disable()
    sys.setprofile(profiler)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def test_no_python_call_per_batch(monkeypatch, rng):
    monkeypatch.setattr(trainer_module, "SLICE_SECONDS", 60.0)  # a slower machine must not cut the epoch in two
    x, y = rng.normal(size=(4000, 5)).astype("float32"), rng.integers(3, size=4000)

    def epoch(batch_size):
        model = st.Sequential([L.Dense(8, activation="relu"), L.BatchNorm(), L.Dropout(0.1), L.Dense(3)], input_shape=5)
        settings = {"loss": "softmax_cross_entropy", "optimizer": st.optimizers.Adam(), "epochs": 1, "verbose": 0}
        calls = count_python_calls(lambda: model.fit(x, y, batch_size=batch_size, **settings))
        assert model.steps == -(-4000 // batch_size)
        return calls

    epoch(4000)  # what is done once
    few, many = epoch(400), epoch(4)
    assert few > 10
    assert many == few


def test_a_python_threads_own_limit():
    seen = {}

    def other():
        seen["other"] = st.get_num_threads()
        with workers.limited(3):
            seen["inner"] = st.get_num_threads()

    st.set_num_threads(4)
    try:
        with workers.limited(2):
            assert workers.chosen() == st.get_num_threads() == 2
            with workers.limited(3):
                assert st.get_num_threads() == 2  # never more than around it
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            st.set_num_threads(1)
            assert st.get_num_threads() == 1
    finally:
        st.set_num_threads(None)
    assert workers.chosen() == 0
    assert seen == {"other": 4, "inner": 3}
    with pytest.raises(ValueError, match="n must be at least 1"), workers.limited(0):
        pass


def test_trainings_side_by_side_have_the_bits_of_single_ones(data):
    names = list(OPTIMIZERS)[:4]
    results = {}

    def side_by_side(name):
        with workers.limited(1):
            results[name] = train(data, OPTIMIZERS[name])

    threads = [threading.Thread(target=side_by_side, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    st.set_num_threads(None)  # which `train` has set
    assert results == {name: on_one_thread(data, name, "float32") for name in names}


def test_more_workers_than_cpus_are_not_used_but_for_tests():
    code = """
import numpy as np, steepest as st
rng = np.random.default_rng(0)
X, y = rng.standard_normal((640, 30)), rng.integers(0, 2, 640)
def train(threads):
    st.set_num_threads(threads)
    model = st.Sequential([st.layers.Dense(128, activation="relu"), st.layers.Dense(2)], seed=0)
    model.fit(X, y, loss="softmax_cross_entropy", epochs=2, batch_size=128, verbose=0)
    return b"".join(p.tobytes() for p in model.parameters().values())
assert train(1) == train(64)
print(len(__import__("os").listdir("/proc/self/task")) if __import__("sys").platform == "linux" else 1)
"""
    environment = {name: value for name, value in os.environ.items() if name != "STEEPEST_OVERSUBSCRIBE"}
    environment["OPENBLAS_NUM_THREADS"] = environment["MKL_NUM_THREADS"] = "1"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(run.stdout) <= (os.cpu_count() or 1)
