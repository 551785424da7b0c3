"""Table 2: the same on one thread, on all, and on more threads than CPUs."""

import os
from dataclasses import replace

from bench.tables.common import (
    SHAPES,
    Table,
    cell,
    labels,
    measure_training,
    note_failures,
    progress,
    ratio_to_best,
    spec_of,
    training_rivals,
)


def measure(options):
    names = training_rivals(options)
    counts = sorted({1, os.cpu_count() or 1, max(8, 4 * (os.cpu_count() or 1))})
    shapes = [SHAPES[name] for name in options.shapes]
    columns = ["network", "threads", *labels(names), "steepest / best rival", "steepest / its one thread"]
    table = Table("Threads: samples per second", columns)
    table.notes.append(
        f"{os.cpu_count()} CPUs; more threads than that are oversubscribed. Every library is given the number."
    )
    for shape in shapes:
        alone = None
        for count in counts:
            progress(f"threads: {shape.name}, {count}")
            spec = replace(spec_of(shape, options), threads=count)
            measured = measure_training(names, spec, options.seconds / (len(shapes) * len(counts)))
            note_failures(table, f"{shape.name}, {count} threads", measured)
            cells = [cell(measured[rival], shape.rows) for rival in names]
            ours = measured["steepest"].median if "steepest" in measured else None
            alone = ours if count == 1 else alone
            gain = f"{alone / ours:.2f}x" if alone and ours else "–"
            table.rows.append([shape.name, str(count), *cells, ratio_to_best(measured), gain])
            rivals = {rival: one.to_json() for rival, one in measured.items()}
            table.record.append({"shape": shape.name, "threads": count, "samples": shape.rows, "rivals": rivals})
    return table
