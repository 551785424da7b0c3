"""Models, layers and losses as problems to check."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.checks import check_int

from .problem import Array, Problem, as_float64, from_function


def from_subject(
    subject: Any,
    X: Any,
    y: Any,
    *,
    loss: Any,
    sample_weight: Any,
    training: bool,
    inputs: bool,
    burn_in: int,
    seed: int,
) -> Problem:
    """Reduce whatever :func:`steepest.gradcheck.gradcheck` accepts to a :class:`Problem`."""
    if X is None:
        raise TypeError("X is missing: the gradient is checked at given inputs")
    check_int("burn_in", burn_in, 0)
    settings = {"sample_weight": sample_weight, "training": training, "inputs": inputs, "burn_in": burn_in}
    if hasattr(subject, "loss_and_gradients"):
        return from_model(subject, X, y, loss=loss, **settings)

    from steepest.layers.base import Layer
    from steepest.losses import Loss

    if isinstance(subject, Layer):
        return from_layer(subject, X, y, loss=loss, seed=seed, **settings)
    if isinstance(subject, (str, Loss)):
        return from_loss(subject, X, y, sample_weight)
    if callable(subject):
        return from_function(subject, X)
    raise TypeError(
        f"subject must be a model, a layer, a loss or a callable f(x) -> (value, gradient), not {subject!r:.80}"
    )


def from_model(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: Any,
    sample_weight: Any,
    training: bool,
    inputs: bool,
    burn_in: int,
    what: str = "",
) -> Problem:
    """Make the loss with its penalties a function of all parameters and of X; `model` itself is never touched."""
    if y is None:
        raise TypeError("y is missing: a model's gradient is that of its loss")
    data = as_float64("X", X)
    twin = model.astype("float64")
    options = {"sample_weight": sample_weight}
    if loss is not None:
        options["loss"] = loss

    def run() -> tuple[float, dict[str, Array]]:
        value, gradients = twin.loss_and_gradients(data, y, training=training, input_gradient=inputs, **options)
        if inputs:  # images (N, H, W) are one row of pixels each to the network
            gradients = {**gradients, "input": gradients["input"].reshape(data.shape)}
        return float(value), gradients

    run()  # builds a model that has not seen data yet
    if burn_in:
        twin.fit(data, y, epochs=burn_in, batch_size=len(data), verbose=0, **options)
    # The gradient of a frozen parameter is not computed.
    parameters: dict[str, Array] = dict(getattr(twin, "trainable_parameters", twin.parameters)())
    if inputs:
        parameters["input"] = data
    return Problem(what or f"{type(model).__name__}", parameters, lambda: run()[0], lambda: run()[1])


def from_layer(layer: Any, X: Any, y: Any, *, loss: Any, seed: int, **settings: Any) -> Problem:
    """Check a model of a copy of the layer alone; the targets are random unless given."""
    import copy

    import steepest

    data = as_float64("X", X)
    model = steepest.Sequential([copy.deepcopy(layer)], seed=seed, dtype="float64")
    if y is None:
        outputs = np.asarray(model.predict(data))
        y = np.random.default_rng(seed).normal(size=outputs.shape)
    return from_model(model, data, y, loss=loss if loss is not None else "mse", what=f"layer {layer!r}", **settings)


def from_loss(loss: Any, outputs: Any, y: Any, sample_weight: Any) -> Problem:
    """Make the loss a function of the network's outputs: the input of a network that returns what it is given."""
    import steepest

    if y is None:
        raise TypeError("y is missing: a loss compares outputs with targets")
    model = steepest.Sequential([steepest.layers.Activation("identity")], dtype="float64")
    settings = {"sample_weight": sample_weight, "training": True, "inputs": True, "burn_in": 0}
    return from_model(model, outputs, y, loss=loss, what=f"loss {loss!r}", **settings)
