"""Losses: what they accept as targets, and the link from outputs to probabilities; the arithmetic is in the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.checks import check_bool, check_float
from steepest.registry import LOSSES, Configurable

Array = npt.NDArray[Any]


class Loss(Configurable):
    """Base of the losses.

    Attributes
    ----------
    classifies : bool
        Whether the core counts correct rows, so that an accuracy is reported.
    has_link : bool
        Whether the outputs stand for probabilities, so that `predict_proba` takes them through `link`.
    """

    classifies: ClassVar[bool] = False
    has_link: ClassVar[bool] = False

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return the targets as the core takes them for a network of `width` outputs; raise if they are wrong."""
        raise NotImplementedError

    def link(self, outputs: Array) -> Array:
        """Return what the network's outputs stand for: probabilities, rates, or the outputs themselves."""
        return outputs

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {"kind": self.kind}


class Regression(Loss):
    """Base of the losses of numbers: targets `(N,)` or `(N, K)`, any finite numbers.

    Parameters
    ----------
    factor : float
        Multiplies the loss and its gradient, above 0: `MSE(factor=K / 2)` is half the squared error summed over K
        outputs, the negative log likelihood of unit Gaussians.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = check_float("factor", factor, 0.0, open_minimum=True)

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return the targets `(rows, width)`."""
        return data.check_targets(y, rows, width)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {"kind": self.kind} if self.factor == 1.0 else {"kind": self.kind, "factor": self.factor}


@LOSSES.register("softmax_cross_entropy")
class SoftmaxCrossEntropy(Loss):
    """`-sum_k t_k log softmax(z)_k`, averaged over the rows; for one class out of several.

    Targets are whole-number labels `(N,)` in [0, K), or rows `(N, K)` that sum to 1 (one-hot or soft labels). The
    gradient of a row by z is `softmax(z) - t`.

    Parameters
    ----------
    label_smoothing : float
        e in [0, 1): the targets become `(1 - e) t + e / K` (Szegedy et al. 2016), in training and in evaluation.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(3, initializer="zeros")])
    >>> round(model.evaluate(np.ones((4, 2)), [0, 1, 2, 0], loss="softmax_cross_entropy")["loss"], 6)  # ln 3
    1.098612
    """

    classifies = True
    has_link = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = check_float("label_smoothing", label_smoothing, 0.0, 1.0, open_maximum=True)

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return int32 labels `(rows,)`, or soft labels `(rows, width)`."""
        if width < 2:
            raise ValueError(
                "softmax_cross_entropy needs an output per class, so at least 2: "
                "for one output use sigmoid_cross_entropy"
            )
        array = data.as_array("y", y)
        if array.ndim == 1:
            return data.check_labels(array, rows, width)
        if array.ndim == 2 and array.shape[1] == 1:
            raise ValueError(f"y has shape {array.shape}: class labels must have one dimension, use y.ravel()")
        targets = data.check_targets(array, rows, width)
        data.check_distributions(targets)
        return targets

    def link(self, outputs: Array) -> Array:
        """Softmax of every row."""
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {"kind": self.kind, "smoothing": self.label_smoothing}


@LOSSES.register("sigmoid_cross_entropy")
class SigmoidCrossEntropy(Loss):
    """`-y log s(z) - (1 - y) log(1 - s(z))`, summed over the outputs and averaged over the rows.

    For yes or no, once or several times per row; s is the logistic function. Targets are in [0, 1], `(N,)` or `(N, K)`.
    A row counts as correct when all its outputs are: positive logits where the target is above 0.5.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(1, initializer="zeros")])
    >>> round(model.evaluate([[1.0], [2.0]], [0, 1], loss="sigmoid_cross_entropy")["loss"], 6)  # ln 2
    0.693147
    """

    classifies = True
    has_link = True

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return the targets `(rows, width)`."""
        targets = data.check_targets(y, rows, width)
        data.check_unit_interval(targets)
        return targets

    def link(self, outputs: Array) -> Array:
        """Logistic function of every output, by a form that neither overflows nor cancels."""
        power = np.exp(-np.abs(outputs))
        probabilities: Array = np.where(outputs >= 0, 1.0, power) / (1.0 + power)
        return probabilities.astype(outputs.dtype, copy=False)


@LOSSES.register("mse")
class MSE(Regression):
    """Mean over all elements of `(z - y)^2`, without a factor 1/2; its minimum is the conditional mean.

    Targets are finite numbers, `(N,)` or `(N, K)`.

    Parameters
    ----------
    factor : float
        Multiplies the loss and its gradient, above 0; see `Regression`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(1, initializer="zeros")])
    >>> model.evaluate([[1.0], [2.0]], [1.0, 3.0], loss="mse")
    {'loss': 5.0}
    """


@LOSSES.register("mae")
class MAE(Regression):
    """Mean over all elements of `|z - y|`; its minimum is the conditional median, so outliers weigh little.

    Targets are finite numbers, `(N,)` or `(N, K)`. The gradient where z = y is 0.

    Parameters
    ----------
    factor : float
        Multiplies the loss and its gradient, above 0; see `Regression`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(1, initializer="zeros")], input_shape=1)
    >>> model.evaluate([[0.0], [0.0]], [1.0, -3.0], loss="mae")
    {'loss': 2.0}
    """


@LOSSES.register("huber")
class Huber(Regression):
    """Mean over all elements of `d^2 / 2` where `|d| <= delta`, else `delta (|d| - delta / 2)`; `d = z - y`.

    Huber 1964: quadratic near the target and linear far from it. Targets are finite numbers, `(N,)` or `(N, K)`.

    Parameters
    ----------
    delta : float
        Where the quadratic part ends, in units of the target; above 0.
    factor : float
        Multiplies the loss and its gradient, above 0; see `Regression`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(1, initializer="zeros")], input_shape=1)
    >>> model.evaluate([[0.0], [0.0]], [1.0, -3.0], loss=st.losses.Huber(2.0))  # (1 / 2 + 2 (3 - 1)) / 2
    {'loss': 2.25}
    """

    def __init__(self, delta: float = 1.0, factor: float = 1.0) -> None:
        super().__init__(factor)
        self.delta = check_float("delta", delta, 0.0, open_minimum=True)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {**super().to_core(), "alpha": self.delta}


@LOSSES.register("poisson")
class Poisson(Regression):
    """Mean over all elements of `exp(z) - y z`: the negative log likelihood of counts y of rate exp(z), less `log y!`.

    The outputs are logarithms of rates; `link` gives the rates. Targets are not negative, `(N,)` or `(N, K)`.

    Parameters
    ----------
    factor : float
        Multiplies the loss and its gradient, above 0; see `Regression`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(1, initializer="zeros")], input_shape=1)
    >>> model.evaluate([[0.0], [0.0]], [0, 5], loss="poisson"), st.losses.Poisson().link(np.zeros((1, 1)))
    ({'loss': 1.0}, array([[1.]]))
    """

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return the targets `(rows, width)`."""
        targets = super().check_targets(y, rows, width)
        data.check_not_negative(targets)
        return targets

    def link(self, outputs: Array) -> Array:
        """Rates `exp(z)`."""
        rates: Array = np.exp(outputs)
        return rates


@LOSSES.register("quantile")
class Quantile(Regression):
    """Mean over all elements of `max(q (y - z), (q - 1) (y - z))`, the pinball loss (Koenker and Bassett 1978).

    Its minimum is the conditional q-quantile of y. Targets are finite numbers, `(N,)` or `(N, K)`.

    Parameters
    ----------
    q : float
        The quantile, in (0, 1); 0.5 is half of MAE.
    factor : float
        Multiplies the loss and its gradient, above 0; see `Regression`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(1, initializer="zeros")], input_shape=1)
    >>> model.evaluate([[0.0], [0.0]], [1.0, -1.0], loss=st.losses.Quantile(0.75))  # (0.75 + 0.25) / 2
    {'loss': 0.5}
    """

    def __init__(self, q: float = 0.5, factor: float = 1.0) -> None:
        super().__init__(factor)
        self.q = check_float("q", q, 0.0, 1.0, open_minimum=True, open_maximum=True)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {**super().to_core(), "alpha": self.q}


@LOSSES.register("hinge")
class Hinge(Loss):
    """The margin loss of support vector machines, for one class out of several or for yes and no.

    With labels `(N,)` in [0, K) and K >= 2 outputs: `sum_(j != y) max(0, 1 + z_j - z_y)`, averaged over the rows
    (Weston and Watkins 1999). With targets -1 and 1 (or 0 and 1), `(N,)` for one output or `(N, K)`: the mean over all
    elements of `max(0, 1 - y z)`. The gradient at a kink is 0. The outputs are margins, not probabilities.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(3, initializer="zeros")], input_shape=1)
    >>> model.evaluate([[0.0]], [1], loss="hinge")["loss"]
    2.0
    """

    classifies = True

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return int32 labels `(rows,)`, or targets `(rows, width)` of -1 and 1."""
        array = data.as_array("y", y)
        if array.ndim == 1 and width > 1:
            return data.check_labels(array, rows, width)
        return data.check_signs(data.check_targets(array, rows, width))


class Custom(Loss):
    """A loss written in NumPy.

    Every batch passes through Python while the other threads wait. `steepest.gradcheck(loss, outputs, y)` says whether
    the gradient is right. To save a model trained with it, make a subclass whose constructor needs no function and
    register it: `@steepest.registry.LOSSES.register("my_name")`.

    Parameters
    ----------
    function : callable
        `function(outputs, targets)` returns the losses of the rows `(rows,)` and their gradient by the outputs
        `(rows, K)`, both before sample weights and the mean over rows. Both arguments are read-only, in the model's
        dtype; each row must depend on itself alone.
    labels : bool
        True: targets are class labels `(N,)` in [0, K), which the function gets as one column. False: finite numbers
        `(N,)` or `(N, K)`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> def log_cosh(z, y):
    ...     return np.log(np.cosh(z - y)).mean(axis=1), np.tanh(z - y) / z.shape[1]
    >>> loss = st.losses.Custom(log_cosh)
    >>> st.gradcheck(loss, [[0.5, -1.0]], [[0.0, 1.0]]).passed
    True
    """

    def __init__(self, function: Callable[[Array, Array], tuple[Any, Any]], labels: bool = False) -> None:
        if not callable(function):
            raise TypeError(f"function must be a function (outputs, targets) -> (losses, gradient), got {function!r}")
        self.function = function
        self.labels = check_bool("labels", labels)

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return int32 labels `(rows,)`, or targets `(rows, width)`."""
        return data.check_labels(y, rows, width) if self.labels else data.check_targets(y, rows, width)

    def __call__(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Return row losses and gradient, their shapes checked."""
        result: Any = self.function(outputs, targets)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"the function of a loss must return (losses, gradient), got {result!r:.80}")
        losses, gradient = np.asarray(result[0]), np.asarray(result[1])
        if losses.shape != (len(outputs),) or gradient.shape != outputs.shape:
            raise ValueError(
                f"the function of a loss must return losses of shape {(len(outputs),)} and a gradient of shape "
                f"{outputs.shape}, got {losses.shape} and {gradient.shape}"
            )
        return losses, gradient

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {"kind": "host", "function": self}


LOSSES.alias("pinball", "quantile")
