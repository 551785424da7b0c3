"""Table 3: prediction of one row and of a thousand, NumPy arrays in and out."""

from bench.pool import close_all, rounds, start_all
from bench.tables.common import (
    Table,
    cell,
    labels,
    note_failures,
    progress,
    ratio_to_best,
    small_shapes,
    spec_of,
)
from bench.verify import verify_predictions

ROWS = (1, 1000)


def measure(options):
    names = options.rivals
    shapes = small_shapes(options, ("tiny", "tab", "mnist", "wide"))
    table = Table("Prediction: calls per second", ["network", "rows", *labels(names), "steepest / best rival"])
    table.notes.append(
        "One call takes and returns NumPy arrays; scikit-learn's is predict_proba, the others return logits."
    )
    for shape in shapes:
        for rows in ROWS:
            progress(f"predict: {shape.name}, {rows} rows")
            spec = spec_of(shape, options, batch=max(ROWS), rows=max(ROWS))
            workers, measured = start_all(names, spec)
            try:
                verify_predictions(workers, measured)
                budget = options.seconds / (len(shapes) * len(ROWS))
                rounds(workers, measured, {"do": "predict", "rows": rows}, budget)
            finally:
                close_all(workers)
            note_failures(table, shape.name, measured)
            cells = [cell(measured[rival]) for rival in names]
            table.rows.append([shape.name, str(rows), *cells, ratio_to_best(measured)])
            rivals = {rival: one.to_json() for rival, one in measured.items()}
            table.record.append({"shape": shape.name, "rows": rows, "rivals": rivals})
    table.notes = list(dict.fromkeys(table.notes))
    return table
