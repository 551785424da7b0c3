"""Every kernel's backward pass is the derivative of its forward pass: the gradient check, in float64, on every path."""

import numpy as np
import pytest

from reference import activations, losses, row_functions
from steepest import _core, kernels
from steepest.gradcheck import check_function, check_pair

SHAPES = ((1, 1), (3, 5), (7, 17), (18, 9))


def away_from_zero(rng, shape):
    x = rng.normal(size=shape)
    return x + 0.01 * np.sign(x)


def excellent(report):
    assert report.passed, str(report)
    assert report.verdict == "excellent", str(report)
    return report


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", activations.KERNELS)
def test_activation(isa, name, shape, rng):
    def forward(x):
        return kernels.activation_forward(name, x, 0.2)

    def backward(dy, x):
        kept = x if _core.activation_needs(name) == "input" else forward(x)
        return kernels.activation_backward(name, kept, dy, 0.2)

    assert excellent(check_pair(forward, backward, away_from_zero(rng, shape))).kinks == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [n for n in activations.KERNELS if _core.activation_needs(n) == "output"])
def test_dense(isa, name, shape, rng):
    depth = shape[1]
    x, weight, bias = rng.normal(size=shape), rng.normal(size=(depth, 6)) / np.sqrt(depth), rng.normal(size=6)

    def forward(x, weight, bias):
        return kernels.dense_forward(x, weight, bias, name, 0.2)

    def backward(dy, x, weight, bias):
        return kernels.dense_backward(x, weight, forward(x, weight, bias), dy, name, 0.2)

    excellent(check_pair(forward, backward, x, weight, bias, names=["x", "weight", "bias"]))


@pytest.mark.parametrize("shape", [(2, 1), (5, 3), (16, 9), (35, 5)])
def test_batch_norm(isa, shape, rng):
    def forward(x, gamma, beta):
        return kernels.batch_norm_forward(x, gamma, beta, 1e-3)[0]

    def backward(dy, x, gamma, beta):
        _, mean, _, inv_std = kernels.batch_norm_forward(x, gamma, beta, 1e-3)
        return kernels.batch_norm_backward(x, dy, mean, inv_std, gamma)

    excellent(check_pair(forward, backward, rng.normal(size=shape), *rng.normal(size=(2, shape[1]))))


@pytest.mark.parametrize("shape", [(1, 2), (5, 3), (33, 4), (3, 17)])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("name", losses.KERNELS)
def test_loss(isa, name, soft, shape, rng):
    rows, cols = shape
    target = rng.random(shape)
    if name in ("softmax_cross_entropy", "hinge") and not soft:
        target = rng.integers(cols, size=rows)
    elif name == "hinge":
        target = rng.choice([-1.0, 1.0], size=shape)
    weights = rng.uniform(0.5, 2, size=rows)
    settings = {
        "softmax_cross_entropy": {"label_smoothing": 0.3 * soft},
        "huber": {"delta": 0.8},
        "quantile": {"q": 0.2},
    }

    def loss(output):
        row_losses, gradient, _ = getattr(kernels, name)(output, target, weights, 0.25, **settings.get(name, {}))
        return 0.25 * np.sum(weights * row_losses), gradient

    excellent(check_function(loss, 2 * rng.normal(size=shape)))


@pytest.mark.parametrize("shape", [(1, 2), (5, 3), (33, 4), (3, 17)])
@pytest.mark.parametrize("name", row_functions.NAMES[:2])
def test_row_function(isa, name, shape, rng):
    forward, backward = getattr(kernels, name), getattr(kernels, f"{name}_backward")
    excellent(check_pair(forward, lambda dy, x: backward(forward(x), dy), rng.normal(size=shape)))


@pytest.mark.parametrize("shape", [(1, 2), (5, 3), (18, 9), (3, 35)])
def test_layer_norm(isa, shape, rng):
    def forward(x, gamma, beta):
        return kernels.layer_norm_forward(x, gamma, beta, 1e-3)[0]

    def backward(dy, x, gamma, beta):
        _, mean, inv_std = kernels.layer_norm_forward(x, gamma, beta, 1e-3)
        return kernels.layer_norm_backward(x, dy, mean, inv_std, gamma)

    excellent(check_pair(forward, backward, rng.normal(size=shape), *rng.normal(size=(2, shape[1]))))


@pytest.mark.parametrize("shape", SHAPES)
def test_prelu(isa, shape, rng):
    def backward(dy, x, slope):
        return kernels.prelu_backward(x, slope, dy)

    excellent(check_pair(kernels.prelu_forward, backward, away_from_zero(rng, shape), rng.normal(size=shape[1])))


@pytest.mark.parametrize("pieces", [1, 2, 3, 5])
def test_maxout(isa, pieces, rng):
    def backward(dy, z):
        return kernels.maxout_backward(kernels.maxout_forward(z, pieces)[1], pieces, dy)

    excellent(check_pair(lambda z: kernels.maxout_forward(z, pieces)[0], backward, rng.normal(size=(7, 9 * pieces))))


def test_gaussian_noise(isa, rng):
    def forward(x):
        return kernels.gaussian_noise(x, 0.7, seed=3)

    excellent(check_pair(forward, lambda dy, x: dy, rng.normal(size=(3, 70))))


def test_dropout(isa, rng):
    def forward(x):
        return kernels.dropout(x, 0.4, seed=3, step=5)

    excellent(check_pair(forward, lambda dy, x: kernels.dropout(dy, 0.4, seed=3, step=5), rng.normal(size=(9, 70))))


def test_another_mask_in_the_backward_pass_is_noticed(isa, rng):
    def forward(x):
        return kernels.dropout(x, 0.4, seed=3, step=5)

    report = check_pair(forward, lambda dy, x: kernels.dropout(dy, 0.4, seed=3, step=6), rng.normal(size=(9, 70)))
    assert len(report.wrong) > 100


@pytest.mark.parametrize(
    ("name", "slip"),
    [
        ("x", lambda dx, dw, db: (dx * 1.0005, dw, db)),
        ("weight", lambda dx, dw, db: (dx, dw * 0.999, db)),
        ("bias", lambda dx, dw, db: (dx, dw, 0 * db)),
    ],
)
def test_a_wrong_kernel_is_named(isa, name, slip, rng):
    x, weight, bias = rng.normal(size=(8, 5)), rng.normal(size=(5, 6)), rng.normal(size=6)

    def backward(dy, x, weight, bias):
        return slip(*kernels.dense_backward(x, weight, kernels.dense_forward(x, weight, bias, "tanh"), dy, "tanh"))

    report = check_pair(
        lambda *a: kernels.dense_forward(*a, "tanh"), backward, x, weight, bias, names=["x", "weight", "bias"]
    )
    assert not report.passed
    assert {entry.name for entry in report.wrong} == {name}
