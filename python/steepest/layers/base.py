"""What every layer is: a configuration, a way to lower itself, and after building a window on its tensors."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from steepest.checks import check_bool, check_float, check_items
from steepest.lowering.program import Builder, Value
from steepest.registry import Configurable, argument_names

Array = npt.NDArray[Any]

# Attributes that are no arguments, or know by themselves what to do when the model is built.
_FREE = ("tensors", "trainable", "rate_scale")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Layer(Configurable):
    """Base class of layers.

    A subclass stores its constructor's arguments, passes `name` on, and writes `lower`. Once a model is built,
    `tensors` holds NumPy views on the memory that is trained: writing into them takes effect at the next call of the
    model. So does assigning to an argument, such as the rate of a dropout, as far as the tensors stay what they are;
    another number of units, an initialiser or a name is refused then.

    Parameters
    ----------
    name : str or None
        None lets the model number the layer.
    trainable : bool
        False freezes the layer and everything inside it: no update changes its parameters, and batch norm keeps and
        uses its running statistics. It may be assigned at any time, also after building.
    rate_scale : float
        Multiplies the learning rate of its parameters, above 0; may be assigned at any time.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(4, "relu"), st.layers.Dense(1)], input_shape=2)
    >>> kept = model.layers[0].weight.copy()
    >>> model.layers[0].trainable = False
    >>> history = model.fit([[1.0, 2.0]], [3.0], loss="mse", epochs=3, verbose=0)
    >>> bool((model.layers[0].weight == kept).all())
    True
    """

    def __init__(self, name: str | None = None, *, trainable: bool = True, rate_scale: float = 1.0) -> None:
        check_name("name", name)
        self.name = name
        self._trainable = check_bool("trainable", trainable)
        self._rate_scale = _check_rate_scale(rate_scale)
        self.tensors: dict[str, Array] = {}
        self._owner: weakref.ref[Any] | None = None

    @property
    def trainable(self) -> bool:
        """Whether updates change the layer's parameters."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._change("_trainable", check_bool("trainable", value))

    @property
    def rate_scale(self) -> float:
        """What the learning rate of the layer's parameters is multiplied by."""
        return self._rate_scale

    @rate_scale.setter
    def rate_scale(self, value: float) -> None:
        self._change("_rate_scale", _check_rate_scale(value))

    def __setattr__(self, name: str, value: Any) -> None:
        """Set the attribute; an argument of a layer whose model is built is checked, and the network follows."""
        reference = self.__dict__.get("_owner")
        free = reference is None or name in _FREE or not getattr(reference(), "built", False)
        if free or name not in argument_names(type(self)):
            super().__setattr__(name, value)
            return
        if name == "name" or name.endswith("initializer"):
            raise AttributeError(f"{name} of {self!r} cannot be changed any more: the model has its tensors")
        # The constructor knows what is accepted.
        checked = type(self)(**{each: getattr(self, each) for each in self.arguments()} | {name: value})
        try:
            if list(map(id, checked.children().values())) != list(map(id, self.children().values())):
                raise ValueError("other layers have other tensors; steepest.transfer makes models of trained layers")
            self._change(name, getattr(checked, name))
        except ValueError as error:
            raise ValueError(f"{name} of {self!r}, whose model is built, cannot become {value!r}: {error}") from None

    def _change(self, attribute: str, value: Any) -> None:
        """Set the attribute; a network that has been built takes it over with its tensors as they are."""
        before = getattr(self, attribute)
        object.__setattr__(self, attribute, value)
        owner = self._owner() if self._owner is not None else None
        if owner is None or value is before or (isinstance(value, (bool, float)) and value == before):
            return
        try:
            owner.refresh()
        except BaseException:
            object.__setattr__(self, attribute, before)
            raise

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the layer's operations, reading `value`, and return its output."""
        raise NotImplementedError(f"{type(self).__name__} must define lower(builder, value)")

    def children(self) -> dict[str, Layer]:
        """Return the layers inside this one by the names their tensors have; without any it is a layer of its own."""
        return {}

    def rewrite(self, change: Callable[[str, Layer], Layer | None]) -> None:
        """Put `change(name, layer)` in the place of each layer inside; None leaves it out."""

    def adopt(self, owner: Any) -> None:
        """Make `owner` the model of this layer; a layer's tensors live in one model."""
        current = self._owner() if self._owner is not None else None
        if current is not None and current is not owner:
            raise ValueError(f"{self!r} is already part of another model: make a new layer, or use model.copy()")
        self._owner = weakref.ref(owner)
        for child in self.children().values():
            child.adopt(owner)

    def attach(self, name: str, tensors: Mapping[str, Array]) -> None:
        """Take the views whose names begin with the layer's own, and hand them on to the layers inside."""
        prefix = f"{name}."
        self.tensors = {key[len(prefix) :]: view for key, view in tensors.items() if key.startswith(prefix)}
        children = self.children()
        parts: dict[str, dict[str, Array]] = {inner: {} for inner in children}
        # Each view is handed to the layer it belongs to: thousands of layers need not look at all of them.
        for key, view in self.tensors.items() if children else ():
            end = key.find(".")
            while end >= 0:
                if key[:end] in parts:
                    parts[key[:end]][key] = view
                end = key.find(".", end + 1)
        for inner, child in children.items():
            child.attach(inner, parts[inner])

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


def _check_rate_scale(value: Any) -> float:
    return check_float("rate_scale", value, 0.0, open_minimum=True)


def check_name(argument: str, name: Any) -> None:
    """Raise ValueError unless the name can stand in the names of tensors; None will do."""
    if name is not None and (not isinstance(name, str) or not _NAME.fullmatch(name)):
        raise ValueError(f"{argument} must be a word of letters, digits, '_' and '-', got {name!r}")


def check_layers(argument: str, layers: Iterable[Any]) -> tuple[Layer, ...]:
    """Return the layers as a tuple; each must be an object of its own."""
    chain = tuple(check_items(argument, layers, "a list of layers"))
    if not chain:
        raise ValueError(f"{argument} must hold at least one layer")
    for layer in chain:
        if not isinstance(layer, Layer):
            hint = f": write {layer.__name__}(...)" if isinstance(layer, type) else ""
            if isinstance(layer, str) or hasattr(layer, "derivative_from_output"):
                hint = f": write Activation({layer!r})"
            raise TypeError(f"{argument} must be objects of steepest.layers, got {layer!r}{hint}")
    if len({id(layer) for layer in walk(chain)}) < len(list(walk(chain))):
        raise ValueError(
            f"the same layer object stands twice in {argument}, which would share its weights: make one per layer"
        )
    return chain


def walk(layers: Iterable[Layer]) -> Iterable[Layer]:
    """All layers and those inside them."""
    for layer in layers:
        yield layer
        yield from walk(layer.children().values())


def name_layers(layers: Iterable[Layer]) -> tuple[str, ...]:
    """Return the layers' own names, and for the others the kind with the first free number."""
    layers = tuple(layers)
    taken = [layer.name for layer in layers if layer.name is not None]
    for name in taken:
        if taken.count(name) > 1:
            raise ValueError(f"layer names must be unique, {name!r} stands for {taken.count(name)} layers")
    names = []
    for layer in layers:
        kind = layer.kind or type(layer).__name__.lower()
        number = 1
        while layer.name is None and f"{kind}_{number}" in taken:
            number += 1
        names.append(layer.name or f"{kind}_{number}")
        taken.append(names[-1])
    return tuple(names)


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
