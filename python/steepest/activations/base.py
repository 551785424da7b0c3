"""What every activation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy.typing as npt

from steepest.registry import Configurable

if TYPE_CHECKING:
    from steepest.lowering.program import Builder, Value

Array = npt.NDArray[Any]


class Activation(Configurable):
    """What a dense or activation layer applies to its values.

    Attributes
    ----------
    alpha : float
        The function's parameter, 0 where it has none.
    derivative_from_output : bool
        Whether the derivative can be written in terms of the output alone; then the function can be fused into the
        dense operation before it, which keeps no second array.
    rectifier : bool
        Whether the automatic initialisation treats it as one of the ReLU family.
    """

    derivative_from_output: ClassVar[bool] = True
    rectifier: ClassVar[bool] = False
    alpha: float = 0.0

    @property
    def function(self) -> str:
        """Name of the core's function."""
        return self.kind

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return the function of an array, by the kernel that networks use."""
        from steepest import kernels

        return kernels.activation_forward(self.function, x, self.alpha)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the function's operation, reading `value`, and return its output."""
        return builder.emit("activation", (value,), value.shape, activation=self.function, alpha=self.alpha)
