"""The checkup's half of the zoo: planted faults are named, healthy set-ups are left in peace."""

import pytest

import steepest as st
import zoo
from zoo.run import FALSE_ALARMS, NAMED, ask_checkup

pytest.importorskip("sklearn")
zoo.load()
FAULTS = [entry for entry in zoo.FAULTS.values() if entry.watcher == "checkup"]
HEALTHY = [entry for entry in zoo.HEALTHY.values() if entry.watcher in ("both", "checkup")]


def listed(results):
    return "\n".join(f"{r.entry.name}: {', '.join(r.findings) or 'nothing'}, {r.seconds:.1f} s" for r in results)


def test_there_are_enough():
    assert len(zoo.FAULTS) >= 40
    assert len(HEALTHY) >= 20


def test_faults_are_named():
    results = [ask_checkup(entry) for entry in FAULTS]
    wrong = [result for result in results if not result.right]
    print(listed(results))
    assert len(results) - len(wrong) >= NAMED * len(results), listed(wrong)
    # A check that has gone blind must not hide in the share: each names one of its own faults at least.
    seen = {name for result in results for name in result.findings[:2]}
    assert {name for entry in FAULTS for name in entry.accepted[:1]} <= seen


def test_healthy_are_left_in_peace():
    results = [ask_checkup(entry) for entry in HEALTHY]
    wrong = [result for result in results if not result.right]
    print(listed(results))
    assert len(wrong) <= FALSE_ALARMS, listed(wrong)


def test_every_accepted_name_is_that_of_a_check():
    names = set(st.checkup.names())
    for entry in FAULTS:
        assert set(entry.accepted) <= names, entry.name
