"""Rules: functions from the records of a training to findings.

Names of findings, gravest first: "non-finite value", "missing shuffle", "batch norm with one row", "exploding
gradient", "dying ReLU", "saturation", "flat start: initialisation", "vanishing gradient", "momentum too high",
"learning rate too high", "loss spike", "learning rate too low", "decayed too early", "plateau: decay now",
"over-fitting", "under-fitting", "noisy gradient".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from steepest.monitor.finding import Finding
from steepest.monitor.records import Records
from steepest.monitor.rules import progress, rate, setup
from steepest.monitor.rules.measures import Measures

Rule = Callable[[Measures], Finding | None]
RULES: tuple[Rule, ...] = (*setup.RULES, *rate.RULES, *progress.RULES)

_HIGH = ("learning rate too high", "momentum too high")
_START = ("exploding gradient", "dying ReLU", "saturation", "flat start: initialisation", "vanishing gradient")
_LATER = (
    "flat start: initialisation",
    "learning rate too low",
    "decayed too early",
    "plateau: decay now",
    "under-fitting",
    "over-fitting",
    "noisy gradient",
)
_AFTER_HIGH = ("vanishing gradient", *(name for name in _LATER if name != "plateau: decay now"))
# What a cause explains is not said a second time.
_EXPLAINS: dict[str, tuple[str, ...]] = {
    "missing shuffle": (*_HIGH, "dying ReLU", "loss spike", *_LATER),
    "batch norm with one row": (*_START, *_HIGH, "loss spike", *_LATER),
    "exploding gradient": ("saturation", "vanishing gradient", "loss spike", *_LATER),
    "dying ReLU": ("vanishing gradient", "loss spike", *_LATER),
    "saturation": ("vanishing gradient", *_LATER),
    "vanishing gradient": _LATER,
    "flat start: initialisation": ("dying ReLU", *_LATER),
    "learning rate too high": _AFTER_HIGH,
    "momentum too high": _AFTER_HIGH,
    "learning rate too low": ("flat start: initialisation", "under-fitting", "plateau: decay now", "noisy gradient"),
    "decayed too early": ("under-fitting", "learning rate too low", "plateau: decay now", "over-fitting"),
    "loss spike": ("plateau: decay now", "under-fitting"),
    "plateau: decay now": ("under-fitting", "noisy gradient"),
    "over-fitting": ("under-fitting", "plateau: decay now"),
}


def diagnose(records: Records, compare: Callable[[], tuple[float, float]] | None = None) -> list[Finding]:
    """Return what is wrong with a training, causes before what follows from them; what a cause explains is left out.

    Parameters
    ----------
    records : Records
        Of the training so far.
    compare : callable, optional
        Returns what simple predictors and what the network explain of the targets, see `steepest.monitor.compare`; it
        takes a while, and is asked only where the loss has come to rest high. None while a training goes on.
    """
    measures = Measures(records, compare)
    if not len(measures.curve) and not records.epochs and records.failure is None:
        return []
    with np.errstate(all="ignore"):
        found = [finding for rule in RULES if (finding := rule(measures)) is not None]
    found.sort(key=lambda finding: finding.gravity)
    said: list[Finding] = []
    for finding in found:
        explained = any(finding.name in _EXPLAINS.get(other.name, ()) for other in said)
        if not explained and (finding.name, finding.layer) not in {(other.name, other.layer) for other in said}:
            said.append(finding)
    return said


__all__ = ["RULES", "Measures", "Rule", "diagnose"]
