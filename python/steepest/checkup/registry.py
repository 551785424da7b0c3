"""The list of checks: a new check is one function with this decorator, in the file of its family."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .report import Check

if TYPE_CHECKING:
    from .case import Case

# In the order in which they run: what is cheap and can explain the rest comes first.
FAMILIES = (
    "code",
    "data",
    "labels",
    "relation",
    "outliers",
    "rows",
    "setup",
    "initialisation",
    "activations",
    "gradient",
    "rate",
    "learning",
    "reproducibility",
)


Function = Callable[["Case"], Check]


@dataclass(frozen=True)
class Entry:
    """A registered check.

    Attributes
    ----------
    name, family : str
        As reported.
    run : callable
        Looks at the case and returns the verdict.
    needs : tuple of str
        Names of checks that must not have failed: without them the question makes no sense.
    explains : tuple of str
        Names of checks whose findings may follow from this one's.
    grave : bool
        Whether a warning is to be looked at before those of checks that are not grave, such as a redundant bias.
    """

    name: str
    family: str
    run: Function
    needs: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    grave: bool = True


CHECKS: dict[str, Entry] = {}


def check(
    name: str, *, needs: tuple[str, ...] = (), explains: tuple[str, ...] = (), grave: bool = True
) -> Callable[[Function], Function]:
    """Register a check under its name; its family is the name of its module."""

    def decorate(function: Function) -> Function:
        family = function.__module__.rpartition(".")[2].replace("_", " ")
        known = CHECKS.get(name)
        if known is not None and known.run.__module__ != function.__module__:
            raise ValueError(f"check {name!r} is already registered by {known.run.__module__}")
        CHECKS[name] = Entry(name, family, function, needs, explains, grave)
        return function

    return decorate


def passed(evidence: str, **others: Any) -> Check:
    """Return a verdict without name: all is well."""
    return Check("", "pass", evidence, **others)


def warned(evidence: str, advice: str, **others: Any) -> Check:
    """Return a verdict without name: look at this."""
    return Check("", "warn", evidence, advice, **others)


def failed(evidence: str, advice: str, **others: Any) -> Check:
    """Return a verdict without name: this will not work."""
    return Check("", "fail", evidence, advice, **others)


def skipped(evidence: str, **others: Any) -> Check:
    """Return a verdict without name: not applicable, or no time."""
    return Check("", "skip", evidence, **others)


def judge(value: float, warn: float, fail: float, evidence: str, advice: str, **others: Any) -> Check:
    """Return pass, warn or fail for a value that is the worse the larger it is; NaN fails."""
    status = "pass" if value < warn else "warn" if value < fail else "fail"
    return Check("", status, evidence, advice if status != "pass" else "", **others)


def rank(checks: list[Check]) -> list[Check]:
    """Return the findings, causes before what follows from them, then the gravest first, then in order of the checks.

    A finding follows from another one if that one's entry says so; of several the first that has no cause itself.
    """
    found = [check for check in checks if check.status in ("warn", "fail")]
    causes = {check.name: _causes(check, found) for check in found}
    ranked = []
    for position, item in enumerate(found):
        roots = [name for name in causes[item.name] if not causes[name]] or causes[item.name]
        explained = replace(item, explained_by=roots[0] if roots else "")
        entry = CHECKS.get(item.name)
        minor = entry is not None and not entry.grave and item.status != "fail"
        ranked.append(((bool(roots), minor, item.status != "fail", position), explained))
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])]


def _causes(item: Check, found: list[Check]) -> list[str]:
    return [
        other.name
        for other in found
        if other.name in CHECKS and item.name in CHECKS[other.name].explains and other.name != item.name
    ]


def load() -> None:
    """Import every family, which registers its checks."""
    for family in FAMILIES:
        importlib.import_module(f"{__package__}.{family}")


def entries() -> Iterator[Entry]:
    """Yield all checks in the order in which they run, whichever family somebody imported first."""
    load()
    rank_of = {family: place for place, family in enumerate(FAMILIES)}
    return iter(sorted(CHECKS.values(), key=lambda entry: rank_of.get(entry.family, len(FAMILIES))))
