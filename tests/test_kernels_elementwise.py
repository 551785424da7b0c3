"""Activations and dropout: every instruction set, width, type and place in memory."""

import contextlib

import numpy as np
import pytest

import steepest as st
from layouts import COLUMNS, DTYPES, LAYOUTS, blank, place, row_counts
from reference import activations, dropout
from steepest import _core, kernels
from tolerance import assert_equal, assert_ulp, assert_within, eps

# Units in the last place: what the roundings on the way add up to, by the bounds of simd/math.hpp. None: x times a
# factor whose exponential magnifies the rounding of its argument; see FORWARD_OF_X.
FORWARD_ULP = {
    "identity": 0,
    "relu": 0,
    "leaky_relu": 0.5,
    "sigmoid": 2.5,
    "tanh": 3.0,
    "elu": 4.0,  # expm1 2.5 and a product
    "selu": 4.0,
    "celu": 5.0,  # and the rounding of x / alpha
    "gelu": None,
    "gelu_tanh": None,
    "silu": 4.0,  # sigmoid 2.5 and a product
    "mish": 6.0,  # exp 1.5 of e, twice in e^2 + 2 e, three sums and a quotient
    "softplus": 2.0,
    "softsign": 1.5,
    "hard_sigmoid": 2.0,
    "hard_swish": 3.0,
    "step": 0,
}
# In units of eps |x|.
FORWARD_OF_X = {"gelu": 2.0, "gelu_tanh": 4.0}
ALPHA = 0.3
BACKWARD_FROM_Y = {
    "identity": lambda y, alpha: np.ones_like(y),
    "relu": lambda y, alpha: (y > 0) * 1.0,
    "leaky_relu": lambda y, alpha: np.where(y > 0, 1.0, alpha),
    "sigmoid": lambda y, alpha: y * (1 - y),
    "tanh": lambda y, alpha: 1 - y * y,
    "elu": lambda y, alpha: np.where(y > 0, 1.0, y + alpha),
    "selu": lambda y, alpha: np.where(
        y > 0, activations.SELU_SCALE, y + activations.SELU_SCALE * activations.SELU_ALPHA
    ),
    "celu": lambda y, alpha: np.where(y > 0, 1.0, y / alpha + 1),
    "softplus": lambda y, alpha: -np.expm1(-y),
    "softsign": lambda y, alpha: (1 - np.abs(y)) ** 2,
    "hard_sigmoid": lambda y, alpha: np.where((y > 0) & (y < 1), 1 / 6, 0.0),
    "step": lambda y, alpha: np.zeros_like(y),
}
# In units of eps |dy|: 1 - y rounds relatively to 1, then a product each. From x: distribution and slope are good to a
# few units of 1; the exponential of gelu_tanh magnifies the rounding of its argument v, but x v' s''(v) v is below 1/2.
BACKWARD_UNITS = dict.fromkeys(activations.KERNELS, 4) | {"identity": 0, "relu": 0, "leaky_relu": 1, "step": 0}


@contextlib.contextmanager
def one_thread():
    """Work alone until the block ends."""
    st.set_num_threads(1)
    try:
        yield
    finally:
        st.set_num_threads(None)


def saved(name, x, y):
    """What the backward kernel reads."""
    return x if _core.activation_needs(name) == "input" else y


def arguments(rng, shape, dtype):
    x = rng.normal(scale=3.0, size=shape).astype(dtype)
    x.flat[::11] = 0.0
    return x


def wide(x):
    """What the reference computes in: float64, or long double for a float64 argument."""
    return x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations.KERNELS)
def test_activation_forward(isa, name, dtype, layout, rng, capsys):
    for cols in COLUMNS:
        for rows in row_counts(cols):
            x, out = arguments(rng, (rows, cols), dtype), blank((rows, cols), dtype, layout)
            result = kernels.activation_forward(name, place(x, layout), ALPHA, out=out.view)
            assert result is out.view
            exact = activations.forward(name, wide(x), wide(np.array(ALPHA, dtype)))
            what = f"{name} {isa} {rows} x {cols} {layout}"
            if name in FORWARD_OF_X:
                assert_within(result, exact, FORWARD_OF_X[name] * eps(dtype) * np.abs(x), what)
            else:
                assert_ulp(result, exact, FORWARD_ULP[name], what, x)
            out.assert_edges(name)
    if FORWARD_ULP[name] == 0:
        assert "0.000 ULP reached" in capsys.readouterr().out


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations.KERNELS)
def test_activation_backward(isa, name, dtype, layout, rng):
    for cols in COLUMNS:
        for rows in row_counts(cols):
            x = arguments(rng, (rows, cols), dtype)
            y = activations.forward(name, x, dtype(ALPHA)).astype(dtype)
            dy, out = rng.normal(size=(rows, cols)).astype(dtype), blank((rows, cols), dtype, layout)
            kept = saved(name, x, y)
            result = kernels.activation_backward(name, place(kept, layout), place(dy, layout), ALPHA, out=out.view)
            if name in BACKWARD_FROM_Y:
                slope = BACKWARD_FROM_Y[name](y.astype(np.float64), np.float64(dtype(ALPHA)))
            else:
                slope = activations.derivative(name, x.astype(np.float64))
            bound = BACKWARD_UNITS[name] * eps(dtype) * np.abs(dy.astype(np.float64))
            assert_within(result, dy * slope, bound, f"{name} {isa} {rows} x {cols} {layout}")
            out.assert_edges(name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations.KERNELS)
def test_activation_in_place_has_the_same_bits(isa, name, dtype, rng):
    x = arguments(rng, (3, 37), dtype)
    apart, same = kernels.activation_forward(name, x, ALPHA), x.copy()
    kernels.activation_forward(name, same, ALPHA, out=same)
    assert_equal(same, apart)
    dy = rng.normal(size=x.shape).astype(dtype)
    expected = kernels.activation_backward(name, apart, dy, ALPHA)
    over_y, over_dy = apart.copy(), dy.copy()
    assert_equal(kernels.activation_backward(name, over_y, dy, ALPHA, out=over_y), expected)
    assert_equal(kernels.activation_backward(name, apart, over_dy, ALPHA, out=over_dy), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*activations.KERNELS, "dropout"])
def test_bits_do_not_depend_on_the_place(isa, name, dtype, rng):
    """A whole vector and a tail of it compute alike, or two threads would give other bits than one."""
    x = arguments(rng, (1, 130), dtype)
    whole = kernels.activation_forward(name, x) if name in activations.KERNELS else None
    for begin in range(34):
        for length in (1, 3, 16, 33):
            if whole is not None:
                part = kernels.activation_forward(name, x[:, begin : begin + length])
                assert_equal(part, whole[:, begin : begin + length])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations.KERNELS)
def test_backward_far_out(isa, name, dtype):
    """At 1e4, inf and where the exponential leaves its range the derivative is its limit, and never NaN."""
    x = np.array([1e4, -1e4, np.inf, -np.inf, 88, -88, 104, -104, 710, -710, 746, -746] * 3, dtype)
    y = kernels.activation_forward(name, x, ALPHA)
    actual = kernels.activation_backward(name, saved(name, x, y), np.ones_like(x), ALPHA)
    with np.errstate(over="ignore", under="ignore"):
        exact = activations.derivative(name, x.astype(np.float64), np.float64(dtype(ALPHA)))
    assert np.isfinite(actual).all()
    # Softsign's derivative comes from 1 - |y|, which is good to eps and far out as small itself.
    assert_within(actual, exact, (2 + BACKWARD_UNITS[name]) * eps(dtype), name)


@pytest.mark.parametrize("offset", [0, 1, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_results_too_large_for_the_caches(isa, dtype, offset, rng):
    """From 32 MiB on the ReLU family stores past the caches: the same results, head and tail included, and no more."""
    count = (33 << 20) // np.dtype(dtype).itemsize + 7
    x = np.tile(rng.normal(size=4099).astype(dtype), count // 4099 + 1)[:count]
    buffer = np.full(count + 16, np.nan, dtype)
    start = (-buffer.ctypes.data % 64) // buffer.itemsize + offset
    out = buffer[start : start + count - offset]
    x = x[: out.size]
    expected = np.maximum(x, 0)
    with one_thread():  # so that one call gets all of it
        assert_equal(kernels.relu(x, out=out), expected)
        assert np.isnan(buffer[:start]).all()
        assert np.isnan(buffer[start + out.size :]).all()
        assert_equal(kernels.activation_backward("relu", expected, x, out=out), expected)
        assert_equal(kernels.activation_backward("leaky_relu", expected, x, 0.5, out=out), np.where(x > 0, x, x / 2))
        assert np.isnan(buffer[:start]).all()
        assert np.isnan(buffer[start + out.size :]).all()


@pytest.mark.parametrize("name", activations.KERNELS)
def test_nan_and_limits(isa, name):
    for dtype in DTYPES:
        x = np.array([np.nan, np.inf, -np.inf, 1e4, -1e4] * 7, dtype=dtype)
        with np.errstate(invalid="ignore"):
            expected = np.where(np.isnan(x), np.nan, activations.forward(name, x, dtype(ALPHA)))
        np.testing.assert_array_equal(kernels.activation_forward(name, x, ALPHA), expected.astype(dtype))


def test_nan_stays_visible_behind_every_activation(isa):
    x = np.full(37, np.nan, np.float32)
    for name in activations.KERNELS:
        assert np.isnan(kernels.activation_forward(name, x)).all(), name
        if name != "step":  # whose gradient is 0 whatever comes
            assert np.isnan(kernels.activation_backward(name, x, np.full_like(x, np.nan))).all(), name


def test_no_rows(isa):
    for dtype in DTYPES:
        empty = np.empty((0, 5), dtype)
        assert kernels.relu(empty).shape == (0, 5)
        assert kernels.activation_backward("tanh", empty, empty).shape == (0, 5)
        assert kernels.dropout(empty, 0.5).shape == (0, 5)


# -------------------------------------------------------------------------------------------------------------- dropout
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout_mask_is_philox(isa, dtype, layout, rng):
    addresses = [(0, 0, 0, 0), (0x123456789ABCDEF0, 3, 2, 17), (2**64 - 1, 2**33 + 5, 7, 1000)]
    for cols in COLUMNS:
        for rows in row_counts(cols):
            seed, step, stream, first_row = addresses[(rows + cols) % 3]
            rate = (0.1, 0.5, 0.9)[cols % 3]
            x, out = arguments(rng, (rows, cols), dtype) + dtype(0.5), blank((rows, cols), dtype, layout)
            kernels.dropout(place(x, layout), rate, seed, step, stream, first_row, out=out.view)
            mask = dropout.keep(rows, cols, rate, seed, step, stream, first_row)
            assert_equal(out.view != 0, mask & (x != 0), f"mask {isa} {rows} x {cols}")
            assert_ulp(out.view, dropout.forward(x.astype(np.float64), rate, mask), 1.5, f"dropout {isa} {cols}")
            out.assert_edges("dropout")


def test_dropout_of_rate_zero_is_a_copy(isa, rng):
    x = rng.normal(size=(4, 70))
    assert_equal(kernels.dropout(x, 0.0), x)


def test_dropped_infinities_are_gone(isa):
    x = np.full((8, 64), np.inf)
    y = kernels.dropout(x, 0.5, seed=3)
    mask = dropout.keep(8, 64, 0.5, 3, 0, 0)
    assert_equal(np.isinf(y), mask)
    assert_equal(y[~mask], np.zeros(np.count_nonzero(~mask)))


def test_the_kink_belongs_to_the_left_side(isa):
    zero, one = np.zeros(3), np.ones(3)
    assert_equal(kernels.activation_backward("relu", zero, one), zero)
    assert_equal(kernels.activation_backward("leaky_relu", zero, one, 0.25), 0.25 * one)
    assert_equal(kernels.activation_backward("elu", zero, one, 0.25), 0.25 * one)
    ends = np.array([-3.0, 3.0])
    assert_equal(kernels.activation_backward("hard_sigmoid", kernels.hard_sigmoid(ends), np.ones(2)), [0, 0])
    assert_equal(kernels.activation_backward("hard_swish", ends, np.ones(2)), [0, 1.5])
    assert_equal(kernels.step(np.array([-1.0, -0.0, 0.0, 1e-300])), [0, 0, 0, 1])


def test_the_short_names_are_the_activations(rng):
    x = rng.normal(size=50)
    for name in set(activations.KERNELS) - {"identity"}:
        assert_equal(getattr(kernels, name)(x), kernels.activation_forward(name, x), name)
    assert_equal(kernels.elu(x), kernels.celu(x))  # both with their default of 1


def test_the_list_of_activations_is_the_cores():
    with pytest.raises(ValueError, match=", ".join(activations.KERNELS) + "$"):
        _core.activation_needs("wave")


def test_dropout_uses_all_of_seed_and_step(isa):
    x = np.ones((4, 256))
    masks = {
        kernels.dropout(x, 0.5, seed, step, stream).tobytes()
        for seed, step, stream in [(0, 0, 0), (1, 0, 0), (2**32, 0, 0), (0, 1, 0), (0, 2**32, 0), (0, 0, 1)]
    }
    # The high half of step goes into the key beside that of seed: the two share one number, and no other pair does.
    assert len(masks) == 5
    assert_equal(kernels.dropout(x, 0.5, seed=2**32), kernels.dropout(x, 0.5, step=2**32))


def test_dropout_streams_and_steps_differ(isa):
    x = np.ones((10, 100))
    masks = [
        kernels.dropout(x, 0.5, seed, step, stream) for seed in (0, 1) for step in (0, 1, 2**32) for stream in (0, 1)
    ]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            agree = np.mean(a == b)
            assert abs(agree - 0.5) < 6 * 0.5 / np.sqrt(x.size)
