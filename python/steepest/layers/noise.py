"""Layers that are random in training and do nothing in prediction."""

from __future__ import annotations

from steepest.checks import check_float
from steepest.layers.base import Layer
from steepest.lowering.program import Builder, Value
from steepest.registry import LAYERS


@LAYERS.register("dropout")
class Dropout(Layer):
    """In training sets elements to zero with probability `rate` and divides the others by `1 - rate`.

    In prediction it does nothing (Srivastava et al. 2014, inverted). The mask is a function of the model's seed, the
    training step, the layer and the element.

    Parameters
    ----------
    rate : float
        Share of elements that are dropped, in [0, 1).
    name : str or None
        None lets the model number the layer.

    Examples
    --------
    >>> import steepest as st
    >>> st.layers.Dropout(0.2)
    Dropout(rate=0.2)
    """

    def __init__(self, rate: float, *, name: str | None = None) -> None:
        super().__init__(name)
        self.rate = check_float("rate", rate, 0.0, 1.0, open_maximum=True)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the mask."""
        return builder.emit("dropout", (value,), value.shape, rate=self.rate, stream=builder.stream())


@LAYERS.register("gaussian_noise")
class GaussianNoise(Layer):
    """In training adds independent normal numbers of standard deviation `sigma`; in prediction it does nothing.

    As the first layer it is input noise, which for small sigma acts like a penalty on the gradient of the outputs by
    the inputs (Bishop 1995). The numbers are a function of the model's seed, the training step, the layer and the
    element.

    Parameters
    ----------
    sigma : float
        Standard deviation, at least 0; the inputs should be standardised.
    name : str or None
        None lets the model number the layer.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.GaussianNoise(0.1), st.layers.Dense(1)], input_shape=3)
    >>> model.names
    ('gaussian_noise_1', 'dense_1')
    """

    def __init__(self, sigma: float, *, name: str | None = None) -> None:
        super().__init__(name)
        self.sigma = check_float("sigma", sigma, 0.0, 1e9, open_maximum=True)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the noise."""
        return builder.emit("noise", (value,), value.shape, sigma=self.sigma, stream=builder.stream())
