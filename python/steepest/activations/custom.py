"""Activations written in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest.activations.base import Activation, Array

if TYPE_CHECKING:
    from steepest.lowering.program import Builder, Value


class Custom(Activation):
    """An activation written in NumPy.

    Every batch passes through Python while the other threads wait, so it is slower than the built-in ones. A model with
    it trains, copies and is checked by `steepest.gradcheck` as any other; to save it, make a subclass whose constructor
    needs no functions and register it: `@steepest.registry.ACTIVATIONS.register("my_name")`. The module with the
    subclass must be imported before the file is loaded.

    Parameters
    ----------
    forward : callable
        `forward(x)` returns y of x's shape `(rows, width)`. Each row must depend on that row alone, and x is read-only.
    backward : callable
        `backward(dy, x)` returns dx, for an element-wise function `dy * derivative(x)`; the order that
        `steepest.gradcheck.check_pair(forward, backward, x)` takes.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> sine = st.activations.Custom(np.sin, lambda dy, x: dy * np.cos(x))
    >>> model = st.Sequential([st.layers.Dense(4, activation=sine), st.layers.Dense(1)])
    >>> st.gradcheck(model, np.ones((3, 2)), np.zeros(3), loss="mse").passed
    True
    """

    derivative_from_output = False

    def __init__(self, forward: Callable[[Array], Any], backward: Callable[[Array, Array], Any]) -> None:
        for name, function in (("forward", forward), ("backward", backward)):
            if not callable(function):
                raise TypeError(f"{name} must be a function of arrays, got {function!r}")
        self.forward = forward
        self.backward = backward

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return the function of an array."""
        return np.asarray(self.forward(np.asarray(x)))

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the call of the functions."""
        return builder.emit("host", (value,), value.shape, host=_Calls(self))


class _Calls:
    """A custom activation as the core calls it."""

    def __init__(self, activation: Custom) -> None:
        self.activation = activation

    def forward(self, training: bool, inputs: list[Array], parameters: list[Array]) -> Array:
        return self._checked("forward", self.activation.forward(inputs[0]), inputs[0])

    def backward(
        self, training: bool, inputs: list[Array], output: Array, output_gradient: Array, parameters: list[Array]
    ) -> tuple[list[Array], list[Array]]:
        result = self.activation.backward(output_gradient, inputs[0])
        return [self._checked("backward", result, inputs[0])], []

    @staticmethod
    def _checked(name: str, result: Any, x: Array) -> Array:
        array = np.asarray(result)
        if array.shape != x.shape:
            raise ValueError(f"{name} of an activation must return shape {x.shape}, that of x, got {array.shape}")
        return array
