"""Copies of the model to experiment on."""

from __future__ import annotations

import copy

from steepest.layers.base import walk
from steepest.model import Model
from steepest.sequential import Sequential


def plain(model: Model) -> Model:
    """Return a copy without dropout, noise and regularisation, with the same parameters and statistics."""
    if not isinstance(model, Sequential):
        return model.copy() if hasattr(model, "copy") else copy.deepcopy(model)
    layers = [copy.deepcopy(layer) for layer in model.layers]
    for layer in walk(layers):
        # These are the arguments of Dropout, GaussianNoise, Dense and Maxout; a layer of the user's may have its own.
        if layer.kind == "dropout":
            vars(layer)["rate"] = 0.0
        elif layer.kind == "gaussian_noise":
            vars(layer)["sigma"] = 0.0
        elif layer.kind in ("dense", "maxout"):
            vars(layer)["regularizer"] = None
            vars(layer)["max_norm"] = None
    clone = Sequential(layers, seed=model.seed, dtype=model.dtype)
    clone.steps, clone.epochs_seen, clone.loss = model.steps, model.epochs_seen, model.loss
    clone.build(model.network.program.input_shape).copy_from(model.network)
    return clone
