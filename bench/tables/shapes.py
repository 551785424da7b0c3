"""Table 1: training epochs of the six networks."""

from bench.tables.common import (
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
from steepest.bench import machine
from steepest.bench.shapes import SHAPES


def measure(options):
    names = training_rivals(options)
    roofs = machine.measure("float32", options.threads, 0.3 if options.quick else 2.0)
    columns = ["network (batch)", *labels(names), "steepest / best rival", "GFLOP/s", "of FMA peak", "of roof"]
    table = Table("Training: samples per second of whole epochs", columns)
    table.notes.append("; ".join(machine.describe(roofs)))
    table.notes.append("Shuffle, gather, forward, softmax cross-entropy, backward, Adam; float32; median ± MAD.")
    for name in options.shapes:
        shape = SHAPES[name]
        progress(f"shapes: {name}")
        measured = measure_training(names, spec_of(shape, options), options.seconds / len(options.shapes))
        note_failures(table, name, measured)
        ours = measured.get("steepest")
        shares = ["–"] * 3
        if ours is not None and ours.seconds:
            step = ours.median / shape.steps
            least = roofs.least_seconds(shape.flops_per_step, shape.bytes_per_step(), shape.working_set())
            rate = shape.flops_per_step / step
            shares = [f"{rate / 1e9:.0f}", f"{100 * rate / roofs.peak:.0f}%", f"{100 * least / step:.0f}%"]
        cells = [cell(measured[rival], shape.rows) for rival in names]
        table.rows.append([f"{name} {shape.label}", *cells, ratio_to_best(measured), *shares])
        table.record.append(
            {
                "shape": name,
                "samples": shape.rows,
                "flops": shape.flops_per_step * shape.steps,
                "machine": roofs.to_json(),
                "rivals": {rival: one.to_json() for rival, one in measured.items()},
            }
        )
    return table
