"""Standardising."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from steepest.preprocessing import Standardizer, base


@settings(max_examples=40, deadline=None)
@given(
    rows=some.integers(2, 60),
    columns=some.integers(1, 5),
    shift=some.floats(-1e6, 1e6),
    scale=some.floats(1e-3, 1e3),
    seed=some.integers(0, 1000),
    chunk=some.integers(1, 70),
)
def test_mean_and_scale(rows, columns, shift, scale, seed, chunk):
    x = np.random.default_rng(seed).normal(shift, scale, (rows, columns))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "CHUNK", chunk)
        standardizer = Standardizer().fit(x)
    # Rounding of x itself, eps * |shift|, is all the difference there may be, up to the number of additions.
    slack = np.finfo(float).eps * (abs(shift) + scale) * (rows + 8)
    np.testing.assert_allclose(standardizer.mean, x.mean(axis=0), rtol=0, atol=slack)
    np.testing.assert_allclose(standardizer.scale, x.std(axis=0), rtol=1e-12, atol=slack)


def test_result(rng):
    x = rng.normal(3, 2, (500, 4))
    z = Standardizer().fit_transform(x)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(Standardizer().fit(x).inverse_transform(z), x, rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e10, -3.3e-7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_columns_become_zero(value, dtype):
    x = np.full((1000, 2), value, dtype=dtype)
    x[:, 1] = np.arange(1000)
    standardizer = Standardizer().fit(x)
    assert standardizer.scale[0] == 1.0
    assert (standardizer.transform(x)[:, 0] == 0).all()


def test_training_statistics_are_used_on_other_sets():
    standardizer = Standardizer().fit([[0.0], [2.0]])
    np.testing.assert_array_equal(standardizer.transform([[5.0]]), [[4.0]])


@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [("u1", None, "f4"), ("i8", None, "f4"), ("f4", None, "f4"), ("f8", None, "f8"), ("f8", "float32", "f4")],
)
def test_types(given, asked, expected):
    x = np.arange(6).reshape(3, 2).astype(given)
    standardizer = Standardizer(dtype=asked)
    assert standardizer.fit_transform(x).dtype == np.dtype(expected)
    assert standardizer.mean.dtype == np.float64


def test_large_integers_do_not_overflow():
    x = np.full((300, 1), 250, dtype="u1")
    x[:150] = 240
    standardizer = Standardizer().fit(x)
    assert (standardizer.mean[0], standardizer.scale[0]) == (245.0, 5.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(value):
    x = np.zeros((4, 3))
    x[2, 1] = value
    with pytest.raises(ValueError, match=rf"X\[2, 1\] is {value}"):
        Standardizer().fit(x)
    with pytest.raises(ValueError, match=rf"X\[2, 1\] is {value}"):
        Standardizer().fit(np.zeros((4, 3))).transform(x)


def test_wrong_use():
    with pytest.raises(ValueError, match="not been fitted"):
        Standardizer().transform([[1.0]])
    with pytest.raises(ValueError, match="X has 3 columns, the Standardizer was fitted on 2"):
        Standardizer().fit(np.zeros((4, 2))).transform(np.zeros((4, 3)))


def test_the_input_is_left_alone():
    x = np.arange(6.0).reshape(3, 2)
    x.flags.writeable = False
    Standardizer().fit_transform(x)
