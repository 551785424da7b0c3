"""The network behind an estimator: its layers, and scikit-learn's initial weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import layers
from steepest.registry import INITIALIZERS
from steepest.regularizers import L2
from steepest.sequential import Sequential
from steepest.sklearn import parameters

Array = npt.NDArray[Any]

# The activations whose initial weights scikit-learn defines; the others take ours.
_SCIKIT_LEARN = ("identity", "sigmoid", "tanh", "relu")


def build(estimator: Any, columns: int, outputs: int, dtype: str, seed: int) -> Sequential:
    """Return the untrained model: per hidden layer dense, batch norm, activation, dropout; then the linear outputs."""
    sizes = parameters.hidden_sizes(estimator)
    chain: list[layers.Layer] = [*_embeddings(estimator)]
    for size, activation, rate in zip(
        sizes, parameters.activations(estimator), parameters.dropout_rates(estimator), strict=True
    ):
        activation = copy.deepcopy(activation)
        initializer = _initializer(estimator, activation)
        if estimator.batch_norm:
            # Batch norm has a bias of its own.
            chain += [layers.Dense(size, use_bias=False, initializer=initializer), layers.BatchNorm()]
            chain += [] if activation.kind == "identity" else [layers.Activation(activation)]
        else:
            chain.append(layers.Dense(size, activation, initializer=initializer))
        chain += [layers.Dropout(rate)] if rate > 0.0 else []
    chain.append(layers.Dense(outputs, initializer=_initializer(estimator, None)))
    return Sequential(chain, seed=seed, dtype=dtype, input_shape=columns)


def _embeddings(estimator: Any) -> list[layers.Layer]:
    """Return the layer that takes the codes of a table's larger categories, where it has some."""
    table = getattr(estimator, "preprocessor_", None)
    if table is None or not table.codes:
        return []
    # The widths that Howard and Gugger (2020), "fastai", found to do.
    groups = {
        f"category_{number}": (column, layers.Embedding(slots, min(round(1.6 * slots**0.56), 64)))
        for number, (column, slots) in enumerate(table.codes.values())
    }
    return [layers.Columns(groups)]


def _initializer(estimator: Any, activation: Any) -> Any:
    """Return what the layer's configuration says; `initialize` may write scikit-learn's own draws over it."""
    if not isinstance(estimator.initializer, str) or estimator.initializer != "auto":
        return INITIALIZERS.create(estimator.initializer, "initializer")
    if activation is not None and activation.kind not in _SCIKIT_LEARN:
        return "auto"
    return "glorot"


def dense_layers(model: Sequential) -> list[layers.Dense]:
    """Return the dense layers in order, the outputs last."""
    return [layer for layer in model.layers if isinstance(layer, layers.Dense)]


def initialize(estimator: Any, model: Sequential, random_state: np.random.RandomState) -> None:
    """Draw the weights as scikit-learn does, from the same stream: uniform of variance 2 or 2/3 over the mean fan.

    `w, b ~ U(-a, a)` with `a = sqrt(6 / (fan_in + fan_out))`, or `sqrt(2 / ...)` where the hidden activation is the
    logistic function. Layers with an activation that scikit-learn does not have keep their own initial weights.
    """
    kinds = [activation.kind for activation in parameters.activations(estimator)]
    # The outputs follow the last hidden layer's activation, or the one that hidden layers would have.
    lone = estimator.activation if isinstance(estimator.activation, str) else "identity"
    kinds.append(kinds[-1] if kinds else parameters.ACTIVATION_NAMES.get(lone, lone))
    for layer, kind in zip(dense_layers(model), kinds, strict=True):
        bound = np.sqrt((2.0 if kind == "sigmoid" else 6.0) / sum(layer.weight.shape))
        weight = random_state.uniform(-bound, bound, layer.weight.shape)
        bias = random_state.uniform(-bound, bound, layer.weight.shape[1])
        if isinstance(estimator.initializer, str) and estimator.initializer == "auto" and kind in _SCIKIT_LEARN:
            layer.weight = weight.astype(layer.weight.dtype)
            if layer.use_bias:
                layer.bias = bias.astype(layer.weight.dtype)


def from_weights(estimator: Any, coefs: Sequence[Any], intercepts: Sequence[Any], dtype: str, seed: int) -> Sequential:
    """Return the model with weights that the user gave before the first fit."""
    arrays = [np.asarray(coef) for coef in coefs]
    model = build(estimator, arrays[0].shape[0], arrays[-1].shape[1], dtype, seed)
    for layer, coef, intercept in zip(dense_layers(model), arrays, intercepts, strict=True):
        layer.weight = coef
        layer.bias = np.asarray(intercept)
    return model


def set_penalty(model: Sequential, l2: float) -> None:
    """Make `0.5 l2 sum(W^2)` the penalty from the next step on; the tensors stay where they are."""
    present = 0.0 if model.regularizer is None else model.regularizer.l2
    if present != l2:
        model.regularizer = L2(l2) if l2 > 0.0 else None
        model.refresh()


def plain_weights(model: Sequential) -> tuple[list[Array], list[Array]]:
    """Return weights and biases of the plain network that predicts the same, batch norm folded: read-only copies."""
    weights: list[Array] = []
    biases: list[Array] = []
    for layer in dense_layers(model.folded(False)):
        for target, array in ((weights, layer.weight), (biases, layer.bias)):
            array.flags.writeable = False
            target.append(array)
    return weights, biases
