"""The printed table and the JSON record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from steepest.archive import replacing
from steepest.bench.machine import Machine
from steepest.bench.results import Result
from steepest.bench.timing import Timing

FORMAT_VERSION = 1
NAME, SHAPE, TIME, RATIO, RATE, ROOF = 28, 21, 17, 8, 14, 6


def header(group: str) -> str:
    """Return the line above the rows of a group, and a rule."""
    what = {"kernel": "kernel (one call)", "network": "network (one training step)"}[group]
    columns = (
        f"{what:<{NAME}}{'shape':<{SHAPE}}{'steepest':>{TIME}}{'NumPy':>{TIME}}{'faster':>{RATIO}}"
        f"{'rate':>{RATE}}{'roof':>{ROOF}}"
    )
    return f"{columns}\n{'-' * len(columns)}"


def row(result: Result, machine: Machine) -> str:
    """Return one case as a line of the table."""
    start = f"{result.name:<{NAME}}{result.shape:<{SHAPE}}"
    if not result.verdict.right:
        return f"{start}  WRONG: error {result.verdict.error:.2g}, tolerance {result.verdict.tolerance:.2g}"
    ours, theirs = (cell(result.timings[side], result.units) for side in ("steepest", "numpy"))
    return (
        f"{start}{ours:>{TIME}}{theirs:>{TIME}}{f'{result.speed_up():.2f}x':>{RATIO}}{rate(result):>{RATE}}"
        f"{f'{100 * result.share_of_roof(machine):.0f}%':>{ROOF}}"
    )


def cell(timing: Timing, units: int) -> str:
    """Return the median per unit of work and its spread."""
    return f"{duration(timing.median / units)} ±{100 * timing.spread:.0f}%"


def duration(seconds: float) -> str:
    """Return a time with three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}" if seconds < 999.5 * scale else f"{seconds / scale:.0f} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def rate(result: Result) -> str:
    """Return GFLOP/s on the true shape, or GB/s where the case has no products to count."""
    seconds = result.seconds("steepest")
    if result.flops:
        return f"{result.flops / seconds / 1e9:.3g} GFLOP/s"
    return f"{result.moved / seconds / 1e9:.3g} GB/s"


LEGEND = """\
±: median absolute deviation over the rounds. roof: least time the measured peak and bandwidth allow / time taken.
Every case was verified against NumPy in float64 first. GFLOP/s and GB/s count what the shape needs, nothing that is
padded, packed or repeated. A kernel's time includes the Python call, checks and all, on both sides: relu of 1x1."""


def document(
    environment: Mapping[str, Any], machine: Machine, results: Sequence[Result], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the whole record as JSON can hold it."""
    return {
        "format": "steepest-bench",
        "format_version": FORMAT_VERSION,
        "environment": dict(environment),
        "options": dict(options),
        "machine": machine.to_json(),
        "results": [result.to_json(machine) for result in results],
    }


def write_json(path: str, record: Mapping[str, Any]) -> None:
    """Write a record in one piece: an interrupted run leaves no half file."""
    # A wrong result may be NaN, which JSON has no word for.
    text = json.dumps(finite(record), indent=1, allow_nan=False)
    with replacing(path) as file:
        file.write(f"{text}\n".encode())


def finite(value: Any) -> Any:
    """Replace NaN and infinity by None, all the way down."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
