"""Folding at the level of layers: `passes.fold` says what becomes of the operations, here the layers follow."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from steepest.layers import Activation, BatchNorm, Dropout, GaussianNoise, Layer, Standardize
from steepest.layers.dense import Linear
from steepest.lowering import passes

if TYPE_CHECKING:
    from steepest.sequential import Sequential

# Layers that know how to do without something, or with a bias.
_FLEXIBLE = (Linear, BatchNorm, Standardize, Dropout, GaussianNoise)


def fold_model(model: Sequential, scaling: Any = None) -> Sequential:
    """Return the model with its normalisations in its dense layers; see `Sequential.folded`."""
    with model.guard.use():
        source = _named_copy(model, [] if scaling is None else [_scaling_layer(model, scaling)])
    shape = source.network.program.input_shape
    before = source.lower(shape)
    tensors = {**source.network.parameters, **source.network.states}
    named = _paths("", dict(zip(source.names, source.layers, strict=True)))
    paths = {path for path, layer in named if isinstance(layer, _FLEXIBLE)}
    after, folded = passes.fold(before, tensors, paths)

    left = {op.layer for op in after.operations}
    gone = {op.layer for op in before.operations} - left
    biased = {p.name.removesuffix(".bias") for p in after.parameters if p.name.endswith(".bias")}

    def change(prefix: str, name: str, layer: Layer) -> Layer | None:
        path = prefix + name
        if path in gone:
            return None
        twin = copy.deepcopy(layer)
        twin.name = name.rpartition(".")[2]
        if isinstance(twin, Linear):
            twin.use_bias = path in biased
        twin.rewrite(lambda inner, child: change(f"{path}.", inner, child))
        return twin

    layers = [change("", name, layer) for name, layer in zip(source.names, source.layers, strict=True)]
    kept = [layer for layer in layers if layer is not None] or [Activation("identity")]
    result = type(model)(kept, seed=model.seed, dtype=model.dtype, regularizer=model.regularizer, input_shape=shape)
    assert {**result.network.parameters, **result.network.states}.keys() == folded.keys()
    _fill(result, folded)
    result.steps, result.epochs_seen, result.loss = model.steps, model.epochs_seen, model.loss
    # With a scaling of its own it takes other inputs than the model does.
    result.preprocessing = model.preprocessing if scaling is None else None
    result.target = model.target
    return result


def _scaling_layer(model: Sequential, scaling: Any) -> Standardize:
    name = "scaling"
    while name in model.names:
        name += "_"
    return Standardize.like(scaling, name=name)


def _named_copy(model: Sequential, first: list[Layer]) -> Sequential:
    """Return a copy of the model behind the layers `first`, all layers keeping the names that they have here."""
    layers = [copy.deepcopy(layer) for layer in model.layers]
    for name, layer in zip(model.names, layers, strict=True):
        layer.name = name
    twin = type(model)(
        [*first, *layers],
        seed=model.seed,
        dtype=model.dtype,
        regularizer=model.regularizer,
        input_shape=model.network.program.input_shape,
    )
    _fill(twin, {**model.network.parameters, **model.network.states})
    return twin


def _fill(model: Sequential, tensors: dict[str, Any]) -> None:
    mine = {**model.network.parameters, **model.network.states}
    for name, array in tensors.items():
        mine[name][...] = array


def _paths(prefix: str, layers: dict[str, Layer]) -> Iterator[tuple[str, Layer]]:
    """Yield every layer with the name its operations have."""
    for name, layer in layers.items():
        yield prefix + name, layer
        yield from _paths(f"{prefix}{name}.", layer.children())
