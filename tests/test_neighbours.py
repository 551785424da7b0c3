"""Nearest rows: copies among rows of many densities, and labels that were filled in."""

import numpy as np
import pytest

import steepest as st
from steepest.diagnostics import neighbours

DATA = {
    "cube": lambda rng, n: rng.uniform(size=(n, 5)),
    "normal": lambda rng, n: rng.normal(size=(n, 12)),
    "heavy tails": lambda rng, n: rng.standard_t(3, size=(n, 6)),
    "surface in space": lambda rng, n: np.tanh(rng.normal(size=(n, 3)) @ rng.normal(size=(3, 10))),
    "clusters": lambda rng, n: 5 * rng.normal(size=(9, 6))[rng.integers(9, size=n)] + rng.normal(size=(n, 6)),
}


@pytest.mark.parametrize("kind", DATA)
def test_new_rows_are_no_copies(kind, rng):
    """The limit is that of one row in a thousand: of 500 six or more have a probability of 1e-5 (Poisson, mean 0.5)."""
    x = DATA[kind](rng, 2500)
    _, near, limit = neighbours.near_copies(x[:2000], x[2000:])
    assert limit > 0.0
    assert near.sum() <= 5


@pytest.mark.parametrize("kind", DATA)
def test_copies_with_noise_are_found(kind, rng):
    x = DATA[kind](rng, 2000)
    held = x[:200] + 1e-3 * x.std(axis=0) * rng.normal(size=(200, x.shape[1]))
    nearest, near, _ = neighbours.near_copies(x, held)
    assert near.mean() > 0.9
    np.testing.assert_array_equal(nearest[near], np.arange(200)[near])


def test_neighbours_on_a_line_say_nothing(rng):
    x = rng.uniform(size=(1000, 1)) * np.ones(4) + 1e-9
    assert neighbours.near_copies(x, x[:50])[2] == 0.0


def test_columns_that_tell_rows_apart(rng):
    numbers, codes = rng.normal(size=(300, 4)), rng.integers(5, size=(300, 3))
    assert neighbours.telling_columns(np.column_stack([codes, numbers])).tolist() == [3, 4, 5, 6]
    assert not len(neighbours.telling_columns(np.column_stack([codes, numbers[:, :2]])))
    # Pixels of one unit: those that hold noise alone are left out.
    wide = rng.normal(size=(300, 40)) * np.where(np.arange(40) < 20, 0.01, 1.0)
    assert neighbours.telling_columns(wide).min() >= 20


def centres(rng, rows=2000, classes=8):
    y = rng.integers(classes, size=rows)
    return 6 * rng.normal(size=(classes, 5))[y] + rng.normal(size=(rows, 5)), y


def test_labels_filled_in_at_random(rng):
    """Around rows of other classes the filled label is as frequent as it was filled in, up to chance."""
    x, y = centres(rng)
    y = np.where(rng.random(len(y)) < 0.5, 0, y)
    found = neighbours.filling(x, y == 0, np.eye(8)[y][:, 1:])
    # Half of 20, less 1.28 deviations of sqrt(20 / 4) neighbours: 0.36; odds of 0.56 over those of 0.5625.
    assert 0.25 <= found.share <= 0.45
    assert found.odds == pytest.approx(found.share / (1 - found.share) * np.mean(y != 0) / np.mean(y == 0))
    assert found.dispersion < 1.5
    assert found.explained > 0.9


def test_a_frequent_class_is_nothing_filled_in(rng):
    x, y = centres(rng)
    y = np.where(y < 5, 0, y - 4)
    found = neighbours.filling(x, y == 0, np.eye(4)[y][:, 1:])
    assert found.share == 0.0
    assert found.explained > 0.9


def checked(X, y, name, **options):
    model = st.Sequential([st.layers.Dense(8, "relu"), st.layers.Dense(options.pop("width", 1))], seed=0)
    return st.checkup(model, X, y, checks=["finite features", "validation data", "targets", name], **options)[name]


@pytest.mark.parametrize(("share", "status"), [(0.4, "warn"), (0.05, "pass")])
def test_default_label(share, status, rng):
    x, y = centres(rng)
    y = np.where(rng.random(len(y)) < share, 0, y)
    found = checked(x / 6, y, "default label", width=8, loss="softmax_cross_entropy")
    assert found.status == status
    assert status == "pass" or "the label 0" in found.evidence


def test_default_number(rng):
    X = rng.normal(size=(1500, 4))
    y = np.where(rng.random(1500) < 0.35, -1.0, X[:, 0] + X[:, 1])
    assert checked(X, y, "default label", loss="mse").status == "warn"
    # Where the features tell which rows are 0 these are zeros of their own.
    assert checked(X, np.where(X[:, 2] > 0.3, 0.0, X[:, 0] + X[:, 1]), "default label", loss="mse").status == "pass"


def test_near_copies_in_the_validation_data(rng):
    X, y = rng.normal(size=(800, 5)), rng.normal(size=800)
    held = X[:200] + 1e-4 * rng.normal(size=(200, 5))
    found = checked(X, y, "validation duplicates", loss="mse", validation_data=(held, y[:200]))
    assert found.status == "fail"
    assert "changed a little" in found.evidence
    # The same places measured again, or rows of their own, are no copies.
    for data in ((held, rng.normal(size=200)), (rng.normal(size=(200, 5)), y[:200])):
        assert checked(X, y, "validation duplicates", loss="mse", validation_data=data).status == "pass"


def test_rare_classes_among_a_frequent_one(rng):
    """Where they lie their odds are more than five times those of all rows: the frequent label was not filled in."""
    y = np.repeat([0, 1, 2, 3, 4], [2760, 60, 60, 60, 60])
    places = np.zeros((5, 5))
    places[1:, :2] = [[1.5, 0.0], [-1.5, 0.0], [0.0, 1.5], [0.0, -1.5]]
    X = places[y] + rng.normal(size=(len(y), 5)) * np.where(y == 0, 1.0, 0.6)[:, None]
    found = checked(X, y, "default label", width=5, loss="softmax_cross_entropy")
    assert found.data["share"] > 0.2
    assert found.data["odds"] < 0.2
    assert found.data["explained"] > 0.3
    assert found.status == "pass"
