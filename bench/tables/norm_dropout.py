"""Table 6: what batch norm and dropout cost, here and there."""

from bench.tables.common import (
    Table,
    cell,
    labels,
    measure_training,
    note_failures,
    progress,
    ratio_to_best,
    small_shapes,
    spec_of,
    training_rivals,
)

VARIANTS = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "dropout 0.2": {"dropout": 0.2},
    "both": {"batch_norm": True, "dropout": 0.2},
}


def measure(options):
    names = training_rivals(options, norm_and_dropout=True)
    shapes = small_shapes(options, ("mnist", "tab"))
    columns = ["network", "hidden layers", *labels(names), "steepest / best rival", "steepest / plain"]
    table = Table("Batch norm and dropout: samples per second", columns)
    table.notes.append(
        "Every hidden layer: dense, batch norm, ReLU, dropout. NumPy by hand and scikit-learn have neither."
    )
    variants = {name: VARIANTS[name] for name in (("plain", "both") if options.quick else VARIANTS)}
    for shape in shapes:
        plain = None
        for variant, changes in variants.items():
            progress(f"norm_dropout: {shape.name}, {variant}")
            budget = options.seconds / (len(shapes) * len(variants))
            measured = measure_training(names, spec_of(shape, options, **changes), budget)
            note_failures(table, f"{shape.name}, {variant}", measured)
            ours = measured["steepest"].median if "steepest" in measured else None
            plain = ours if variant == "plain" else plain
            share = f"{plain / ours:.2f}x" if plain and ours else "–"
            cells = [cell(measured[rival], shape.rows) for rival in names]
            table.rows.append([shape.name, variant, *cells, ratio_to_best(measured), share])
            rivals = {rival: one.to_json() for rival, one in measured.items()}
            table.record.append({"shape": shape.name, "variant": variant, "samples": shape.rows, "rivals": rivals})
    return table
