"""Losses: what they accept as targets, and the link from outputs to probabilities; the arithmetic is in the core."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.registry import LOSSES, Configurable

Array = npt.NDArray[Any]


class Loss(Configurable):
    """Base of the losses.

    Attributes
    ----------
    classifies : bool
        Whether the core counts correct rows, so that an accuracy is reported.
    has_link : bool
        Whether the outputs stand for probabilities.
    """

    classifies: ClassVar[bool] = False
    has_link: ClassVar[bool] = False

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return the targets as the core takes them for a network of `width` outputs; raise if they are wrong."""
        raise NotImplementedError

    def link(self, outputs: Array) -> Array:
        """Return the probabilities that belong to the network's outputs."""
        raise NotImplementedError(f"{self.kind} has no probabilities")

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {"kind": self.kind}


@LOSSES.register("softmax_cross_entropy")
class SoftmaxCrossEntropy(Loss):
    """`-log softmax(z)[y]`, averaged over the rows; for one class out of several.

    Targets are whole-number labels `(N,)` in [0, K), or rows `(N, K)` that sum to 1 (one-hot or soft labels).

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


@LOSSES.register("sigmoid_cross_entropy")
class SigmoidCrossEntropy(Loss):
    """`-y log s(z) - (1 - y) log(1 - s(z))`, summed over the outputs and averaged over the rows.

    For yes or no, once or several times per row; s is the logistic function. Targets are in [0, 1], `(N,)` or `(N, K)`.
    A row counts as correct when all its outputs are: positive logits where the target is above 0.5.
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
class MSE(Loss):
    """Mean over all elements of `(z - y)^2`, without a factor 1/2; for regression.

    Targets are finite numbers, `(N,)` or `(N, K)`.
    """

    def check_targets(self, y: Any, rows: int, width: int) -> Array:
        """Return the targets `(rows, width)`."""
        return data.check_targets(y, rows, width)
