"""Layers one behind the other inside another layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steepest.layers.base import Layer, check_layers, name_layers
from steepest.lowering.program import Builder, Value
from steepest.registry import LAYERS


def as_chain(argument: str, layers: Any) -> tuple[Layer, ...]:
    """Return the layers that a layer, a configuration or a list of them describes."""
    if isinstance(layers, (Layer, str, Mapping)):
        layers = [layers]
    try:
        items = list(layers)
    except TypeError:
        raise TypeError(f"{argument} must be a list of layers, got {layers!r}") from None
    # Other objects are left to check_layers, which knows how to complain.
    made = [LAYERS.create(item, argument) if isinstance(item, (str, Mapping)) else item for item in items]
    return check_layers(argument, made)


def rewrite_chain(
    prefix: str, layers: tuple[Layer, ...], change: Callable[[str, Layer], Layer | None]
) -> tuple[Layer, ...]:
    """Return what `change(prefix + name, layer)` makes of the layers; None leaves one out."""
    made = [change(prefix + name, layer) for name, layer in zip(name_layers(layers), layers, strict=True)]
    return tuple(layer for layer in made if layer is not None)


def lower_chain(builder: Builder, layers: tuple[Layer, ...], value: Value) -> Value:
    """Lower the layers one behind the other, numbered and named within the layer that is being lowered."""
    for number, (name, layer) in enumerate(zip(name_layers(layers), layers, strict=True)):
        value = builder.lower(layer, name, number, value)
    return value
