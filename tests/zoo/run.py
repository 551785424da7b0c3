"""Ask the checkup or the monitor about an entry, and judge the answer."""

import contextlib
import time
from collections.abc import Callable
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


def _listed(results: list[Result]) -> str:
    return "\n".join(f"{r.entry.name}: {', '.join(r.findings) or 'nothing'}, {r.seconds:.1f} s" for r in results)


def _ask(entries: list[Entry], ask: Callable[[Entry], Result]) -> tuple[list[Result], list[Result]]:
    """Return all results, which are printed, and the wrong ones."""
    results = [ask(entry) for entry in entries]
    print(_listed(results))
    return results, [result for result in results if not result.right]


def assert_named(faults: list[Entry], ask: Callable[[Entry], Result]) -> None:
    """Fail unless the share of faults is named that must be, and every check or rule names one of its own."""
    results, wrong = _ask(faults, ask)
    assert len(results) - len(wrong) >= NAMED * len(results), _listed(wrong)
    # What has gone blind must not hide in the share.
    seen = {name for result in results for name in result.findings[:2]}
    blind = {name for entry in faults for name in entry.accepted[:1]} - seen
    assert not blind, f"name none of their own faults: {sorted(blind)}"


def assert_left_in_peace(healthy: list[Entry], ask: Callable[[Entry], Result]) -> None:
    """Fail if more of the healthy set-ups than allowed have a finding."""
    _, wrong = _ask(healthy, ask)
    assert len(wrong) <= FALSE_ALARMS, _listed(wrong)
