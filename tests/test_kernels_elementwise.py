"""Activations, dropout, optimisers and the matrix product against the float64 reference, for every instruction set."""

import numpy as np
import pytest

from reference import activations, dropout, optimizers
from steepest import _core, kernels
from tolerance import assert_equal, assert_ulp, assert_within, eps, sum_bound

DTYPES = (np.float32, np.float64)
LANES = 16  # the widest vector: float32 on AVX-512
COLUMNS = (1, LANES - 1, LANES, LANES + 1, 4 * LANES // 3, 8 * LANES + 2)


def normal(rng, dtype, *shape):
    return rng.normal(size=shape).astype(dtype)


def padded(rng, dtype, rows, cols):
    """A matrix whose rows lie apart, with NaN between them."""
    memory = np.full((rows, cols + 3), np.nan, dtype)
    memory[:, :cols] = rng.normal(size=(rows, cols))
    return memory[:, :cols], memory


# In ULP of y: the bounds of the functions; the exact ones are exact.
FORWARD = {"identity": 0, "relu": 0, "leaky_relu": 0.5, "sigmoid": 2.5, "tanh": 3}


@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations.NAMES)
def test_activation_forward(isa, name, dtype, cols, rng):
    for x in (normal(rng, dtype, 5, cols), padded(rng, dtype, 5, cols)[0], normal(rng, dtype, 2, 3, cols)):
        alpha = dtype(0.125)
        expected = activations.forward(name, x.astype(np.float64), float(alpha))
        assert_ulp(kernels.activation_forward(name, x, alpha), expected, FORWARD[name], name)


@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations.NAMES)
def test_activation_backward(isa, name, dtype, cols, rng):
    for x in (normal(rng, dtype, 5, cols), padded(rng, dtype, 5, cols)[0]):
        dy = normal(rng, dtype, 5, cols)
        saved = kernels.activation_forward(name, x, 0.125)
        expected = activations.backward(name, x.astype(np.float64), dy.astype(np.float64), 0.125)
        actual = kernels.activation_backward(name, saved, dy, 0.125)
        # y is off by a few ulp, so y (1 - y) and 1 - y^2 by as many units of 1.
        bound = 8 * eps(dtype) * np.abs(dy) if name in ("sigmoid", "tanh") else eps(dtype) * np.abs(expected)
        assert_within(actual, expected, bound, name)


def test_nan_stays_visible_behind_every_activation(isa):
    x = np.full(37, np.nan, np.float32)
    for name in activations.NAMES:
        assert np.isnan(kernels.activation_forward(name, x)).all(), name
        assert np.isnan(kernels.activation_backward(name, x, np.full_like(x, np.nan))).all(), name


def test_the_kink_belongs_to_the_left_side(isa):
    zero, one = np.zeros(3), np.ones(3)
    assert_equal(kernels.activation_backward("relu", zero, one), zero)
    assert_equal(kernels.activation_backward("leaky_relu", zero, one, 0.25), 0.25 * one)


def test_the_list_of_activations_is_the_cores():
    for name in activations.NAMES:
        assert _core.activation_needs(name) in ("nothing", "output")
    with pytest.raises(ValueError, match=", ".join(activations.NAMES)):
        _core.activation_needs("wave")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cols", [*COLUMNS, 63, 64, 65, 200])
def test_dropout(isa, cols, dtype, rng):
    seed, step, stream, row0 = 2**40 + 17, 5, 3, 48
    x = normal(rng, dtype, 7, cols)
    keep = dropout.keep(7, cols, 0.3, seed, step, stream, row0)
    actual = kernels.dropout(x, 0.3, seed, step, stream, row0)
    assert_equal(actual, np.where(keep, x * dtype(1 / 0.7), 0))
    part = kernels.dropout(np.ascontiguousarray(x[2:]), 0.3, seed, step, stream, row0 + 2)
    assert_equal(part, actual[2:])


def test_dropout_uses_all_of_seed_and_step(isa):
    x = np.ones((4, 256))
    masks = {
        kernels.dropout(x, 0.5, seed, step, stream).tobytes()
        for seed, step, stream in [(0, 0, 0), (1, 0, 0), (2**32, 0, 0), (0, 1, 0), (0, 2**32, 0), (0, 0, 1)]
    }
    # The high half of step goes into the key beside that of seed: the two share one number, and no other pair does.
    assert len(masks) == 5
    assert_equal(kernels.dropout(x, 0.5, seed=2**32), kernels.dropout(x, 0.5, step=2**32))


def test_dropout_drops_nan_and_keeps_everything_at_rate_0(isa):
    x = np.full((2, 100), np.nan)
    y = kernels.dropout(x, 0.5)
    assert_equal(np.isnan(y), dropout.keep(2, 100, 0.5, 0, 0, 0))
    ones = np.ones((3, 70), np.float32)
    assert_equal(kernels.dropout(ones, 0.0), ones)


@pytest.mark.parametrize("shape", [(1,), (LANES - 1,), (LANES + 1,), (14, 32), (3, 8 * LANES + 2)])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", optimizers.NAMES)
def test_updates(isa, name, dtype, shape, rng):
    l2, options = 0.125, {"learning_rate": 0.01}
    if name == "adamw":
        options["weight_decay"] = 0.1
    p = normal(rng, dtype, *shape)
    slots = [np.zeros_like(p) for _ in range(optimizers.STATE_SLOTS[name])]
    expected, state = p.astype(np.float64), {}
    beta2 = 0.9 if name == "rmsprop" else 0.999
    for t in range(1, 4):
        g = normal(rng, dtype, *shape)
        extra = {"t": t} if name in ("adam", "adamw") else {}
        getattr(kernels, name)(p, g, *slots, **options, **extra, l2=l2)
        full = g.astype(np.float64) + l2 * expected
        expected = optimizers.update(name, expected, full, state, t, beta2=beta2, **options)
    # Every step rounds p once and the step, which is at most about 10 learning rates, a few times.
    size = np.max(np.abs(expected)) + 10 * 0.01
    assert_within(p, expected, 3 * 4 * eps(dtype) * size, name)
    for slot, key in zip(
        slots, {"rmsprop": ["s"], "adam": ["m", "s"], "adamw": ["m", "s"]}.get(name, ["v"]), strict=False
    ):
        assert_within(slot, state[key], 3 * 4 * eps(dtype) * np.max(np.abs(state[key])), f"{name} {key}")


def test_adam_without_bias_correction(isa, rng):
    p, g = normal(rng, np.float64, 20), normal(rng, np.float64, 20)
    expected = optimizers.update("adam", p, g, {}, 1, 0.1, bias_correction=False)
    kernels.adam(p, g, np.zeros(20), np.zeros(20), 0.1, t=1, bias_correction=False)
    assert_within(p, expected, 8 * eps(np.float64) * 10, "adam")


def test_updates_leave_the_gaps_alone(isa, rng):
    w, memory = padded(rng, np.float32, 5, 19)
    before = w.copy()
    kernels.sgd(w, np.ones((5, 19), np.float32), 0.5)
    assert_equal(w, before - np.float32(0.5))
    assert np.isnan(memory[:, 19:]).all()


PRODUCTS = [(1, 1, 1), (13, 7, 31), (14, 64, 32), (15, 65, 33), (64, 30, 100), (6, 300, 16), (97, 130, 17)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "d", "k"), PRODUCTS)
def test_matmul_is_exact_on_integers(isa, n, d, k, dtype, rng):
    a, b = (rng.integers(-8, 9, shape).astype(dtype) for shape in ((n, d), (d, k)))
    assert_equal(kernels.matmul(a, b), a.astype(np.float64) @ b.astype(np.float64))
    assert_equal(kernels.matmul(np.asfortranarray(a), b[:, ::-1]), a.astype(np.float64) @ b[:, ::-1].astype(np.float64))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations.NAMES)
@pytest.mark.parametrize(("n", "d", "k"), PRODUCTS)
def test_dense(isa, n, d, k, name, dtype, rng):
    x, w, b, dy = (normal(rng, dtype, *shape) for shape in ((n, d), (d, k), (k,), (n, k)))
    wide = [array.astype(np.float64) for array in (x, w, b, dy)]
    z = wide[0] @ wide[1] + wide[2]
    y = kernels.dense_forward(x, w, b, name, 0.125)
    # The derivative of each activation is at most 1; its own rounding adds a few ulp of a value of at most max(1, |z|).
    bound = sum_bound(dtype, d + 1, np.maximum(np.abs(x).max(), 1), np.maximum(np.abs(w).max(), 1), 2)
    assert_within(y, activations.forward(name, z, 0.125), bound, "y")

    dx, dw, db = kernels.dense_backward(x, w, y, dy, name, 0.125)
    # From the y of this precision, which is what the kernel gets.
    out = y.astype(np.float64)
    slope = {"sigmoid": out * (1 - out), "tanh": 1 - out**2, "identity": np.ones_like(out)}.get(name)
    if slope is None:
        slope = np.where(out > 0, 1.0, 0.0 if name == "relu" else 0.125)
    dz = wide[3] * slope
    biggest = np.abs(dz).max()
    assert_within(dx, dz @ wide[1].T, sum_bound(dtype, k + 4, biggest, w), "dx")
    assert_within(dw, wide[0].T @ dz, sum_bound(dtype, n + 4, x, biggest), "dweight")
    assert_within(db, dz.sum(axis=0), sum_bound(dtype, n + 4, biggest), "dbias")


def test_dense_without_bias_is_the_product(isa, rng):
    x, w = normal(rng, np.float32, 9, 20), normal(rng, np.float32, 20, 33)
    assert_equal(kernels.dense_forward(x, w), kernels.matmul(x, w))
    assert_equal(kernels.dense_forward(x, w, activation="relu"), np.maximum(kernels.matmul(x, w), 0))
