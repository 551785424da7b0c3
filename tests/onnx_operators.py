"""Operators of the ONNX standard by kernels, layers and losses of steepest; each yields the outputs of every way."""

import numpy as np

import steepest as st
from steepest import kernels

L = st.layers


class NotRunError(Exception):
    """Why a vector has nothing to run it."""


def predict(layers, x, dtype, **tensors):
    """Return the prediction of a model of these layers for rows x, the last layer's tensors being set."""
    model = st.Sequential(layers, input_shape=x.shape[1:], dtype=dtype)
    for name, value in tensors.items():
        layers[-1].tensor(name)[...] = value
    return model.predict(x)


# ---------------------------------------------------------------------------------------------------------- activations
def elementwise(name, defaults=(), settings=None):
    """An activation whose attributes have these defaults; `settings(attributes)` gives its alpha or refuses."""

    def run(inputs, attributes, dtype, outputs):
        (x,) = inputs
        attributes = {**dict(defaults), **attributes}
        alpha = settings(attributes) if settings else None
        config = {"kind": name, "alpha": alpha} if alpha is not None else name
        row = x.reshape(1, -1)
        yield [kernels.activation_forward(name, row, alpha).reshape(x.shape)]
        yield [predict([L.Activation(config)], row, dtype).reshape(x.shape)]
        # The same fused into a dense layer, or behind it.
        one = predict([L.Dense(1, config, use_bias=False)], x.reshape(-1, 1), dtype, weight=[[1.0]])
        yield [one.reshape(x.shape)]

    return run


def slope(attributes):
    if not 0.0 <= attributes["alpha"] <= 1.0:
        raise NotRunError("a slope below zero lies in [0, 1] here")
    return attributes["alpha"]


def selu(inputs, attributes, dtype, outputs):
    alpha, gamma = attributes.get("alpha", 1.67326324), attributes.get("gamma", 1.05070102)
    if abs(alpha - 1.67326324) < 1e-6 and abs(gamma - 1.05070102) < 1e-6:
        yield from elementwise("selu")(inputs, {}, dtype, outputs)
    # With other numbers it is a multiple of an ELU.
    for (y,) in elementwise("elu", settings=lambda a: alpha)(inputs, {}, dtype, outputs):
        yield [(gamma * y).astype(dtype)]


def hard_sigmoid(inputs, attributes, dtype, outputs):
    # Here alpha is 1/6 and beta 1/2: another line is another input.
    alpha, beta = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    moved = (6.0 * (alpha * inputs[0] + beta) - 3.0).astype(dtype)
    yield from elementwise("hard_sigmoid")([moved], {}, dtype, outputs)


def swish(inputs, attributes, dtype, outputs):
    alpha = attributes.get("alpha", 1.0)
    for (y,) in elementwise("silu")([(alpha * inputs[0]).astype(dtype)], {}, dtype, outputs):
        yield [(y / alpha).astype(dtype)]


def gelu(inputs, attributes, dtype, outputs):
    name = {b"none": "gelu", b"tanh": "gelu_tanh"}[attributes.get("approximate", b"none")]
    yield from elementwise(name)(inputs, {}, dtype, outputs)


def prelu(inputs, attributes, dtype, outputs):
    x, slopes = inputs
    if slopes.ndim == 1 and x.ndim > 1 and slopes.size not in (1, x.shape[-1]):  # of the channels, in old versions
        slopes = slopes.reshape(-1, *[1] * (x.ndim - 2))
    row, full = x.reshape(1, -1), np.broadcast_to(slopes, x.shape).reshape(-1)
    yield [kernels.prelu_forward(row, full).reshape(x.shape)]
    yield [predict([L.PReLU()], row, dtype, slope=full).reshape(x.shape)]
    if slopes.size == 1:
        yield [predict([L.PReLU(shared=True)], row, dtype, slope=slopes.reshape(1)).reshape(x.shape)]


def math(name):
    function = getattr(kernels, name)
    return lambda inputs, attributes, dtype, outputs: iter([[function(inputs[0])]])


def row_function(name):
    """A function of the slices along an axis: that axis comes last, and the slices are the rows."""

    def run(inputs, attributes, dtype, outputs):
        x = np.moveaxis(inputs[0], attributes.get("axis", -1), -1)
        rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
        for y in (getattr(kernels, name)(rows), predict([L.Activation(name)], rows, dtype)):
            yield [np.moveaxis(y.reshape(x.shape), -1, attributes.get("axis", -1))]

    return run


# --------------------------------------------------------------------------------------------------------------- layers
def gemm(inputs, attributes, dtype, outputs):
    a, b, c = (*inputs, None)[:3]
    a = (a.T if attributes.get("transA") else a) * np.asarray(attributes.get("alpha", 1.0), dtype)
    b = b.T if attributes.get("transB") else b
    bias = None if c is None else c * np.asarray(attributes.get("beta", 1.0), dtype)
    # A bias of rows is added behind the product, which has one number a column.
    rows = bias if bias is not None and bias.ndim == 2 and len(bias) > 1 else None
    bias = None if rows is not None or bias is None else np.broadcast_to(bias.reshape(-1), (b.shape[1],))
    yield [kernels.dense_forward(a, b, bias) + (0 if rows is None else rows)]
    tensors = {"weight": b} if bias is None else {"weight": b, "bias": bias}
    y = predict([L.Dense(b.shape[1], use_bias=bias is not None)], a, dtype, **tensors)
    yield [y + (0 if rows is None else rows)]


def matmul(inputs, attributes, dtype, outputs):
    a, b = inputs
    if b.ndim != 2:
        raise NotRunError("a weight has two dimensions here")
    yield [kernels.matmul(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[1])]


def flatten(inputs, attributes, dtype, outputs):
    (x,) = inputs
    if x.ndim < 2 or attributes.get("axis", 1) not in (1, 1 - x.ndim):
        raise NotRunError("rows are samples here: only the axes behind the first are made one")
    yield [predict([L.Flatten()], x, dtype)]


def batch_norm(inputs, attributes, dtype, outputs):
    x, gamma, beta, mean, variance = inputs
    momentum, epsilon = attributes.get("momentum", 0.9), attributes.get("epsilon", 1e-5)
    pixels = x.reshape(*x.shape[:2], -1, 1) if x.ndim > 2 else x
    layer = L.BatchNorm(1.0 - momentum, epsilon)
    model = st.Sequential([layer], input_shape=pixels.shape[1:], dtype=dtype)
    tensors = {"gamma": gamma, "beta": beta, "running_mean": mean, "running_variance": variance}
    for name, value in tensors.items():
        layer.tensor(name)[...] = value
    if not attributes.get("training_mode"):
        yield [model.predict(pixels).reshape(x.shape)]
        yield [model.folded().predict(pixels).reshape(x.shape)]
        return
    y = model.network.core.forward(pixels.reshape(len(x), -1), True, 0, 0, 1)[-1].reshape(x.shape)
    columns = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    by_kernel = kernels.batch_norm_forward(columns, gamma, beta, epsilon)[0]
    rate = st.optimizers.SGD(1e-30)  # a step that changes the running statistics and nothing else
    model.fit(
        pixels, np.zeros((len(x), model.output_size)), loss="mse", optimizer=rate, epochs=1, batch_size=10, verbose=0
    )
    new_mean, new_variance = layer.running_mean.copy(), layer.running_variance.copy()
    # Here the running variance takes the unbiased one of the batch, in the standard the biased one.
    count = x.size // x.shape[1]
    unbiased = (new_variance - momentum * variance) / (1.0 - momentum)
    new_variance = (momentum * variance + (1.0 - momentum) * unbiased * (count - 1) / count).astype(dtype)
    yield [y, new_mean, new_variance]
    yield [np.moveaxis(by_kernel.reshape(np.moveaxis(x, 1, -1).shape), -1, 1), new_mean, new_variance]


def layer_norm(inputs, attributes, dtype, outputs):
    x, gamma, beta = inputs
    axis, epsilon = attributes.get("axis", -1) % x.ndim, attributes.get("epsilon", 1e-5)
    rows = x.reshape(int(np.prod(x.shape[:axis])), -1)
    y, mean, inv_std = kernels.layer_norm_forward(rows, gamma.reshape(-1), beta.reshape(-1), epsilon)
    shape = (*x.shape[:axis], *[1] * (x.ndim - axis))
    yield [y.reshape(x.shape), mean.reshape(shape), inv_std.reshape(shape)]
    tensors = {"gamma": gamma.reshape(-1), "beta": beta.reshape(-1)}
    yield [predict([L.LayerNorm(epsilon)], rows, dtype, **tensors).reshape(x.shape)]


def dropout(inputs, attributes, dtype, outputs):
    x = inputs[0]
    ratio = float(inputs[1]) if len(inputs) > 1 and inputs[1] is not None else attributes.get("ratio", 0.5)
    training = bool(inputs[2]) if len(inputs) > 2 else False
    if training and ratio > 0.0:
        raise NotRunError("other random numbers decide what is dropped")
    model = st.Sequential([L.Dropout(ratio)], input_shape=x.size, dtype=dtype)
    row = x.reshape(1, -1)
    yield [model.network.core.forward(row, training, 0, 0, 1)[-1].reshape(x.shape), np.ones(x.shape, bool)]
    yield [model.predict(row).reshape(x.shape), np.ones(x.shape, bool)]


def gather(inputs, attributes, dtype, outputs):
    """An embedding: the slices of the table along the axis are its vectors."""
    table, indices = np.moveaxis(inputs[0], attributes.get("axis", 0), 0), inputs[1]
    if (indices < 0).any():
        raise NotRunError("a negative category is unknown here and gives zeros")
    flat = table.reshape(len(table), -1)
    x = indices.reshape(-1, 1).astype(dtype)
    y = predict([L.Embedding(*flat.shape)], x, dtype, table=flat).reshape(*indices.shape, *table.shape[1:])
    axis = attributes.get("axis", 0)
    front = list(range(indices.ndim))
    yield [np.moveaxis(y, front, [axis + i for i in front])]


def concat(inputs, attributes, dtype, outputs):
    axis = attributes["axis"]
    if inputs[0].ndim != 2 or axis not in (1, -1):
        raise NotRunError("columns stand side by side here, nothing else")
    edges = np.cumsum([0, *(x.shape[1] for x in inputs)])
    groups = {f"part_{i}": (list(range(edges[i], edges[i + 1])), None) for i in range(len(inputs))}
    yield [predict([L.Columns(groups)], np.concatenate(inputs, axis=1), dtype)]


def add_up(inputs, attributes, dtype, outputs):
    if len({x.shape for x in inputs}) > 1:
        raise NotRunError("a sum is one of equal shapes here")
    total = inputs[0].reshape(1, -1)
    for x in inputs[1:]:  # each in turn by a residual block whose chain gives the one, its input being the other
        layer = L.Dense(total.size, use_bias=True, initializer="zeros")
        model = st.Sequential([L.Residual([layer])], input_shape=total.size, dtype=dtype)
        layer.bias[...] = x.reshape(-1)
        total = model.predict(total)
    yield [total.reshape(inputs[0].shape)]


# --------------------------------------------------------------------------------------------------------------- losses
def cross_entropy(inputs, attributes, dtype, outputs, from_logits=True):
    scores, labels, weights = (*inputs, None)[:3]
    ignored = attributes.get("ignore_index")
    rows = np.ascontiguousarray(np.moveaxis(scores, 1, -1)).reshape(-1, scores.shape[1])
    flat = labels.reshape(-1)
    factors = np.ones(scores.shape[1], dtype) if weights is None else weights
    counts = np.ones(len(flat), bool) if ignored is None else flat != ignored
    known = np.where(counts, flat, 0)
    each = np.where(counts, factors[known], 0.0)
    logarithms = kernels.log_softmax(rows)
    losses = kernels.softmax_cross_entropy(rows, known)[0]
    if not from_logits:  # log-probabilities as they are: without the normalisation that the loss brings
        losses = losses - (rows[:, 0] - logarithms[:, 0])
    log_probabilities = np.moveaxis(logarithms.reshape(np.moveaxis(scores, 1, -1).shape), -1, 1)
    reduction = attributes.get("reduction", b"mean").decode()
    weighted = each * losses
    value = {"none": weighted.reshape(labels.shape), "sum": weighted.sum(), "mean": weighted.sum() / each.sum()}[
        reduction
    ]
    yield [np.asarray(value, dtype), log_probabilities]
    if from_logits and reduction == "mean":
        model = st.Sequential([L.Activation("identity")], input_shape=rows.shape[1], dtype=dtype)
        found = model.evaluate(rows, known, loss="softmax_cross_entropy", sample_weight=each)
        yield [np.asarray(found["loss"], dtype)]


def log_likelihood(inputs, attributes, dtype, outputs):
    yield from cross_entropy(inputs, attributes, dtype, outputs, from_logits=False)


# ----------------------------------------------------------------------------------------------------------- optimisers
def optimizer(step):
    """A rule for several tensors at once: R, T, then the tensors, their gradients and each state in turn."""

    def run(inputs, attributes, dtype, outputs):
        rate, t = float(inputs[0]), int(inputs[1])
        groups = np.split(np.arange(2, len(inputs)), {"Adam": 4, "Momentum": 3, "Adagrad": 3}[step.__name__.title()])
        tensors = [[inputs[i].copy() for i in group] for group in groups]
        for slot in zip(*tensors, strict=True):
            step(rate, t, attributes, *slot)
        parameters, _, *states = tensors
        yield [*parameters, *(state for group in states for state in group)]

    return run


def adam(rate, t, attributes, x, g, first, second):
    if attributes.get("norm_coefficient_post", 0.0):
        raise NotRunError("no decay after the step")
    corrected = t > 0  # the standard scales the rate then, which for t >= 1 is the same but for epsilon's place
    if corrected:
        raise NotRunError("epsilon stands elsewhere where the moments are corrected")
    if "epsilon" not in attributes:
        raise NotRunError("an old vector that does not say its epsilon")
    beta1, beta2 = attributes.get("alpha", 0.9), attributes.get("beta", 0.999)
    l2, epsilon = attributes.get("norm_coefficient", 0.0), attributes["epsilon"]
    kernels.adam(x, g, first, second, rate, 1, beta1, beta2, epsilon, bias_correction=False, l2=l2)


def momentum(rate, t, attributes, x, g, velocity):
    if t > 0 and attributes["beta"] != 1.0:
        raise NotRunError("no damping of the gradient")
    rule = {b"standard": kernels.momentum, b"nesterov": kernels.nesterov}[attributes["mode"]]
    rule(x, g, velocity, rate, attributes["alpha"], l2=attributes["norm_coefficient"])


def adagrad(rate, t, attributes, x, g, squares):
    rate = rate / (1.0 + t * attributes.get("decay_factor", 0.0))
    kernels.adagrad(x, g, squares, rate, attributes.get("epsilon", 1e-6), l2=attributes.get("norm_coefficient", 0.0))


OPERATORS = {
    "Adagrad": optimizer(adagrad),
    "Adam": optimizer(adam),
    "BatchNormalization": batch_norm,
    "Celu": elementwise("celu", {"alpha": 1.0}, lambda a: a["alpha"]),
    "Concat": concat,
    "Dropout": dropout,
    "Elu": elementwise("elu", {"alpha": 1.0}, lambda a: a["alpha"]),
    "Erf": math("erf"),
    "Exp": math("exp"),
    "Flatten": flatten,
    "Gather": gather,
    "Gelu": gelu,
    "Gemm": gemm,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": elementwise("hard_swish"),
    "Hardmax": row_function("hardmax"),
    "Identity": elementwise("identity"),
    "LayerNormalization": layer_norm,
    "LeakyRelu": elementwise("leaky_relu", {"alpha": 0.01}, slope),
    "Log": math("log"),
    "LogSoftmax": row_function("log_softmax"),
    "MatMul": matmul,
    "Mish": elementwise("mish"),
    "Momentum": optimizer(momentum),
    "NegativeLogLikelihoodLoss": log_likelihood,
    "PRelu": prelu,
    "Relu": elementwise("relu"),
    "Selu": selu,
    "Sigmoid": elementwise("sigmoid"),
    "Softmax": row_function("softmax"),
    "SoftmaxCrossEntropyLoss": cross_entropy,
    "Softplus": elementwise("softplus"),
    "Softsign": elementwise("softsign"),
    "Sum": add_up,
    "Swish": swish,
    "Tanh": elementwise("tanh"),
}


def plumbing(function):
    return lambda inputs, attributes, dtype, outputs: iter([[function(*inputs, **attributes)]])


# What stands between the operators and is no arithmetic of ours.
PLUMBING = {
    "Abs": plumbing(np.abs),
    "Add": plumbing(lambda a, b, **old: a + b),
    "Constant": lambda inputs, attributes, dtype, outputs: iter([[attributes["value"].astype(dtype)]]),
    "Div": plumbing(np.divide),
    "Mul": plumbing(lambda a, b, **old: a * b),
    "Neg": plumbing(np.negative),
    "Sub": plumbing(np.subtract),
    "Transpose": plumbing(lambda a, perm=None: a.transpose(perm)),
}
