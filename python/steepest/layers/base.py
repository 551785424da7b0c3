"""What every layer is: a configuration, a way to lower itself, and after building a window on its tensors."""

from __future__ import annotations

import re
import weakref
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from steepest.program import Builder, Value
from steepest.registry import Configurable

Array = npt.NDArray[Any]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Layer(Configurable):
    """Base class of layers.

    A subclass stores its constructor's arguments, passes `name` on, and writes `lower`. Once a model is built,
    `tensors` holds NumPy views on the memory that is trained: writing into them takes effect at the next call of the
    model.
    """

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not _NAME.fullmatch(name):
            raise ValueError(f"name must be a word of letters, digits, '_' and '-', got {name!r}")
        self.name = name
        self.tensors: dict[str, Array] = {}
        self._owner: weakref.ref[Any] | None = None

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the layer's operations, reading `value`, and return its output."""
        raise NotImplementedError(f"{type(self).__name__} must define lower(builder, value)")

    def adopt(self, owner: Any) -> None:
        """Make `owner` the model of this layer; a layer's tensors live in one model."""
        current = self._owner() if self._owner is not None else None
        if current is not None and current is not owner:
            raise ValueError(f"{self!r} is already part of another model: make a new layer, or use model.copy()")
        self._owner = weakref.ref(owner)

    def tensor(self, name: str) -> Array:
        """Return the view of one of the layer's parameters or states."""
        if not self.tensors:
            raise AttributeError(
                f"{type(self).__name__} has no {name} yet: the model is built when it first sees data, "
                "or by Sequential(..., input_shape=columns)"
            )
        if name not in self.tensors:
            raise AttributeError(f"{type(self).__name__} has no {name}, only {', '.join(self.tensors)}")
        return self.tensors[name]

    # Two layers are the same only if they are one object: their tensors differ though their configurations agree.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __getstate__(self) -> dict[str, Any]:
        # A copy belongs to no model and has no memory of its own until it is built.
        return {**self.__dict__, "tensors": {}, "_owner": None}


class TensorView:
    """Attribute of a layer that is the view of one of its tensors; assigning to it writes into the tensor's memory."""

    def __init__(self, description: str) -> None:
        self.__doc__ = description
        self.name = ""

    def __set_name__(self, owner: type[Layer], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, layer: None, owner: type[Layer]) -> TensorView: ...
    @overload
    def __get__(self, layer: Layer, owner: type[Layer]) -> Array: ...
    def __get__(self, layer: Layer | None, owner: type[Layer]) -> TensorView | Array:
        return self if layer is None else layer.tensor(self.name)

    def __set__(self, layer: Layer, value: npt.ArrayLike) -> None:
        view, array = layer.tensor(self.name), np.asarray(value)
        # NumPy would broadcast another shape silently.
        if array.shape != view.shape:
            raise ValueError(f"{self.name} has shape {view.shape}, got an array of shape {array.shape}")
        view[...] = array
