"""The matrix product and the dense layer: exact on integers, within the sum bound on reals, at every edge of a tile."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from layouts import DTYPES, LAYOUTS, blank, place
from reference import activations, dense
from steepest import _core, kernels
from tolerance import assert_equal, assert_within, eps, largest, sum_bound

# Micro-tiles are 3, 6 or 14 rows by 4 to 32 columns; blocks 192 rows, 512 columns, 256 of the sum.
EDGES_M = (1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 17, 28, 29)
EDGES_N = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65)
EDGES_K = (1, 2, 3, 7, 16, 33)
BLOCKS = [
    *((191, 33, 5), (192, 64, 9), (193, 17, 8), (5, 511, 6), (4, 512, 7), (6, 513, 5)),
    *((9, 17, 255), (7, 31, 256), (15, 33, 257), (3, 5, 513), (29, 65, 770)),
]


def integers(rng, shape, dtype):
    """Small whole numbers: all products and sums are exact, so there is nothing to tolerate."""
    return rng.integers(-8, 9, size=shape).astype(dtype)


def check_exact(rng, m, n, k, dtype, layout, bias):
    a, b = integers(rng, (m, k), dtype), integers(rng, (k, n), dtype)
    added = integers(rng, n, dtype) if bias else None
    out = blank((m, n), dtype, layout)
    kernels.dense_forward(place(a, layout), place(b, layout), added, out=out.view)
    exact = dense.exact_product(a.astype(int), b.astype(int)) + (0 if added is None else added)
    assert_equal(out.view, exact, f"{m} x {n} x {k} {layout}")
    out.assert_edges(f"{m} x {n} x {k}")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_exact_at_tile_edges(isa, dtype, layout, rng):
    for m in EDGES_M:
        for n in EDGES_N:
            check_exact(rng, m, n, EDGES_K[(m + n) % len(EDGES_K)], dtype, layout, bias=(m + n) % 2 == 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", BLOCKS, ids=str)
def test_exact_at_block_edges(isa, size, dtype, rng):
    check_exact(rng, *size, dtype, LAYOUTS[sum(size) % 3], bias=True)


@pytest.mark.parametrize("activation", activations.NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_forward_on_reals(isa, activation, dtype, rng):
    for m, n, k in ((1, 1, 1), (3, 17, 30), (14, 32, 100), (50, 65, 129), (16, 10, 300)):
        x, weight = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
        bias = rng.normal(size=n).astype(dtype)
        actual = kernels.dense_forward(x, weight, bias, activation, 0.25)
        z = dense.forward(*(v.astype(np.float64) for v in (x, weight, bias)))
        # Every f here is 1-Lipschitz; sigmoid and tanh add 3 ULP of at most 1.
        bound = sum_bound(dtype, k, x, weight) + eps(dtype) * largest(bias) + 3 * eps(dtype)
        assert_within(actual, activations.forward(activation, z, 0.25), bound, f"{activation} {isa} {m} x {n} x {k}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_is_exact_on_integers(isa, dtype, rng):
    for m, n, k in ((1, 1, 1), (2, 3, 5), (15, 33, 17), (64, 31, 65), (7, 129, 33), (130, 5, 66), (300, 9, 4)):
        x, weight, dy = integers(rng, (m, k), dtype), integers(rng, (k, n), dtype), integers(rng, (m, n), dtype)
        y = dense.forward(x, weight)
        for activation in ("identity", "relu"):
            kept = y if activation == "identity" else np.maximum(y, 0)
            dz = dy.astype(int) * (1 if activation == "identity" else y > 0)
            dx, dweight, dbias = kernels.dense_backward(x, weight, kept, dy, activation)
            what = f"{activation} {isa} {m} x {n} x {k}"
            assert_equal(dx, dense.exact_product(dz, weight.T.astype(int)), what)
            assert_equal(dweight, dense.exact_product(x.T.astype(int), dz), what)
            assert_equal(dbias, np.sum(dz, axis=0), what)


@pytest.mark.parametrize("activation", activations.NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_on_reals(isa, activation, dtype, rng):
    for m, n, k in ((1, 1, 1), (3, 17, 30), (50, 65, 129), (100, 33, 7)):
        x, weight = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype) / dtype(4)
        y = kernels.dense_forward(x, weight, None, activation, 0.25)
        dy = rng.normal(size=(m, n)).astype(dtype)
        z = dense.forward(x.astype(np.float64), weight.astype(np.float64))
        if activation in ("relu", "leaky_relu"):  # where rounding decides, take its decision
            z = y.astype(np.float64)
        dz = activations.backward(activation, z, dy.astype(np.float64), 0.25)
        expected = dense.backward(x.astype(np.float64), weight.astype(np.float64), dz)
        # z, within its own sum bound, enters the slope; f'' is at most 1 for all of these.
        slope = (sum_bound(dtype, k, x, weight) + 6 * eps(dtype)) * largest(dy)
        slope = slope if activation in ("sigmoid", "tanh") else eps(dtype) * largest(dy)
        bounds = (
            sum_bound(dtype, n, dz, weight) + slope * np.sum(np.abs(weight), axis=1).max(),
            sum_bound(dtype, m, x, dz) + slope * np.sum(np.abs(x), axis=0).max(),
            sum_bound(dtype, m, dz) + slope * m,
        )
        for name, actual, exact, bound in zip(
            ("dx", "dweight", "dbias"),
            kernels.dense_backward(x, weight, y, dy, activation, 0.25),
            expected,
            bounds,
            strict=True,
        ):
            assert_within(actual, exact, bound, f"{name} of {activation} {isa} {m} x {n} x {k}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_element_does_not_depend_on_its_neighbours(isa, dtype, rng):
    """Each is one sum in increasing order, so a row alone and a column alone have the bits they have in the whole."""
    a, b = rng.normal(size=(29, 70)).astype(dtype), rng.normal(size=(70, 37)).astype(dtype)
    whole = kernels.matmul(a, b)
    for i in (0, 5, 13, 14, 28):
        assert_equal(kernels.matmul(a[i : i + 1], b), whole[i : i + 1])
    for j in (0, 15, 16, 31, 36):
        assert_equal(kernels.matmul(a, b[:, j : j + 1]), whole[:, j : j + 1])


def test_nan_of_a_padded_column_stays_there(isa):
    b = np.ones((3, 9))
    b[1, 8] = np.nan
    assert np.isnan(kernels.matmul(np.ones((4, 3)), b)).sum() == 4


def test_infinite_row_does_not_touch_others(isa):
    a = np.ones((7, 5))
    a[3] = np.inf
    product = kernels.matmul(a, np.ones((5, 6)))
    assert_equal(np.isinf(product).all(axis=1), np.arange(7) == 3)


def test_dense_without_bias_is_the_product(isa, rng):
    x, w = rng.normal(size=(9, 20)), rng.normal(size=(20, 33))
    assert_equal(kernels.dense_forward(x, w), kernels.matmul(x, w))
    assert_equal(kernels.dense_forward(x, w, activation="relu"), np.maximum(kernels.matmul(x, w), 0))


def test_any_strides_of_the_factors(isa, rng):
    a, b = integers(rng, (15, 65), np.float32), integers(rng, (65, 33), np.float32)
    product = dense.exact_product(a.astype(int), b.astype(int))
    assert_equal(kernels.matmul(np.asfortranarray(a), b[:, ::-1]), product[:, ::-1])
    assert_equal(kernels.matmul(a[::2], b), product[::2])


@settings(max_examples=150)
@given(data=some.data())
def test_any_shape_is_exact(data):
    """With every instruction set: the fixture would be shared by hypothesis' examples."""
    m, n, k = (data.draw(some.integers(1, limit)) for limit in (60, 150, 300))
    dtype, layout = data.draw(some.sampled_from(DTYPES)), data.draw(some.sampled_from(LAYOUTS))
    before = _core.isa()
    try:
        for isa in _core.available_isas():
            _core.force_isa(isa)
            check_exact(np.random.default_rng(m * n * k), m, n, k, dtype, layout, bias=True)
    finally:
        _core.force_isa(before)
