"""The oracle is checked first: hand-worked numbers, published vectors, finite differences."""

import math

import numpy as np
import pytest

from reference import activations, batch_norm, dense, dropout, initializers, losses, network, optimizers
from tolerance import assert_equal, assert_within

CENTRAL_ERROR = (
    1e-8  # of a central difference with step 1e-5 of O(1) functions: truncation 1e-10, rounding 1e-11, magnified by 100
)


def central(function, x, step=1e-5):
    """Gradient of a scalar function of the array x by two-sided differences."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + step
        above = function()
        x[index] = kept - step
        below = function()
        x[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


def away_from_zero(rng, shape):
    x = rng.normal(size=shape)
    return x + 0.1 * np.sign(x)


def test_dense_by_hand():
    x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([10.0, 20.0])
    assert_equal(dense.forward(x, w, b), [[23.0, 36.0]])
    dx, dw, db = dense.backward(x, w, np.array([[1.0, 10.0]]))
    assert_equal(dx, [[43.0, 65.0]])
    assert_equal(dw, [[1.0, 10.0], [2.0, 20.0]])
    assert_equal(db, [1.0, 10.0])


@pytest.mark.parametrize("name", activations.KERNELS)
def test_activation_derivative(name, rng):
    x, dy = away_from_zero(rng, (4, 5)), rng.normal(size=(4, 5))
    numeric = central(lambda: np.sum(dy * activations.forward(name, x, 0.3)), x)
    assert_within(activations.backward(name, x, dy, 0.3), numeric, CENTRAL_ERROR, name)


def test_sigmoid_and_tanh_far_out():
    x = np.array([-1e4, 0.0, 1e4])
    assert_equal(activations.forward("sigmoid", x), [0.0, 0.5, 1.0])
    assert_equal(activations.derivative("sigmoid", x), [0.0, 0.25, 0.0])
    assert_equal(activations.forward("tanh", x), [-1.0, 0.0, 1.0])


def test_batch_norm_by_hand():
    x = np.array([[1.0], [3.0]])
    y = batch_norm.forward(x, np.array([2.0]), np.array([5.0]), 0.0, *batch_norm.moments(x))
    assert_equal(y, [[3.0], [7.0]])
    mean, variance = batch_norm.update_running(np.array([0.0]), np.array([1.0]), x, 0.25)
    assert_equal(mean, [0.5])
    assert_equal(variance, [0.75 + 0.25 * 2.0])  # unbiased variance of 1 and 3 is 2


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_backward(training, rng):
    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    gamma, beta, mean, variance = (
        rng.normal(size=3),
        rng.normal(size=3),
        rng.normal(size=3),
        rng.uniform(0.5, 2, size=3),
    )

    def value():
        moments = batch_norm.moments(x) if training else (mean, variance)
        return np.sum(dy * batch_norm.forward(x, gamma, beta, 1e-3, *moments))

    if training:
        gradients = batch_norm.backward(x, gamma, 1e-3, dy)
    else:
        gradients = batch_norm.inference_backward(x, gamma, 1e-3, dy, mean, variance)
    for name, tensor, gradient in zip(("x", "gamma", "beta"), (x, gamma, beta), gradients, strict=True):
        assert_within(gradient, central(value, tensor), CENTRAL_ERROR, name)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the known-answer vectors of Random123
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(counter, key, expected):
    assert dropout.philox4x32_10(counter, key) == expected
    assert tuple(int(word) for word in dropout.philox4x32_10_array(*counter, *key)) == expected


def test_dropout_words_one_by_one():
    rows, cols, seed, step, operation, row0 = 3, 150, 0x123456789ABCDEF0, 7 + (5 << 32), 2, 5
    words = dropout.words(rows, cols, seed, step, operation, row0)
    for r in range(rows):
        for c in range(cols):
            group, word, lane = c // 64, c % 64 // 16, c % 16
            key = (seed & 0xFFFFFFFF, (seed >> 32) ^ 5)  # 5: the step's high half
            four = dropout.philox4x32_10((16 * group + lane, r + row0, operation, 7), key)
            assert int(words[r, c]) == four[word]


def test_dropout_share_and_mean(rng):
    mask = dropout.keep(400, 250, 0.3, seed=1, step=0, operation=0)
    assert abs(np.mean(mask) - 0.7) < 6 * math.sqrt(0.3 * 0.7 / mask.size)
    assert_equal(dropout.forward(np.full((1, 2), 3.5), 0.5, np.array([[True, False]])), [[7.0, 0.0]])


def targets_for(name, rng, rows, cols):
    if name == "softmax_cross_entropy":
        return rng.integers(cols, size=rows)
    return rng.uniform(size=(rows, cols)) if name == "sigmoid_cross_entropy" else rng.normal(size=(rows, cols))


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_gradient(name, weighted, rng):
    output, target = rng.normal(size=(6, 4)), targets_for(name, rng, 6, 4)
    weights = rng.uniform(size=6) if weighted else None
    _, gradient = losses.value_and_gradient(name, output, target, weights)
    numeric = central(lambda: losses.value_and_gradient(name, output, target, weights)[0], output)
    assert_within(gradient, numeric, CENTRAL_ERROR, name)


def test_losses_by_hand():
    assert_within(
        losses.row_losses("softmax_cross_entropy", np.zeros((2, 8)), np.array([0, 5])), [math.log(8)] * 2, 1e-15
    )
    assert_within(
        losses.row_losses("sigmoid_cross_entropy", np.zeros((1, 3)), np.ones((1, 3))), [3 * math.log(2)], 1e-15
    )
    assert_equal(losses.row_losses("mse", np.array([[1.0, 5.0]]), np.array([[0.0, 2.0]])), [5.0])
    shifted = losses.row_losses("softmax_cross_entropy", np.array([[1e6, 1e6 + 1.0]]), np.array([1]))
    assert_within(shifted, [math.log1p(math.exp(-1))], 1e-15)
    assert_equal(losses.row_losses("sigmoid_cross_entropy", np.array([[-1e4, 1e4]]), np.array([[1.0, 1.0]])), [1e4])
    soft = losses.one_hot([2, 0], 3)
    output = np.array([[0.3, -1.0, 2.0], [0.0, 0.5, 0.25]])
    assert_equal(
        losses.row_losses("softmax_cross_entropy", output, soft),
        losses.row_losses("softmax_cross_entropy", output, np.array([2, 0])),
    )
    assert losses.correct("softmax_cross_entropy", output, np.array([2, 1])) == 2


def test_optimizers_by_hand():
    settings = {"learning_rate": 0.1, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.0}
    one, g = np.array([1.0]), np.array([2.0])

    def two_steps(name, **more):
        state, p = {}, one
        for t in (1, 2):
            p = optimizers.update(name, p, g, state, t, **settings, **more)
        return p[0]

    assert_within(two_steps("sgd"), 1 - 0.1 * 2 - 0.1 * 2, 1e-15)
    assert_within(two_steps("momentum"), 1 - 0.1 * 2 - 0.1 * 3, 1e-15)
    assert_within(two_steps("nesterov"), 1 - 0.1 * (2 + 0.5 * 2) - 0.1 * (2 + 0.5 * 3), 1e-15)
    # s = 0.25 * 4 = 1, then 0.75 + 1 = 1.75
    assert_within(two_steps("rmsprop"), 1 - 0.1 * 2 / 1 - 0.1 * 2 / math.sqrt(1.75), 1e-15)
    # a constant gradient: the corrected moments are 2 and 4 at once, every step is the learning rate
    assert_within(two_steps("adam"), 1 - 0.1 - 0.1, 1e-15)
    assert_within(two_steps("adam", bias_correction=False), 1 - 0.1 * 1 / 1 - 0.1 * 1.5 / math.sqrt(1.75), 1e-15)
    assert_within(two_steps("adamw", weight_decay=0.5), (0.95 - 0.1) * 0.95 - 0.1, 1e-15)


def test_initializer_bounds(rng):
    weight = rng.normal(scale=initializers.deviation("he", 50, 20), size=(50, 20))
    low, high = initializers.deviation_bounds(math.sqrt(2 / 50), weight.size, 0.0)
    assert low < np.std(weight) < high
    bound = initializers.uniform_bound("glorot", 50, 20)
    weight = rng.uniform(-bound, bound, size=(50, 20))
    low, high = initializers.deviation_bounds(math.sqrt(2 / 70), weight.size, -1.2)
    assert low < np.std(weight) < high
    assert high < initializers.deviation("he", 50, 20)  # tight enough to tell the rules apart


def build_network(rng, loss):
    return network.Network(
        [
            network.Dense(rng.normal(size=(4, 5)), rng.normal(size=5), l2=0.1),
            network.BatchNorm(rng.normal(size=5), rng.normal(size=5), np.zeros(5), np.ones(5)),
            network.Activation("tanh"),
            network.Dropout(0.4, 0),
            network.Dense(rng.normal(size=(5, 3)), None, l2=0.01),
            network.Activation("sigmoid"),
            network.Dense(rng.normal(size=(3, 3)), rng.normal(size=3)),
        ],
        loss=loss,
    )


@pytest.mark.parametrize("loss", losses.NAMES)
@pytest.mark.parametrize("training", [True, False])
def test_network_gradients(loss, training, rng):
    net = build_network(rng, loss)
    x, target, weights = rng.normal(size=(6, 4)), targets_for(loss, rng, 6, 3), rng.uniform(size=6)
    run = network.Run(training=training, seed=3, step=9)
    _, _, gradients, dx = net.loss_and_gradients(x, target, weights, run)

    def value():
        data, penalty, _, _ = net.loss_and_gradients(x, target, weights, run)
        return data + penalty

    for (i, name), parameter in net.parameters().items():
        assert_within(gradients[i, name], central(value, parameter), CENTRAL_ERROR, f"{i}.{name}")
    assert_within(dx, central(value, x), CENTRAL_ERROR, "x")


@pytest.mark.parametrize("optimizer", optimizers.NAMES)
def test_network_learns(optimizer, rng):
    net = build_network(rng, "softmax_cross_entropy")
    net.layers.pop(3)
    x = rng.normal(size=(30, 4))
    target = np.argmax(x[:, :3], axis=1)
    values = [net.train_step(x, target, optimizer, 0.05, step=step)[0] for step in range(60)]
    assert values[-1] < 0.8 * values[0]
    assert not np.array_equal(net.layers[1].running_mean, np.zeros(5))
