"""Random architectures, each as a steepest model and as the reference network with the same numbers in it."""

from dataclasses import dataclass

import numpy as np

import steepest as st
from reference import activations, losses, network

WIDTHS = (1, 2, 3, 7, 8, 17, 33, 65, 129)
ROWS = (1, 2, 3, 7, 16, 17, 33, 50)


@dataclass
class Case:
    """A model, its reference twin and a data set for both."""

    text: str
    model: st.Sequential
    twin: network.Network
    x: np.ndarray
    target: np.ndarray
    weights: np.ndarray | None


def draw_specs(rng, loss):
    """Layers as (kind, settings): one to four dense layers with batch norm, dropout and activations strewn between."""
    specs = []
    for _ in range(rng.integers(0, 4)):
        units, activation = int(rng.choice(WIDTHS)), str(rng.choice(activations.NAMES))
        fused = rng.random() < 0.5
        dense = {"units": units, "activation": activation if fused else "identity", "bias": bool(rng.random() < 0.8)}
        l2, l1 = float(rng.choice([0.0, 1e-2])), float(rng.choice([0.0, 0.0, 1e-3]))
        specs.append(("dense", {**dense, "l2": l2, "l1": l1, "max_norm": (None, None, 0.7)[rng.integers(3)]}))
        if rng.random() < 0.4:
            specs.append(("batch_norm", {"momentum": float(rng.choice([0.1, 0.5, 1.0])), "epsilon": 1e-3}))
        if not fused:
            specs.append(("activation", {"activation": activation}))
        if rng.random() < 0.3:
            specs.append(("dropout", {"rate": float(rng.choice([0.1, 0.5, 0.9]))}))
    units = int(rng.choice([2, 3, 10, 17])) if loss == "softmax_cross_entropy" else int(rng.choice([1, 3, 10, 17]))
    specs.append(("dense", {"units": units, "activation": "identity", "bias": True}))
    return specs


def alpha_of(name):
    return {"leaky_relu": 0.125}.get(name, 0.0)


def activation_object(name):
    return st.activations.LeakyRelu(alpha_of(name)) if name == "leaky_relu" else name


def steepest_layer(kind, s):
    if kind == "dense":
        return st.layers.Dense(
            s["units"],
            activation=activation_object(s["activation"]),
            use_bias=s["bias"],
            regularizer=st.regularizers.L1L2(s.get("l1", 0.0), s.get("l2", 0.0)) if len(s) > 3 else None,
            max_norm=s.get("max_norm"),
        )
    if kind == "batch_norm":
        return st.layers.BatchNorm(momentum=s["momentum"], epsilon=s["epsilon"])
    if kind == "dropout":
        return st.layers.Dropout(s["rate"])
    return st.layers.Activation(activation_object(s["activation"]))


def reference_layers(specs, model):
    """The twin's layers, with float64 copies of the model's parameters and states."""
    parameters = iter([value.astype(np.float64) for value in model.parameters().values()])
    states = iter([value.astype(np.float64) for value in model.states().values()])
    layers, streams = [], 0
    for kind, s in specs:
        if kind == "dense":
            layers.append(network.Dense(next(parameters), next(parameters) if s["bias"] else None))
            layers[-1].l2, layers[-1].l1, layers[-1].max_norm = s.get("l2", 0.0), s.get("l1", 0.0), s.get("max_norm")
            if s["activation"] != "identity":
                layers.append(network.Activation(s["activation"], alpha_of(s["activation"])))
        elif kind == "batch_norm":
            tensors = [next(parameters), next(parameters), next(states), next(states)]
            layers.append(network.BatchNorm(*tensors, s["momentum"], s["epsilon"]))
        elif kind == "dropout":
            layers.append(network.Dropout(s["rate"], streams))
            streams += 1
        else:
            layers.append(network.Activation(s["activation"], alpha_of(s["activation"])))
    assert next(parameters, None) is None
    return layers


def draw_target(rng, loss, rows, classes):
    if loss == "softmax_cross_entropy":
        return rng.integers(classes, size=rows) if rng.random() < 0.7 else rng.dirichlet(np.ones(classes), size=rows)
    if loss == "sigmoid_cross_entropy":
        return (
            rng.integers(2, size=(rows, classes)).astype(float) if rng.random() < 0.7 else rng.random((rows, classes))
        )
    return rng.normal(size=(rows, classes))


def draw_case(number, dtype, rows=None, attempt=0):
    """Return case `number`: the same architecture and numbers every time; another `attempt` gives others."""
    rng = np.random.default_rng([number, attempt])
    loss = losses.NAMES[number % len(losses.NAMES)]
    specs = draw_specs(rng, loss)
    rows = rows or int(rng.choice(ROWS))
    features = int(rng.choice(WIDTHS))
    seed = int(rng.integers(2**63)) * 2 + 1
    model = st.Sequential([steepest_layer(*spec) for spec in specs], seed=seed, dtype=dtype, input_shape=features)
    for name, value in model.parameters().items():
        if not name.endswith("weight"):  # zero biases and unit scales would hide a lot
            value[...] = rng.normal(size=value.shape) + (1.0 if name.endswith("gamma") else 0.0)
    for name, value in model.states().items():
        value[...] = rng.uniform(0.5, 2.0, size=value.shape) if "variance" in name else rng.normal(size=value.shape)
    twin = network.Network(reference_layers(specs, model), loss)
    # Data the model's own type holds exactly, so that both see the same.
    x = rng.normal(size=(rows, features)).astype(dtype).astype(np.float64)
    target = draw_target(rng, loss, rows, specs[-1][1]["units"])
    if target.ndim == 2:
        target = target.astype(dtype).astype(np.float64)
    weights = None
    if rng.random() < 0.5:
        weights = rng.uniform(0.1, 2.0, size=rows).astype(np.float32).astype(np.float64)
        weights[1::5] = 0.0
    text = f"case {number}: rows {rows}, features {features}, {loss}, weighted {weights is not None}, {specs}"
    return Case(text, model, twin, x, target, weights)
