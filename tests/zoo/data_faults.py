"""Faults planted in features, targets and rows."""

import numpy as np

import steepest as st

from . import sources as src
from .entry import Setup, fault

layers = st.layers


def classes(model, X, y, **options):
    fit = {**src.CLASSES, "optimizer": src.adam(), "epochs": 10, "batch_size": 32, **options}
    return Setup(model, X, y, fit)


def numbers(model, X, y, **options):
    fit = {**src.NUMBERS, "optimizer": src.adam(), "epochs": 10, "batch_size": 32, **options}
    return Setup(model, X, y, fit)


@fault("feature scale")
def unscaled_bytes():
    """MNIST as bytes 0..255."""
    X, y, _, _ = src.mnist()
    return classes(src.dense(64, 10), X, y)


@fault("feature scale")
def unscaled_housing():
    """Populations and rooms beside longitudes, as read."""
    X, y = src.housing()
    return numbers(src.dense(64, 1), X, (y - y.mean()) / y.std())


@fault("feature scale")
def one_column_in_thousands():
    """One of ten columns in other units."""
    X, y = src.blobs()
    X[:, 4] *= 1000
    return classes(src.dense(32, 3), X, y)


@fault("feature scale")
def years_as_they_are():
    """A year among standardised columns: a large constant part."""
    X, y = src.surface()
    X[:, 5] = 1990 + np.round(5 * X[:, 5])
    return numbers(src.dense(32, 1), X, y)


@fault("feature scale")
def scaled_twice():
    """Digits divided by 16, and by 256 once more."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 10), X / 256, y)


@fault("feature scale")
def unscaled_before_tanh():
    """Letters as whole numbers times ten into tanh units, which saturate."""
    X, y, count = src.letter()
    return classes(src.dense(64, 64, count, activation="tanh"), 10 * X, y)


@fault("finite features")
def one_missing_number():
    """A single NaN in a late row."""
    X, y = src.blobs(2000)
    X[1987, 3] = np.nan
    return classes(src.dense(32, 3), X, y)


@fault("finite features")
def infinite_ratio():
    """A ratio with a denominator of 0."""
    X, y = src.surface()
    X[17, 2] = np.inf
    return numbers(src.dense(32, 1), X, y)


@fault("constant features")
def stuck_sensor():
    """A column that never changes."""
    X, y = src.blobs()
    X[:, 6] = 1.7
    return classes(src.dense(32, 3), X, y)


@fault("duplicate features")
def column_twice_in_other_units():
    """A length in metres and in feet."""
    X, y = src.surface()
    return numbers(src.dense(32, 1), np.column_stack([X, 3.28 * X[:, 0]]).astype("float32"), y)


@fault("leaking features")
def label_among_the_features():
    """The label as a column."""
    X, y = src.blobs(spread=3.0)
    return classes(src.dense(32, 3), np.column_stack([X, y]).astype("float32"), y)


@fault("leaking features")
def target_among_the_features():
    """The standardised price with a little noise among the features of the price."""
    X, y = src.housing()
    y = (y - y.mean()) / y.std()
    leak = y + 0.02 * np.random.default_rng(0).normal(size=len(y))
    return numbers(src.dense(32, 1), np.column_stack([src.standard(X), leak]).astype("float32"), y)


@fault("leaking features")
def flag_of_one_class():
    """A column that is 1 for the digit 7 and for no other."""
    X, y, _, _ = src.digits()
    return classes(src.dense(32, 10), np.column_stack([X, y == 7]).astype("float32"), y)


@fault("targets")
def labels_from_one():
    """Labels 1..10 for ten outputs."""
    X, y, _, _ = src.digits()
    return classes(src.dense(32, 10), X, y + 1)


@fault("absent classes")
def labels_from_one_with_room():
    """Labels 1..10 for eleven outputs."""
    X, y, _, _ = src.digits()
    return classes(src.dense(32, 11), X, y + 1)


@fault("targets")
def missing_target():
    """A price that is not known."""
    X, y = src.surface()
    y[123] = np.nan
    return numbers(src.dense(32, 1), X, y)


@fault("labels and features")
def shuffled_labels():
    """Labels in another order than the rows."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 10), X, np.random.default_rng(1).permutation(y))


@fault("labels and features")
def labels_of_the_row_before():
    """Targets shifted by one row."""
    X, y = src.housing()
    return numbers(src.dense(64, 1), src.standard(X), np.roll((y - y.mean()) / y.std(), 1))


@fault("class balance")
def one_in_two_hundred():
    """Five rows in a thousand are of class 1."""
    X, y = src.blobs(2000, classes=2)
    keep = np.flatnonzero(y == 1)[:5]
    rows = np.concatenate([np.flatnonzero(y == 0), keep])
    return classes(src.dense(16, 2), X[rows], y[rows])


@fault("class balance")
def one_class_only():
    """All labels are the same."""
    X, y = src.blobs()
    return classes(src.dense(16, 3), X, 0 * y + 1)


@fault("target scale")
def prices_in_dollars():
    """Targets of a hundred thousand under squared error."""
    X, y = src.housing()
    return numbers(src.dense(64, 1), src.standard(X), y)


@fault("target scale")
def tiny_targets():
    """Targets of a hundred thousandth."""
    X, y = src.surface()
    return numbers(src.dense(32, 1), X, 1e-5 * y)


@fault("loss and targets")
def classes_as_amounts():
    """Digits' labels under squared error."""
    X, y, _, _ = src.digits()
    return numbers(src.dense(64, 1), X, y)


@fault("row order")
def sorted_and_not_shuffled():
    """Rows sorted by class, trained in this order."""
    X, y, _, _ = src.digits()
    order = np.argsort(y, kind="stable")
    return classes(src.dense(64, 10), X[order], y[order], shuffle=False)


@fault("validation duplicates")
def validation_from_training():
    """Validation rows drawn from the training rows."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 10), X, y, validation_data=(X[:300], y[:300]))


@fault("validation scale")
def validation_not_scaled():
    """The validation data were forgotten when the training data were standardised."""
    X, y = src.housing()
    y = (y - y.mean()) / y.std()
    model = src.dense(64, 1)
    count = len(X) * 3 // 4
    return numbers(model, src.standard(X)[:count], y[:count], validation_data=(X[count:], y[count:]))


@fault("validation targets")
def validation_of_other_classes():
    """The rows were sorted by class, and the last ones held back."""
    X, y, _, _ = src.digits()
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    return classes(src.dense(64, 10), X[:1000], y[:1000], validation_data=(X[1000:], y[1000:]))


@fault("embedding codes")
def codes_that_were_scaled():
    """A column of categories was standardised with the others before its embedding."""
    rng = np.random.default_rng(0)
    code, other = rng.integers(8, size=800), rng.normal(size=800)
    y = ((code % 3 == 0) ^ (other > 0)).astype(int)
    X = src.standard(np.column_stack([code, other]))
    front = layers.Columns({"code": (0, layers.Embedding(8, 3))})
    return classes(st.Sequential([front, layers.Dense(32, "relu"), layers.Dense(2)]), X, y)


@fault("embedding codes")
def more_categories_than_rows_of_the_table():
    """Codes up to 19 for a table of 12."""
    rng = np.random.default_rng(0)
    code, other = rng.integers(20, size=800), rng.normal(size=800)
    y = ((code % 3 == 0) ^ (other > 0)).astype(int)
    front = layers.Columns({"code": (0, layers.Embedding(12, 3))})
    model = st.Sequential([front, layers.Dense(32, "relu"), layers.Dense(2)])
    return classes(model, np.column_stack([code, other]).astype("float32"), y)


@fault("missing-value codes")
def minus_999_for_missing():
    """Missing numbers coded as -999, then standardised."""
    rng = np.random.default_rng(0)
    X, y = src.surface(1000)
    X[rng.random(len(X)) < 0.05, 2] = -999
    return numbers(src.dense(32, 1), src.standard(X), y)


@fault("validation agreement")
def validation_columns_in_another_order():
    """The columns of the validation data come in another order."""
    X, y = src.surface(1200)
    Xv = X[900:, ::-1]
    return numbers(src.dense(32, 1), X[:900], y[:900], validation_data=(Xv, y[900:]))


@fault("validation duplicates")
def copied_before_the_split():
    """Rows of the rare class were copied before the validation rows were drawn."""
    rng = np.random.default_rng(0)
    X, y = src.blobs(900, classes=2)
    rare = np.flatnonzero(y == 1)
    rows = rng.permutation(np.concatenate([np.arange(len(X)), *[rare] * 4]))
    X, y = X[rows], y[rows]
    return classes(src.dense(32, 2), X[400:], y[400:], validation_data=(X[:400], y[:400]))


@fault("validation duplicates")
def copied_with_noise_before_the_split():
    """Rows were copied with a little noise before the validation rows were drawn."""
    rng = np.random.default_rng(0)
    X, y = src.surface(700)
    rows = rng.permutation(np.repeat(np.arange(len(X)), 3))
    X, y = X[rows] + 1e-3 * rng.normal(size=(len(rows), X.shape[1])), y[rows]
    return numbers(src.dense(32, 1), X[500:], y[500:], validation_data=(X[:500], y[:500]))


@fault("validation duplicates")
def images_augmented_before_the_split():
    """Every digit stands there four times, with other noise in its pixels, and the copies were divided at random."""
    rng = np.random.default_rng(0)
    X, y, _, _ = src.digits()
    rows = rng.permutation(np.tile(np.arange(500), 4))
    X, y = X[rows] + 0.02 * rng.normal(size=(len(rows), 64)), y[rows]
    return classes(src.dense(64, 10), X[400:], y[400:], validation_data=(X[:400], y[:400]))


@fault("default label")
def labels_lost_in_the_second_half():
    """The labels of the second half of the file are 0, as an array that was filled in part."""
    X, y, count = src.letter()
    labels = y.copy()
    labels[len(y) // 2 :] = 0
    return classes(src.dense(64, count), src.standard(X), labels)


@fault("default label")
def prices_filled_in_with_zero():
    """Two prices in five were missing, and 0 was put there."""
    X, y = src.housing()
    lost = np.random.default_rng(0).random(len(y)) < 0.4
    return numbers(src.dense(64, 1), src.standard(X), np.where(lost, 0.0, (y - y.mean()) / y.std()))


@fault("outliers")
def one_wild_number():
    """A decimal point was lost in a single number."""
    X, y = src.surface(2000)
    X[777, 4] = 1e5
    return numbers(src.dense(32, 1), X, y)
