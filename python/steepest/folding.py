"""Folding at the level of layers: `passes.fold` says what becomes of the operations, here the layers follow."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from steepest.layers import Activation, BatchNorm, Dense, Dropout, GaussianNoise, Layer, Standardize
from steepest.layers.dense import Linear
from steepest.lowering import passes
from steepest.preprocessing import Affine, Pipeline, Preprocessor
from steepest.preprocessing.affine import affine_of
from steepest.regularizers import L2

if TYPE_CHECKING:
    from steepest.lowering.program import Program
    from steepest.sequential import Sequential

# Layers that know how to do without something, or with a bias.
_FLEXIBLE = (Linear, BatchNorm, Standardize, Dropout, GaussianNoise)


def fold_model(model: Sequential, scaling: Any = None) -> Sequential:
    """Return the model with normalisations and scaling in its dense layers; see `Sequential.folded`."""
    rest, function = _to_fold(model, scaling)
    if function is None:
        result = _fold(model)
    elif len(function.shift) != model.network.program.input_width:
        raise ValueError(
            f"scaling gives {len(function.shift)} columns, the model takes {model.network.program.input_width}"
        )
    else:
        result = _fold(model, rotation=function) if not function.diagonal else None
        if result is None and scaling is None and not _has_front(model, function):
            rest, result = model.preprocessing, _fold(model)
        result = result or _fold(model, front=_front(model, function))
    assert result is not None
    result.steps, result.epochs_seen, result.loss = model.steps, model.epochs_seen, model.loss
    result.preprocessing, result.target = rest, model.target
    return result


def _to_fold(model: Sequential, scaling: Any) -> tuple[Any, Affine | None]:
    """Return what stays in front of the result, and what becomes part of it."""
    if scaling is None or scaling is False:
        step = model.preprocessing
        # Tables are no matrices yet; what else is there may be anything the user likes to keep with the model.
        if scaling is False or not isinstance(step, Preprocessor):
            return step, None
        if isinstance(step, Pipeline):
            return step.split()
        function = affine_of(step)
        return (step, None) if function is None else (None, function)
    function = affine_of(scaling) if isinstance(scaling, Preprocessor) else None
    if function is None:
        raise TypeError(
            "scaling must be a fitted step of steepest.preprocessing that is an affine function (Standardizer, Center, "
            f"MinMax, PCA, Whitening, Robust without smooth_clip, or a Pipeline of them), got {scaling!r}"
        )
    return None, function


def _has_front(model: Sequential, function: Affine) -> bool:
    """Whether a layer can do the function and hand on samples of the model's shape."""
    return function.diagonal or len(model.network.program.input_shape) == 1


def _front(model: Sequential, function: Affine) -> tuple[Layer, dict[str, Any]]:
    """Return a first layer that does the scaling, and its tensors in float64."""
    name = "scaling"
    while name in model.names:
        name += "_"
    if function.diagonal:
        layer: Layer = Standardize.of(function, name=name)
        mean = function.center - function.shift / function.matrix
        return layer, {f"{name}.running_mean": mean, f"{name}.gamma": function.matrix}
    shape = model.network.program.input_shape
    if not _has_front(model, function):
        raise ValueError(
            f"scaling mixes the columns of samples {shape}, which only a dense layer can take over, and the first "
            f"layer {model.names[0]!r} is none: use folded(False), and the preprocessing as before"
        )
    layer = Dense(shape[0], initializer="zeros", regularizer=L2(0.0), trainable=False, name=name)
    bias = function.shift - function.center @ function.matrix
    return layer, {f"{name}.weight": function.matrix, f"{name}.bias": bias}


def _fold(
    model: Sequential, *, front: tuple[Layer, dict[str, Any]] | None = None, rotation: Affine | None = None
) -> Sequential | None:
    """Return the model folded, behind a first layer or a rotation of its inputs; None if that has no place in it."""
    with model.guard.use():
        source = _named_copy(model, front)
    before = source.lower(source.network.program.input_shape)
    tensors = {**source.network.parameters, **source.network.states, **(front[1] if front else {})}
    named = _paths("", dict(zip(source.names, source.layers, strict=True)))
    paths = {path for path, layer in named if isinstance(layer, _FLEXIBLE)}
    after, folded = passes.fold(before, tensors, paths)
    if rotation is not None:
        turned = passes.fold_input(after, folded, rotation.center, rotation.matrix, rotation.shift, paths)
        if turned is None:
            return None
        after, folded = turned
    result = type(model)(
        _layers_of(source, before, after) or [Activation("identity")],
        seed=model.seed,
        dtype=model.dtype,
        regularizer=model.regularizer,
        input_shape=after.input_shape,
    )
    assert {**result.network.parameters, **result.network.states}.keys() == folded.keys()
    _fill(result, folded)
    return result


def _layers_of(source: Sequential, before: Program, after: Program) -> list[Layer]:
    """Return copies of the layers that are left, with and without biases as the folded program has them."""
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
    return [layer for layer in layers if layer is not None]


def _named_copy(model: Sequential, front: tuple[Layer, dict[str, Any]] | None) -> Sequential:
    """Return a copy of the model behind the layer `front`, all layers keeping the names that they have here."""
    layers = [copy.deepcopy(layer) for layer in model.layers]
    for name, layer in zip(model.names, layers, strict=True):
        layer.name = name
    shape = model.network.program.input_shape
    if front is not None:
        layers.insert(0, front[0])
        if isinstance(front[0], Dense):
            shape = (len(next(iter(front[1].values()))),)
    twin = type(model)(layers, seed=model.seed, dtype=model.dtype, regularizer=model.regularizer, input_shape=shape)
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
