"""Layers written in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.initializers import Initializer, as_initializer
from steepest.layers.base import Array, Layer
from steepest.lowering.program import Builder, Value


class Custom(Layer):
    """Base of layers whose forward and backward pass are NumPy code, inside a model that trains in the core.

    A subclass says which parameters it has and writes `forward` and `backward`; the optimiser updates its parameters
    with all others, and `steepest.gradcheck(layer, X)` says whether `backward` is right. Every batch passes through
    Python while the other threads wait, so it is slower than the built-in layers. A layer that combines built-in ones
    needs none of this: derive it from `Layer` and call `builder.lower` for each of them.

    To save models with it, register the class, `@steepest.registry.LAYERS.register("my_name")`, let its constructor
    store every argument under the argument's name (plain numbers and strings, or objects of steepest), and import its
    module before `steepest.load`. The file holds the arguments and the trained parameters, never code.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> class Scale(st.layers.Custom):
    ...     def parameters(self, width):
    ...         return {"factor": ((width,), 1.0)}
    ...
    ...     def forward(self, x, parameters, training):
    ...         return x * parameters["factor"]
    ...
    ...     def backward(self, dy, x, y, parameters, training):
    ...         return dy * parameters["factor"], {"factor": (dy * x).sum(axis=0)}
    >>> st.gradcheck(Scale(), np.array([[1.0, 2.0], [3.0, -4.0]])).passed
    True
    >>> model = st.Sequential([Scale(), st.layers.Dense(1)], input_shape=2)
    >>> list(model.parameters())
    ['scale_1.factor', 'dense_1.weight', 'dense_1.bias']
    """

    def output_width(self, width: int) -> int:
        """Return the number of output columns for `width` input columns; the same, unless a subclass says otherwise."""
        return width

    def parameters(self, width: int) -> Mapping[str, tuple[tuple[int, ...], str | float | Initializer]]:
        """Return shape and initialiser of each parameter by name, for `width` input columns; by default none.

        Shapes have one or two dimensions; a number as initialiser is a constant.
        """
        return {}

    def forward(self, x: Array, parameters: Mapping[str, Array], training: bool) -> Array:
        """Return y `(rows, output_width)` for x `(rows, width)`; in prediction each row must depend on itself alone.

        x and the parameters are read-only views in the model's dtype.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, parameters, training)")

    def backward(
        self, dy: Array, x: Array, y: Array, parameters: Mapping[str, Array], training: bool
    ) -> tuple[Array, Mapping[str, Array]]:
        """Return the gradients of a loss by x, and by each parameter, for its gradient dy by y (rows summed up)."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(dy, x, y, parameters, training)")

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the call of the layer."""
        width = self.output_width(value.width)
        shapes, numbers = {}, []
        for name, (shape, initializer) in self.parameters(value.width).items():
            shapes[name] = tuple(shape)
            fan_in, fan_out = (shape[0], shape[-1]) if len(shape) == 2 else (value.width, width)
            numbers.append(
                builder.parameter(
                    name,
                    shapes[name],
                    as_initializer(initializer, f"initializer of {name}"),
                    fan_in=fan_in,
                    fan_out=fan_out,
                )
            )
        shape = value.shape if width == value.width else (width,)
        return builder.emit("host", (value,), shape, parameters=tuple(numbers), host=_Calls(self, shapes, width))


class _Calls:
    """A custom layer as the core calls it: everything two-dimensional."""

    def __init__(self, layer: Custom, shapes: dict[str, tuple[int, ...]], width: int) -> None:
        self.layer = layer
        self.shapes = shapes
        self.width = width

    def _named(self, parameters: list[Array]) -> dict[str, Array]:
        return {name: p.reshape(shape) for (name, shape), p in zip(self.shapes.items(), parameters, strict=True)}

    def forward(self, training: bool, inputs: list[Array], parameters: list[Array]) -> Array:
        (x,) = inputs
        y = self.layer.forward(x, self._named(parameters), training)
        return self._checked("forward", y, (len(x), self.width))

    def backward(
        self, training: bool, inputs: list[Array], output: Array, output_gradient: Array, parameters: list[Array]
    ) -> tuple[list[Array], list[Array]]:
        (x,) = inputs
        result: Any = self.layer.backward(output_gradient, x, output, self._named(parameters), training)
        if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], Mapping):
            raise TypeError(
                f"backward of {type(self.layer).__name__} must return (dx, {{name: gradient}}), got {result!r:.80}"
            )
        dx, gradients = result
        if set(gradients) != set(self.shapes):
            raise ValueError(
                f"backward of {type(self.layer).__name__} must return gradients of {sorted(self.shapes)}, "
                f"got {sorted(gradients)}"
            )
        named = [self._checked(f"backward: {name}", gradients[name], shape) for name, shape in self.shapes.items()]
        return [self._checked("backward: dx", dx, x.shape)], named

    def _checked(self, what: str, result: Any, shape: tuple[int, ...]) -> Array:
        array = np.asarray(result)
        if array.shape != shape:
            raise ValueError(f"{what} of {type(self.layer).__name__} must have shape {shape}, got {array.shape}")
        return array
