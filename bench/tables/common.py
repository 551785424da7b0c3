"""What the tables share: the options, the printed cell, a training problem measured by all rivals."""

import sys
from dataclasses import dataclass, field

from bench.pool import close_all, rounds, start_all
from bench.problem import Spec
from bench.rivals import RIVALS
from bench.verify import verify_training
from steepest.bench.shapes import SHAPES


@dataclass
class Options:
    rivals: list
    shapes: list
    threads: int
    seconds: float  # for a whole table
    quick: bool = False


@dataclass
class Table:
    title: str
    columns: list
    rows: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    record: list = field(default_factory=list)  # everything measured, for JSON
    wrong: list = field(default_factory=list)


def progress(text):
    print(text, file=sys.stderr, flush=True)


def spec_of(shape, options, **changes):
    fields = {"widths": shape.widths, "batch": shape.batch, "rows": shape.rows, "threads": options.threads}
    return Spec(**{**fields, **changes})


def training_rivals(options, norm_and_dropout=False):
    return [
        name
        for name in options.rivals
        if RIVALS[name].trains and (RIVALS[name].norm_and_dropout or not norm_and_dropout)
    ]


def measure_training(names, spec, budget):
    """Verify and time epochs of a problem; {name: Measured}."""
    workers, measured = start_all(names, spec)
    try:
        verify_training(workers, measured, spec)
        rounds(workers, measured, {"do": "train"}, budget)
    finally:
        close_all(workers)
    for one in measured.values():
        if one.failure:
            progress(f"  {one.label}: {one.failure}")
    return measured


def note_failures(table, where, measured):
    """Skipped with a word: why a cell is empty, and what a reader must know."""
    for one in measured.values():
        if one.failure:
            (table.wrong if one.failure.startswith("WRONG") else table.notes).append(
                f"{where}: {one.label}: {one.failure}"
            )
        elif one.note and f"{one.label}: {one.note}." not in table.notes:
            table.notes.append(f"{one.label}: {one.note}.")


def cell(measured, units=1.0):
    """Units per second and the spread; a dash where there is none."""
    if measured is None or not measured.seconds:
        return "wrong" if measured is not None and measured.failure.startswith("WRONG") else "–"
    return f"{readable(units / measured.median)} ±{100 * measured.spread:.0f}%"


def readable(number):
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{number / scale:.3g}{unit}"
    return f"{number:.3g}"


def ratio_to_best(measured):
    """steepest's speed over the best rival's, and who that is."""
    others = {name: one for name, one in measured.items() if name != "steepest" and one.seconds}
    ours = measured.get("steepest")
    if ours is None or not ours.seconds or not others:
        return "–"
    best = min(others.values(), key=lambda one: one.median)
    return f"{best.median / ours.median:.2f}x ({best.label})"


def labels(names):
    return [RIVALS[name].label for name in names]


def small_shapes(options, names):
    return [SHAPES[name] for name in names if name in options.shapes] or [SHAPES[options.shapes[0]]]
