"""The reference network behind the interface of a steepest model, as far as the gradient check uses it."""

import copy

import numpy as np

from .network import Run


class Model:
    """Wraps a `Network`; `tamper` may change the gradients it reports, to see whether the check finds it."""

    def __init__(self, network, seed=0, tamper=None):
        self.network, self.seed, self.step, self.tamper = network, seed, 0, tamper

    def astype(self, dtype):
        assert dtype == "float64"
        twin = copy.copy(self)
        twin.network = copy.deepcopy(self.network)
        return twin

    def parameters(self):
        return {f"layer_{i}.{name}": value for (i, name), value in self.network.parameters().items()}

    def loss_and_gradients(self, X, y, *, loss=None, sample_weight=None, training=True, input_gradient=False):
        self.network.loss = loss or self.network.loss
        run = Run(training=training, seed=self.seed, step=self.step)
        data, penalty, gradients, dx = self.network.loss_and_gradients(np.asarray(X), y, sample_weight, run)
        named = {f"layer_{i}.{name}": value for (i, name), value in gradients.items()}
        if input_gradient:
            named["input"] = dx
        if self.tamper:
            self.tamper(named)
        return data + penalty, named

    def fit(self, X, y, *, loss=None, sample_weight=None, epochs=1, batch_size=None, verbose=0):
        self.network.loss = loss or self.network.loss
        for _ in range(epochs):
            self.network.train_step(X, y, "sgd", 0.1, sample_weight, self.seed, self.step)
            self.step += 1
