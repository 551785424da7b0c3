"""The shape of the zoo's entries, and the two lists they register themselves in."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Setup:
    """What `model.fit(X, y, **fit)` would be called with; `fit` holds loss, optimizer, epochs, batch_size, ..."""

    model: Any
    X: Any
    y: Any
    fit: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A fault that is planted, or a healthy set-up.

    `watcher` is who has to name it: "checkup" or "monitor" (a fault that shows only while training), for healthy
    set-ups "both". `accepted` are the names of findings of which one must stand first or second; empty: none at all.
    """

    name: str
    make: Callable[[], Setup]
    accepted: tuple[str, ...] = ()
    watcher: str = "checkup"

    @property
    def title(self) -> str:
        """The first line of the function's docstring: what is wrong, in words."""
        return (self.make.__doc__ or self.name).strip().splitlines()[0].rstrip(".")


FAULTS: dict[str, Entry] = {}
HEALTHY: dict[str, Entry] = {}


def fault(*accepted: str, watcher: str = "checkup") -> Callable[[Callable[[], Setup]], Callable[[], Setup]]:
    """Register a function that plants a fault, under its own name."""
    assert accepted
    return lambda make: _register(FAULTS, make, accepted, watcher)


def healthy(watcher: str = "both") -> Callable[[Callable[[], Setup]], Callable[[], Setup]]:
    """Register a function that makes a healthy set-up."""
    return lambda make: _register(HEALTHY, make, (), watcher)


def _register(
    entries: dict[str, Entry], make: Callable[[], Setup], accepted: tuple[str, ...], watcher: str
) -> Callable[[], Setup]:
    name = make.__name__.replace("_", " ")
    assert name not in entries or entries[name].make.__module__ == make.__module__, f"{name!r} is taken"
    entries[name] = Entry(name, make, accepted, watcher)
    return make


def load() -> None:
    """Import every module of the zoo, so that all entries are registered."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in ("__init__", "entry", "run", "table"):
            importlib.import_module(f"{__package__}.{path.stem}")
