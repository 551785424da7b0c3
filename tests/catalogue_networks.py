"""Random networks of the whole catalogue, each as a steepest model and as plain NumPy layers on the same numbers."""

from dataclasses import dataclass, field

import numpy as np

import steepest as st
from architectures import ROWS
from reference import activations, dropout, layer_norm, losses, network, pieces, row_functions

L = st.layers
WIDTHS = (1, 2, 3, 7, 8, 17, 33)
ALPHA = {"leaky_relu": 0.125, "elu": 0.5, "celu": 2.0}
FUNCTIONS = (*activations.KERNELS, *row_functions.NAMES)
LOSSES = {
    "softmax_cross_entropy": (st.losses.SoftmaxCrossEntropy(label_smoothing=0.1), {"smoothing": 0.1}),
    "sigmoid_cross_entropy": (st.losses.SigmoidCrossEntropy(), {}),
    "mse": (st.losses.MSE(), {}),
    "mae": (st.losses.MAE(), {}),
    "huber": (st.losses.Huber(0.7), {"alpha": 0.7}),
    "poisson": (st.losses.Poisson(), {}),
    "quantile": (st.losses.Quantile(0.8), {"alpha": 0.8}),
    "hinge": (st.losses.Hinge(), {}),
}


# Layers beside those of reference.network; `backward` returns dx and gradients in the order of the parameters.
@dataclass
class RowFunction:
    name: str

    def forward(self, x, run):
        self.x = x
        return row_functions.forward(self.name, x)

    def backward(self, dy):
        return row_functions.backward(self.name, self.x, dy), {}


@dataclass
class PRelu:
    slope: np.ndarray

    def forward(self, x, run):
        self.x = x
        return pieces.prelu(x, self.slope)

    def backward(self, dy):
        dx, d_slope = pieces.prelu_backward(self.x, self.slope, dy)
        # One slope for all columns has the sum of their gradients.
        return dx, {"slope": d_slope if len(self.slope) == dy.shape[1] else d_slope.sum(keepdims=True)}


@dataclass
class Pieces:
    """The maximum after Maxout's product."""

    pieces: int

    def forward(self, x, run):
        y, self.which = pieces.maxout(x, self.pieces)
        return y

    def backward(self, dy):
        return pieces.maxout_backward(self.which, self.pieces, dy), {}


@dataclass
class LayerNorm:
    gamma: np.ndarray
    beta: np.ndarray
    epsilon: float

    def forward(self, x, run):
        self.x = x
        return layer_norm.forward(x, self.gamma, self.beta, self.epsilon)[0]

    def backward(self, dy):
        dx, d_gamma, d_beta = layer_norm.backward(self.x, self.gamma, self.epsilon, dy)
        return dx, {"gamma": d_gamma, "beta": d_beta}


@dataclass
class Noise:
    sigma: float
    stream: int

    def forward(self, x, run):
        if not run.training:
            return x
        return x + self.sigma * dropout.normal_numbers(*x.shape, run.seed, run.step, self.stream)

    def backward(self, dy):
        return dy, {}


@dataclass
class Embedding:
    table: np.ndarray

    def forward(self, x, run):
        self.rows = x[:, 0].astype(int)
        return self.table[self.rows]

    def backward(self, dy):
        d_table = np.zeros_like(self.table)
        np.add.at(d_table, self.rows, dy)
        return np.zeros((len(dy), 1)), {"table": d_table}


@dataclass
class Chain:
    layers: list = field(default_factory=list)

    def forward(self, x, run):
        for layer in self.layers:
            x = layer.forward(x, run)
        return x

    def backward(self, dy):
        found = []
        for layer in reversed(self.layers):
            dy, gradients = layer.backward(dy)
            # A dense layer gives its bias a gradient whether it has one or not.
            without_bias = isinstance(layer, network.Dense) and layer.bias is None
            found = [g for name, g in gradients.items() if not (without_bias and name == "bias")] + found
        return dy, dict(enumerate(found))


@dataclass
class Residual:
    chain: Chain
    projection: np.ndarray | None

    def forward(self, x, run):
        self.x = x
        return self.chain.forward(x, run) + (x if self.projection is None else x @ self.projection)

    def backward(self, dy):
        dx, gradients = self.chain.backward(dy)
        if self.projection is None:
            return dx + dy, gradients
        return dx + dy @ self.projection.T, {**gradients, "projection": self.x.T @ dy}


@dataclass
class Columns:
    groups: list  # of (columns, chain)

    def forward(self, x, run):
        self.shape = x.shape
        outputs = [chain.forward(x[:, columns], run) for columns, chain in self.groups]
        self.edges = np.cumsum([y.shape[1] for y in outputs])[:-1]
        return np.concatenate(outputs, axis=1)

    def backward(self, dy):
        dx, found = np.zeros(self.shape), []
        for (columns, chain), part in zip(self.groups, np.split(dy, self.edges, axis=1), strict=True):
            d_part, gradients = chain.backward(part)
            for i, column in enumerate(columns):
                dx[:, column] += d_part[:, i]
            found += gradients.values()
        return dx, dict(enumerate(found))


class Builder:
    """Draws layers for a model; each leaves how its twin is made from the model's tensors, in their order."""

    def __init__(self, rng):
        self.rng, self.streams = rng, 0

    def stream(self):
        self.streams += 1
        return self.streams - 1

    def named(self, name):
        if name in ALPHA:
            return {"kind": name, "alpha": ALPHA[name]}
        return {"kind": "gelu", "approximate": "tanh"} if name == "gelu_tanh" else name

    def twin_function(self, name):
        if name in row_functions.NAMES:
            return RowFunction(name)
        return network.Activation(name, ALPHA.get(name, 0.0))

    def chain(self, width, depth, nested=False):
        """Return layers, the recipe of their twin and the width of their output."""
        layers, recipes = [], []
        for _ in range(depth):
            kinds = ["dense", "function", "prelu", "maxout", "layer_norm", "batch_norm", "dropout", "noise"]
            kind = str(self.rng.choice(kinds if nested else [*kinds, "residual", "residual"]))
            layer, recipe, width = getattr(self, kind)(width)
            layers.append(layer)
            recipes.append(recipe)
        return layers, (lambda p, s: Chain([recipe(p, s) for recipe in recipes])), width

    def dense(self, width, units=None):
        units, name = units or int(self.rng.choice(WIDTHS)), str(self.rng.choice([*FUNCTIONS, "prelu"]))
        bias = bool(self.rng.random() < 0.8)
        layer = L.Dense(units, activation=self.named(name), use_bias=bias)

        def recipe(p, s):
            product = network.Dense(next(p), next(p) if bias else None)
            return Chain([product, PRelu(next(p)) if name == "prelu" else self.twin_function(name)])

        return layer, recipe, units

    def function(self, width):
        name = str(self.rng.choice(FUNCTIONS))
        return L.Activation(self.named(name)), lambda p, s: self.twin_function(name), width

    def prelu(self, width):
        return L.PReLU(shared=bool(self.rng.random() < 0.5)), lambda p, s: PRelu(next(p)), width

    def maxout(self, width):
        units, count, bias = int(self.rng.choice(WIDTHS)), int(self.rng.integers(1, 5)), bool(self.rng.random() < 0.8)

        def recipe(p, s):
            return Chain([network.Dense(next(p), next(p) if bias else None), Pieces(count)])

        return L.Maxout(units, count, use_bias=bias), recipe, units

    def layer_norm(self, width):
        return L.LayerNorm(epsilon=1e-3), lambda p, s: LayerNorm(next(p), next(p), 1e-3), width

    def batch_norm(self, width):
        def recipe(p, s):
            return network.BatchNorm(next(p), next(p), next(s), next(s), 0.1, 1e-3)

        return L.BatchNorm(epsilon=1e-3), recipe, width

    def dropout(self, width):
        rate, stream = float(self.rng.choice([0.1, 0.5])), self.stream()
        return L.Dropout(rate), lambda p, s: network.Dropout(rate, stream), width

    def noise(self, width):
        stream = self.stream()
        return L.GaussianNoise(0.3), lambda p, s: Noise(0.3, stream), width

    def residual(self, width):
        layers, chain, output = self.chain(width, int(self.rng.integers(1, 3)), nested=True)
        project = output != width or bool(self.rng.random() < 0.3)
        name = str(self.rng.choice(FUNCTIONS))

        def recipe(p, s):
            inner = chain(p, s)
            return Chain([Residual(inner, next(p) if project else None), self.twin_function(name)])

        layer = L.Residual(layers, self.named(name), projection=project or None)
        return layer, recipe, output

    def columns(self):
        """For inputs of five columns: two categories, three numbers, of which one is used twice."""
        layers, chain, width = self.chain(3, int(self.rng.integers(1, 3)), nested=True)
        groups = {"kind": (0, L.Embedding(5, 3)), "place": ([1], L.Embedding(4, 2)), "numbers": ([4, 2, 3], layers)}
        layer = L.Columns({**groups, "again": ([2], None)})

        def recipe(p, s):
            return Columns(
                [
                    ([0], Chain([Embedding(next(p))])),
                    ([1], Chain([Embedding(next(p))])),
                    ([4, 2, 3], chain(p, s)),
                    ([2], Chain()),
                ]
            )

        return layer, recipe, 5 + width + 1


def draw_target(rng, loss, rows, columns):
    if loss == "softmax_cross_entropy" or (loss == "hinge" and columns > 1 and rng.random() < 0.5):
        return rng.integers(columns, size=rows)
    if loss == "hinge":
        return rng.choice([-1.0, 1.0], size=(rows, columns))
    if loss == "poisson":
        return rng.poisson(2.0, size=(rows, columns)).astype(float)
    return rng.random((rows, columns)) if loss == "sigmoid_cross_entropy" else rng.normal(size=(rows, columns))


def loss_and_gradient(loss, output, target, weights):
    """Return value and gradient of the weighted mean, with the loss's settings."""
    settings = LOSSES[loss][1]
    weights = np.ones(len(output)) if weights is None else weights
    share = weights / np.sum(weights)
    value = np.sum(share * losses.row_losses(loss, output, target, **settings))
    return value, share[:, None] * losses.row_gradients(loss, output, target, **settings)


def draw(number):
    """Return text, model, twin, x, target and weights of case `number`."""
    rng = np.random.default_rng([number, 4711])
    builder, loss = Builder(rng), list(LOSSES)[number % len(LOSSES)]
    rows, features, table = int(rng.choice(ROWS)), int(rng.choice(WIDTHS)), rng.random() < 0.3
    x = rng.normal(size=(rows, features))
    layers, recipes = [], []
    if table:
        layer, recipe, features = builder.columns()
        layers, recipes = [layer], [recipe]
        x = np.column_stack([rng.integers(5, size=rows), rng.integers(4, size=rows), rng.normal(size=(rows, 3))])
    middle, recipe, _ = builder.chain(features, int(rng.integers(1, 5)))
    outputs = int(rng.choice([2, 3, 10]))
    model = st.Sequential([*layers, *middle, L.Dense(outputs)], seed=number, dtype="float64", input_shape=x.shape[1])
    for name, value in model.parameters().items():
        if not name.endswith("weight"):  # zero biases and unit scales would hide a lot
            value[...] = rng.normal(size=value.shape) + (1.0 if name.endswith("gamma") else 0.0)
    for value in model.states().values():
        value[...] = rng.uniform(0.5, 2.0, size=value.shape)
    p, s = (iter([value.copy() for value in group.values()]) for group in (model.parameters(), model.states()))
    twin = Chain([*(make(p, s) for make in [*recipes, recipe]), network.Dense(next(p), next(p))])
    assert next(p, None) is None
    weights = rng.uniform(0.1, 2.0, size=rows) if rng.random() < 0.5 else None
    text = f"case {number}: rows {rows}, {loss}, weighted {weights is not None}, {model!r}"
    return text, model, twin, loss, x, draw_target(rng, loss, rows, outputs), weights
