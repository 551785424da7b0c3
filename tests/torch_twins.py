"""What every registered activation, layer and loss is in PyTorch: random objects, and their functions of tensors.

The rows, parameters and targets that both sides get are those of `steepest` in its own dtype. PyTorch computes in
float64; what float32 may be off is measured on PyTorch's own float32 arithmetic, see `compare`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

import steepest as st
from tolerance import SPREAD_RUNS, assert_network32, assert_network64, eps, largest

L, A = st.layers, st.activations
WIDTHS = (1, 2, 3, 5, 8, 17, 33)
ROWS = (2, 3, 8, 16, 33)  # PyTorch does not normalise a single row


@dataclass
class Twin:
    """A layer, the shape of a sample, and `function(x, parameters, training)`, the parameters in the model's order."""

    layer: object
    shape: tuple
    function: Callable
    states: list = field(default_factory=list)  # what a batch norm has learnt so far
    draw: Callable | None = None  # of the rows; None: normal numbers


# ---------------------------------------------------------------------------------------------------------- activations
def _step(x):
    return (x > 0).to(x.dtype) + 0 * x


def _hardmax(x):
    return F.one_hot(x.argmax(dim=1), x.shape[1]).to(x.dtype) + 0 * x


# By name: a random object from `rng`, and the function of (x, object).
ACTIVATIONS = {
    "identity": (lambda rng: A.Identity(), lambda x, a: x),
    "sigmoid": (lambda rng: A.Sigmoid(), lambda x, a: torch.sigmoid(x)),
    "tanh": (lambda rng: A.Tanh(), lambda x, a: torch.tanh(x)),
    "relu": (lambda rng: A.Relu(), lambda x, a: F.relu(x)),
    "leaky_relu": (lambda rng: A.LeakyRelu(rng.uniform()), lambda x, a: F.leaky_relu(x, a.alpha)),
    "elu": (lambda rng: A.Elu(rng.uniform(0.1, 3)), lambda x, a: F.elu(x, a.alpha)),
    "selu": (lambda rng: A.Selu(), lambda x, a: F.selu(x)),
    # PyTorch's own CELU keeps 1 / alpha in single precision on its way back.
    "celu": (lambda rng: A.Celu(rng.uniform(0.2, 3)), lambda x, a: a.alpha * F.elu(x / a.alpha)),
    "gelu": (lambda rng: A.Gelu(), lambda x, a: F.gelu(x)),
    "gelu_tanh": (lambda rng: A.Gelu(approximate="tanh"), lambda x, a: F.gelu(x, approximate="tanh")),
    "silu": (lambda rng: A.Silu(), lambda x, a: F.silu(x)),
    "mish": (lambda rng: A.Mish(), lambda x, a: F.mish(x)),
    # PyTorch's is x beyond its threshold, where the two are the same from 40 on in float64.
    "softplus": (lambda rng: A.Softplus(), lambda x, a: F.softplus(x, threshold=40)),
    "softsign": (lambda rng: A.Softsign(), lambda x, a: F.softsign(x)),
    # Its hard sigmoid keeps 1 / 6 so.
    "hard_sigmoid": (lambda rng: A.HardSigmoid(), lambda x, a: F.relu6(x + 3) / 6),
    "hard_swish": (lambda rng: A.HardSwish(), lambda x, a: F.hardswish(x)),
    "step": (lambda rng: A.Step(), lambda x, a: _step(x)),
    "softmax": (lambda rng: A.Softmax(), lambda x, a: F.softmax(x, dim=1)),
    "log_softmax": (lambda rng: A.LogSoftmax(), lambda x, a: F.log_softmax(x, dim=1)),
    "hardmax": (lambda rng: A.Hardmax(), lambda x, a: _hardmax(x)),
}
# Their derivatives do not jump, so float32 may be anywhere in a network of them.
SMOOTH = ("identity", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "mish", "softplus", "softsign", "softmax")


def activation(name, rng):
    """Return the twin of the activation as a layer; `prelu` has a parameter."""
    width = int(rng.choice(WIDTHS))
    if name == "prelu":
        shared = [False, True][rng.integers(2)]
        return Twin(L.Activation(A.PReLU(rng.normal(), shared)), (width,), lambda x, p, _: F.prelu(x, p[0]))
    make, function = ACTIVATIONS[name]
    object_ = make(rng)
    return Twin(L.Activation(object_), (width,), lambda x, p, _: function(x, object_))


# --------------------------------------------------------------------------------------------------------------- layers
def _dense(rng):
    width, units, bias = int(rng.choice(WIDTHS)), int(rng.choice(WIDTHS)), bool(rng.random() < 0.7)
    name = str(rng.choice(list(ACTIVATIONS)))
    object_ = ACTIVATIONS[name][0](rng)

    def function(x, p, training):
        return ACTIVATIONS[name][1](F.linear(x, p[0].T, p[1] if bias else None), object_)

    return Twin(L.Dense(units, object_, use_bias=bias), (width,), function)


def _maxout(rng):
    width, units, pieces = int(rng.choice(WIDTHS)), int(rng.choice(WIDTHS)), int(rng.integers(1, 5))
    bias = bool(rng.random() < 0.7)

    def function(x, p, training):
        z = F.linear(x, p[0].T, p[1] if bias else None)
        return z.unflatten(1, (units, pieces)).max(dim=2).values

    return Twin(L.Maxout(units, pieces, use_bias=bias), (width,), function)


def _image(rng):
    return tuple(int(size) for size in rng.integers(1, 5, size=3))


def _prelu(rng):
    if rng.random() < 0.5:
        shape = _image(rng)
        return Twin(L.PReLU(shared="channel"), shape, lambda x, p, _: F.prelu(x, p[0]).flatten(1))
    shape, shared = (int(rng.choice(WIDTHS)),), bool(rng.random() < 0.5)
    return Twin(L.PReLU(shared=shared), shape, lambda x, p, _: F.prelu(x, p[0]))


def _batch_norm(rng):
    shape = _image(rng) if rng.random() < 0.5 else (int(rng.choice(WIDTHS)),)
    momentum, epsilon = float(rng.uniform(0.05, 1)), float(10 ** rng.uniform(-5, -2))
    frozen = bool(rng.random() < 0.2)
    twin = Twin(L.BatchNorm(momentum, epsilon, trainable=not frozen), shape, None)

    def function(x, p, training):
        mean, variance = twin.states
        y = F.batch_norm(x, mean, variance, p[0], p[1], training and not frozen, momentum, epsilon)
        return y.flatten(1)

    twin.function = function
    return twin


def _layer_norm(rng):
    shape = _image(rng) if rng.random() < 0.3 else (int(rng.choice(WIDTHS[1:])),)
    epsilon = float(10 ** rng.uniform(-5, -2))

    def function(x, p, training):
        return F.layer_norm(x.flatten(1), (int(np.prod(shape)),), p[0], p[1], epsilon)

    return Twin(L.LayerNorm(epsilon), shape, function)


def _standardize(rng):
    width = int(rng.choice(WIDTHS))
    mean, scale = rng.normal(size=width), rng.uniform(0.5, 2, size=width)

    def function(x, p, training):
        return (x - torch.from_numpy(mean).to(x.dtype)) / torch.from_numpy(scale).to(x.dtype)

    return Twin(L.Standardize(mean, scale), (width,), function)


def _flatten(rng):
    return Twin(L.Flatten(), _image(rng), lambda x, p, _: x.flatten(1))


def _residual(rng):
    width, units = int(rng.choice(WIDTHS)), int(rng.choice(WIDTHS))
    inner, outer = (str(name) for name in rng.choice(SMOOTH, size=2))
    project = units != width or bool(rng.random() < 0.5)
    layer = L.Residual([L.Dense(5, inner), L.LayerNorm(1e-3), L.Dense(units)], outer, projection=project or None)

    def function(x, p, training):
        h = ACTIVATIONS[inner][1](F.linear(x, p[0].T, p[1]), None)
        h = F.linear(F.layer_norm(h, (5,), p[2], p[3], 1e-3), p[4].T, p[5])
        return ACTIVATIONS[outer][1](h + (F.linear(x, p[6].T) if project else x), None)

    return Twin(layer, (width,), function)


def _categories(count):
    def draw(rng, rows, width):
        x = rng.normal(size=(rows, width))
        x[:, 0] = rng.integers(count, size=rows)
        return x

    return draw


def _embedding(rng):
    count, width = int(rng.integers(2, 9)), int(rng.choice(WIDTHS))
    return Twin(
        L.Embedding(count, width), (1,), lambda x, p, _: F.embedding(x[:, 0].long(), p[0]), draw=_categories(count)
    )


def _columns(rng):
    units = int(rng.choice(WIDTHS))
    groups = {"kind": (0, L.Embedding(4, 3)), "some": ([3, 1], L.Dense(units, "tanh")), "again": ([1], None)}

    def function(x, p, training):
        dense = torch.tanh(F.linear(x[:, [3, 1]], p[1].T, p[2]))
        return torch.cat([F.embedding(x[:, 0].long(), p[0]), dense, x[:, [1]]], dim=1)

    return Twin(L.Columns(groups, rest="drop"), (4,), function, draw=_categories(4))


def _activation(rng):
    return activation(str(rng.choice([*ACTIVATIONS, "prelu"])), rng)


LAYERS = {
    "dense": _dense,
    "maxout": _maxout,
    "prelu": _prelu,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "standardize": _standardize,
    "flatten": _flatten,
    "residual": _residual,
    "embedding": _embedding,
    "columns": _columns,
    "activation": _activation,
}


# --------------------------------------------------------------------------------------------------------------- losses
def _labels(rng, rows, width):
    return rng.integers(width, size=rows)


def _shares(rng, rows, width):
    y = rng.dirichlet(np.ones(width), size=rows)
    return y / y.sum(axis=1, keepdims=True)


def _signs(rng, rows, width):
    return rng.choice([-1.0, 1.0], size=(rows, width))


def _numbers(rng, rows, width):
    return rng.normal(size=(rows, width))


def _by_element(function):
    """The mean over the outputs, times the loss's factor."""
    return lambda z, y, loss: loss.factor * function(z, y, loss).mean(dim=1)


S = st.losses
# By name: a random object, its targets, and the losses of the rows of (outputs, targets, object).
LOSSES = {
    "softmax_cross_entropy": (
        lambda rng: S.SoftmaxCrossEntropy(),
        _labels,
        lambda z, y, loss: F.cross_entropy(z, y, reduction="none"),
    ),
    "softmax_cross_entropy, smoothed": (
        lambda rng: S.SoftmaxCrossEntropy(rng.uniform(0, 0.5)),
        _labels,
        lambda z, y, loss: F.cross_entropy(z, y, reduction="none", label_smoothing=loss.label_smoothing),
    ),
    "softmax_cross_entropy, soft": (
        lambda rng: S.SoftmaxCrossEntropy(rng.uniform(0, 0.5)),
        _shares,
        lambda z, y, loss: F.cross_entropy(z, y, reduction="none", label_smoothing=loss.label_smoothing),
    ),
    "sigmoid_cross_entropy": (
        lambda rng: S.SigmoidCrossEntropy(),
        lambda rng, rows, width: rng.integers(2, size=(rows, width)) * rng.choice([1.0, 0.75]),
        lambda z, y, loss: F.binary_cross_entropy_with_logits(z, y, reduction="none").sum(dim=1),
    ),
    "mse": (
        lambda rng: S.MSE(rng.uniform(0.5, 2)),
        _numbers,
        _by_element(lambda z, y, loss: F.mse_loss(z, y, reduction="none")),
    ),
    "mae": (
        lambda rng: S.MAE(rng.uniform(0.5, 2)),
        _numbers,
        _by_element(lambda z, y, loss: F.l1_loss(z, y, reduction="none")),
    ),
    "huber": (
        lambda rng: S.Huber(rng.uniform(0.2, 2)),
        _numbers,
        _by_element(lambda z, y, loss: F.huber_loss(z, y, reduction="none", delta=loss.delta)),
    ),
    "poisson": (
        lambda rng: S.Poisson(),
        lambda rng, rows, width: rng.poisson(2, size=(rows, width)).astype(float),
        _by_element(lambda z, y, loss: F.poisson_nll_loss(z, y, log_input=True, reduction="none")),
    ),
    "quantile": (
        lambda rng: S.Quantile(rng.uniform(0.05, 0.95)),
        _numbers,
        _by_element(lambda z, y, loss: torch.maximum(loss.q * (y - z), (loss.q - 1) * (y - z))),
    ),
    "hinge": (
        lambda rng: S.Hinge(),
        _signs,
        lambda z, y, loss: F.margin_ranking_loss(z, 0 * z, y, margin=1.0, reduction="none").mean(dim=1),
    ),
    "hinge, classes": (
        lambda rng: S.Hinge(),
        _labels,
        # The sum over the classes, of which PyTorch takes the mean.
        lambda z, y, loss: z.shape[1] * F.multi_margin_loss(z, y, reduction="none"),
    ),
}


def mean_over_rows(rows, weights):
    """Return the weighted mean."""
    share = torch.from_numpy(weights / weights.sum()).to(rows.dtype)
    return (rows * share).sum()


# ----------------------------------------------------------------------------------------------------------- comparison
def tensor(array, dtype=torch.float64):
    """Return a copy that gradients are taken by."""
    return torch.from_numpy(np.array(array, np.float64)).to(dtype).requires_grad_()


def disturbed(array, rng):
    """Return the numbers with what float32 rounds."""
    array = np.asarray(array, np.float64)
    return array * (1 + eps(np.float32) * rng.uniform(-1, 1, size=array.shape))


def compare(actual, run, inputs, dtype, what, scale=1.0):
    """Compare named arrays with `run(tensors)`, a dictionary of the same names.

    `inputs` are arrays as `steepest` has them. In float32 the bound is policy 5's: the spread of PyTorch's own float32
    results, on inputs disturbed by a rounding, about those in float64.
    """
    expected = run([tensor(array) for array in inputs])
    assert actual.keys() == expected.keys()
    if np.dtype(dtype) == np.float64:
        size = max(largest(value) for value in expected.values())
        for name, value in expected.items():
            assert_network64(actual[name], value, f"{name} of {what}", scale=max(size, scale))
        return
    rng = np.random.default_rng(5)
    runs = [run([tensor(disturbed(a, rng), torch.float32) for a in inputs]) for _ in range(SPREAD_RUNS)]
    for name, value in expected.items():
        # A sum that cancels is known to the rounding of its terms, which are as large as in the other runs.
        spread = max(largest(np.asarray(other[name], np.float64) - value) for other in runs)
        assert_network32(actual[name], value, spread, f"{name} of {what}")


def gradients_of(value, tensors):
    """Return d value / d tensor for each, zeros where there is none."""
    found = torch.autograd.grad(value, tensors, allow_unused=True)
    return [
        np.zeros(t.shape) if g is None else g.detach().to(torch.float64).numpy()
        for g, t in zip(found, tensors, strict=True)
    ]
