"""A whole network: layers, backward pass by hand-written rules, penalty, training step, running statistics."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from . import activations, batch_norm, dense, dropout, losses, optimizers


@dataclass
class Dense:
    weight: np.ndarray
    bias: np.ndarray | None
    l2: float = 0.0
    l1: float = 0.0
    max_norm: float | None = None
    parameters = ("weight", "bias")

    def forward(self, x, run):
        self.x = x
        return dense.forward(x, self.weight, self.bias)

    def backward(self, dy):
        dx, d_weight, d_bias = dense.backward(self.x, self.weight, dy)
        # penalty: 0.5 l2 sum(W^2) + l1 sum|W|
        d_penalty = self.l2 * self.weight + self.l1 * np.sign(self.weight)
        return dx, {"weight": d_weight + d_penalty, "bias": d_bias}

    def penalty(self):
        return 0.5 * self.l2 * np.sum(self.weight**2) + self.l1 * np.sum(np.abs(self.weight))

    def constrain(self):
        """Shorten each column of the weight that is longer than max_norm."""
        if self.max_norm is not None:
            lengths = np.sqrt(np.sum(self.weight**2, axis=0))
            self.weight = self.weight * np.where(
                lengths > self.max_norm, self.max_norm / np.maximum(lengths, 1e-300), 1
            )


@dataclass
class Activation:
    name: str
    alpha: float = 0.01
    nearest_kink: float = np.inf  # of all forward passes: the smallest |x| that is not 0, relative to the largest
    parameters = ()

    def forward(self, x, run):
        self.x = x
        if self.name in ("relu", "leaky_relu"):
            sizes = np.abs(x[x != 0])
            self.nearest_kink = min(self.nearest_kink, np.min(sizes, initial=np.inf) / np.max(sizes, initial=1.0))
        return activations.forward(self.name, x, self.alpha)

    def backward(self, dy):
        return activations.backward(self.name, self.x, dy, self.alpha), {}


@dataclass
class BatchNorm:
    gamma: np.ndarray
    beta: np.ndarray
    running_mean: np.ndarray
    running_variance: np.ndarray
    momentum: float = 0.1
    epsilon: float = 1e-5
    parameters = ("gamma", "beta")

    def forward(self, x, run):
        self.x, self.training = x, run.training
        mean, variance = batch_norm.moments(x) if run.training else (self.running_mean, self.running_variance)
        if run.update_running:
            updated = batch_norm.update_running(self.running_mean, self.running_variance, x, self.momentum)
            self.running_mean, self.running_variance = (run.rounding(moment) for moment in updated)
        return batch_norm.forward(x, self.gamma, self.beta, self.epsilon, mean, variance)

    def backward(self, dy):
        if self.training:
            dx, d_gamma, d_beta = batch_norm.backward(self.x, self.gamma, self.epsilon, dy)
        else:
            dx, d_gamma, d_beta = batch_norm.inference_backward(
                self.x, self.gamma, self.epsilon, dy, self.running_mean, self.running_variance
            )
        return dx, {"gamma": d_gamma, "beta": d_beta}


@dataclass
class Dropout:
    rate: float
    stream: int
    parameters = ()

    def forward(self, x, run):
        self.mask = None
        if not run.training:
            return x
        self.mask = dropout.keep(*x.shape, self.rate, run.seed, run.step, self.stream)
        return dropout.forward(x, self.rate, self.mask)

    def backward(self, dy):
        return (dy if self.mask is None else dropout.backward(dy, self.rate, self.mask)), {}


def as_it_is(array, unit=0.0, terms=1):
    """Take a result of the forward or backward pass without rounding it."""
    return array


@dataclass(frozen=True)
class Run:
    """What one pass depends on beside the parameters.

    `rounding(array, unit, terms)` stands between any two operations; a test may put noise there that imitates a coarser
    number type: relative to the entry, or to `unit` where the entry is a difference of numbers of that size; `terms` is
    the length of the sum it comes from.
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    update_running: bool = False
    rounding: Callable = as_it_is


def difference_of(layer, array, backward=False):
    """Size of the numbers whose difference an operation takes to make its result of `array`; 0 where it takes none."""
    if isinstance(layer, BatchNorm):
        variance = batch_norm.moments(layer.x)[1] if layer.training else layer.running_variance
        inv_std = 1.0 / np.sqrt(variance + layer.epsilon)
        unit = np.abs(layer.gamma) * inv_std * np.max(np.abs(array), axis=0)
        # The rounding of the mean enters the backward pass by x - mean.
        return unit * (1 + np.max(np.abs(layer.x), axis=0) * inv_std) if backward else unit
    if backward and isinstance(layer, Activation) and layer.name in ("sigmoid", "tanh"):
        return np.abs(array)  # times y (1 - y) or 1 - y^2
    return 0.0


def terms_of(layer, backward=False):
    """Length of the sums an operation makes."""
    if isinstance(layer, Dense):
        return layer.weight.shape[1 if backward else 0]
    return len(layer.x) if isinstance(layer, BatchNorm) else 1


def clipped(gradients, norm=None, value=None):
    """Scale all gradients together to a length of at most `norm`, then bound every entry by `value`."""
    length = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients.values()))
    if norm is not None and length > norm:
        gradients = {key: gradient * (norm / length) for key, gradient in gradients.items()}
    if value is not None:
        gradients = {key: np.clip(gradient, -value, value) for key, gradient in gradients.items()}
    return gradients


@dataclass
class Network:
    """Layers in a row, and the optimiser's state by (layer, parameter name)."""

    layers: list
    loss: str = "mse"
    state: dict = field(default_factory=dict)
    updates: int = 0

    def parameters(self):
        """Return {(layer index, name): array} in order."""
        return {
            (i, name): getattr(layer, name)
            for i, layer in enumerate(self.layers)
            for name in layer.parameters
            if getattr(layer, name) is not None
        }

    def nearest_kink(self):
        return min((layer.nearest_kink for layer in self.layers if isinstance(layer, Activation)), default=np.inf)

    def forward(self, x, run=Run()):
        for layer in self.layers:
            y = layer.forward(x, run)
            x = run.rounding(y, difference_of(layer, x), terms_of(layer))
        return x

    def penalty(self):
        return sum(layer.penalty() for layer in self.layers if isinstance(layer, Dense))

    def loss_and_gradients(self, x, target, weights=None, run=Run(training=True)):
        """Return data loss, penalty, gradients by key (penalty's part included), gradient by the input."""
        output = self.forward(x, run)
        value, dy = losses.value_and_gradient(self.loss, output, target, weights)
        # A cross-entropy is log sum exp(z) minus z, and a row's gradient its weight's share times softmax minus target.
        value = run.rounding(value, np.max(np.abs(output)), len(x))
        dy = run.rounding(dy, 1.0 / len(x) if weights is None else (weights / (np.sum(weights) or 1.0))[:, None])
        gradients = {}
        for i, layer in reversed(list(enumerate(self.layers))):
            dx, by_name = layer.backward(dy)
            dy = run.rounding(dx, difference_of(layer, dy, True), terms_of(layer, True))
            gradients.update({(i, name): run.rounding(g, terms=len(x)) for name, g in by_name.items() if g is not None})
        return value, self.penalty(), {key: gradients[key] for key in self.parameters()}, dy

    def train_step(
        self, x, target, optimizer, learning_rate, weights=None, seed=0, step=0, rounding=as_it_is, **settings
    ):
        """One step: gradients, running statistics, update of every parameter. Decay is for dense weights only."""
        run = Run(training=True, seed=seed, step=step, update_running=True, rounding=rounding)
        value, penalty, gradients, _ = self.loss_and_gradients(x, target, weights, run)
        self.updates += 1
        weight_decay = settings.pop("weight_decay", 0.0)
        gradients = clipped(gradients, settings.pop("clip_norm", None), settings.pop("clip_value", None))
        for (i, name), gradient in gradients.items():
            decay = weight_decay if name == "weight" else 0.0
            new = optimizers.update(
                optimizer,
                getattr(self.layers[i], name),
                gradient,
                self.state.setdefault((i, name), {}),
                self.updates,
                learning_rate,
                weight_decay=decay,
                **settings,
            )
            setattr(self.layers[i], name, rounding(new))
        for layer in self.layers:
            if isinstance(layer, Dense):
                layer.constrain()
        return value, penalty
