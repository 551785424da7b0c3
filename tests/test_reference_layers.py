"""The oracle's layers and losses beyond the first ones: finite differences, hand-worked numbers, PyTorch."""

import numpy as np
import pytest

from reference import activations, dropout, layer_norm, losses, optimizers, pieces, row_functions
from test_reference import CENTRAL_ERROR, away_from_zero, central
from tolerance import assert_equal, assert_within

SETTINGS = {"softmax_cross_entropy": {"smoothing": 0.2}, "huber": {"alpha": 0.8}, "quantile": {"alpha": 0.3}}


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("name", losses.KERNELS)
def test_loss_gradient(name, labels, rng):
    output, target = rng.normal(size=(6, 4)), rng.choice([-1.0, 1.0], size=(6, 4))
    if labels:
        if name not in ("softmax_cross_entropy", "hinge"):
            pytest.skip("takes targets only")
        target = rng.integers(4, size=6)
    settings = SETTINGS.get(name, {})
    numeric = central(lambda: np.sum(losses.row_losses(name, output, target, **settings)), output)
    assert_within(losses.row_gradients(name, output, target, **settings), numeric, CENTRAL_ERROR, name)


def test_losses_by_hand():
    o, t = np.array([[1.0, -3.0]]), np.array([[0.0, 1.0]])
    assert_equal(losses.row_losses("mae", o, t), [2.5])
    assert_equal(losses.row_losses("huber", o, t, alpha=2.0), [(0.5 + 2 * (4 - 1)) / 2])
    assert_equal(losses.row_losses("quantile", o, t, alpha=0.75), [(0.25 * 1 + 0.75 * 4) / 2])
    assert_within(losses.row_losses("poisson", o, t), [(np.e + np.exp(-3) + 3) / 2], 1e-15)
    assert_equal(losses.row_losses("hinge", o, np.array([[1.0, 1.0]])), [2.0])
    assert_equal(losses.row_losses("hinge", np.array([[0.5, 1.0, -3.0]]), np.array([0])), [1.5])
    smoothed = losses.row_losses("softmax_cross_entropy", np.zeros((1, 4)), np.array([2]), smoothing=0.5)
    assert_within(smoothed, [np.log(4)], 1e-15)


@pytest.mark.parametrize("name", row_functions.NAMES)
def test_row_function_gradient(name, rng):
    x, dy = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    numeric = central(lambda: np.sum(dy * row_functions.forward(name, x)), x)
    assert_within(row_functions.backward(name, x, dy), numeric, CENTRAL_ERROR, name)


def test_layer_norm_gradient(rng):
    x, dy, (gamma, beta) = rng.normal(size=(4, 5)), rng.normal(size=(4, 5)), rng.normal(size=(2, 5))
    gradients = layer_norm.backward(x, gamma, 1e-3, dy)
    for tensor, gradient in zip((x, gamma, beta), gradients, strict=True):
        numeric = central(lambda: np.sum(dy * layer_norm.forward(x, gamma, beta, 1e-3)[0]), tensor)
        assert_within(gradient, numeric, CENTRAL_ERROR)
    y, mean, inv_std = layer_norm.forward(np.array([[1.0, 5.0]]), np.array([2.0, 3.0]), np.array([0.0, 1.0]), 0.0)
    assert_equal(y, [[-2.0, 4.0]])
    assert_equal(np.array([mean[0], inv_std[0]]), [3.0, 0.5])


def test_prelu_and_maxout_gradients(rng):
    x, dy, slope = away_from_zero(rng, (4, 6)), rng.normal(size=(4, 6)), rng.normal(size=6)
    dx, dslope = pieces.prelu_backward(x, slope, dy)
    assert_within(dx, central(lambda: np.sum(dy * pieces.prelu(x, slope)), x), CENTRAL_ERROR)
    assert_within(dslope, central(lambda: np.sum(dy * pieces.prelu(x, slope)), slope), CENTRAL_ERROR)
    dz = pieces.maxout_backward(pieces.maxout(x, 3)[1], 3, dy[:, :2])
    assert_within(dz, central(lambda: np.sum(dy[:, :2] * pieces.maxout(x, 3)[0]), x), CENTRAL_ERROR)
    assert_equal(pieces.maxout(np.array([[1.0, 1.0, -2.0, 4.0]]), 2)[1], [[0, 1]])


def test_normal_numbers_one_by_one():
    rows, cols, seed, step, operation, row0 = 2, 70, 9, 4, 3, 1
    numbers = dropout.normal_numbers(rows, cols, seed, step, operation, row0)
    for r in range(rows):
        for c in range(cols):
            group, word, lane = c // 64, c % 64 // 16, c % 16
            four = dropout.philox4x32_10((2**31 + 16 * group + lane, r + row0, operation, step), (seed, 0))
            a, b = four[word // 2 * 2], four[word // 2 * 2 + 1]
            radius, angle = np.sqrt(-2 * np.log((a + 0.5) / 2**32)), np.pi * (b / 2**31 - 1)
            assert_within(numbers[r, c], radius * (np.sin(angle) if word % 2 else np.cos(angle)), 1e-14)


def test_adagrad_and_nadam_by_hand():
    g, state = np.array([2.0]), {}
    p = optimizers.update("adagrad", np.array([1.0]), g, state, 1, 0.1, epsilon=0.0)
    p = optimizers.update("adagrad", p, g, state, 2, 0.1, epsilon=0.0)
    assert_within(p, [1 - 0.1 - 0.2 / np.sqrt(8)], 1e-15)
    # m = 1, m^ = 0.5 * 1 / 0.75 + 0.5 * 2 / 0.5 = 8 / 3, s^ = 4
    p = optimizers.update("nadam", np.array([1.0]), g, {}, 1, 0.1, beta1=0.5, beta2=0.75, epsilon=0.0)
    assert_within(p, [1 - 0.1 * 8 / 3 / 2], 1e-15)


@pytest.mark.parametrize("name", activations.KERNELS)
def test_activations_like_pytorch(name, rng):
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    theirs = {
        "identity": lambda t: t * 1.0,
        "leaky_relu": lambda t: f.leaky_relu(t, 0.01),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "gelu_tanh": lambda t: f.gelu(t, approximate="tanh"),
        "hard_sigmoid": lambda t: f.relu6(t + 3) / 6,  # hardsigmoid's gradient is 1/6 in float32
        "hard_swish": f.hardswish,
        "step": lambda t: torch.heaviside(t, torch.zeros(1, dtype=t.dtype)),
    }
    x = torch.tensor(rng.normal(scale=3, size=200), requires_grad=True)
    alpha = 1.0 if name in ("elu", "celu") else 0.01
    y = (theirs.get(name) or getattr(f, name))(x)
    assert_within(activations.forward(name, x.detach().numpy(), alpha), y.detach().numpy(), 1e-14, name)
    if name != "step":
        y.sum().backward()
        assert_within(activations.derivative(name, x.detach().numpy(), alpha), x.grad.numpy(), 1e-14, name)
