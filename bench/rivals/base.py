"""What every rival can do. One module per rival; each imports its library only."""

from bench.problem import initial_layers


class Rival:
    """One library training one problem in its fairest form.

    `start` puts the network at its initial weights and the optimiser at its beginning. `epoch` trains on all rows in
    the library's own shuffled order, `epoch(rows)` on the first rows in the order of the data; both return the mean
    training loss. `predict` takes and returns NumPy arrays.
    """

    returns = "logits"  # of predict, or "probabilities"

    def __init__(self, spec, x, labels):
        self.spec, self.x, self.labels = spec, x, labels
        self.layers = initial_layers(spec)
        self.build()
        self.start()

    def build(self):
        """Make what is made once: buffers, compiled functions."""

    def start(self):
        raise NotImplementedError

    def epoch(self, rows=None):
        raise NotImplementedError

    def predict(self, x):
        raise NotImplementedError

    def versions(self):
        return {}

    def note(self):
        """What a reader must know about this rival's numbers."""
        return ""
