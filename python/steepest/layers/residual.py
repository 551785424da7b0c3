"""Residual block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from steepest.activations import Activation
from steepest.checks import check_bool
from steepest.initializers import Auto
from steepest.layers.activation import Activation as ActivationLayer
from steepest.layers.base import Layer, name_layers
from steepest.layers.chain import as_chain, lower_chain, rewrite_chain
from steepest.lowering.program import Builder, Value
from steepest.registry import ACTIVATIONS, LAYERS


@LAYERS.register("residual")
class Residual(Layer):
    """`y = activation(x + f(x))` where f is a chain of layers (He et al. 2016).

    Where f changes the width, the shortcut is a learned product without bias instead, `x @ projection.weight + f(x)`.

    Parameters
    ----------
    layers : list of Layer
        The chain f. Its tensors are named within the block: `residual_1.dense_1.weight`.
    activation : str or Activation
        Applied to the sum.
    projection : bool or None
        None projects where the widths differ, True always, False never: different widths are then an error.
    name, trainable, rate_scale
        See `Layer`; they hold for everything in the block.

    Examples
    --------
    >>> import steepest as st
    >>> block = st.layers.Residual([st.layers.Dense(8, "relu"), st.layers.Dense(4)])
    >>> model = st.Sequential([block, st.layers.Dense(1)], input_shape=4)
    >>> list(model.parameters())[:2], block.layers[1].weight.shape
    (['residual_1.dense_1.weight', 'residual_1.dense_1.bias'], (8, 4))
    >>> wider = st.Sequential([st.layers.Residual([st.layers.Dense(6)])], input_shape=4)
    >>> wider.parameters()["residual_1.projection.weight"].shape
    (4, 6)
    """

    def __init__(
        self,
        layers: Iterable[Layer | dict[str, Any]],
        activation: str | Activation | dict[str, Any] = "identity",
        *,
        projection: bool | None = None,
        name: str | None = None,
        trainable: bool = True,
        rate_scale: float = 1.0,
    ) -> None:
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        self.layers = as_chain("layers", layers)
        if "projection" in name_layers(self.layers):
            raise ValueError("layers: the name 'projection' is the shortcut's, give the layer another")
        self.activation: Activation = ACTIVATIONS.create(activation, "activation")
        self.projection = None if projection is None else check_bool("projection", projection)

    def children(self) -> dict[str, Layer]:
        """Return the layers of f by name."""
        return dict(zip(name_layers(self.layers), self.layers, strict=True))

    def rewrite(self, change: Callable[[str, Layer], Layer | None]) -> None:
        """Put other layers in the place of f's."""
        self.layers = rewrite_chain("", self.layers, change) or (ActivationLayer("identity", name="identity"),)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append f, the shortcut and their sum."""
        output = lower_chain(builder, self.layers, value)
        different = output.width != value.width
        if different and self.projection is False:
            raise ValueError(
                f"{builder.layer} adds {value.width} columns to {output.width}: make the last layer "
                f"{value.width} wide, or allow a projection"
            )
        shortcut = self._project(builder, value, output.width) if different or self.projection else value
        total = builder.emit("sum", (shortcut, output), output.shape)
        return total if self.activation.kind == "identity" else self.activation.lower(builder, total)

    def _project(self, builder: Builder, value: Value, width: int) -> Value:
        with builder.scope("projection", len(self.layers)):
            weight = builder.parameter(
                "weight",
                (value.width, width),
                Auto(),
                regularizer=builder.regularizer,
                decay=True,
                fan_in=value.width,
                fan_out=width,
            )
            return builder.emit("dense", (value,), width, parameters=(weight,), activation="identity", alpha=0.0)
