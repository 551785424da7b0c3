"""What the kernels accept and refuse: layouts, outputs in place, overlap, and errors that name the argument."""

import numpy as np
import pytest

import steepest as st
from steepest import _core, kernels
from tolerance import assert_equal


def one(*shape):
    return np.ones(shape)


def frozen(*shape):
    array = np.ones(shape)
    array.flags.writeable = False
    return array


SQUARE = one(4, 4)
TWOS = np.full((4, 4), 2, np.uint16)
NAN_LABELS = np.array([0.0, np.nan])

BAD = [
    (TypeError, "x must be a float32 or float64 array, got dtype int64", lambda: kernels.relu([1, 2])),
    (TypeError, "x must be .* complex", lambda: kernels.exp(np.ones(3, complex))),
    (TypeError, "x must be .* float16", lambda: kernels.tanh(np.ones(3, np.float16))),
    (TypeError, "x must be .* >f8", lambda: kernels.tanh(np.ones(3, ">f8"))),
    (TypeError, "dy has dtype float32", lambda: kernels.activation_backward("relu", one(3), np.ones(3, np.float32))),
    (ValueError, "dy has shape", lambda: kernels.activation_backward("relu", one(3), one(4))),
    (ValueError, "'wave' is unknown", lambda: kernels.activation_forward("wave", one(3))),
    (ValueError, "alpha must be .* got -1", lambda: kernels.leaky_relu(one(3), alpha=-1)),
    (TypeError, "out must be a NumPy array", lambda: kernels.relu(one(3), out=[0, 0, 0])),
    (TypeError, "out must have dtype float64", lambda: kernels.relu(one(3), out=np.ones(3, np.float32))),
    (ValueError, r"out must have shape \(3,\)", lambda: kernels.relu(one(3), out=one(4))),
    (ValueError, r"out must have shape \(3,\)", lambda: kernels.relu(one(3), out=one(1, 3))),
    (ValueError, r"dy has shape \(1, 3\)", lambda: kernels.activation_backward("relu", one(3), one(1, 3), out=one(3))),
    (ValueError, "x is empty", lambda: kernels.softmax(one(0, 3), out=one(0, 3))),
    (ValueError, "x must have 2 dimensions", lambda: kernels.softmax(one(3), out=one(3))),
    (ValueError, "out is read-only", lambda: kernels.relu(one(3), out=frozen(3))),
    (ValueError, "out must be C-contiguous", lambda: kernels.relu(one(3), out=one(6)[::2])),
    (ValueError, "out: shares memory with x", lambda: (lambda a: kernels.relu(a[:-1], out=a[1:]))(one(10))),
    (ValueError, "alpha must be .* got 0", lambda: kernels.celu(one(3), alpha=0.0)),
    (ValueError, "alpha must be .* got -1", lambda: kernels.dense_forward(SQUARE, SQUARE, None, "elu", -1.0)),
    (ValueError, "delta must be .* got 0", lambda: kernels.huber(SQUARE, SQUARE, delta=0.0)),
    (ValueError, "q must be .* got 1", lambda: kernels.quantile(SQUARE, SQUARE, q=1.0)),
    (ValueError, "label_smoothing must be", lambda: kernels.softmax_cross_entropy(SQUARE, SQUARE, label_smoothing=1.0)),
    (ValueError, r"labels must be in 0\.\.3, got 4", lambda: kernels.hinge(one(2, 4), [0, 4])),
    (ValueError, "sigma must be", lambda: kernels.gaussian_noise(SQUARE, -0.1)),
    (ValueError, "dy has shape", lambda: kernels.softmax_backward(SQUARE, one(4, 3))),
    (
        ValueError,
        "out: shares memory with dy",
        lambda: (lambda a: kernels.softmax_backward(SQUARE, a[1:], a[:-1]))(one(5, 4)),
    ),
    (ValueError, "gamma must have shape", lambda: kernels.layer_norm_forward(SQUARE, one(3), one(4))),
    (ValueError, "mean must have shape", lambda: kernels.layer_norm_backward(SQUARE, SQUARE, one(3), one(4), one(4))),
    (ValueError, "slope must have shape", lambda: kernels.prelu_forward(SQUARE, one(1))),
    (ValueError, "pieces is 3, which does not divide the 4", lambda: kernels.maxout_forward(SQUARE, 3)),
    (ValueError, "pieces must be", lambda: kernels.maxout_forward(SQUARE, 0)),
    (TypeError, "which must be a uint16", lambda: kernels.maxout_backward(SQUARE, 2, SQUARE)),
    (ValueError, r"which must be in 0\.\.1, got 2", lambda: kernels.maxout_backward(TWOS, 2, SQUARE)),
    (ValueError, "which has shape", lambda: kernels.maxout_backward(TWOS, 2, one(4, 3))),
    (ValueError, "t must be", lambda: kernels.nadam(one(3), one(3), one(3), one(3), 0.1, t=0)),
    (ValueError, "x must have 2 dimensions", lambda: kernels.dense_forward(one(3), SQUARE)),
    (ValueError, "x is empty", lambda: kernels.dense_forward(one(0, 4), SQUARE)),
    (ValueError, "weight has shape", lambda: kernels.dense_forward(one(2, 3), SQUARE)),
    (ValueError, "bias must have shape", lambda: kernels.dense_forward(SQUARE, SQUARE, one(3))),
    (ValueError, "out: shares memory with weight", lambda: kernels.dense_forward(one(4, 4), SQUARE, out=SQUARE)),
    (ValueError, "y must have shape", lambda: kernels.dense_backward(SQUARE, SQUARE, one(4, 3), one(4, 3))),
    (ValueError, "b has shape", lambda: kernels.matmul(SQUARE, one(3, 4))),
    (ValueError, "rate must be in", lambda: kernels.dropout(SQUARE, 1.0)),
    (ValueError, "seed must be", lambda: kernels.dropout(SQUARE, 0.5, seed=-1)),
    (ValueError, "x must have 1 or 2", lambda: kernels.dropout(one(2, 2, 2), 0.5)),
    (ValueError, r"labels must be in 0\.\.3, got 4", lambda: kernels.softmax_cross_entropy(one(2, 4), [0, 4])),
    (ValueError, "labels must be in .* got -1", lambda: kernels.softmax_cross_entropy(one(2, 4), [0, -1])),
    (TypeError, "labels must be integers, .* NaN", lambda: kernels.softmax_cross_entropy(one(2, 4), NAN_LABELS)),
    (ValueError, "labels must have shape", lambda: kernels.softmax_cross_entropy(one(2, 4), [0])),
    (ValueError, "targets contains NaN", lambda: kernels.mse(one(1, 2), np.array([[np.nan, 0]]))),
    (ValueError, "targets has shape", lambda: kernels.sigmoid_cross_entropy(one(1, 2), one(2, 2))),
    (ValueError, "weights must have shape", lambda: kernels.mse(one(3, 2), one(3, 2), one(2))),
    (ValueError, "logits is empty", lambda: kernels.softmax_cross_entropy(one(0, 4), np.zeros(0, int))),
    (ValueError, "gamma must have shape", lambda: kernels.batch_norm_forward(SQUARE, one(3), one(4))),
    (ValueError, "epsilon must be", lambda: kernels.batch_norm_forward(SQUARE, one(4), one(4), -1.0)),
    (ValueError, r"rows must be in 0\.\.3, got 4", lambda: kernels.gather(SQUARE, [4])),
    (ValueError, "rows must be in .* got -1", lambda: kernels.gather(SQUARE, [-1])),
    (TypeError, "rows must be integers", lambda: kernels.gather(SQUARE, [0.5])),
    (TypeError, "x must be .* object", lambda: kernels.gather(np.array([[None]]), [0])),
    (TypeError, "x must be in native byte order", lambda: kernels.gather(np.ones((2, 2), ">i4"), [0])),
    (ValueError, "dtype must be", lambda: kernels.gather(SQUARE, [0], dtype="int32")),
    (ValueError, "out shares memory", lambda: kernels.gather(SQUARE, [0, 1, 2, 3], "float64", out=SQUARE)),
    (ValueError, "learning_rate must be", lambda: kernels.sgd(one(3), one(3), -0.1)),
    (ValueError, "parameter is read-only", lambda: kernels.sgd(frozen(3), one(3), 0.1)),
    (ValueError, "parameter: shares memory", lambda: (lambda p: kernels.sgd(p, p, 0.1))(one(3))),
    (ValueError, "gradient has shape", lambda: kernels.sgd(one(3), one(4), 0.1)),
    (ValueError, "mu must be", lambda: kernels.momentum(one(3), one(3), one(3), 0.1, mu=1.0)),
    (ValueError, "velocity must have shape", lambda: kernels.momentum(one(3), one(3), one(4), 0.1)),
    (ValueError, "t must be", lambda: kernels.adam(one(3), one(3), one(3), one(3), 0.1, t=0)),
    (ValueError, "shares memory", lambda: (lambda s: kernels.adam(one(3), one(3), s, s, 0.1, t=1))(one(3))),
]


@pytest.mark.parametrize(("error", "message", "call"), BAD, ids=[f"{i}-{case[1][:30]}" for i, case in enumerate(BAD)])
def test_bad_argument_is_named(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_the_core_checks_again():
    """C++ trusts nobody: the same mistakes without the Python checks in front."""
    x, out = one(3), one(3)
    bad = [
        lambda: _core.kernel_activation_forward("relu", x, np.ones(3, np.float32), 0.0, 1),
        lambda: _core.kernel_activation_forward("relu", x, one(4), 0.0, 1),
        lambda: _core.kernel_activation_forward("relu", x, frozen(3), 0.0, 1),
        lambda: _core.kernel_activation_forward("relu", one(8)[::2], one(4), 0.0, 1),
        lambda: _core.kernel_activation_forward("relu", one(2, 2, 4)[:, :, ::2], one(2, 2, 2), 0.0, 1),
        lambda: _core.kernel_activation_forward("relu", one(2, 2, 2), one(2, 4, 1), 0.0, 1),
        lambda: _core.kernel_update("adam", x, out, None, None, 0.1, 0.9, 0.9, 1e-8, 0.0, 0.0, 1.0, 1.0, 1.0, 1),
        lambda: _core.kernel_loss("mse", one(2, 2), None, None, None, 1.0, 0.0, 0.0, one(2), None, 1),
        lambda: _core.kernel_loss(
            "softmax_cross_entropy", one(1, 2), np.array([2], np.int32), None, None, 1.0, 0.0, 0.0, one(1), None, 1
        ),
        lambda: _core.kernel_gather(SQUARE, np.array([9]), one(1, 4), 1),
        lambda: _core.kernel_column_sums(SQUARE, one(3), 1),
    ]
    for call in bad:
        with pytest.raises(ValueError, match=r"\w+: "):
            call()
    with pytest.raises(TypeError):  # a list would be converted, and the result lost
        _core.kernel_activation_forward("relu", x, [0.0, 0.0, 0.0], 0.0, 1)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "sigmoid", "tanh", "exp", "log", "softplus"])
def test_layouts_and_in_place(name, rng):
    function = getattr(kernels, name)
    x = rng.random((6, 10))
    expected = function(x)
    assert_equal(function(np.asfortranarray(x)), expected)
    assert_equal(function(x[::-1]), expected[::-1])
    assert_equal(function(x[:, 2:7]), expected[:, 2:7])
    assert_equal(function(np.broadcast_to(x[:1], (3, 10))), np.repeat(expected[:1], 3, axis=0))
    assert_equal(function(x.reshape(3, 2, 10)), expected.reshape(3, 2, 10))
    assert function(np.float64(0.5)).shape == ()
    assert function(np.empty((0, 3))).shape == (0, 3)
    out = np.full((6, 14), np.nan)
    result = function(x, out=out[:, 2:12])
    assert np.shares_memory(result, out)
    assert_equal(out[:, 2:12], expected)
    assert np.isnan(out[:, [0, 1, 12, 13]]).all()
    function(x, out=x)
    assert_equal(x, expected)


def test_columns_of_one_array_do_not_overlap(rng):
    both = rng.normal(size=(5, 20))
    expected = np.maximum(both[:, :10], 0)
    kernels.relu(both[:, :10], out=both[:, 10:])
    assert_equal(both[:, 10:], expected)


def test_inputs_may_be_read_only_and_stay_as_they_are(rng):
    x = rng.normal(size=(20, 8))
    before = x.copy()
    x.flags.writeable = False
    y = kernels.dense_forward(x, x[:8], activation="tanh")
    kernels.dense_backward(x, x[:8], y, y)
    kernels.softmax_cross_entropy(x, x * x)
    kernels.batch_norm_forward(x, x[0], x[1])
    assert_equal(x, before)


def everything(x, y):
    """One result of every kernel that shares its work, on arrays large enough that it does."""
    rows, cols = x.shape
    labels = np.arange(rows) % cols
    weight = x[:cols].copy()
    hidden = kernels.dense_forward(x, weight, x[0], "tanh")
    normed = kernels.batch_norm_forward(x, x[0], x[1])
    parameter, first, second = x.copy(), np.zeros_like(x), np.zeros_like(x)
    kernels.adamw(parameter, y, first, second, 0.01, t=3)
    return [
        kernels.sigmoid(x),
        kernels.activation_backward("tanh", x, y),
        kernels.exp(x),
        kernels.dropout(x, 0.3, seed=5),
        hidden,
        *kernels.dense_backward(x, weight, hidden, y, "tanh"),
        *normed,
        *kernels.batch_norm_backward(x, y, normed[1], normed[3], x[0]),
        kernels.column_sums(x),
        kernels.softmax(x),
        *kernels.softmax_cross_entropy(x, labels),
        *kernels.sigmoid_cross_entropy(x, y),
        *kernels.mse(x, y),
        kernels.gather(x, np.arange(rows)[::-1]),
        parameter,
        first,
        second,
        kernels.mish(x),
        kernels.gaussian_noise(x, 0.3, seed=5),
        kernels.log_softmax(x),
        *kernels.layer_norm_forward(x, x[0], x[1]),
        *kernels.layer_norm_backward(x, y, y[:, 0].copy(), y[:, 1].copy(), x[0]),
        *kernels.prelu_backward(x, x[0], y),
        *kernels.maxout_forward(x, 3),
        *kernels.hinge(x, labels),
        *kernels.huber(x, y),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_the_number_of_threads(isa, dtype, rng):
    x, y = (rng.normal(size=(1001, 150)).astype(dtype) for _ in range(2))
    results = {}
    try:
        for threads in (1, 2, 3, 7):
            st.set_num_threads(threads)
            results[threads] = [np.asarray(result).tobytes() for result in everything(x, y)]
    finally:
        st.set_num_threads(None)
    assert results[1] == results[2] == results[3] == results[7]
