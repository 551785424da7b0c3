"""Activations beside JAX's, in float64 and float32: a third pair of hands, whose derivatives are its own."""

import numpy as np
import pytest

from steepest import kernels
from tolerance import assert_network64, assert_within, eps

jax = pytest.importorskip("jax")

JAX = {
    "identity": lambda x, a: x,
    "sigmoid": lambda x, a: jax.nn.sigmoid(x),
    "tanh": lambda x, a: jax.numpy.tanh(x),
    "relu": lambda x, a: jax.nn.relu(x),
    "leaky_relu": lambda x, a: jax.nn.leaky_relu(x, a),
    "elu": lambda x, a: jax.nn.elu(x, a),
    "selu": lambda x, a: jax.nn.selu(x),
    "celu": lambda x, a: jax.nn.celu(x, a),
    "gelu": lambda x, a: jax.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x, a: jax.nn.gelu(x, approximate=True),
    "silu": lambda x, a: jax.nn.silu(x),
    "mish": lambda x, a: jax.nn.mish(x),
    "softplus": lambda x, a: jax.nn.softplus(x),
    "softsign": lambda x, a: jax.nn.soft_sign(x),
    "hard_sigmoid": lambda x, a: jax.nn.hard_sigmoid(x),
    "hard_swish": lambda x, a: jax.nn.hard_swish(x),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", JAX)
@pytest.mark.parametrize("number", range(6))
def test_activation(name, number, dtype):
    rng = np.random.default_rng([number, 21])
    alpha = float(np.dtype(dtype).type(rng.uniform(0.1, 1)))
    x = rng.normal(0.0, 4.0, size=(33, 7)).astype(dtype)
    dy = rng.normal(size=x.shape).astype(dtype)
    with jax.enable_x64(True):
        wide = np.asarray(x, np.float64)
        value, back = jax.vjp(lambda z: JAX[name](z, alpha), jax.numpy.asarray(wide))
        (slope,) = back(jax.numpy.asarray(np.asarray(dy, np.float64)))
        value, slope = np.asarray(value), np.asarray(slope)
    assert value.dtype == np.float64
    y = kernels.activation_forward(name, x, alpha)
    saved = x if name in ("gelu", "gelu_tanh", "silu", "mish", "hard_swish") else y
    dx = kernels.activation_backward(name, saved, dy, alpha)
    assert (y.dtype, dx.dtype) == (np.dtype(dtype), np.dtype(dtype))
    if dtype == "float64":  # JAX rounds as often, how much it does not say
        assert_network64(y, value, name)
        assert_network64(dx, slope, name)
        return
    # Six roundings of the value at most (test_kernels_elementwise.py), or of x where an exponential magnifies its own.
    assert_within(y, value, 6 * eps(dtype) * np.maximum(np.abs(value), np.abs(wide)), name)
    # A slope comes from 1 - y or the like, which rounds relatively to 1.
    assert_within(dx, slope, 6 * eps(dtype) * np.abs(dy), name)
