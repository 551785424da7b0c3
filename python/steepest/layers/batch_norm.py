"""Batch normalisation."""

from __future__ import annotations

from steepest.checks import check_float
from steepest.initializers import Constant, Zeros
from steepest.layers.base import Layer, TensorView
from steepest.program import Builder, Value
from steepest.registry import LAYERS


@LAYERS.register("batch_norm")
class BatchNorm(Layer):
    """`y = gamma (x - mean) / sqrt(variance + epsilon) + beta`, per column (Ioffe and Szegedy 2015).

    Training takes the mean and the biased variance of the mini-batch; prediction takes the running statistics, which
    training updates by `(1 - momentum) running + momentum batch` from 0 and 1, with the unbiased variance of the batch.

    Parameters
    ----------
    momentum : float
        Weight of the newest batch, in (0, 1].
    epsilon : float
        Added to the variance, above 0.
    name : str or None
        None lets the model number the layer.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.BatchNorm()], input_shape=2)
    >>> model.layers[0].gamma, model.layers[0].running_variance
    (array([1., 1.], dtype=float32), array([1., 1.], dtype=float32))
    """

    gamma = TensorView("View of the learned scale (width,).")
    beta = TensorView("View of the learned shift (width,).")
    running_mean = TensorView("View of the mean that prediction uses (width,).")
    running_variance = TensorView("View of the variance that prediction uses (width,).")

    def __init__(self, momentum: float = 0.1, epsilon: float = 1e-5, *, name: str | None = None) -> None:
        super().__init__(name)
        self.momentum = check_float("momentum", momentum, 0.0, 1.0, open_minimum=True)
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the normalisation."""
        shape = (value.width,)
        parameters = (builder.parameter("gamma", shape, Constant(1.0)), builder.parameter("beta", shape, Zeros()))
        states = (builder.state("running_mean", shape, 0.0), builder.state("running_variance", shape, 1.0))
        return builder.emit(
            "batch_norm",
            (value,),
            value.width,
            parameters=parameters,
            states=states,
            momentum=self.momentum,
            epsilon=self.epsilon,
        )
