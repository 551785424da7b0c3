"""The monitor's half of the zoo: faults that show in a run are named, healthy runs are left in peace."""

import pytest

import zoo
from zoo.run import FALSE_ALARMS, NAMED, ask_monitor

pytest.importorskip("sklearn")
zoo.load()
FAULTS = [entry for entry in zoo.FAULTS.values() if entry.watcher == "monitor"]
HEALTHY = [entry for entry in zoo.HEALTHY.values() if entry.watcher in ("both", "monitor")]


def listed(results):
    return "\n".join(f"{r.entry.name}: {', '.join(r.findings) or 'nothing'}, {r.seconds:.1f} s" for r in results)


def test_there_are_enough():
    assert len(FAULTS) >= 18
    assert len(HEALTHY) >= 10


def test_faults_are_named():
    results = [ask_monitor(entry) for entry in FAULTS]
    wrong = [result for result in results if not result.right]
    print(listed(results))
    assert len(results) - len(wrong) >= NAMED * len(results), listed(wrong)
    # A rule that has gone blind must not hide in the share: each names one of its own faults at least.
    seen = {name for result in results for name in result.findings[:2]}
    assert {name for entry in FAULTS for name in entry.accepted[:1]} <= seen


def test_healthy_are_left_in_peace():
    results = [ask_monitor(entry) for entry in HEALTHY]
    wrong = [result for result in results if not result.right]
    print(listed(results))
    assert len(wrong) <= FALSE_ALARMS, listed(wrong)
