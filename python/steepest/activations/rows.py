"""Functions of a whole row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy.typing as npt

from steepest.activations.base import Activation, Array
from steepest.registry import ACTIVATIONS

if TYPE_CHECKING:
    from steepest.lowering.program import Builder, Value


class RowFunction(Activation):
    """Base of the functions of a whole row: every output depends on all columns."""

    derivative_from_output = False

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return the function of every row of a matrix, by the kernel that networks use."""
        from steepest import kernels

        function: Callable[[npt.ArrayLike], Array] = getattr(kernels, self.kind)
        return function(x)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the function's operation."""
        if len(value.shape) > 1:
            raise ValueError(
                f"activation {self.kind!r} acts on rows, the values of {builder.layer} have shape {value.shape}: "
                "put Flatten() before it"
            )
        return builder.emit("row_function", (value,), value.shape, function=self.kind)


@ACTIVATIONS.register("softmax")
class Softmax(RowFunction):
    """`y_j = exp(x_j) / sum_k exp(x_k)` over each row; adding a number to a row changes nothing (Bridle 1990).

    A last layer before `"softmax_cross_entropy"` must not have it: that loss takes logits.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Softmax()([[1.0, 2.0, 2.0]]).round(4)
    array([[0.1554, 0.4223, 0.4223]])
    """


@ACTIVATIONS.register("log_softmax")
class LogSoftmax(RowFunction):
    """`y_j = x_j - log sum_k exp(x_k)` over each row, without overflow or cancellation.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.LogSoftmax()([[1.0, 2.0, 2.0]]).round(4)
    array([[-1.862, -0.862, -0.862]])
    """


@ACTIVATIONS.register("hardmax")
class Hardmax(RowFunction):
    """`y_k = 1` at the first largest element of each row, else 0. Its derivative is 0: nothing before it is trained.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Hardmax()([[1.0, 2.0, 2.0]]).round(4)
    array([[0., 1., 0.]])
    """
