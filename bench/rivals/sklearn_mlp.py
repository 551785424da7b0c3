"""scikit-learn: `MLPClassifier.partial_fit`, which trains one epoch of mini-batches per call."""

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from bench.problem import LEARNING_RATE
from bench.rivals.base import Rival


class SklearnMLP(Rival):
    returns = "probabilities"

    def start(self):
        spec = self.spec
        self.model = MLPClassifier(
            spec.widths[1:-1],
            solver="adam",
            alpha=0.0,
            batch_size=spec.batch,
            learning_rate_init=LEARNING_RATE,
            random_state=0,
        )
        # The first call makes the arrays; then the weights are put back, and the next call makes a new optimiser.
        rows = slice(0, spec.batch)
        self.model.partial_fit(self.x[rows], self.labels[rows], classes=np.arange(spec.widths[-1]))
        for i, (weight, bias) in enumerate(self.layers):
            if self.model.coefs_[i].shape != weight.shape:
                # softmax of two logits is the logistic function of their difference
                weight, bias = weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1]
            self.model.coefs_[i][...] = weight
            self.model.intercepts_[i][...] = bias
        del self.model._optimizer

    def epoch(self, rows=None):
        self.model.shuffle = rows is None
        self.model.partial_fit(self.x[:rows], self.labels[:rows])
        return self.model.loss_

    def predict(self, x):
        return self.model.predict_proba(x)

    def note(self):
        two = self.spec.widths[-1] == 2
        return "two classes: one logistic output instead of two, a little less work" if two else ""

    def versions(self):
        return {"scikit-learn": sklearn.__version__, "numpy": np.__version__}


RIVAL = SklearnMLP
