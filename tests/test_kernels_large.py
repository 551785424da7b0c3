"""Results so large that kernels write them past the caches: the same bits as in place, which never goes that way."""

import numpy as np
import pytest

from steepest import kernels
from tolerance import assert_equal

# 64 MiB and some: enough for each of two workers; rows of whole cache lines, and an array that begins on none.
ROWS, COLUMNS = 2065, 8192


def matrix(seed):
    rng = np.random.default_rng(seed)
    short = rng.normal(size=100_003).astype(np.float32)
    return np.resize(short, ROWS * COLUMNS + 4)[4:].reshape(ROWS, COLUMNS)


def empty():
    return np.full(ROWS * COLUMNS + 4, np.nan, np.float32)[4:].reshape(ROWS, COLUMNS)


@pytest.fixture(scope="module")
def x():
    return matrix(0)


@pytest.fixture(scope="module")
def dy():
    return matrix(1)


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_activations(name, x, dy):
    assert_equal(
        kernels.activation_forward(name, x, out=empty()),
        (lambda y: kernels.activation_forward(name, y, out=y))(x.copy()),
    )
    expected = (lambda dx: kernels.activation_backward(name, x, dx, out=dx))(dy.copy())
    assert_equal(kernels.activation_backward(name, x, dy, out=empty()), expected)


def test_norms_and_prelu(x, dy):
    gamma, beta = x[0].copy(), dy[0].copy()
    forward = {
        "batch_norm": lambda a, out: kernels.batch_norm_forward(a, gamma, beta, out=out),
        "layer_norm": lambda a, out: kernels.layer_norm_forward(a, gamma, beta, out=out),
        "prelu": lambda a, out: (kernels.prelu_forward(a, gamma, out=out),),
    }
    saved = {}
    for name, function in forward.items():
        inside = x.copy()
        saved[name] = function(x, empty())
        for actual, expected in zip(saved[name], function(inside, inside), strict=True):
            assert_equal(actual, expected, name)
    batch, layer = saved["batch_norm"], saved["layer_norm"]
    backward = {
        "batch_norm": lambda g, out: kernels.batch_norm_backward(x, g, batch[1], batch[3], gamma, out=out),
        "layer_norm": lambda g, out: kernels.layer_norm_backward(x, g, layer[1], layer[2], gamma, out=out),
        "prelu": lambda g, out: kernels.prelu_backward(x, gamma, g, out=out),
        "softmax": lambda g, out: (kernels.softmax_backward(x, g, out=out),),
    }
    for name, function in backward.items():
        inside = dy.copy()
        out = empty()
        results = function(dy, out)
        assert results[0] is out
        for actual, expected in zip(results, function(inside, inside), strict=True):
            assert_equal(actual, expected, name)


@pytest.mark.parametrize("columns", [COLUMNS, ROWS])  # short rows' exponentials wait in a buffer; these begin anywhere
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_functions_of_rows(name, columns, x, dy):
    forward, backward = getattr(kernels, name), getattr(kernels, f"{name}_backward")
    inside, inside_dy = x.reshape(-1, columns).copy(), dy.reshape(-1, columns).copy()
    y = forward(x.reshape(-1, columns), out=empty().reshape(-1, columns))
    assert_equal(y, forward(inside, out=inside))
    dx = backward(y, dy.reshape(-1, columns), out=empty().reshape(-1, columns))
    assert_equal(dx, backward(y, inside_dy, out=inside_dy))


def test_maxout_writes_where_it_is_told(rng):
    z = rng.normal(size=(5, 6))
    _, which = kernels.maxout_forward(z, 2)
    out = np.full((5, 6), np.nan)
    assert kernels.maxout_backward(which, 2, np.ones((5, 3)), out=out) is out
    assert_equal(out, kernels.maxout_backward(which, 2, np.ones((5, 3))))
