"""`steepest predict`: what a model says of the rows of a table."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from steepest.commands import explaining, output, reading

HELP = "what a model says of the rows of a table"
DESCRIPTION = (
    "Predict with a model of steepest train: labels and probabilities, or numbers. The table is read piece by piece, "
    "so that it may be of any size; it needs the columns the model was trained with, in any order."
)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("model", metavar="MODEL", help="folder of steepest train, or its model.npz")
    parser.add_argument("table", metavar="TABLE", help="CSV file with a header line, or Parquet file")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="CSV file, or Parquet if it ends in .parquet (default: to the terminal)"
    )
    parser.add_argument("--keep", action="store_true", help="put the columns of the table before the predictions")
    reading.add(parser)


def run(options: argparse.Namespace) -> int:
    """Predict, piece by piece."""
    form = reading.form_of(options)
    model = load_model(options.model)
    if options.output is not None:
        output.check_file(options.output)
    rows = 0
    with _open_sink(options.output) as write:
        for chunk in reading.read_chunks(options.table, form):
            write(_predict(model, chunk, rows, options))
            rows += len(chunk)
    if options.output is not None:
        print(f"{rows:,} predictions in {options.output}")
    return 0


def load_model(path: str) -> Any:
    """Return the model of a folder or file, which must know how to take tables."""
    import steepest as st

    file = os.path.join(path, "model.npz") if os.path.isdir(path) else path
    if not os.path.exists(file):
        raise reading.FileError(f"there is no model {file}")
    model = st.load(file)
    if getattr(model.preprocessing, "kind", None) != "table":
        raise reading.FileError(f"{file} has no preprocessing for tables: steepest train makes models that have")
    return model


def _predict(model: Any, chunk: Any, rows: int, options: argparse.Namespace) -> Any:
    """Return the predictions of a piece as a frame."""
    from steepest import tables

    names = [str(name) for name in chunk.columns]
    for name in model.preprocessing.names:
        if name not in names:
            raise reading.FileError(f"{reading.no_column(options.table, name, names)}; the model needs it")
    try:
        found = tables.predict(model, chunk)
    except tables.ColumnError as error:
        place = error.at(error.row + rows)
        raise explaining.explain(place, options.table, reading.form_of(options)) from None
    # Float32 says all that a network knows, in nine digits.
    values = found.values.astype("float32") if found.values.dtype.kind == "f" and not found.classes else found.values
    columns = {"prediction": values}
    if found.probabilities is not None:
        columns |= {f"probability of {name}": found.probabilities[:, i] for i, name in enumerate(found.classes)}
    pandas = reading.import_pandas()
    result = pandas.DataFrame(columns)
    if not options.keep:
        return result
    doubled = [name for name in names if name in columns]
    if doubled:
        raise reading.FileError(f"--keep: {options.table} has a column {doubled[0]!r} of its own")
    return pandas.concat([chunk.reset_index(drop=True), result], axis=1)


@contextlib.contextmanager
def _open_sink(path: str | None) -> Iterator[Callable[[Any], None]]:
    """Give the function that writes frames; the file appears at the end, whole."""
    first = True

    if path is not None and path.lower().endswith((".parquet", ".pq")):
        with _open_parquet(path) as write:
            yield write
        return

    def write_csv(frame: Any) -> None:
        nonlocal first
        text = frame.to_csv(index=False, header=first, lineterminator="\n")
        first = False
        if file is None:
            sys.stdout.write(text)
        else:
            file.write(text.encode())

    if path is None:
        file = None
        yield write_csv
        return
    with output.writing_file(path) as file:
        yield write_csv


@contextlib.contextmanager
def _open_parquet(path: str) -> Iterator[Callable[[Any], None]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("Parquet files are written with pyarrow: pip install steepest[frames]") from error
    writer: Any = None

    def write(frame: Any) -> None:
        nonlocal writer
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        if writer is None:
            writer = parquet.ParquetWriter(file, table.schema)
        elif table.schema != writer.schema:
            table = _cast(table, writer.schema, path)
        writer.write_table(table)

    with output.writing_file(path) as file:
        try:
            yield write
        finally:
            # After an error, too: a writer that outlives its file complains of that at the end of the process.
            if writer is not None:
                writer.close()


def _cast(table: Any, schema: Any, path: str) -> Any:
    """Return a piece in the types of the first piece: where a CSV file has gaps or texts decides how it is read."""
    import pyarrow

    for field in schema:
        try:
            table.column(field.name).cast(field.type)
        except pyarrow.ArrowException:
            found = table.schema.field(field.name).type
            raise reading.FileError(
                f"--keep: column {field.name!r} begins with {field.type} and goes on with {found}, which {path} cannot "
                "hold: give a name in .csv"
            ) from None
    return table.cast(schema)
