"""Activation as a layer of its own."""

from __future__ import annotations

from typing import Any

from steepest import activations
from steepest.layers.base import Layer
from steepest.program import Builder, Value
from steepest.registry import ACTIVATIONS, LAYERS


@LAYERS.register("activation")
class Activation(Layer):
    """Applies an activation function to every element, for instance after batch norm.

    Parameters
    ----------
    activation : str or Activation
        The function.
    name : str or None
        None lets the model number the layer.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(2), st.layers.Activation("relu")], input_shape=2)
    >>> model.layers[0].weight[...] = [[1, 0], [0, 1]]
    >>> model.predict([[-1.0, 2.0]])
    array([[0., 2.]], dtype=float32)
    """

    def __init__(self, activation: str | activations.Activation | dict[str, Any], *, name: str | None = None) -> None:
        super().__init__(name)
        self.activation: activations.Activation = ACTIVATIONS.create(activation, "activation")

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the activation."""
        return builder.emit(
            "activation", (value,), value.width, activation=self.activation.kind, alpha=self.activation.alpha
        )
