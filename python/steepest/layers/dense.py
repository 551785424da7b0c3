"""Fully connected layer."""

from __future__ import annotations

from typing import Any

from steepest.activations import Activation
from steepest.checks import check_bool, check_float, check_int
from steepest.initializers import Initializer, as_initializer
from steepest.layers.base import Layer, TensorView
from steepest.program import Builder, Value
from steepest.registry import ACTIVATIONS, LAYERS, REGULARIZERS
from steepest.regularizers import Regularizer


@LAYERS.register("dense")
class Dense(Layer):
    """`y = activation(x @ weight + bias)` with `weight (in, units)` and `bias (units,)`.

    Parameters
    ----------
    units : int
        Number of outputs, at least 1.
    activation : str or Activation
        Applied to every element.
    use_bias : bool
        False leaves the bias out, which is right directly before batch norm.
    initializer : str or Initializer
        Of the weight; `"auto"` takes He before the ReLU family and Glorot otherwise.
    bias_initializer : str, float or Initializer
        Of the bias.
    regularizer : Regularizer or None
        Penalty of the weight; None takes the model's.
    max_norm : float or None
        After each update the weights into a unit are scaled down to this Euclidean norm where they are longer.
    name : str or None
        None lets the model number the layer (`dense_1`).

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(3, activation="relu")], input_shape=2)
    >>> model.layers[0].weight.shape, model.layers[0].bias.shape
    ((2, 3), (3,))
    """

    weight = TensorView("View of the weight (in, units).")
    bias = TensorView("View of the bias (units,).")

    def __init__(
        self,
        units: int,
        activation: str | Activation | dict[str, Any] = "identity",
        *,
        use_bias: bool = True,
        initializer: str | Initializer | dict[str, Any] = "auto",
        bias_initializer: str | float | Initializer | dict[str, Any] = "zeros",
        regularizer: str | Regularizer | dict[str, Any] | None = None,
        max_norm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.units = check_int("units", units, 1)
        self.activation: Activation = ACTIVATIONS.create(activation, "activation")
        self.use_bias = check_bool("use_bias", use_bias)
        self.initializer = as_initializer(initializer, "initializer")
        self.bias_initializer = as_initializer(bias_initializer, "bias_initializer")
        self.regularizer: Regularizer | None = (
            None if regularizer is None else REGULARIZERS.create(regularizer, "regularizer")
        )
        self.max_norm = None if max_norm is None else check_float("max_norm", max_norm, 0.0, open_minimum=True)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the product and the activation; a pass fuses them where it can."""
        regularizer = self.regularizer if self.regularizer is not None else builder.regularizer
        shape = (value.width, self.units)
        parameters = [
            builder.parameter(
                "weight",
                shape,
                self.initializer,
                regularizer=regularizer,
                max_norm=self.max_norm,
                decay=True,
                fan_in=value.width,
                fan_out=self.units,
            )
        ]
        if self.use_bias:
            parameters.append(
                builder.parameter("bias", (self.units,), self.bias_initializer, fan_in=value.width, fan_out=self.units)
            )
        product = builder.emit(
            "dense", (value,), self.units, parameters=tuple(parameters), activation="identity", alpha=0.0
        )
        if self.activation.kind == "identity":
            return product
        return builder.emit(
            "activation", (product,), self.units, activation=self.activation.kind, alpha=self.activation.alpha
        )
