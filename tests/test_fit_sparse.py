"""Compressed sparse rows: the same bits as the dense array, in every place that takes samples."""

import numpy as np
import pytest

import steepest as st
from members import same

sparse = pytest.importorskip("scipy.sparse")


def matrix(rng, rows=150, columns=40, dtype="float64", index="int32"):
    x = np.where(rng.random((rows, columns)) < 0.1, rng.integers(1, 50, size=(rows, columns)), 0).astype(dtype)
    s = sparse.csr_array(x)
    s.indptr, s.indices = s.indptr.astype(index), s.indices.astype(index)
    return x, s


def network(dtype="float32"):
    return st.Sequential([st.layers.Dense(8, "relu"), st.layers.Dense(3)], dtype=dtype)


@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("kind", ["f4", "f8", "u1", "i8", "?"])
def test_same_bits_as_dense(kind, index, rng):
    x, s = matrix(rng, dtype=kind, index=index)
    y = rng.integers(3, size=len(x))
    runs = []
    for samples in (x, s, sparse.csr_matrix(s)):
        model = network()
        history = model.fit(
            samples, y, loss="softmax_cross_entropy", epochs=3, batch_size=32, validation_split=0.2, verbose=0
        )
        runs.append((history["loss"], history["val_loss"], model.predict(samples), model.evaluate(samples, y)["loss"]))
    for run in runs[1:]:
        for mine, dense in zip(run, runs[0], strict=True):
            same(mine, dense)


def test_lbfgs(rng):
    x, s = matrix(rng)
    results = []
    for samples in (x, s):
        model = network("float64")
        model.fit(samples, x[:, :3], loss="mse", optimizer=st.optimizers.LBFGS(), epochs=5, verbose=0)
        results.append(model.predict(x))
    same(*results)


def test_gradients(rng):
    x, s = matrix(rng)
    y = rng.integers(3, size=len(x))
    model = network("float64")
    dense = model.loss_and_gradients(x, y, loss="softmax_cross_entropy")
    value, gradients = model.loss_and_gradients(s, y, loss="softmax_cross_entropy")
    assert value == dense[0]
    for name, gradient in gradients.items():
        same(gradient, dense[1][name])


def test_entries_that_stand_twice_add_up():
    twice = sparse.csr_array((np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 3))
    model = st.Sequential([st.layers.Activation("identity")], dtype="float64", input_shape=3)
    same(model.predict(twice), twice.toarray())


def test_empty_rows():
    model = st.Sequential([st.layers.Activation("identity")], dtype="float64", input_shape=3)
    same(model.predict(sparse.csr_array((4, 3))), np.zeros((4, 3)))
    assert model.predict(sparse.csr_array((0, 3))).shape == (0, 3)


def spoil_index(s):
    s.indices[3] = 99
    return s


def spoil_start(s):
    s.indptr[2] = 10_000
    return s


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda s: s.tocsc(), TypeError, r"X is a sparse matrix in 'csc' format: pass X\.tocsr\(\)"),
        (spoil_index, ValueError, "X is no sound sparse matrix"),
        (spoil_start, ValueError, "X is no sound sparse matrix"),
        (lambda s: s.astype(complex), TypeError, "X must hold float32.*complex128"),
        (lambda s: s[:, :20], ValueError, "X has 20 columns, the network takes 40"),
        (lambda s: s[:0], ValueError, "X has no rows"),
    ],
)
def test_bad_matrices(spoil, error, words, rng):
    _, s = matrix(rng)
    model = network()
    model.build(40)
    with pytest.raises(error, match=words):
        model.fit(spoil(s), np.zeros(s.shape[0]), loss="softmax_cross_entropy", epochs=1, verbose=0)


def test_the_core_stays_inside_the_arrays(rng):
    """What Python would have refused does no harm: entries outside the columns are left out, starts are clipped."""
    x, s = matrix(rng)
    model = st.Sequential([st.layers.Activation("identity")], dtype="float64", input_shape=40)
    s.indices[::7] = 1 << 30
    s.indices[1::7] = -5
    s.indptr[5], s.indptr[9] = 1 << 30, -1
    out = np.empty((len(x), 40))
    model.network.core.predict(s, out, 64, 1)
    assert np.isfinite(out).all()


def test_infinite_entry_is_named(rng):
    _, s = matrix(rng)
    s.data[20] = np.inf
    row, column = np.argwhere(np.isinf(s.toarray()))[0]
    with pytest.raises(ValueError, match=rf"X\[{row}, {column}\] is inf"):
        network().fit(s, np.zeros(s.shape[0]), loss="softmax_cross_entropy", epochs=1, verbose=0)


def test_memory_stays_small(rng):
    """The dense form would be 160 MB; a batch of it is 2 MB."""
    import tracemalloc

    s = sparse.random(10_000, 2_000, density=0.001, format="csr", random_state=0)
    model = st.Sequential([st.layers.Dense(2)])
    tracemalloc.start()
    model.fit(s, np.zeros(s.shape[0]), loss="softmax_cross_entropy", epochs=1, batch_size=256, verbose=0)
    model.predict(s)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6
