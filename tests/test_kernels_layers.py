"""Row functions, layer norm, PReLU, Maxout and Gaussian noise against the float64 reference."""

import numpy as np
import pytest

from layouts import COLUMNS, DTYPES, LAYOUTS, blank, place, row_counts
from reference import dropout, layer_norm, pieces, row_functions
from steepest import _core, kernels
from tolerance import assert_equal, assert_within, eps, largest


def normal(rng, dtype, *shape, scale=1.0):
    return (scale * rng.normal(size=shape)).astype(dtype)


def wide(*arrays):
    return [array.astype(np.float64) for array in arrays]


# -------------------------------------------------------------------------------------------------------- row functions
def row_backward(name, y, dy, out=None):
    result = np.empty_like(dy) if out is None else out
    _core.kernel_row_backward(name, y, dy, result, 1)
    return result


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", row_functions.NAMES)
def test_row_function(isa, name, dtype, layout, rng):
    for cols in COLUMNS:
        for rows in (*row_counts(cols), 35):
            x, dy = normal(rng, dtype, rows, cols, scale=5.0), normal(rng, dtype, rows, cols)
            out = blank((rows, cols), dtype, layout)
            getattr(kernels, name)(place(x, layout), out=out.view)
            what = f"{name} {isa} {rows} x {cols} {layout}"
            # exp magnifies the rounding of x - max, at most eps max|x|; a sum of cols terms follows.
            bound = eps(dtype) * (cols + 8 + 4 * largest(x))
            exact = row_functions.forward(name, x.astype(np.float64))
            assert_within(out.view, exact, 0 if name == "hardmax" else bound, what)
            out.assert_edges(what)
            y = exact.astype(dtype)
            back = blank((rows, cols), dtype, layout)
            row_backward(name, place(y, layout), place(dy, layout), back.view)
            back.assert_edges(what)
            # A sum over the row times at most 1, and y = log softmax to eps max|y| before its exponential.
            bound = 4 * eps(dtype) * (cols + 4 + largest(y)) * largest(dy)
            assert_within(back.view, row_functions.backward(name, x.astype(np.float64), dy), bound, what)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", row_functions.NAMES)
def test_row_functions_are_shift_invariant(isa, name, dtype, rng):
    # Multiples of 1/16 stay exact in float32 when 1e6 is added, so the results must be equal.
    for cols in (3, 13, 40):
        x = (rng.integers(-64, 64, (40, cols)) / 16).astype(dtype)
        shifted = x + dtype(1e6)
        assert_equal(shifted - dtype(1e6), x)
        assert_equal(getattr(kernels, name)(shifted), getattr(kernels, name)(x))


@pytest.mark.parametrize("name", row_functions.NAMES)
def test_row_functions_in_place_have_the_same_bits(isa, name, rng):
    for cols in (5, 37):
        x, dy = rng.normal(size=(2, 34, cols))
        apart, same = getattr(kernels, name)(x), x.copy()
        assert_equal(getattr(kernels, name)(same, out=same), apart)
        expected = row_backward(name, apart, dy)
        over_y, over_dy = apart.copy(), dy.copy()
        assert_equal(row_backward(name, over_y, dy, over_y), expected)
        assert_equal(row_backward(name, apart, over_dy, over_dy), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_row_functions_far_out(isa, dtype):
    x = np.array([[1e4, 1e4, -1e4], [0, -np.inf, -1e4]], dtype)
    assert_equal(kernels.softmax(x), [[0.5, 0.5, 0], [1, 0, 0]])
    log = kernels.log_softmax(x)
    assert_within(log[0], [-np.log(2), -np.log(2), -2e4 - np.log(2)], 2 * eps(dtype) * 2e4)
    assert_equal(log[1], [0, -np.inf, -1e4])
    assert_equal(kernels.hardmax(x), [[1, 0, 0], [1, 0, 0]])
    assert_equal(kernels.hardmax(np.full((1, 20), -np.inf, dtype)), np.eye(20)[:1])
    nan = np.isnan(kernels.hardmax(np.array([[1.0, np.nan, 0.0]], dtype)))
    assert_equal(nan, [[False, True, False]])


# ----------------------------------------------------------------------------------------------------------- layer norm
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_norm(isa, dtype, layout, rng):
    for cols in COLUMNS:
        for rows in (*row_counts(cols), 33):
            x, dy = normal(rng, dtype, rows, cols) + dtype(3), normal(rng, dtype, rows, cols)
            gamma, beta = normal(rng, dtype, 2, cols)
            out, what = blank((rows, cols), dtype, layout), f"{isa} {rows} x {cols} {layout}"
            y, mean, inv_std = kernels.layer_norm_forward(place(x, layout), gamma, beta, 1e-3, out=out.view)
            out.assert_edges(what)
            full, full_gamma, full_beta, full_dy = wide(x, gamma, beta, dy)
            exact, true_mean, true_inv_std = layer_norm.forward(full, full_gamma, full_beta, 1e-3)
            # A sum of cols terms of the size of max|x|, divided by cols.
            assert_within(mean, true_mean, eps(dtype) * (cols / 4 + 4) * largest(x), f"mean {what}")
            # What is off in x - mean, by eps max|x|, is magnified by gamma / std.
            condition = (1 + largest(gamma)) * (1 + largest(true_inv_std))
            unit = eps(dtype) * (cols + 8) * (1 + largest(x)) * condition**2
            assert_within(inv_std, true_inv_std, unit * (1 + largest(true_inv_std)), f"inv_std {what}")
            assert_within(y, exact, 4 * unit, f"y {what}")
            dx, dgamma, dbeta = kernels.layer_norm_backward(place(x, layout), place(dy, layout), mean, inv_std, gamma)
            true_dx, true_dgamma, true_dbeta = layer_norm.backward(full, full_gamma, 1e-3, full_dy)
            assert_within(dbeta, true_dbeta, eps(dtype) * (rows + 2) * rows * largest(dy), f"dbeta {what}")
            assert_within(dgamma, true_dgamma, (rows + 4) * largest(dy) * 4 * unit, f"dgamma {what}")
            assert_within(dx, true_dx, largest(dy) * 16 * unit * condition, f"dx {what}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_norm_is_exact_where_it_can_be(isa, dtype):
    """Rows of 3 and -3 around a whole mean: nothing is rounded but the root, which is whole too."""
    for half in (1, 2, 8, 32):
        x = np.tile(np.array([[-3.0, 3.0], [-1.0, 5.0]], dtype), half)
        y, mean, inv_std = kernels.layer_norm_forward(x, np.full(2 * half, 2, dtype), np.ones(2 * half, dtype), 0.0)
        assert_equal(mean, [0, 2])
        assert_equal(inv_std, np.full(2, dtype(1) / dtype(3)))
        assert_within(y, np.tile([[-1.0, 3.0]], (2, half)), 4 * eps(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_norm_survives_a_large_mean(isa, dtype, rng):
    shift = dtype(1e3 if dtype == np.float32 else 1e7)
    x = rng.integers(-8, 8, (5, 64)).astype(dtype) + shift
    _, _, inv_std = kernels.layer_norm_forward(x, np.ones(64, dtype), np.zeros(64, dtype), 0.0)
    exact = layer_norm.forward(x.astype(np.longdouble), 1.0, 0.0, 0.0)[2]
    assert_within(inv_std, exact, 64 * eps(dtype) * float(shift) * largest(exact))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [1000.1, 12345.678, 1e6 + 1, -3e7 / 7])
def test_layer_norm_of_equal_values_is_beta(isa, dtype, value):
    """The mean of equal values is their value: one that misses it by a rounding gives 1 in place of 0."""
    for width in (1, 3, 17, 30, 100, 768, 1000, 4097):
        x = np.full((3, width), value, dtype)
        beta = np.linspace(-1, 1, width).astype(dtype)
        y, mean, inv_std = kernels.layer_norm_forward(x, np.ones(width, dtype), beta)
        assert np.array_equal(mean, x[:, 0])
        assert np.array_equal(y, np.broadcast_to(beta, y.shape))
        # A variance below zero would give more, or NaN.
        assert np.all((inv_std > 0) & (inv_std <= 1e-5**-0.5 * (1 + 4 * eps(dtype))))


@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_norm_survives_one_far_value(isa, dtype, rng):
    """A variance by sums about a number that lies far from the mean would lose a factor of the width."""
    width = 4096
    x = rng.normal(size=(4, width))
    x[:, 0] = 1000.0
    x = x.astype(dtype)
    wide = x.astype("longdouble")
    expected = (wide - wide.mean(axis=1, keepdims=True)) / np.sqrt(wide.var(axis=1, keepdims=True) + 1e-5)
    y = kernels.layer_norm_forward(x, np.ones(width, dtype), np.zeros(width, dtype))[0]
    # The roundings of a sum of `width` terms walk at random, by eps / 2 each: four times the root of their number.
    assert np.abs(y - expected).max() <= 2.0 * width**0.5 * eps(dtype) * np.abs(expected).max()


# ----------------------------------------------------------------------------------------------------- PReLU and Maxout
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_prelu(isa, dtype, layout, rng):
    for cols in COLUMNS:
        for rows in (*row_counts(cols), 33):
            x, dy, slope = normal(rng, dtype, rows, cols), normal(rng, dtype, rows, cols), normal(rng, dtype, cols)
            x.flat[::7] = 0.0
            out, what = blank((rows, cols), dtype, layout), f"prelu {isa} {rows} x {cols} {layout}"
            y = kernels.prelu_forward(place(x, layout), slope, out=out.view)
            out.assert_edges(what)
            exact = pieces.prelu(*wide(x, slope))
            assert_within(y, exact, eps(dtype) * np.abs(exact), what)
            dx, dslope = kernels.prelu_backward(place(x, layout), slope, place(dy, layout))
            true_dx, true_dslope = pieces.prelu_backward(*wide(x, slope, dy))
            assert_within(dx, true_dx, eps(dtype) * np.abs(true_dx), what)
            assert_within(dslope, true_dslope, eps(dtype) * (rows + 1) * largest(x) * largest(dy), what)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_maxout(isa, dtype, layout, rng):
    for units in COLUMNS:
        for k in (1, 2, 3, 4, 5, 8):
            rows = (1, 2, 5)[(units + k) % 3]
            z = rng.integers(-4, 5, size=(rows, units * k)).astype(dtype)  # with many equals
            out, what = blank((rows, units), dtype, layout), f"maxout {isa} {rows} x {units} of {k} {layout}"
            y, which = kernels.maxout_forward(place(z, layout), k, out=out.view)
            out.assert_edges(what)
            exact, winners = pieces.maxout(z, k)
            assert_equal(y, exact, what)
            assert_equal(which, winners, what)
            dy = normal(rng, dtype, rows, units)
            dz = kernels.maxout_backward(which, k, place(dy, layout))
            assert_equal(dz, pieces.maxout_backward(winners, k, dy), what)


def test_maxout_and_prelu_keep_nan(isa):
    z = np.array([[1.0, np.nan, 2.0, np.nan, 3.0, np.nan, 0.0, -1.0]])
    y, which = kernels.maxout_forward(z, 4)
    assert np.isnan(y).all()
    assert_equal(which, [[1, 1]])
    assert np.isnan(kernels.prelu_forward(np.full((1, 5), np.nan), np.zeros(5))).all()


# --------------------------------------------------------------------------------------------------------------- noise
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_noise_is_box_muller_of_philox(isa, dtype, layout, rng):
    addresses = [(0, 0, 0, 0), (0x123456789ABCDEF0, 3, 2, 17), (2**64 - 1, 2**33 + 5, 7, 1000)]
    for cols in COLUMNS:
        for rows in row_counts(cols):
            address = addresses[(rows + cols) % 3]
            x, out = normal(rng, dtype, rows, cols), blank((rows, cols), dtype, layout)
            kernels.gaussian_noise(place(x, layout), 0.5, *address, out=out.view)
            numbers = dropout.normal_numbers(rows, cols, *address)
            # The angle pi k, |k| <= 1, rounds by eps pi and is doubled twice; the radius, at most 6.8, by a few eps.
            bound = eps(dtype) * (0.5 * 6.8 * 16 + np.abs(x))
            assert_within(
                out.view, x.astype(np.float64) + 0.5 * numbers, bound, f"noise {isa} {rows} x {cols} {layout}"
            )
            out.assert_edges("noise")


@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_noise_is_normal(isa, dtype):
    numbers = kernels.gaussian_noise(np.zeros((500, 400), dtype), 1.0, seed=7).astype(np.float64).ravel()
    # Six standard deviations of each moment's estimate: of mean, variance, skewness, and fourth moment.
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(numbers**power) - expected) < 6 * np.sqrt(variance / numbers.size), power
    assert abs(np.mean(np.abs(numbers) < 1) - 0.682689492) < 6 * np.sqrt(0.2166 / numbers.size)
    assert np.max(np.abs(numbers)) < 6.8


def test_gaussian_noise_neighbours_and_streams_are_independent(isa):
    zero = np.zeros((100, 256))
    base = kernels.gaussian_noise(zero, 1.0, seed=1)
    others = [
        kernels.gaussian_noise(zero, 1.0, *address) for address in ((2, 0, 0), (1, 1, 0), (1, 0, 1), (1, 0, 0, 100))
    ]
    others += [np.roll(base, shift, axis) for shift in (1, 16, 32, 64) for axis in (0, 1)]
    for other in others:
        assert abs(np.mean(base * other)) < 6 / np.sqrt(base.size)


def test_gaussian_noise_has_no_word_in_common_with_dropout():
    masks = dropout.words(64, 512, 5, 3, 1)
    noise = dropout.words(64, 512, 5, 3, 1, first_block=2**31)
    assert not np.any(masks == noise)


def test_gaussian_noise_of_sigma_zero_is_a_copy_and_rows_are_addressed(isa, rng):
    x = rng.normal(size=(6, 70))
    assert_equal(kernels.gaussian_noise(x, 0.0), x)
    whole = kernels.gaussian_noise(x, 0.3, seed=4)
    assert_equal(kernels.gaussian_noise(x[2:], 0.3, seed=4, first_row=2), whole[2:])
    same = x.copy()
    assert_equal(kernels.gaussian_noise(same, 0.3, seed=4, out=same), whole)
