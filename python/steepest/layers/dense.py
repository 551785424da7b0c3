"""Fully connected layers."""

from __future__ import annotations

from typing import Any

from steepest.activations import Activation
from steepest.checks import check_bool, check_float, check_int
from steepest.initializers import Initializer, as_initializer
from steepest.layers.base import Layer, TensorView
from steepest.lowering.program import Builder, Value
from steepest.registry import ACTIVATIONS, LAYERS, REGULARIZERS
from steepest.regularizers import Regularizer


class Linear(Layer):
    """Base of the layers with a product `x @ weight + bias`; for the arguments see `Dense`."""

    weight = TensorView("View of the weight (in, out).")
    bias = TensorView("View of the bias (out,).")

    def __init__(
        self,
        *,
        use_bias: bool,
        initializer: str | Initializer | dict[str, Any],
        bias_initializer: str | float | Initializer | dict[str, Any],
        regularizer: str | Regularizer | dict[str, Any] | None,
        max_norm: float | None,
        name: str | None,
        trainable: bool,
        rate_scale: float,
    ) -> None:
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        self.use_bias = check_bool("use_bias", use_bias)
        self.initializer = as_initializer(initializer, "initializer")
        self.bias_initializer = as_initializer(bias_initializer, "bias_initializer")
        self.regularizer: Regularizer | None = (
            None if regularizer is None else REGULARIZERS.create(regularizer, "regularizer")
        )
        self.max_norm = None if max_norm is None else check_float("max_norm", max_norm, 0.0, open_minimum=True)

    def product(self, builder: Builder, value: Value, width: int, fan_out: int) -> Value:
        """Append the product with `width` columns; an image counts as the row of its C H W elements."""
        parameters = [
            builder.parameter(
                "weight",
                (value.width, width),
                self.initializer,
                regularizer=self.regularizer if self.regularizer is not None else builder.regularizer,
                max_norm=self.max_norm,
                decay=True,
                fan_in=value.width,
                fan_out=fan_out,
            )
        ]
        if self.use_bias:
            parameters.append(
                builder.parameter("bias", (width,), self.bias_initializer, fan_in=value.width, fan_out=fan_out)
            )
        return builder.emit("dense", (value,), width, parameters=tuple(parameters), activation="identity", alpha=0.0)


@LAYERS.register("dense")
class Dense(Linear):
    """`y = activation(x @ weight + bias)` with `weight (in, units)` and `bias (units,)`.

    Parameters
    ----------
    units : int
        Number of outputs, at least 1.
    activation : str or Activation
        Applied to the product.
    use_bias : bool
        False leaves the bias out, which is right directly before batch norm.
    initializer : str or Initializer
        Of the weight; `"auto"` takes He before the ReLU family, LeCun before SELU and Glorot otherwise.
    bias_initializer : str, float or Initializer
        Of the bias.
    regularizer : Regularizer or None
        Penalty of the weight; None takes the model's.
    max_norm : float or None
        After each update the weights into a unit are scaled down to this Euclidean norm where they are longer.
    name : str or None
        None lets the model number the layer (`dense_1`).
    trainable, rate_scale
        See `Layer`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(3, activation="relu")], input_shape=2)
    >>> model.layers[0].weight.shape, model.layers[0].bias.shape
    ((2, 3), (3,))
    """

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
        trainable: bool = True,
        rate_scale: float = 1.0,
    ) -> None:
        super().__init__(
            use_bias=use_bias,
            initializer=initializer,
            bias_initializer=bias_initializer,
            regularizer=regularizer,
            max_norm=max_norm,
            name=name,
            trainable=trainable,
            rate_scale=rate_scale,
        )
        self.units = check_int("units", units, 1, 2**31)
        self.activation: Activation = ACTIVATIONS.create(activation, "activation")

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the product and the activation; a pass fuses them where it can."""
        product = self.product(builder, value, self.units, self.units)
        return product if self.activation.kind == "identity" else self.activation.lower(builder, product)


@LAYERS.register("maxout")
class Maxout(Linear):
    """`y_j = max_p (x @ weight + bias)_(j pieces + p)`: each unit is the largest of several linear pieces.

    Goodfellow et al. 2013. The weight is `(in, units * pieces)`; columns `j pieces .. j pieces + pieces - 1` belong to
    unit j. Where pieces are equal, the first one gets the gradient.

    Parameters
    ----------
    units : int
        Number of outputs, at least 1.
    pieces : int
        Linear pieces per unit, in 1..65535; with 1 it is a linear dense layer.
    use_bias, initializer, bias_initializer, regularizer, max_norm, name, trainable, rate_scale
        As for `Dense`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Maxout(1, 2, use_bias=False)], input_shape=1)
    >>> model.layers[0].weight = [[1.0, -1.0]]  # the absolute value
    >>> model.predict([[-3.0], [2.0]])
    array([[3.],
           [2.]], dtype=float32)
    """

    def __init__(
        self,
        units: int,
        pieces: int,
        *,
        use_bias: bool = True,
        initializer: str | Initializer | dict[str, Any] = "auto",
        bias_initializer: str | float | Initializer | dict[str, Any] = "zeros",
        regularizer: str | Regularizer | dict[str, Any] | None = None,
        max_norm: float | None = None,
        name: str | None = None,
        trainable: bool = True,
        rate_scale: float = 1.0,
    ) -> None:
        super().__init__(
            use_bias=use_bias,
            initializer=initializer,
            bias_initializer=bias_initializer,
            regularizer=regularizer,
            max_norm=max_norm,
            name=name,
            trainable=trainable,
            rate_scale=rate_scale,
        )
        self.units = check_int("units", units, 1, 2**31)
        self.pieces = check_int("pieces", pieces, 1, 65535)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the product and the maximum."""
        product = self.product(builder, value, self.units * self.pieces, self.units)
        return builder.emit("maxout", (product,), self.units, pieces=self.pieces)
