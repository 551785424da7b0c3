"""Models that exports are tried on, and every format that runs a model."""

import shutil

import numpy as np
import pytest

import steepest as st
from members import make, members_of, takes

L = st.layers
FORMATS = ("onnx", "numpy_function", "c99", "to_torch")
FUNCTIONS = [*(cls.kind for cls in members_of(st.registry.ACTIVATIONS)), "gelu_tanh"]


def randomize(model, seed=0):
    """Give every tensor numbers that hide nothing."""
    rng = np.random.default_rng(seed)
    for name, value in model.parameters().items():
        if not name.endswith(("weight", "table")):
            value[...] = rng.normal(size=value.shape) * 0.5 + (1.0 if name.endswith("gamma") else 0.0)
    for value in model.states().values():
        value[...] = rng.uniform(0.5, 2.0, size=value.shape)
    return model


def with_layer(cls, dtype="float32"):
    return randomize(st.Sequential([make(cls), L.Dense(2)], input_shape=takes(cls), dtype=dtype))


def with_activation(name, dtype="float32"):
    layers = [L.Dense(9, name), L.Activation(name), L.Dense(3)]
    return randomize(st.Sequential(layers, input_shape=5, dtype=dtype))


def everything(dtype="float32", units=7):
    """Batch norm, dropout, noise and every activation side by side, then the layers of the catalogue."""
    groups = {name: ([0, 1, 2, 3], [L.Dense(units), L.BatchNorm(), L.Activation(name)]) for name in FUNCTIONS}
    layers = [
        L.GaussianNoise(0.1),
        L.Columns(groups, rest="drop"),
        L.BatchNorm(),
        L.Dropout(0.3),
        L.Residual([L.LayerNorm(), L.Dense(len(FUNCTIONS) * units, "tanh"), L.PReLU(shared=True)], "mish"),
        L.Maxout(12, 3),
        L.Residual([L.Dense(8, "gelu", use_bias=False), L.BatchNorm()]),
        L.Dropout(0.5),
        L.Dense(5),
    ]
    return randomize(st.Sequential(layers, input_shape=4, dtype=dtype))


def rows(count=200, seed=1):
    """Rows in units far from 1, with runs of equal values and a constant column."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 6)) * [1, 10, 1e-3, 300, 1, 1] + [0, 100, 0, -2000, 0, 7]
    x[:, 4] = rng.integers(4, size=count)
    x[:, 5] = 7.0
    return x


def preprocessings():
    P = st.preprocessing
    return {
        "center": P.Center(),
        "standardizer": P.Standardizer(),
        "min_max": P.MinMax(-1, 2),
        "robust": P.Robust(),
        "smooth_clip": P.Robust(smooth_clip=True),
        "quantile_normal": P.QuantileNormal(40),
        "pca": P.PCA(4),
        "whitening": P.Whitening(epsilon=1e-3),
        "zca": P.Whitening("zca", epsilon=1e-3),
        "pipeline": P.Pipeline([P.MinMax(), P.QuantileNormal(30), P.PCA(4), P.Whitening("zca"), P.Robust(True)]),
    }


def fitted(name):
    return preprocessings()[name].fit(rows())


def export(kind, model, folder, X=None, **options):
    """Return the report of the export of this kind; skips where the format cannot be run here."""
    if kind == "to_torch":
        pytest.importorskip("torch")
        return st.export.to_torch(model, X, **options)
    if kind == "c99" and not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        pytest.skip("needs a C compiler")
    ending = {"onnx": "onnx", "numpy_function": "py", "c99": "c"}[kind]
    return getattr(st.export, kind)(model, folder / f"net.{ending}", X, **options)
