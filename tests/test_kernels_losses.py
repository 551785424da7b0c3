"""Losses with their gradients, and softmax, against the float64 reference."""

import numpy as np
import pytest

from layouts import COLUMNS as ALL_COLUMNS
from layouts import DTYPES, LAYOUTS, blank, place
from reference import losses
from steepest import kernels
from tolerance import assert_equal, assert_within, eps, largest

COLUMNS = (1, 2, 10, 15, 16, 17, 21, 130)
ROWS = 37  # more than one block of the logarithms
ARGUMENTS = {"delta": "alpha", "q": "alpha", "label_smoothing": "smoothing"}  # the kernels' names and the reference's


def normal(rng, dtype, *shape, scale=1.0):
    return (scale * rng.normal(size=shape)).astype(dtype)


def soft_targets(rng, dtype, rows, cols):
    targets = rng.random((rows, cols)) * (rng.random((rows, cols)) < 0.7)
    return targets.astype(dtype)


def check_loss(name, output, target, dtype, weights, bound_scale, **settings):
    result = getattr(kernels, name)(output, target, weights, scale=0.25, **settings)
    full = output.astype(np.float64)
    t = target if target.dtype.kind == "i" else target.astype(np.float64)
    cols = output.shape[1]
    numbers = {ARGUMENTS[key]: value for key, value in settings.items()}
    expected = losses.row_losses(name, full, t, **numbers)
    gradient = losses.row_gradients(name, full, t, **numbers) * 0.25
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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mae", {}),
        ("huber", {"delta": 0.75}),
        ("huber", {}),
        ("quantile", {"q": 0.9}),
        ("quantile", {}),
        ("poisson", {}),
    ],
)
def test_losses_of_numbers(isa, name, settings, dtype, cols, weighted, rng):
    output, target = normal(rng, dtype, ROWS, cols), normal(rng, dtype, ROWS, cols)
    if name == "poisson":
        target = rng.poisson(1.5, size=(ROWS, cols)).astype(dtype)
    output[::5] = target[::5]  # on the kink
    weights = rng.random(ROWS).astype(dtype) if weighted else None
    # The mean's terms reach the largest exp(o) + t o, or the largest |d|.
    scale = 4 + np.exp(largest(output)) + largest(target) * largest(output) if name == "poisson" else 8.0
    defaults = {"huber": {"delta": 1.0}, "quantile": {"q": 0.5}}.get(name, {})
    assert check_loss(name, output, target, dtype, weights, scale, **(defaults | settings)) == 0


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_hinge(isa, dtype, cols, weighted, rng):
    output, target = normal(rng, dtype, ROWS, cols), rng.choice([-1.0, 1.0], size=(ROWS, cols)).astype(dtype)
    output[0], target[0] = 1, 1  # on the edge of the margin
    output[1] = 2 * target[1]
    weights = rng.random(ROWS).astype(dtype) if weighted else None
    correct = check_loss("hinge", output, target, dtype, weights, 4.0)
    assert correct == losses.correct("hinge", output, target) >= 2
    labels = rng.integers(0, cols, ROWS)
    correct = check_loss("hinge", output, labels, dtype, weights, 4.0 * cols)
    assert correct == losses.correct("hinge", output, labels)


@pytest.mark.parametrize("smoothing", [0.1, 0.75])
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_label_smoothing(isa, dtype, cols, smoothing, rng):
    logits, labels, soft = normal(rng, dtype, ROWS, cols, scale=3.0), rng.integers(0, cols, ROWS), None
    soft, spread = soft_targets(rng, dtype, ROWS, cols), 1 + 2 * largest(logits)
    weights = rng.random(ROWS).astype(dtype)
    for target, scale in ((labels, spread), (soft, spread * cols)):
        check_loss("softmax_cross_entropy", logits, target, dtype, weights, scale, label_smoothing=smoothing)
    rows, gradient, _ = kernels.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
    one_hot = losses.one_hot(labels, cols).astype(dtype)
    same_rows, same_gradient, _ = kernels.softmax_cross_entropy(logits, one_hot, label_smoothing=smoothing)
    assert_within(same_rows, rows, 8 * eps(dtype) * spread)
    assert_within(same_gradient, gradient, 4 * eps(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_of_numbers_far_out(isa, dtype):
    far = np.array([[1e4, -1e4, 1e4, -1e4] * 5], dtype)
    zero = np.zeros_like(far)
    for name, loss, slope in (("mae", 1e4, 1.0), ("huber", 1e4 - 0.5, 1.0), ("quantile", 5e3, 0.5)):
        row_losses, gradient, _ = getattr(kernels, name)(far, zero)
        assert_within(row_losses, [loss], 4 * eps(dtype) * 1e4, name)
        assert_within(gradient, slope * np.sign(far) / 20, eps(dtype), name)
    row_losses, gradient, _ = kernels.poisson(-np.abs(far), zero + 2)
    assert_within(row_losses, [2e4], 16 * eps(dtype) * 2e4)
    assert_within(gradient, -2 / 20 * np.ones_like(far), eps(dtype))
    # A count of zero costs nothing even where the rate is.
    row_losses, gradient, _ = kernels.poisson(np.full((1, 3), -np.inf, dtype), np.zeros((1, 3), dtype))
    assert_equal(row_losses, [0])
    assert_equal(gradient, [[0, 0, 0]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_small_differences_of_settings_and_outputs_are_kept(isa, dtype):
    """1 - q is formed before it is rounded to the type, o_j - o_label before the margin is added."""
    q, one, zero = 1 - 1e-6, np.ones((1, 1), dtype), np.zeros((1, 1), dtype)
    losses_of_rows, gradient, _ = kernels.quantile(one, zero, q=q)
    assert_within([losses_of_rows[0], gradient[0, 0]], [1 - q, 1 - q], 2 * eps(dtype) * (1 - q))
    for cols in COLUMNS[1:]:
        far = np.full((1, cols), 16 / eps(dtype), dtype)
        losses_of_rows, gradient, _ = kernels.hinge(far, np.array([1]))
        assert_equal(losses_of_rows, [cols - 1])
        assert_equal(gradient, [[-cols + 1 if j == 1 else 1 for j in range(cols)]])


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


@pytest.mark.parametrize("name", losses.KERNELS)
@pytest.mark.parametrize("cols", [3, 40])
def test_nan_and_infinities_reach_the_loss(isa, name, cols):
    output, target = np.zeros((4, cols), np.float32), np.zeros((4, cols), np.float32)
    target[:, 0] = 1
    output[1, cols - 1] = np.nan
    output[2, 0] = -np.inf if "entropy" in name or name == "hinge" else np.inf
    row_losses, gradient, _ = getattr(kernels, name)(output, target)
    assert np.isfinite(row_losses[[0, 3]]).all()
    assert not np.isfinite(row_losses[[1, 2]]).any()
    assert np.isnan(gradient[1]).any()


@pytest.mark.parametrize("cols", [4, 40])  # within one vector, and beyond
def test_of_equal_logits_the_first_counts(isa, cols):
    logits = np.zeros((3, cols), np.float32)
    logits[:, 1] = logits[:, cols - 1] = 2
    labels = np.array([0, 1, cols - 1])
    assert kernels.softmax_cross_entropy(logits, labels)[2] == 1
    assert kernels.softmax_cross_entropy(logits, np.eye(cols, dtype=np.float32)[labels])[2] == 1


def test_a_target_of_zero_takes_no_part(isa):
    # log softmax is -inf there: 0 times -inf must not become NaN.
    logits = np.array([[0.0, -np.inf, 1.0]])
    row_losses, gradient, _ = kernels.softmax_cross_entropy(logits, np.array([[0.5, 0.0, 0.5]]))
    assert_within(row_losses, [np.log(1 + np.e) - 0.5], 4 * eps(np.float64))
    assert gradient[0, 1] == 0


def targets(name, rng, rows, cols, dtype, soft):
    if name == "softmax_cross_entropy":
        return rng.dirichlet(np.ones(cols), size=rows).astype(dtype) if soft else rng.integers(cols, size=rows)
    if name == "sigmoid_cross_entropy":
        return (rng.random((rows, cols)) if soft else rng.integers(2, size=(rows, cols))).astype(dtype)
    if name == "hinge":
        return rng.choice([-1.0, 1.0], size=(rows, cols)).astype(dtype) if soft else rng.integers(cols, size=rows)
    return rng.normal(size=(rows, cols)).astype(dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", losses.KERNELS)
def test_place_in_memory_does_not_matter(isa, name, dtype, layout, rng):
    """Every width, awkward starts and gaps: the bits of an ordinary array, which the tests above compare."""
    for cols in ALL_COLUMNS:
        rows = (1, 2, 33, 65)[cols % 4]
        output = (3 * rng.normal(size=(rows, cols))).astype(dtype)
        for soft in (False, True):
            target, weights = targets(name, rng, rows, cols, dtype, soft), rng.uniform(0, 2, size=rows).astype(dtype)
            placed = place(target, layout) if np.ndim(target) == 2 else target
            expected = getattr(kernels, name)(output, target, weights, 0.5)
            actual = getattr(kernels, name)(place(output, layout), placed, place(weights, "misaligned"), 0.5)
            for a, e in zip(actual, expected, strict=True):
                assert_equal(a, e, f"{name} {isa} {rows} x {cols} {layout}")
            bound = eps(dtype) * (cols + 8) * (1 + largest(output)) ** (2 if name == "mse" else 1)
            bound *= np.exp(largest(output)) if name == "poisson" else cols if name == "hinge" and not soft else 1
            settings = {"huber": {"alpha": 1.0}, "quantile": {"alpha": 0.5}}.get(name, {})
            exact = losses.row_losses(name, output.astype(np.float64), target, **settings)
            assert_within(expected[0], exact, 4 * bound, f"{name} {isa} {rows} x {cols}")
        out = blank((rows, cols), dtype, layout)
        assert_equal(kernels.softmax(place(output, layout), out=out.view), kernels.softmax(output))
        out.assert_edges("softmax")


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_logits_give_log_of_the_classes(isa, dtype):
    for classes in (2, 3, 10, 17, 100):
        row_loss, _, _ = kernels.softmax_cross_entropy(np.zeros((3, classes), dtype), np.zeros(3, int))
        assert_within(row_loss, np.full(3, np.log(classes)), 2 * eps(dtype) * np.log(classes))


@pytest.mark.parametrize("dtype", DTYPES)
def test_mse_is_exact_on_integers(isa, dtype, rng):
    for cols in (1, 2, 4, 8, 16, 32, 64):  # a mean over a power of two rounds nothing
        output, target = rng.integers(-9, 10, size=(2, 6, cols)).astype(dtype)
        row_loss, gradient, correct = kernels.mse(output, target)
        assert_equal(row_loss, np.mean((output - target) ** 2, axis=1))
        assert_equal(gradient, 2 * (output - target) / cols)
        assert correct == 0
