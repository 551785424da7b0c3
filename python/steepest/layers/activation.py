"""Activations as layers of their own."""

from __future__ import annotations

from typing import Any

from steepest import activations
from steepest.checks import check_float
from steepest.layers.base import Layer, TensorView
from steepest.lowering.program import Builder, Value
from steepest.registry import ACTIVATIONS, LAYERS


@LAYERS.register("activation")
class Activation(Layer):
    """Applies an activation function, for instance after batch norm.

    Parameters
    ----------
    activation : str or Activation
        The function.
    name : str or None
        None lets the model number the layer.
    trainable, rate_scale
        Of the parameters of an activation that has some; see `Layer`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(2), st.layers.Activation("relu")], input_shape=2)
    >>> model.layers[0].weight[...] = [[1, 0], [0, 1]]
    >>> model.predict([[-1.0, 2.0]])
    array([[0., 2.]], dtype=float32)
    """

    def __init__(
        self,
        activation: str | activations.Activation | dict[str, Any],
        *,
        name: str | None = None,
        trainable: bool = True,
        rate_scale: float = 1.0,
    ) -> None:
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        self.activation: activations.Activation = ACTIVATIONS.create(activation, "activation")

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the activation."""
        return self.activation.lower(builder, value)


@LAYERS.register("prelu")
class PReLU(Layer):
    """`y = x` for x > 0, else `slope x` with a slope that is learned (He et al. 2015).

    Parameters
    ----------
    initial : float
        Initial slope.
    shared : bool or "channel"
        False learns one slope per unit, "channel" one for each channel of samples `(C, H, W)`, True one for the whole
        layer.
    name, trainable, rate_scale
        See `Layer`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.PReLU(0.5, shared=True)], input_shape=2)
    >>> model.predict([[-2.0, 3.0]]), model.layers[0].slope
    (array([[-1.,  3.]], dtype=float32), array([0.5], dtype=float32))
    >>> st.Sequential([st.layers.PReLU(shared="channel")], input_shape=(3, 8, 8)).layers[0].slope.shape
    (3,)
    """

    slope = TensorView("View of the learned slopes, (width,), (channels,) or (1,).")

    def __init__(
        self,
        initial: float = 0.25,
        shared: bool | str = False,
        *,
        name: str | None = None,
        trainable: bool = True,
        rate_scale: float = 1.0,
    ) -> None:
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        self._activation = activations.PReLU(check_float("initial", initial), shared)

    @property
    def initial(self) -> float:
        """Initial slope."""
        return self._activation.slope

    @property
    def shared(self) -> bool | str:
        """Whether the layer has one slope, or "channel"."""
        return self._activation.shared

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the function with its parameter."""
        return self._activation.lower(builder, value)
