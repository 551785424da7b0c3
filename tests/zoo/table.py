"""Write docs/zoo.md, the table of what was said about every entry: `PYTHONPATH=python:tests python -m zoo.table`."""

import argparse
from pathlib import Path

import steepest as st

from . import FAULTS, HEALTHY, load
from .run import ask_checkup, ask_monitor

TARGET = Path(__file__).resolve().parents[2] / "docs" / "zoo.md"

HEAD = """# The zoo

Do the verdicts of `st.checkup` and of the monitor hold? Faults are planted one at a time, and healthy set-ups are made
with real data (`tests/zoo`). A fault counts as named if one of the names that are accepted for it is the first or
the second finding; a healthy set-up should have none. The test suite runs both lists. This page is written by
`PYTHONPATH=python:tests python -m zoo.table`, with the real data in `STEEPEST_DATA`.
"""


def answer(entry):
    return ask_monitor(entry) if entry.watcher == "monitor" else ask_checkup(entry)


def fault_rows(results):
    yield "| fault | who | first two findings | named |"
    yield "| --- | --- | --- | --- |"
    for r in results:
        found = ", ".join(r.findings[:2]) or "none"
        yield f"| {r.entry.title} | {r.entry.watcher} | {found} | {'yes' if r.right else 'NO'} |"


def healthy_rows(results):
    yield "| set-up | who | findings |"
    yield "| --- | --- | --- |"
    for who, r in results:
        yield f"| {r.entry.title} | {who} | {', '.join(r.findings) or 'none'} |"


def page(watchers):
    load()
    faults = [answer(entry) for entry in FAULTS.values() if entry.watcher in watchers]
    healthy = []
    for entry in HEALTHY.values():
        for who, ask in (("checkup", ask_checkup), ("monitor", ask_monitor)):
            if who in watchers and entry.watcher in ("both", who):
                healthy.append((who, ask(entry)))
    named, alarms = sum(r.right for r in faults), sum(not r.right for _, r in healthy)
    yield HEAD
    yield f"{named} of {len(faults)} faults are named ({named / len(faults):.0%}); of {len(healthy)} runs of"
    yield f"{len({id(r.entry) for _, r in healthy})} healthy set-ups {alarms} have a finding.\n"
    yield "## Planted faults\n"
    yield from fault_rows(faults)
    yield "\n## Healthy set-ups\n"
    yield from healthy_rows(healthy)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    known = ("checkup", "monitor") if hasattr(st.callbacks, "Monitor") else ("checkup",)
    parser.add_argument("--watchers", nargs="+", default=known, choices=("checkup", "monitor"))
    TARGET.write_text("\n".join(page(parser.parse_args().watchers)) + "\n", encoding="utf-8")
