"""Searches that the tests share."""

import math

import numpy as np

import steepest as st
from steepest import search

CE = "softmax_cross_entropy"


def classes():
    """Two classes that a line does not part."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(240, 3)).astype("float32")
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


class Remember(st.losses.MSE):
    """A loss that knows the parameters of its trial."""

    kind = "mse"

    def __init__(self, p):
        super().__init__()
        self.p = p

    @classmethod
    def arguments(cls):
        return {}


def wells(space=None, **options):
    """A search whose objective is a known function of the parameters, best at (1e-2, 4), where it is 0."""

    def build(p):
        model = st.Sequential([st.layers.Dense(1)], seed=0)
        return model, {"optimizer": st.optimizers.SGD(0.0), "loss": Remember(p)}

    def objective(model, history):
        p = model.loss.p
        return (math.log10(p.rate) + 2.0) ** 2 + 0.1 * (p.size - 4) ** 2

    space = space or {"rate": search.loguniform(1e-6, 1.0), "size": search.integers(1, 9)}
    options = {"epochs": 9, "objective": objective, "mode": "min", "verbose": 0, "jobs": 1, **options}
    return search.Search(build, space, np.ones((2, 1)), np.zeros(2), **options)


def task(data, space=None, **options):
    """A search of small networks."""
    # With limits where the ranges end: no warning of an edge.
    width = search.integers(4, 32, log=True, limits=(4, 32))
    space = space or {"learning_rate": search.loguniform(1e-3, 3e-1, limits=(1e-3, 3e-1)), "width": width}
    build = options.pop("build", search.perceptron(2, batch_size=16))
    options = {"epochs": 9, "loss": CE, "validation_split": 0.25, "verbose": 0, "jobs": 1, **options}
    return search.Search(build, space, *data, **options)


def rows(result):
    """The table without times."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in result.table()]
