"""The one way objects are named, described and found.

A `Configurable` knows its constructor's arguments, a `Registry` its classes. Layers, activations, losses, optimisers
and the like are stored in files as their configuration, shown by it, and made from it: `"relu"`, `{"kind":
"leaky_relu", "alpha": 0.2}` and `LeakyRelu(alpha=0.2)` mean the same wherever an activation is accepted.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar, cast

Config = str | dict[str, Any]


_set = object.__setattr__


class Attributes:
    """An object that takes no name it does not have: `adam.lr = 0.1` would change nothing, and say nothing.

    The package itself sets what it likes. A subclass that is not of the package, and its objects, are free.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__:
            _set(self, name, value)  # what a training sets in every epoch is through at once
            return
        known = getattr(type(self), name, None)
        if not (name.startswith("_") or hasattr(known, "__set__") or callable(known)):
            self._refuse(name)
        super().__setattr__(name, value)

    def _refuse(self, name: str) -> None:
        caller = sys._getframe(2)
        while caller.f_code.co_name == "__setattr__" and caller.f_back:
            caller = caller.f_back
        own, cls = vars(self), type(self)
        if not str(caller.f_globals.get("__name__")).startswith("steepest.") and cls.__module__.startswith("steepest."):
            names = [n for n in dir(self) if n[0] != "_" and (n in own or _can_be_set(getattr(cls, n, None)))]
            hint, there = _meant(name, names), ", ".join(names) or "none"
            raise AttributeError(f"{cls.__name__} has no {name!r} to set{hint}: there are {there}")


def _can_be_set(attribute: Any) -> bool:
    return bool(getattr(attribute, "fset", hasattr(attribute, "__set__")))


class Configurable(Attributes):
    """An object whose constructor stores each argument under the argument's own name.

    Two objects are equal when they are of one class with equal arguments.
    """

    kind: ClassVar[str] = ""

    @classmethod
    def arguments(cls) -> dict[str, Any]:
        """Names of the constructor's arguments with their defaults (`inspect.Parameter.empty` where there is none)."""
        signature = inspect.signature(cls)
        return {name: parameter.default for name, parameter in signature.parameters.items()}

    def get_config(self) -> Config:
        """Return what JSON can hold: the kind alone, or a dictionary with what differs from the defaults."""
        config = {}
        for name, default in self.arguments().items():
            value = _plain(getattr(self, name))
            if default is inspect.Parameter.empty or value != _plain(default):
                config[name] = value
        kind = self.registered_kind()
        return {"kind": kind, **config} if config else kind

    @classmethod
    def registered_kind(cls) -> str:
        """Return the name that the registry knows this very class by, or "" for a subclass that was not registered."""
        return str(cls.__dict__.get("kind", ""))

    def __repr__(self) -> str:
        parts = []
        for name, default in self.arguments().items():
            value = getattr(self, name)
            if default is inspect.Parameter.empty or _plain(value) != _plain(default):
                plain = _plain(value)
                parts.append(f"{name}={plain!r}" if isinstance(plain, str) else f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_plain(getattr(self, name)) == _plain(getattr(other, name)) for name in self.arguments())

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))


_arguments: weakref.WeakKeyDictionary[type[Configurable], frozenset[str]] = weakref.WeakKeyDictionary()


def argument_names(cls: type[Configurable]) -> frozenset[str]:
    """Return the names of the class's arguments: kept, since they are asked for whenever an attribute is set."""
    if cls not in _arguments:
        _arguments[cls] = frozenset(cls.arguments())
    return _arguments[cls]


def _plain(value: Any) -> Any:
    """Replace objects by their configuration, all the way down."""
    if isinstance(value, Configurable):
        return value.get_config()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


# What other libraries call ours, in small letters without signs between; a word counts where ours is known.
_ELSEWHERE = {
    "lr": "learning_rate",
    "eta0": "learning_rate",
    "eps": "epsilon",
    "p": "rate",
    "wd": "weight_decay",
    "stddev": "std",
    "requiresgrad": "trainable",
    "outfeatures": "units",
    "kernel": "weight",
    "negativeslope": "alpha",
    "niternochange": "patience",
    "filepath": "path",
    "crossentropy": "softmax_cross_entropy",
    "categoricalcrossentropy": "softmax_cross_entropy",
    "sparsecategoricalcrossentropy": "softmax_cross_entropy",
    "logloss": "softmax_cross_entropy",
    "nll": "softmax_cross_entropy",
    "nllloss": "softmax_cross_entropy",
    "binarycrossentropy": "sigmoid_cross_entropy",
    "bce": "sigmoid_cross_entropy",
    "bceloss": "sigmoid_cross_entropy",
    "bcewithlogits": "sigmoid_cross_entropy",
    "bcewithlogitsloss": "sigmoid_cross_entropy",
    "l1": "mae",
    "l1loss": "mae",
    "absoluteerror": "mae",
    "meanabsoluteerror": "mae",
    "l2": "mse",
    "squarederror": "mse",
    "meansquarederror": "mse",
    "smoothl1": "huber",
    "linear": "identity",
    "logistic": "sigmoid",
}


def _meant(word: Any, names: Collection[str]) -> str:
    """Return the question whether one of the names was meant, or nothing."""
    # LeakyReLU and leaky_relu are one word, and other libraries' words are not always near to ours.
    known = {name.replace("_", ""): name for name in names}
    plain = str(word).lower().replace("_", "").replace("-", "").replace(" ", "")
    close = difflib.get_close_matches(plain, list(known), n=1)
    meant = _ELSEWHERE.get(plain) or (known[close[0]] if close else "")
    return f" (did you mean {meant!r}?)" if meant in names else ""


T = TypeVar("T", bound=Configurable)
Class = TypeVar("Class", bound="type[Any]")


class Registry(Generic[T]):
    """The classes of one family by the names people write.

    Parameters
    ----------
    family : str
        What error messages call a member, such as `"activation"`.
    module : str
        Module whose import registers the built-in classes; imported at first use, so that `import steepest` stays
        light.
    base : str, optional
        Class in that module whose objects belong to the family even if their own class has no registered name.

    Examples
    --------
    >>> from steepest.registry import ACTIVATIONS
    >>> ACTIVATIONS.create("leaky_relu")
    LeakyRelu()
    >>> ACTIVATIONS.create({"kind": "leaky_relu", "alpha": 0.2})
    LeakyRelu(alpha=0.2)
    """

    def __init__(self, family: str, module: str, base: str | None = None) -> None:
        self.family = family
        self._module = module
        self._base = base
        self._loaded = False
        self._classes: dict[str, type[T]] = {}
        self._aliases: dict[str, Config] = {}

    def alias(self, name: str, config: Config) -> None:
        """Let `name` stand for the configuration, which may be another name."""
        self._aliases[name] = config

    def register(self, kind: str) -> Callable[[Class], Class]:
        """Class decorator that gives the class its kind; a name already taken by another class is refused."""

        def decorate(cls: Class) -> Class:
            known = self._classes.get(kind)
            # The same class again is a module that was reloaded.
            if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(
                    f"{self.family} {kind!r} is already registered by {known.__module__}.{known.__qualname__}"
                )
            cls.kind = kind
            self._classes[kind] = cls
            return cls

        return decorate

    def _load(self) -> dict[str, type[T]]:
        if not self._loaded:
            importlib.import_module(self._module)
            self._loaded = True
        return self._classes

    def names(self) -> list[str]:
        """All registered kinds, in the order of registration; aliases are not repeated."""
        return list(self._load())

    def __iter__(self) -> Iterator[type[T]]:
        return iter(list(self._load().values()))

    def __contains__(self, kind: object) -> bool:
        return kind in self._load() or kind in self._aliases

    def __getitem__(self, kind: str) -> type[T]:
        return self._find(kind, self.family)

    def _find(self, kind: Any, argument: str) -> type[T]:
        classes = self._load()
        if kind not in classes:
            hint = _meant(kind, (*classes, *self._aliases))
            raise ValueError(f"{argument} must be one of {', '.join(map(repr, classes))}, got {kind!r}{hint}")
        return classes[kind]

    def create(self, spec: Any, argument: str | None = None) -> T:
        """Return the object that `spec` describes: a name, a configuration, or already an object of the family."""
        if type(spec) is self._classes.get(getattr(type(spec), "kind", "")):
            return spec  # the usual case of a second `fit`
        argument = argument or self.family
        self._load()
        if isinstance(spec, str):
            if spec in self._aliases:
                return self.create(self._aliases[spec], argument)
            return self._find(spec, argument)()
        if isinstance(spec, Mapping):
            config = dict(spec)
            return self._find(config.pop("kind", None), argument)(**config)
        base = (getattr(importlib.import_module(self._module), self._base),) if self._base else ()
        if isinstance(spec, (*base, *self._load().values())):
            return cast(T, spec)
        if isinstance(spec, type) and issubclass(spec, Configurable):
            raise TypeError(f"{argument} must be an object, got the class {spec.__name__}: write {spec.__name__}(...)")
        raise TypeError(f"{argument} must be a name, a configuration or {self._article()} object, got {spec!r}")

    def _article(self) -> str:
        return f"{'an' if self.family[0] in 'aeiou' else 'a'} {self.family}"


LAYERS: Registry[Any] = Registry("layer", "steepest.layers", "Layer")
ACTIVATIONS: Registry[Any] = Registry("activation", "steepest.activations", "Activation")
LOSSES: Registry[Any] = Registry("loss", "steepest.losses", "Loss")
OPTIMIZERS: Registry[Any] = Registry("optimizer", "steepest.optimizers")
SCHEDULES: Registry[Any] = Registry("schedule", "steepest.schedules")
INITIALIZERS: Registry[Any] = Registry("initializer", "steepest.initializers", "Initializer")
REGULARIZERS: Registry[Any] = Registry("regularizer", "steepest.regularizers", "Regularizer")
PREPROCESSORS: Registry[Any] = Registry("preprocessing step", "steepest.preprocessing")
