"""The monitor's half of the zoo: faults that show in a run are named, healthy runs are left in peace."""

import pytest

import zoo
from zoo.run import ask_monitor, assert_left_in_peace, assert_named

pytest.importorskip("sklearn")
zoo.load()
FAULTS = [entry for entry in zoo.FAULTS.values() if entry.watcher == "monitor"]
HEALTHY = [entry for entry in zoo.HEALTHY.values() if entry.watcher in ("both", "monitor")]


def test_there_are_enough():
    assert len(FAULTS) >= 18
    assert len(HEALTHY) >= 10


def test_faults_are_named():
    assert_named(FAULTS, ask_monitor)


def test_healthy_are_left_in_peace():
    assert_left_in_peace(HEALTHY, ask_monitor)
