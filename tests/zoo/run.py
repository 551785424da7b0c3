"""Ask the checkup or the monitor about an entry, and judge the answer."""

import contextlib
import time
from dataclasses import dataclass

import steepest as st
from steepest.callbacks import Callback

from .entry import Entry

# Of all faults this share must be named first or second; so many of the healthy set-ups may have a finding.
NAMED, FALSE_ALARMS = 0.95, 1


@dataclass(frozen=True)
class Result:
    """The names of the findings, in order, and the time it took."""

    entry: Entry
    findings: tuple[str, ...]
    seconds: float

    @property
    def right(self) -> bool:
        """The fault stands first or second; of a healthy set-up nothing was found."""
        if not self.entry.accepted:
            return not self.findings
        return any(name in self.entry.accepted for name in self.findings[:2])


def ask_checkup(entry: Entry) -> Result:
    """Run the checkup on what the entry makes."""
    setup = entry.make()
    report = st.checkup(setup.model, setup.X, setup.y, **setup.fit)
    broken = [check.name for check in report if "the check raised" in check.evidence]
    assert not broken, f"{entry.name}: {broken}"
    return Result(entry, tuple(check.name for check in report.findings), report.seconds)


def ask_monitor(entry: Entry) -> Result:
    """Train what the entry makes under the monitor."""
    setup, monitor = entry.make(), st.callbacks.Monitor()
    callbacks: list[Callback] = [*setup.fit.get("callbacks", ()), monitor]
    started = time.perf_counter()
    with contextlib.suppress(ArithmeticError, ValueError):  # what it saw before is what counts
        setup.model.fit(setup.X, setup.y, **{"verbose": 0, **setup.fit, "callbacks": callbacks})
    return Result(entry, tuple(finding.name for finding in monitor.findings), time.perf_counter() - started)
