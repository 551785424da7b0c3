"""The checkup's half of the zoo: planted faults are named, healthy set-ups are left in peace."""

import pytest

import steepest as st
import zoo
from zoo.run import ask_checkup, assert_left_in_peace, assert_named

pytest.importorskip("sklearn")
zoo.load()
FAULTS = [entry for entry in zoo.FAULTS.values() if entry.watcher == "checkup"]
HEALTHY = [entry for entry in zoo.HEALTHY.values() if entry.watcher in ("both", "checkup")]


def test_there_are_enough():
    assert len(zoo.FAULTS) >= 40
    assert len(HEALTHY) >= 20


def test_faults_are_named():
    assert_named(FAULTS, ask_checkup)


def test_healthy_are_left_in_peace():
    assert_left_in_peace(HEALTHY, ask_checkup)


def test_every_accepted_name_is_that_of_a_check():
    names = set(st.checkup.names())
    for entry in FAULTS:
        assert set(entry.accepted) <= names, entry.name
