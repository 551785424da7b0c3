"""NumPy by hand: the network that `steepest bench` also measures against, loaded without importing steepest."""

import importlib.util
import sys
from pathlib import Path

import numpy as np

from bench.problem import LEARNING_RATE
from bench.rivals.base import Rival


def numpy_network():
    folder = Path(importlib.util.find_spec("steepest").origin).parent
    spec = importlib.util.spec_from_file_location("numpy_network", folder / "bench" / "numpy_network.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["numpy_network"] = module
    spec.loader.exec_module(module)
    return module.NumpyNetwork


class NumpyByHand(Rival):
    def build(self):
        self.rng = np.random.default_rng(0)
        self.x = self.x.astype(self.spec.dtype, copy=False)
        self.make = numpy_network()

    def start(self):
        self.network = self.make(self.spec.widths, self.spec.batch, self.spec.dtype, LEARNING_RATE)
        self.network.load(self.layers)

    def epoch(self, rows=None):
        order = self.rng.permutation(len(self.x)) if rows is None else np.arange(rows)
        return self.network.epoch(self.x, self.labels, order)

    def predict(self, x):
        batch = self.spec.batch
        if len(x) <= batch:
            return self.network.predict(x)
        return np.concatenate([self.network.predict(x[i : i + batch]) for i in range(0, len(x), batch)])

    def versions(self):
        return {"numpy": np.__version__}


RIVAL = NumpyByHand
