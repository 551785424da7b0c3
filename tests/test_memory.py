"""What an epoch copies and looks through, and what it need not lay out anew."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import steepest as st
from steepest import _core
from steepest.lowering import network as networks


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 700_001])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_copy_and_scan(dtype, size, threads):
    x = np.random.default_rng(size).standard_normal(size).astype(dtype)
    y = np.full_like(x, np.nan)
    assert _core.all_finite(x, threads)
    assert _core.all_finite(y, threads) == (size == 0)
    _core.copy_array(x, y, threads)
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 5, 1024, 699_999])
def test_one_bad_element_is_found(dtype, bad, place):
    limits = np.finfo(dtype)
    x = np.full(700_000, limits.max, dtype)
    x[1::2] = -limits.smallest_subnormal
    assert _core.all_finite(x, 2)
    x[place] = bad
    assert not _core.all_finite(x, 2)


def test_arguments():
    x = np.zeros(8, np.float32)
    for wrong in (np.zeros(7, np.float32), np.zeros(8), np.zeros((2, 4), np.float32), np.zeros(16, np.float32)[::2]):
        with pytest.raises(ValueError, match=r"target|rows of|neighbours"):
            _core.copy_array(x, wrong, 1)
    with pytest.raises(ValueError, match="shares memory"):
        _core.copy_array(x, x, 1)
    with pytest.raises(ValueError, match="dtype is int32"):
        _core.all_finite(np.zeros(8, np.int32), 1)
    frozen = np.zeros(8, np.float32)
    frozen.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        _core.copy_array(x, frozen, 1)


def first_weight(model):
    return next(iter(model.parameters().values()))


class Doubler(st.callbacks.Callback):
    """Writes to a weight in the middle of an epoch; `pace` ends a slice there."""

    pace = 3

    def on_slice_end(self, run):
        if run.step == 3:
            first_weight(run.model)[...] *= 2


class Watcher(st.callbacks.Callback):
    observes = True
    pace = 3

    def on_slice_end(self, run):
        pass


class Suspect(Watcher):
    observes = False


def train(*callbacks):
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((120, 5)).astype(np.float32), rng.integers(0, 3, 120)
    model = st.Sequential([st.layers.Dense(40, activation="tanh"), st.layers.Dense(3)], seed=0)
    model.fit(X, y, loss="softmax_cross_entropy", epochs=3, batch_size=10, callbacks=callbacks, verbose=0)
    return np.concatenate([p.ravel() for p in model.parameters().values()])


def test_slices_that_go_on_with_packed_weights_train_the_same_bits():
    plain = train()
    np.testing.assert_array_equal(train(Watcher()), plain)
    np.testing.assert_array_equal(train(Suspect()), plain)


def test_a_callback_that_writes_to_a_weight_is_heard():
    X = np.random.default_rng(1).standard_normal((120, 5)).astype(np.float32)
    y = np.random.default_rng(2).integers(0, 3, 120)

    def run(writes):
        model = st.Sequential([st.layers.Dense(40, activation="tanh"), st.layers.Dense(3)], seed=0)
        settings = {"loss": "softmax_cross_entropy", "batch_size": 10, "shuffle": False, "verbose": 0}
        optimizer = st.optimizers.SGD(0.1)
        if writes:
            model.fit(X[:60], y[:60], optimizer=optimizer, epochs=1, callbacks=[Doubler()], **settings)
        else:
            model.fit(X[:30], y[:30], optimizer=optimizer, epochs=1, **settings)
            first_weight(model)[...] *= 2
            model.fit(X[30:60], y[30:60], optimizer=optimizer, epochs=1, **settings)
        return first_weight(model).copy()

    np.testing.assert_array_equal(run(True), run(False))


def wide_model():
    return st.Sequential([st.layers.Dense(400, activation="relu"), st.layers.Dense(2)], seed=0, input_shape=300)


def fit_wide(model, optimizer, **options):
    X = np.random.default_rng(0).standard_normal((64, 300)).astype(np.float32)
    model.fit(X, X[:, 0] > 0, loss="softmax_cross_entropy", optimizer=optimizer, epochs=1, verbose=0, **options)


def most_allocated(work):
    """Bytes of NumPy and Python at the highest point of the work, beyond those before it."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_the_next_fit_takes_the_room_of_the_last():
    model, optimizer = wide_model(), st.optimizers.Adam()
    size = model.network.parameter_arena.nbytes
    fit_wide(model, optimizer)
    assert most_allocated(lambda: fit_wide(model, optimizer)) < size
    # Of another size where the optimiser has another number of moments.
    assert most_allocated(lambda: fit_wide(model, st.optimizers.SGD(0.1, momentum=0.9))) > 2 * size
    assert most_allocated(lambda: fit_wide(model, model.optimizer)) < size


def test_one_network_keeps_room_and_only_while_it_lives():
    first, second = wide_model(), wide_model()
    fit_wide(first, st.optimizers.Adam())
    fit_wide(second, st.optimizers.Adam())
    assert list(networks._left) == [second.network]
    copies = [weakref.ref(copy) for copy in networks._left[second.network]._copies]
    slots = [weakref.ref(slot) for slot in second.optimizer.slots]
    second.optimizer.reset()
    assert not any(slot() for slot in slots)  # the room holds no moments but its copies
    del second
    gc.collect()
    assert not networks._left
    assert not any(copy() for copy in copies)


def test_a_room_taken_over_goes_back_to_the_start_of_its_own_epoch():
    model, optimizer = wide_model(), st.optimizers.Adam()
    fit_wide(model, optimizer)
    before = [array.copy() for array in (model.network.parameter_arena, *optimizer.slots)]
    optimizer.learning_rate = 1e30  # the second step's outputs are beyond all numbers
    with pytest.raises(st.TrainingDiverged):
        fit_wide(model, optimizer, batch_size=16)
    for array, copy in zip((model.network.parameter_arena, *optimizer.slots), before, strict=True):
        np.testing.assert_array_equal(array, copy)
