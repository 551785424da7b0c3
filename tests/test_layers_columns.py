"""Tables of numbers and categories: embeddings and groups of columns."""

import numpy as np
import pytest

import steepest as st

L = st.layers


def test_embedding_looks_its_vectors_up(rng):
    model = st.Sequential([L.Embedding(6, 3)], input_shape=1)
    table = model.layers[0].table
    x = rng.integers(6, size=(20, 1))
    for kind in ("int64", "uint8", "float32"):
        np.testing.assert_array_equal(model.predict(x.astype(kind)), table[x[:, 0]])


@pytest.mark.parametrize("unknown", [-1.0, 6.0, 1e30, np.nan, np.inf])
def test_unknown_categories_are_zero_vectors(unknown):
    model = st.Sequential([L.Embedding(6, 3)], input_shape=1)
    assert not model.predict([[unknown]]).any()


def test_only_vectors_that_were_seen_change(rng):
    x, y = np.array([[1], [4], [1]]), rng.normal(size=(3, 2))
    model = st.Sequential([L.Embedding(6, 2)], input_shape=1)
    before = model.layers[0].table.copy()
    model.fit(x, y, loss="mse", optimizer=st.optimizers.SGD(0.1), epochs=1, batch_size=3, verbose=0)
    assert np.any(model.layers[0].table != before, axis=1).tolist() == [False, True, False, False, True, False]


def test_gradient_of_a_table_sums_over_its_rows(rng):
    x = np.array([[2.0], [0.0], [2.0]])
    model = st.Sequential([L.Embedding(4, 1)], input_shape=1, dtype="float64")
    model.layers[0].table = np.zeros((4, 1))
    _, gradients = model.loss_and_gradients(x, [-1.0, 5.0, -3.0], loss="mse")
    # d mean((z - y)^2) / dz = 2 (z - y) / 3
    np.testing.assert_allclose(gradients["embedding_1.table"][:, 0], [-10 / 3, 0.0, 8 / 3, 0.0], rtol=1e-15)


def test_groups_stand_side_by_side_in_their_order(rng):
    x = rng.normal(size=(7, 5))
    x[:, 2] = rng.integers(3, size=7)
    front = L.Columns({"city": (2, L.Embedding(3, 2)), "pair": ([4, 0], None), "dense": ([1, 3], L.Dense(1, "tanh"))})
    model = st.Sequential([front], input_shape=5, dtype="float64")
    table = front.children()["city.embedding_1"].table
    dense = front.groups["dense"][1][0]
    expected = np.hstack([table[x[:, 2].astype(int)], x[:, [4, 0]], np.tanh(x[:, [1, 3]] @ dense.weight + dense.bias)])
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("rest", "columns"), [("keep", [1, 0, 2]), ("drop", [1])])
def test_the_rest(rest, columns, rng):
    x = rng.normal(size=(4, 3))
    model = st.Sequential([L.Columns({"middle": (1, None)}, rest=rest)], dtype="float64")
    np.testing.assert_array_equal(model.predict(x), x[:, columns])


def test_a_column_may_be_in_two_groups(rng):
    x, y = rng.normal(size=(6, 2)), rng.normal(size=(6, 1))
    front = L.Columns({"first": ([0, 0, 1], None), "second": ([1, 0], L.Dense(2, "tanh"))})
    report = st.gradcheck(st.Sequential([front, L.Dense(1)]), x, y, loss="mse")
    assert report.passed, str(report)


def test_a_mixed_table_is_learned(rng):
    # y depends on the category in a way no line in its number can.
    effect = np.array([3.0, -2.0, 0.5, -4.0, 1.0])
    x = np.column_stack([rng.normal(size=600), rng.integers(5, size=600)])
    y = x[:, 0] + effect[x[:, 1].astype(int)]
    front = L.Columns({"city": (1, L.Embedding(5, 3))})
    model = st.Sequential([front, L.Dense(16, "relu"), L.Dense(1)], seed=1)
    model.fit(x, y, loss="mse", optimizer=st.optimizers.Adam(0.01), epochs=60, batch_size=50, verbose=0)
    assert model.evaluate(x, y)["loss"] < 0.02 * y.var()


def test_layers_inside_have_their_views():
    inner = L.Dense(2)
    front = L.Columns({"a": ([0, 1], [L.BatchNorm(), inner])})
    model = st.Sequential([front], input_shape=3)
    assert np.shares_memory(inner.weight, model.parameters()["columns_1.a.dense_1.weight"])
    assert np.shares_memory(front.tensor("a.batch_norm_1.gamma"), front.groups["a"][1][0].gamma)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: L.Columns({}), TypeError, "groups must be a dictionary"),
        (lambda: L.Columns([(0, None)]), TypeError, "groups must be a dictionary"),
        (lambda: L.Columns({"a": 3}), TypeError, r"groups\['a'\] must be \(columns, layers\), got 3"),
        (lambda: L.Columns({"a": ([], None)}), ValueError, r"columns of groups\['a'\] must be at least one"),
        (lambda: L.Columns({"a": ([-1], None)}), ValueError, r"columns of groups\['a'\].*-1"),
        (lambda: L.Columns({"a": ([0.5], None)}), TypeError, "0.5"),
        (lambda: L.Columns({"a": (0, "relu")}), ValueError, "'relu'"),
        (lambda: L.Columns({"a b": (0, None)}), ValueError, "'a b'"),
        (lambda: L.Columns({"a": (0, None)}, rest="ignore"), ValueError, "rest.*'ignore'"),
        (lambda: st.Sequential([L.Columns({"a": (5, None)})], input_shape=3), ValueError, "column 5, the input has 3"),
        (lambda: st.Sequential([L.Embedding(3, 2)], input_shape=2), ValueError, "one column.*got 2.*Columns"),
        (lambda: L.Embedding(0, 2), ValueError, "categories.*0"),
        (lambda: L.Embedding(2**25, 2), ValueError, "categories"),
    ],
)
def test_arguments(make, error, words):
    with pytest.raises(error, match=words):
        make()
