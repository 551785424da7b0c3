"""Batch norm, column sums and gathering of rows against the float64 reference."""

import numpy as np
import pytest

from layouts import COLUMNS as ALL_COLUMNS
from layouts import DTYPES, LAYOUTS, blank, place
from reference import batch_norm
from steepest import kernels
from tolerance import assert_equal, assert_within, eps, largest, sum_bound

COLUMNS = (1, 2, 10, 15, 16, 17, 21, 130)


def normal(rng, dtype, *shape, scale=1.0):
    return (scale * rng.normal(size=shape)).astype(dtype)


def wide(*arrays):
    return [array.astype(np.float64) for array in arrays]


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 100])
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm(isa, dtype, cols, rows, rng):
    x, dy = normal(rng, dtype, rows, cols) + dtype(3), normal(rng, dtype, rows, cols)
    gamma, beta = normal(rng, dtype, cols), normal(rng, dtype, cols)
    y, mean, variance, inv_std = kernels.batch_norm_forward(x, gamma, beta, 1e-3)
    full = wide(x, gamma, beta, dy)
    true_mean, true_variance = batch_norm.moments(full[0])
    # A chunk's sum of 16 and then one rounding of the mean per chunk.
    assert_within(mean, true_mean, eps(dtype) * (17 + rows / 16) * largest(x), "mean")
    assert_within(variance, true_variance, sum_bound(dtype, rows + 8, x, x) / rows, "variance")
    # What is off in x - mean, by eps max|x|, is magnified by gamma / std.
    condition = largest(gamma) * float(np.max(1 / np.sqrt(true_variance + 1e-3)))
    unit = eps(dtype) * (8 + largest(x)) * (1 + condition) ** 2
    expected = batch_norm.forward(full[0], full[1], full[2], 1e-3, true_mean, true_variance)
    assert_within(y, expected, 4 * unit, "y")
    dx, dgamma, dbeta = kernels.batch_norm_backward(x, dy, mean, inv_std, gamma)
    true_dx, true_dgamma, true_dbeta = batch_norm.backward(full[0], full[1], 1e-3, full[3])
    assert_within(dbeta, true_dbeta, sum_bound(dtype, rows + 4, dy), "dbeta")
    assert_within(dgamma, true_dgamma, (rows + 4) * largest(dy) * 4 * unit, "dgamma")
    assert_within(dx, true_dx, largest(dy) * 16 * unit * (1 + condition), "dx")


@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm_survives_a_large_mean(isa, dtype, rng):
    # A one-pass variance would lose every digit: mean^2 / variance is 1e6, or 1e14 in double.
    shift = dtype(1e3 if dtype == np.float32 else 1e7)
    x = (rng.integers(-8, 8, (64, 5))).astype(dtype) + shift
    _, mean, variance, _ = kernels.batch_norm_forward(x, np.ones(5, dtype), np.zeros(5, dtype))
    true_mean, true_variance = batch_norm.moments(x.astype(np.longdouble))
    assert_within(mean, true_mean, 4 * eps(dtype) * float(shift))
    assert_within(variance, true_variance, 64 * eps(dtype) * float(shift))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm_at_any_place_in_memory(isa, dtype, layout, rng):
    for cols in ALL_COLUMNS:
        rows = (1, 2, 16, 33)[cols % 4]
        x, dy = normal(rng, dtype, rows, cols), normal(rng, dtype, rows, cols)
        gamma, beta = normal(rng, dtype, 2, cols)
        out = blank((rows, cols), dtype, layout)
        expected = kernels.batch_norm_forward(x, gamma, beta)
        actual = kernels.batch_norm_forward(place(x, layout), place(gamma, "misaligned"), beta, out=out.view)
        back = kernels.batch_norm_backward(place(x, layout), place(dy, layout), *actual[1::2], gamma)
        for a, e in zip(
            [*actual, *back], [*expected, *kernels.batch_norm_backward(x, dy, *actual[1::2], gamma)], strict=True
        ):
            assert_equal(a, e, f"{isa} {rows} x {cols} {layout}")
        out.assert_edges("batch_norm")


@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm_moments_are_exact_where_they_can_be(isa, dtype):
    """Mean and variance of -k .. k in steps of one, in chunks of 16 rows with whole means."""
    x = np.tile(np.array([[-3.0, 1.0], [3.0, 5.0]], dtype=dtype), (16, 1))
    _, mean, variance, inv_std = kernels.batch_norm_forward(x, np.ones(2, dtype), np.zeros(2, dtype), 0.0)
    assert_equal(mean, [0.0, 3.0])
    assert_equal(variance, [9.0, 4.0])
    assert_equal(inv_std, (1 / np.array([3.0, 2.0])).astype(dtype))


def test_constant_column_has_no_variance(isa):
    for dtype in DTYPES:
        x = np.full((37, 3), 0.1, dtype)
        y, _, variance, _ = kernels.batch_norm_forward(x, np.ones(3, dtype), np.full(3, 7, dtype))
        assert np.all(np.abs(variance) <= (4 * eps(dtype) * 0.1) ** 2)
        assert_within(
            y, np.full((37, 3), 7.0), 400 * eps(dtype)
        )  # (x - mean) / sqrt(1e-5), x - mean one rounding of 0.1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_column_sums_are_exact_on_integers(isa, dtype, layout, rng):
    for cols in ALL_COLUMNS:
        for rows in (0, 1, 2, 5, 33):
            x = rng.integers(-100, 101, size=(rows, cols)).astype(dtype)
            out = blank((cols,), dtype, "misaligned")
            kernels.column_sums(place(x, layout), out=out.view)
            assert_equal(out.view, np.sum(x.astype(int), axis=0), f"{isa} {rows} x {cols} {layout}")
            out.assert_edges("column_sums")


@pytest.mark.parametrize("dtype", DTYPES)
def test_column_sums_add_from_first_to_last(isa, dtype, rng):
    x = rng.normal(size=(200, 19)).astype(dtype)
    expected = np.zeros(19, dtype)
    for row in x:
        expected = expected + row
    assert_equal(kernels.column_sums(x), expected)


# --------------------------------------------------------------------------------------------------------------- gather
SOURCES = ("float32", "float64", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "bool")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("source", SOURCES)
def test_gather_converts_as_numpy_does(isa, source, dtype, rng):
    for cols in ALL_COLUMNS:
        if source.startswith("float"):
            x = rng.normal(size=(11, cols)).astype(source)
        elif source == "bool":
            x = rng.random((11, cols)) < 0.5
        else:
            info = np.iinfo(source)
            x = rng.integers(info.min, info.max, size=(11, cols), dtype=source, endpoint=True)
        rows = rng.integers(11, size=7)
        for view in (x, np.asfortranarray(x), x[::-1], x[:, ::-1], np.repeat(x, 2, axis=1)[:, ::2]):
            out = blank((7, cols), dtype, LAYOUTS[cols % 3])
            kernels.gather(view, rows, dtype, out=out.view)
            assert_equal(out.view, view[rows].astype(dtype), f"{source} {cols}")
            out.assert_edges("gather")


@pytest.mark.parametrize("source", SOURCES)
def test_gather_from_odd_addresses(isa, source, rng):
    record = np.zeros(30, dtype=[("tag", "u1"), ("x", source, (9,))])
    record["x"] = rng.integers(0, 2, (30, 9))
    assert_equal(kernels.gather(record["x"], [29, 0, 7], "float64"), record["x"][[29, 0, 7]].astype(float))


def test_gather_reads_read_only_and_broadcast_memory(isa):
    x = np.broadcast_to(np.arange(5, dtype="int16"), (4, 5))
    assert_equal(kernels.gather(x, [3, 0]), x[[3, 0]])
    assert kernels.gather(x, []).shape == (0, 5)
