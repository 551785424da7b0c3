"""The rival that everybody has: a ReLU network with Adam, written well in NumPy.

Written as one would who wants speed from NumPy: all parameters in one array, so that Adam is one pass; every buffer
made once and every operation told where to write; Adam in blocks that stay in the cache between its elementary
operations.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Layers = list[tuple[Array, Array]]  # weight (in, out) and bias (out,) of each layer

# Elements of one block of Adam: parameter, gradient, two moments and a temporary take 5 x 64 KiB in float32.
BLOCK = 16384


class NumpyNetwork:
    """ReLU layers, softmax cross-entropy over integer labels, Adam.

    Parameters
    ----------
    widths : sequence of int
        Columns of the input, the hidden layers and the output.
    batch : int
        Most rows of one step.
    dtype : dtype
        In which it computes.
    learning_rate, beta1, beta2, epsilon : float
        Of Adam, with bias correction.

    Attributes
    ----------
    layers, gradients : list of (weight, bias)
        Views of the flat arrays.
    """

    def __init__(
        self,
        widths: Sequence[int],
        batch: int,
        dtype: npt.DTypeLike = np.float32,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.learning_rate, self.beta1, self.beta2, self.epsilon = learning_rate, beta1, beta2, epsilon
        shapes = list(itertools.pairwise(widths))
        size = sum(n * k + k for n, k in shapes)
        self.flat, self.flat_gradient, self.first, self.second = np.zeros((4, size), self.dtype)
        self.scratch = np.empty(min(size, BLOCK), self.dtype)
        self.layers = split(self.flat, shapes)
        self.gradients = split(self.flat_gradient, shapes)
        self.values = [np.empty((batch, width), self.dtype) for width in widths]
        self.deltas = [np.empty((batch, width), self.dtype) for width in widths]
        self.masks = [np.empty((batch, width), np.bool_) for width in widths]
        self.rows = np.arange(batch)
        self.updates = 0

    def load(self, layers: Layers) -> None:
        """Copy the weights and biases in."""
        for ours, theirs in zip(self.layers, layers, strict=True):
            for array, other in zip(ours, theirs, strict=True):
                array[...] = other

    def forward(self, x: Array) -> list[Array]:
        """Run at most `batch` rows through the layers; return every layer's values, x first."""
        values = [x, *(value[: len(x)] for value in self.values[1:])]
        for i, (weight, bias) in enumerate(self.layers):
            np.matmul(values[i], weight, out=values[i + 1])
            values[i + 1] += bias
            if i + 1 < len(self.layers):
                np.maximum(values[i + 1], 0, out=values[i + 1])
        return values

    def predict(self, x: Array) -> Array:
        """Return the logits of at most `batch` rows, in a buffer that the next call overwrites."""
        return self.forward(x)[-1]

    def loss_and_gradients(self, labels: Array) -> float:
        """Fill `flat_gradient` for the rows in `values[0]`; return the mean loss."""
        count = len(labels)
        values = self.forward(self.values[0][:count])
        rows, logits, delta = self.rows[:count], values[-1], self.deltas[-1][:count]
        # loss = log(sum(exp(z))) - z[label], with z shifted by its largest; dz = (softmax(z) - one_hot) / count
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=delta)
        sums = delta.sum(axis=1, keepdims=True)
        loss = float(np.mean(np.log(sums[:, 0]) - logits[rows, labels]))
        delta *= (1 / count) / sums
        delta[rows, labels] -= 1 / count
        for i in reversed(range(len(self.layers))):
            weight_gradient, bias_gradient = self.gradients[i]
            np.matmul(values[i].T, delta, out=weight_gradient)
            delta.sum(axis=0, out=bias_gradient)
            if i:
                below = self.deltas[i][:count]
                np.matmul(delta, self.layers[i][0].T, out=below)
                # y = max(z, 0)
                below *= np.greater(values[i], 0, out=self.masks[i][:count])
                delta = below
        return loss

    def update(self) -> None:
        """Make one step of Adam over all parameters."""
        self.updates += 1
        beta1, beta2, t = self.beta1, self.beta2, self.updates
        # lr m' / (sqrt(s') + eps), m' = m / (1 - b1^t), s' = s / (1 - b2^t): one factor for all elements each
        root = float(np.sqrt(1 - beta2**t))
        rate, epsilon = self.learning_rate * root / (1 - beta1**t), self.epsilon * root
        for begin in range(0, len(self.flat), BLOCK):
            block = slice(begin, begin + BLOCK)
            p, g, m, s = self.flat[block], self.flat_gradient[block], self.first[block], self.second[block]
            scratch = self.scratch[: len(p)]
            m *= beta1
            m += np.multiply(g, 1 - beta1, out=scratch)
            s *= beta2
            np.multiply(g, g, out=scratch)
            scratch *= 1 - beta2
            s += scratch
            np.sqrt(s, out=scratch)
            scratch += epsilon
            np.divide(m, scratch, out=scratch)
            scratch *= rate
            p -= scratch

    def step(self, x: Array, labels: Array, rows: Array) -> float:
        """Train on some rows of the data; return their mean loss before the update."""
        np.take(x, rows, axis=0, out=self.values[0][: len(rows)], mode="clip")
        loss = self.loss_and_gradients(labels[rows])
        self.update()
        return loss

    def epoch(self, x: Array, labels: Array, order: Array) -> float:
        """Train on all rows in the order given; return the mean loss over the rows."""
        batch = len(self.rows)
        parts = [order[begin : begin + batch] for begin in range(0, len(order), batch)]
        return sum(self.step(x, labels, rows) * len(rows) for rows in parts) / len(order)


def split(flat: Array, shapes: list[tuple[int, int]]) -> Layers:
    """Cut a flat array into views of the weights and biases."""
    layers, begin = [], 0
    for n, k in shapes:
        weight = flat[begin : begin + n * k].reshape(n, k)
        layers.append((weight, flat[begin + n * k : begin + n * k + k]))
        begin += n * k + k
    return layers
