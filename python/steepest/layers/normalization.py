"""Normalisation of columns, of rows, and by fixed numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float
from steepest.initializers import Constant, Values, Zeros
from steepest.layers.base import Layer, TensorView
from steepest.lowering.program import Builder, Shape, Value
from steepest.registry import LAYERS

if TYPE_CHECKING:
    from steepest.preprocessing import Affine


def _channels(builder: Builder, shape: Shape) -> int:
    """Return how many statistics a batch norm of values of this shape has."""
    if len(shape) not in (1, 3):
        raise ValueError(
            f"{builder.layer}: batch norm takes samples of shape (D,) or (C, H, W), got {shape}: "
            "put Flatten() before it, or build the model with input_shape=(1, H, W)"
        )
    return shape[0]


@LAYERS.register("batch_norm")
class BatchNorm(Layer):
    """`y = gamma (x - mean) / sqrt(variance + epsilon) + beta`, per column or channel (Ioffe and Szegedy 2015).

    Samples of shape `(D,)` have statistics for each column, samples `(C, H, W)` for each channel, over the batch, H and
    W. Training takes the mean and the biased variance of the mini-batch; prediction takes the running statistics, which
    training updates by `(1 - momentum) running + momentum batch` from 0 and 1, with the unbiased variance of the batch.

    Parameters
    ----------
    momentum : float
        Weight of the newest batch, in (0, 1].
    epsilon : float
        Added to the variance, above 0.
    name, rate_scale
        See `Layer`.
    trainable : bool
        False keeps gamma, beta and the running statistics, and training normalises by the running statistics too.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.BatchNorm()], input_shape=2)
    >>> model.layers[0].gamma, model.layers[0].running_variance
    (array([1., 1.], dtype=float32), array([1., 1.], dtype=float32))
    >>> images = st.Sequential([st.layers.BatchNorm(), st.layers.Flatten()], input_shape=(3, 8, 8))
    >>> images.layers[0].gamma.shape, images.output_size
    ((3,), 192)
    """

    gamma = TensorView("View of the learned scale (channels,).")
    beta = TensorView("View of the learned shift (channels,).")
    running_mean = TensorView("View of the mean that prediction uses (channels,).")
    running_variance = TensorView("View of the variance that prediction uses (channels,).")

    def __init__(
        self,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        *,
        name: str | None = None,
        trainable: bool = True,
        rate_scale: float = 1.0,
    ) -> None:
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        self.momentum = check_float("momentum", momentum, 0.0, 1.0, open_minimum=True)
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the normalisation."""
        channels = _channels(builder, value.shape)
        shape = (channels,)
        return builder.emit(
            "batch_norm",
            (value,),
            value.shape,
            parameters=(builder.parameter("gamma", shape, Constant(1.0)), builder.parameter("beta", shape, Zeros())),
            states=(builder.state("running_mean", shape, 0.0), builder.state("running_variance", shape, 1.0)),
            momentum=self.momentum,
            epsilon=self.epsilon,
            channels=channels,
            frozen=not builder.trainable,
        )


@LAYERS.register("layer_norm")
class LayerNorm(Layer):
    """`y = gamma (x - mean) / sqrt(variance + epsilon) + beta` with each row's own mean and biased variance.

    Ba, Kiros and Hinton 2016. It does the same in training and prediction, whatever the batch. Of images `(C, H, W)`
    the mean and the variance are those of all C H W elements.

    Parameters
    ----------
    epsilon : float
        Added to the variance, above 0.
    name, trainable, rate_scale
        See `Layer`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.LayerNorm(epsilon=1e-12)], input_shape=2, dtype="float64")
    >>> model.predict([[1.0, 3.0], [0.0, 100.0]]).round(6)
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    gamma = TensorView("View of the learned scale (width,).")
    beta = TensorView("View of the learned shift (width,).")

    def __init__(
        self, epsilon: float = 1e-5, *, name: str | None = None, trainable: bool = True, rate_scale: float = 1.0
    ) -> None:
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the normalisation."""
        shape = (value.width,)
        parameters = (builder.parameter("gamma", shape, Constant(1.0)), builder.parameter("beta", shape, Zeros()))
        return builder.emit("layer_norm", (value,), value.shape, parameters=parameters, epsilon=self.epsilon)


@LAYERS.register("standardize")
class Standardize(Layer):
    """`y = (x - mean) / scale` with fixed numbers per column: the scaling of the inputs as part of the model.

    The numbers are saved with the model, so prediction cannot forget them, and `Sequential.folded` makes them part of
    the first dense layer. In the core it is a frozen batch norm, whose tensors it shows.

    Parameters
    ----------
    mean, scale : array (D,), number or None
        Subtracted, and divided by (not 0). None means 0 and 1.
    name : str or None
        None lets the model number the layer.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.array([[0.0, 10.0], [2.0, 30.0]])
    >>> scaling = st.layers.Standardize.like(st.preprocessing.Standardizer().fit(X))
    >>> st.Sequential([scaling]).predict(X)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """

    running_mean = TensorView("View of the mean (D,).")
    gamma = TensorView("View of one over the scale (D,).")

    def __init__(
        self, mean: npt.ArrayLike | None = None, scale: npt.ArrayLike | None = None, *, name: str | None = None
    ) -> None:
        super().__init__(name)
        self.mean = _numbers("mean", mean)
        self.scale = _numbers("scale", scale)
        if self.scale is not None and 0.0 in (self.scale if isinstance(self.scale, list) else [self.scale]):
            raise ValueError("scale must not be 0: a constant column has scale 1")

    @classmethod
    def like(cls, step: Any, *, name: str | None = None) -> Standardize:
        """Return the layer that does what a fitted step of `steepest.preprocessing` does.

        Parameters
        ----------
        step : Preprocessor
            Fitted, and treating every column by itself: a Standardizer, Center, MinMax, Robust without smooth clip, or
            a Pipeline of them.
        name : str or None
            Of the layer.
        """
        from steepest.preprocessing import Preprocessor
        from steepest.preprocessing.affine import affine_of

        function = affine_of(step) if isinstance(step, Preprocessor) else None
        if function is None or not function.diagonal:
            raise TypeError(
                "step must be a fitted step that shifts and scales every column by itself "
                f"(Standardizer, Center, MinMax, Robust without smooth_clip, or a Pipeline of them), got {step!r}"
            )
        return cls.of(function, name=name)

    @classmethod
    def of(cls, function: Affine, *, name: str | None = None) -> Standardize:
        """Return the layer that does what a diagonal `preprocessing.Affine` does."""
        return cls(function.center - function.shift / function.matrix, 1.0 / function.matrix, name=name)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append a batch norm that is never trained."""
        mean = self._columns("mean", 0.0 if self.mean is None else self.mean, value.width)
        scale = self._columns("scale", 1.0 if self.scale is None else self.scale, value.width)
        shape = (value.width,)
        states = (builder.state("running_mean", shape, mean), builder.state("running_variance", shape, 1.0))
        # gamma is a tensor that nothing trains: it starts at its value.
        return builder.emit(
            "batch_norm",
            (value,),
            value.shape,
            parameters=(
                builder.parameter("gamma", shape, Values(1.0 / scale), trainable=False),
                builder.parameter("beta", shape, Zeros(), trainable=False),
            ),
            states=states,
            momentum=0.1,
            epsilon=1e-300,  # rounds to 0 in float32 and is nothing beside the variance 1
            frozen=True,
        )

    @staticmethod
    def _columns(name: str, numbers: float | list[float], width: int) -> npt.NDArray[np.float64]:
        array = np.asarray(numbers, dtype=np.float64)
        if array.ndim and len(array) != width:
            raise ValueError(f"{name} has {len(array)} numbers, the input has {width} columns")
        return np.broadcast_to(array, (width,))


def _numbers(name: str, value: Any) -> float | list[float] | None:
    """Return the numbers as plain Python objects, which the configuration holds."""
    if value is None:
        return None
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of numbers, got {value!r}") from None
    if array.ndim > 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite and have one dimension, got {value!r}")
    plain: float | list[float] = array.tolist()
    return plain


@LAYERS.register("flatten")
class Flatten(Layer):
    """Makes a row of each sample, `(N, C, H, W) -> (N, C H W)` in C order; costs nothing.

    Dense layers take images as they are: it is needed before what looks at shapes, such as batch norm per column.

    Parameters
    ----------
    name : str or None
        None lets the model number the layer.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Flatten(), st.layers.BatchNorm()])
    >>> model.predict(np.ones((2, 3, 4, 4))).shape, model.layers[1].gamma.shape
    ((2, 48), (48,))
    """

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Say that the columns are a row; no operation is needed."""
        return Value(value.number, value.width, (math.prod(value.shape),))
