"""Table 7: time per sample as the data grow, from other sources, and with denormal numbers."""

from bench.pool import close_all, rounds, start_all
from bench.tables.common import Table, cell, measure_training, note_failures, progress, spec_of, training_rivals
from steepest.bench.shapes import SHAPES

ROWS = (1_000, 10_000, 100_000, 1_000_000)
SOURCES = ("float32", "float64", "uint8", "memmap")
DENORMAL = 1e-40


def measure(options):
    table = Table(
        "Data: steepest's time per sample", ["data", "rows", "time per sample", "samples/s", "to float32, 10k rows"]
    )
    shape = SHAPES["tab"]
    table.notes.append(f"{shape.name} {shape.label}. The memory map is of float32, its file in the page cache.")
    cases = [("float32", rows) for rows in ROWS[: 2 if options.quick else 4]]
    cases += [(source, 10_000 if options.quick else 100_000) for source in SOURCES[1:]]
    base = None
    for source, rows in cases:
        progress(f"data: {source}, {rows} rows")
        spec = spec_of(shape, options, rows=rows, source=source)
        measured = measure_training(["steepest"], spec, options.seconds / (len(cases) + 2))
        note_failures(table, f"{source}, {rows} rows", measured)
        ours = measured["steepest"]
        table.record.append({"source": source, "rows": rows, "rivals": {"steepest": ours.to_json()}})
        if not ours.seconds:
            continue
        each = ours.median / rows
        base = each if (source, rows) == ("float32", 10_000) else base
        to_base = f"{each / base:.2f}x" if base else "–"
        table.rows.append([source, f"{rows:,}", f"{1e9 * each:.0f} ns", cell(ours, rows), to_base])
    denormal(table, options, shape)
    return table


def denormal(table, options, shape):
    """Time all with inputs of 1e-40, whose products may cost a hundred cycles each. Nothing is learnt: not verified."""
    names = training_rivals(options)
    medians = {}
    for scale in (1.0, DENORMAL):
        progress(f"data: inputs times {scale:g}")
        workers, measured = start_all(names, spec_of(shape, options, scale=scale))
        try:
            rounds(workers, measured, {"do": "train"}, options.seconds / 8)
        finally:
            close_all(workers)
        note_failures(table, f"inputs times {scale:g}", measured)
        medians[scale] = {name: one.median for name, one in measured.items() if one.seconds}
        table.record.append({"scale": scale, "rivals": {name: one.to_json() for name, one in measured.items()}})
    slower = [
        f"{name} {medians[DENORMAL][name] / medians[1.0][name]:.2f}x" for name in names if name in medians[DENORMAL]
    ]
    table.notes.append(f"Denormal inputs (times 1e-40) against normal ones, time per epoch: {', '.join(slower)}.")
