"""Losses, softmax, batch norm, sums and gathering against the float64 reference, for every instruction set."""

import numpy as np
import pytest

from reference import batch_norm, losses
from steepest import kernels
from tolerance import assert_equal, assert_within, eps, largest, sum_bound

DTYPES = (np.float32, np.float64)
LANES = 16
COLUMNS = (1, 2, 10, LANES - 1, LANES, LANES + 1, 4 * LANES // 3, 8 * LANES + 2)
ROWS = 37  # more than one block of the logarithms


def normal(rng, dtype, *shape, scale=1.0):
    return (scale * rng.normal(size=shape)).astype(dtype)


def soft_targets(rng, dtype, rows, cols):
    targets = rng.random((rows, cols)) * (rng.random((rows, cols)) < 0.7)
    return targets.astype(dtype)


def wide(*arrays):
    return [array.astype(np.float64) for array in arrays]


def check_loss(name, output, target, dtype, weights, bound_scale):
    result = getattr(kernels, name)(output, target, weights, scale=0.25)
    full = output.astype(np.float64)
    t = target if target.dtype.kind == "i" else target.astype(np.float64)
    cols = output.shape[1]
    expected = losses.row_losses(name, full, t)
    gradient = losses.row_gradients(name, full, t) * 0.25
    if weights is not None:
        gradient *= weights.astype(np.float64)[:, None]
    bound = eps(dtype) * (cols + 8) * bound_scale
    assert_within(result[0], expected, bound, f"{name} row losses")
    assert_within(result[1], gradient, bound * (1 if weights is None else largest(weights)), f"{name} gradient")
    return result[2]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_softmax_cross_entropy(isa, scale, dtype, cols, weighted, rng):
    logits = normal(rng, dtype, ROWS, cols, scale=scale)
    weights = rng.random(ROWS).astype(dtype) if weighted else None
    spread = 1 + 2 * largest(logits)
    labels = rng.integers(0, cols, ROWS)
    correct = check_loss("softmax_cross_entropy", logits, labels, dtype, weights, spread)
    assert correct == losses.correct("softmax_cross_entropy", logits, labels)
    soft = soft_targets(rng, dtype, ROWS, cols)
    correct = check_loss("softmax_cross_entropy", logits, soft, dtype, weights, spread * cols)
    assert correct == losses.correct("softmax_cross_entropy", logits, soft)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_sigmoid_cross_entropy(isa, scale, dtype, cols, weighted, rng):
    logits = normal(rng, dtype, ROWS, cols, scale=scale)
    targets = (rng.random((ROWS, cols)) < 0.5).astype(dtype)
    weights = rng.random(ROWS).astype(dtype) if weighted else None
    spread = 1 + largest(logits) * cols
    correct = check_loss("sigmoid_cross_entropy", logits, targets, dtype, weights, spread)
    assert correct == np.sum(np.all((logits > 0) == (targets > 0.5), axis=1))
    soft = rng.random((ROWS, cols)).astype(dtype)
    check_loss("sigmoid_cross_entropy", logits, soft, dtype, weights, spread)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_mse(isa, dtype, cols, weighted, rng):
    output, target = normal(rng, dtype, ROWS, cols), normal(rng, dtype, ROWS, cols)
    weights = rng.random(ROWS).astype(dtype) if weighted else None
    assert check_loss("mse", output, target, dtype, weights, 16.0) == 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_do_not_overflow(isa, dtype):
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], dtype)
    row_losses, gradient, correct = kernels.softmax_cross_entropy(logits, np.array([1, 1]))
    assert_within(row_losses, [2e4, np.log(2)], eps(dtype) * 2e4)
    assert_within(gradient, [[1, -1, 0], [0, -0.5, 0.5]], 4 * eps(dtype))
    assert correct == 1  # of two equal logits the first counts
    row_losses, gradient, _ = kernels.sigmoid_cross_entropy(logits, np.zeros_like(logits))
    assert_within(row_losses, [1e4 + np.log(2), 2e4], eps(dtype) * 2e4)
    assert_equal(gradient, [[1, 0, 0.5], [0, 1, 1]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_is_shift_invariant(isa, dtype, rng):
    # Multiples of 1/16 stay exact in float32 when 1e6 is added, so the results must be equal.
    logits = (rng.integers(-64, 64, (20, 13)) / 16).astype(dtype)
    shifted = logits + dtype(1e6)
    assert_equal(shifted - dtype(1e6), logits)
    assert_equal(kernels.softmax(shifted), kernels.softmax(logits))
    labels = rng.integers(0, 13, 20)
    for plain, moved in zip(*(kernels.softmax_cross_entropy(z, labels) for z in (logits, shifted)), strict=True):
        assert_equal(moved, plain)


@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax(isa, dtype, cols, rng):
    x = normal(rng, dtype, ROWS, cols, scale=10.0)
    # exp magnifies the rounding of x - max, which is exact to eps max|x|.
    bound = eps(dtype) * (cols + 8 + 2 * largest(x))
    assert_within(kernels.softmax(x), losses.softmax(x.astype(np.float64)), bound, "softmax")
    again = x.copy()
    kernels.softmax(again, out=again)
    assert_equal(again, kernels.softmax(x))


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "sigmoid_cross_entropy", "mse"])
@pytest.mark.parametrize("cols", [3, 40])
def test_nan_and_infinities_reach_the_loss(isa, name, cols):
    output, target = np.zeros((4, cols), np.float32), np.zeros((4, cols), np.float32)
    target[:, 0] = 1
    output[1, cols - 1] = np.nan
    output[2, 0] = np.inf if name == "mse" else -np.inf
    row_losses, gradient, _ = getattr(kernels, name)(output, target)
    assert np.isfinite(row_losses[[0, 3]]).all()
    assert not np.isfinite(row_losses[[1, 2]]).any()
    assert np.isnan(gradient[1]).any()


def test_a_target_of_zero_takes_no_part(isa):
    # log softmax is -inf there: 0 times -inf must not become NaN.
    logits = np.array([[0.0, -np.inf, 1.0]])
    row_losses, gradient, _ = kernels.softmax_cross_entropy(logits, np.array([[0.5, 0.0, 0.5]]))
    assert_within(row_losses, [np.log(1 + np.e) - 0.5], 4 * eps(np.float64))
    assert gradient[0, 1] == 0


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


@pytest.mark.parametrize("rows", [0, 1, 5, 300])
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_column_sums_are_exact_on_integers(isa, dtype, cols, rows, rng):
    x = rng.integers(-100, 100, (rows, cols)).astype(dtype)
    assert_equal(kernels.column_sums(x), x.astype(np.float64).sum(axis=0))


SOURCES = ["float32", "float64", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("target", ["float32", "float64"])
@pytest.mark.parametrize("source", SOURCES)
def test_gather(isa, source, target, rng):
    whole = rng.integers(0, 2 if source == "bool" else 100, (30, 50)).astype(source)
    rows = rng.integers(0, 15, 40)
    views = [whole, whole[::2, ::-3], whole.T[:30], np.asfortranarray(whole)[::-1], whole[:, 7:8]]
    record = np.zeros(30, dtype=[("tag", "u1"), ("x", source, (9,))])  # elements at odd addresses
    record["x"] = whole[:, :9]
    for x in [*views, record["x"]]:
        own = rows % x.shape[0]
        assert_equal(kernels.gather(x, own, target), x[own].astype(target), source)


def test_gather_rounds_like_astype(isa, rng):
    x = rng.integers(-(2**62), 2**62, (20, 33))
    for source in (x, x.astype(np.uint64), rng.normal(size=(20, 33))):
        for target in ("float32", "float64"):
            assert_equal(kernels.gather(source, np.arange(20), target), source.astype(target))
