"""What fit takes as data, and what it says about the rest."""

import numpy as np
import pytest

import steepest as st
from steepest import layers

ROWS = 24


def model_of(outputs, **options):
    return st.Sequential([layers.Dense(4, "relu"), layers.Dense(outputs)], seed=2, **options)


def train(X, y, loss="softmax_cross_entropy", outputs=3, model=None, **options):
    model = model or model_of(outputs)
    model.fit(X, y, **{"loss": loss, "epochs": 2, "batch_size": 5, "verbose": 0, **options})
    return model


@pytest.fixture
def x(rng):
    # Small whole numbers are exact in every type, so all of them must give the same bits.
    return rng.integers(0, 5, (ROWS, 6)).astype("float32")


@pytest.fixture
def y(rng):
    return rng.integers(0, 3, ROWS)


def parameters(model):
    return np.concatenate([array.ravel() for array in model.parameters().values()])


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_every_type_trains_alike(x, y, dtype):
    np.testing.assert_array_equal(parameters(train(x.astype(dtype), y)), parameters(train(x, y)))


def test_booleans(x, y):
    np.testing.assert_array_equal(parameters(train(x > 2, y)), parameters(train((x > 2).astype("f4"), y)))


@pytest.mark.parametrize(
    "arrange",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: np.repeat(x, 3, axis=1)[:, ::3],
        lambda x: x[::-1].copy()[::-1],
        lambda x: np.broadcast_to(x[:, :1], x.shape) * 0 + x,
        lambda x: x.reshape(ROWS, 2, 3),
        lambda x: np.repeat(x, 2, axis=0)[::2].reshape(ROWS, 3, 2),
        lambda x: np.repeat(x.reshape(ROWS, 3, 2), 2, axis=0)[::2],
        lambda x: x.tolist(),
    ],
)
def test_every_arrangement_trains_alike(x, y, arrange):
    np.testing.assert_array_equal(parameters(train(arrange(x), y)), parameters(train(x, y)))


def test_read_only_and_memory_maps(x, y, tmp_path):
    frozen = x.copy()
    frozen.flags.writeable = False
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for variant in (frozen, mapped):
        np.testing.assert_array_equal(parameters(train(variant, y)), parameters(train(x, y)))


@pytest.mark.parametrize(
    "convert", [list, lambda y: y.astype("float64"), lambda y: y.astype("u1"), lambda y: y[:, None][:, 0]]
)
def test_labels_of_any_type(x, y, convert):
    np.testing.assert_array_equal(parameters(train(x, convert(y))), parameters(train(x, y)))


def test_one_hot_labels_train_like_labels(x, y):
    by_label = train(x, y, model=model_of(3, dtype="float64"))
    by_row = train(x, np.eye(3)[y], model=model_of(3, dtype="float64"))
    np.testing.assert_allclose(parameters(by_row), parameters(by_label), rtol=1e-12, atol=1e-15)


def test_targets_of_one_column_or_none(x, y):
    for loss, targets in (("mse", y.astype("f4")), ("sigmoid_cross_entropy", (y > 0).astype("f4"))):
        flat = train(x, targets, loss, 1)
        np.testing.assert_array_equal(parameters(train(x, targets[:, None], loss, 1)), parameters(flat))


def test_boolean_targets(x, y):
    numbers = train(x, (y > 0).astype("f4"), "sigmoid_cross_entropy", 1)
    np.testing.assert_array_equal(parameters(train(x, y > 0, "sigmoid_cross_entropy", 1)), parameters(numbers))


def test_several_targets(x):
    train(x, x[:, :2], "mse", 2)
    train(x, (x[:, :2] > 2), "sigmoid_cross_entropy", 2)


def nan_at(array, *index, value=np.nan):
    array = np.array(array, dtype="float64")
    array[index] = value
    return array


BAD_X = {
    "one dimension": (lambda x: x[:, 0], ValueError, ["X", "(24,)", "reshape(-1, 1)"]),
    "no dimension": (lambda x: 3.0, ValueError, ["X", "()"]),
    "no rows": (lambda x: x[:0], ValueError, ["X has no rows", "(0, 6)"]),
    "no columns": (lambda x: x[:, :0], ValueError, ["X has no columns", "(24, 0)"]),
    "objects": (lambda x: x.astype(object), TypeError, ["X", "object"]),
    "strings": (lambda x: x.astype(str), TypeError, ["X holds strings"]),
    "objects with strings": (lambda x: x.astype(str).astype(object), TypeError, ["X holds strings"]),
    "complex": (lambda x: x.astype(complex), TypeError, ["X", "complex128"]),
    "half": (lambda x: x.astype("f2"), TypeError, ["X", "float16", "astype"]),
    "long": (lambda x: x.astype("longdouble"), TypeError, ["X", "astype"]),
    "dates": (lambda x: x.astype("M8[s]"), TypeError, ["X", "datetime64"]),
    "foreign bytes": (lambda x: x.astype(x.dtype.newbyteorder()), TypeError, ["X", "byte order"]),
    "ragged": (lambda x: [[1.0, 2.0], [3.0]], ValueError, ["X", "rectangular"]),
    "scattered images": (lambda x: x.reshape(ROWS, 2, 3).transpose(0, 2, 1), ValueError, ["X", "ascontiguousarray"]),
    "masked": (lambda x: np.ma.masked_equal(x, 2), ValueError, ["X", "masked", "filled"]),
}


@pytest.mark.parametrize("case", BAD_X)
def test_wrong_inputs(x, y, case):
    spoil, error, words = BAD_X[case]
    with pytest.raises(error) as caught:
        train(spoil(x), y)
    for word in words:
        assert word in str(caught.value)


def test_sparse_inputs(x, y):
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"X is a sparse matrix in 'csc' format: pass X.tocsr\(\)"):
        train(sparse.csc_matrix(x), y)


def test_masked_array_without_masked_elements(x, y):
    np.testing.assert_array_equal(parameters(train(np.ma.masked_equal(x, 99), y)), parameters(train(x, y)))


SOFTMAX, SIGMOID = "softmax_cross_entropy", "sigmoid_cross_entropy"
BAD_Y = {
    "too short": (SOFTMAX, 3, lambda y: y[:-1], ValueError, ["y has 23 rows, X has 24"]),
    "too large": (SOFTMAX, 3, lambda y: nan_at(y, 7, value=3), ValueError, ["y[7] is 3", "0..2", "3 outputs"]),
    "negative": (SOFTMAX, 3, lambda y: y - 1, ValueError, ["y[", "is -1", "0..2"]),
    "fraction": (SOFTMAX, 3, lambda y: nan_at(y, 5, value=0.5), ValueError, ["y[5] is 0.5", "whole numbers"]),
    "nan": (SOFTMAX, 3, lambda y: nan_at(y, 5), ValueError, ["y[5] is nan"]),
    "infinite": (SOFTMAX, 3, lambda y: nan_at(y, 5, value=np.inf), ValueError, ["y[5] is inf"]),
    "strings": (SOFTMAX, 3, lambda y: y.astype(str), TypeError, ["y holds strings", "steepest.sklearn"]),
    "column": (SOFTMAX, 3, lambda y: y[:, None], ValueError, ["(24, 1)", "y.ravel()"]),
    "wrong width": (SOFTMAX, 3, lambda y: np.eye(4)[y], ValueError, ["(24, 4)", "3 outputs", "(24, 3)"]),
    "not a distribution": (SOFTMAX, 3, lambda y: np.eye(3)[y] * 0.9, ValueError, ["row 0 of y sums to 0.9"]),
    "negative share": (SOFTMAX, 3, lambda y: nan_at(np.eye(3)[y], 2, 1, value=-0.5), ValueError, ["y[2, 1] is -0.5"]),
    "one output": (SOFTMAX, 1, lambda y: y * 0, ValueError, ["at least 2", "sigmoid_cross_entropy"]),
    "minus one": (SIGMOID, 1, lambda y: 2 * (y > 0) - 1, ValueError, ["y[", "is -1", "[0, 1]"]),
    "nan target": (SIGMOID, 1, lambda y: nan_at(y > 0, 3), ValueError, ["y[3, 0] is nan"]),
    "flat": ("mse", 2, lambda y: y, ValueError, ["(24,)", "2 outputs", "(24, 2)"]),
    "infinite target": ("mse", 1, lambda y: nan_at(y, 4, value=-np.inf), ValueError, ["y[4, 0] is -inf"]),
    "three dimensions": ("mse", 2, lambda y: np.zeros((ROWS, 2, 1)), ValueError, ["(24, 2, 1)", "(24, 2)"]),
}


@pytest.mark.parametrize("case", BAD_Y)
def test_wrong_targets(x, y, case):
    loss, outputs, spoil, error, words = BAD_Y[case]
    model = model_of(outputs, input_shape=6)
    before = parameters(model)
    with pytest.raises(error) as caught:
        train(x, spoil(y), loss, model=model)
    for word in words:
        assert word in str(caught.value)
    np.testing.assert_array_equal(parameters(model), before)
    assert model.loss is None


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (np.ones(ROWS - 1), "shape"),
        (np.ones((ROWS, 1)), "shape"),
        (np.zeros(ROWS), "zero everywhere"),
        (nan_at(np.ones(ROWS), 3, value=-1), r"sample_weight\[3\] is -1"),
        (nan_at(np.ones(ROWS), 3), r"sample_weight\[3\] is nan"),
    ],
)
def test_wrong_weights(x, y, weight, words):
    with pytest.raises(ValueError, match=words):
        train(x, y, sample_weight=weight)


def test_weights_count_rows(x, y):
    # A row of weight two is the row twice, where all rows are one batch.
    weight = np.ones(ROWS)
    weight[3] = 2.0
    doubled = train(np.vstack([x, x[3:4]]), np.append(y, y[3]), batch_size=ROWS + 1, model=model_of(3, dtype="float64"))
    weighted = train(x, y, sample_weight=weight, batch_size=ROWS, model=model_of(3, dtype="float64"))
    np.testing.assert_allclose(parameters(weighted), parameters(doubled), rtol=1e-9, atol=1e-12)


def test_batches_without_weight_are_harmless(x, y):
    weight = np.zeros(ROWS)
    weight[0] = 1.0
    model = train(x, y, sample_weight=weight, batch_size=4)
    assert np.isfinite(parameters(model)).all()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"epochs": -1}, ValueError, ["epochs", "-1"]),
        ({"epochs": 1.5}, TypeError, ["epochs", "1.5"]),
        ({"batch_size": 0}, ValueError, ["batch_size", "0"]),
        ({"batch_size": None}, TypeError, ["batch_size", "None"]),
        ({"loss": "crossentropy"}, ValueError, ["loss", "'crossentropy'", "softmax_cross_entropy"]),
        ({"loss": None}, ValueError, ["loss must be given"]),
        ({"optimizer": "adamm"}, ValueError, ["optimizer", "'adamm'", "did you mean 'adam"]),
        ({"shuffle": 1}, TypeError, ["shuffle", "1"]),
        ({"verbose": 3}, ValueError, ["verbose", "3"]),
        ({"validation_split": 1.0}, ValueError, ["validation_split", "1.0"]),
        ({"validation_split": 0.99}, ValueError, ["leaves no row of 24"]),
        ({"validation_data": np.zeros((3, 6))}, TypeError, ["validation_data must be (X, y)"]),
        ({"validation_data": (np.zeros((3, 5)), [0, 1, 2])}, ValueError, ["validation X has 5 columns"]),
        ({"validation_data": (np.zeros((3, 6)), [0, 1])}, ValueError, ["y has 2 rows, X has 3"]),
        ({"validation_data": (np.zeros((3, 6)), [0, 1, 2]), "validation_split": 0.5}, ValueError, ["not both"]),
        ({"callbacks": [print]}, TypeError, ["callbacks", "print"]),
        ({"early_stopping": 0}, ValueError, ["early_stopping", "0"]),
        ({"early_stopping": 5}, ValueError, ["val_loss", "no validation set"]),
    ],
)
def test_wrong_options(x, y, options, error, words):
    with pytest.raises(error) as caught:
        train(x, y, **options)
    for word in words:
        assert word in str(caught.value)
