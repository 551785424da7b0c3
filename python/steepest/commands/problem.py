"""What the commands that learn from a table share: its arguments, and the problem they make of it."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from typing import Any

from steepest.commands import explaining, reading
from steepest.commands.arguments import above_zero, natural, positive, share, sizes


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments about table, columns, network and training."""
    parser.add_argument("table", metavar="TABLE", help="CSV file with a header line, or Parquet file")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column to learn")
    parser.add_argument("--task", choices=("classification", "regression"), help="instead of the guess")
    parser.add_argument("--test", metavar="TABLE", help="rows for the test (default: 15 %% of TABLE)")
    reading.add_rows(parser)
    columns = parser.add_argument_group("columns (each may be repeated)")
    for kind, what in (
        ("categorical", "holds categories, even if they are numbers"),
        ("numerical", "holds numbers"),
        ("drop", "is left out"),
    ):
        columns.add_argument(f"--{kind}", action="append", default=[], metavar="COLUMN", help=what)
    network = parser.add_argument_group("network and training")
    network.add_argument("--drop-missing-target", action="store_true", help="leave out rows without a target")
    network.add_argument("--hidden", type=sizes, metavar="N,N", help="units of the hidden layers (default: 128,128)")
    network.add_argument("--dropout", type=share, metavar="RATE", help="behind each hidden layer (default: 0.1)")
    network.add_argument("--epochs", type=positive, metavar="N", help="at most (default: by the number of rows)")
    network.add_argument("--batch-size", type=positive, metavar="N", help="(default: by the number of rows)")
    network.add_argument("--learning-rate", type=above_zero, metavar="RATE", help="the highest (default: 0.002)")
    network.add_argument("--seed", type=natural, default=0, metavar="N", help="of division and weights (default: 0)")
    network.add_argument("--threads", type=positive, metavar="N", help="at most (default: what the machine allows)")
    reading.add(parser)


def load(options: argparse.Namespace) -> Any:
    """Return the `Problem` of the arguments, after saying what was found in the table."""
    from steepest.tables import ColumnError, make_problem

    form = reading.form_of(options)
    frame = reading.read_table(options.table, form, options.rows)
    _check_names(options, [str(name) for name in frame.columns])
    test_frame = None
    if options.test is not None:
        test_frame = reading.read_table(options.test, form)
        for name in frame.columns:
            if name not in test_frame.columns and name not in options.drop:
                raise reading.FileError(
                    reading.no_column(options.test, str(name), [str(n) for n in test_frame.columns])
                )
    try:
        with warnings.catch_warnings():
            # Said below, in words of the command line.
            warnings.filterwarnings("ignore", ".* and is taken for a text", UserWarning)
            problem = make_problem(
                frame,
                options.target,
                task=options.task,
                test_frame=test_frame,
                columns=_kinds(options),
                missing=form.marks,
                drop_gaps=options.drop_missing_target,
                seed=options.seed,
            )
    except ColumnError as error:
        path = options.test if error.of_test else options.table
        raise explaining.explain(error, path, form, options.target) from None
    describe(problem, options, len(frame))
    return problem


def _check_names(options: argparse.Namespace, names: list[str]) -> None:
    for option, given in (
        ("target", [options.target]),
        *((kind, getattr(options, kind)) for kind in ("categorical", "numerical", "drop")),
    ):
        for name in given:
            if name not in names:
                raise reading.FileError(f"--{option}: {reading.no_column(options.table, name, names)}")
    if options.target in (*options.categorical, *options.numerical, *options.drop):
        raise reading.FileError(f"{options.target!r} is the target: use --task to say what it is")
    if len(names) == 1:
        raise reading.FileError(f"{options.table} has the column {names[0]!r} only: there is nothing to learn from")


def _kinds(options: argparse.Namespace) -> dict[str, str]:
    return {name: kind for kind in ("categorical", "numerical", "drop") for name in getattr(options, kind)}


def recipe_of(options: argparse.Namespace, problem: Any) -> Any:
    """Return the recipe that the arguments ask for."""
    from steepest.tables import default_recipe

    return default_recipe(
        len(problem.train),
        problem.outputs,
        hidden=options.hidden,
        dropout=options.dropout,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
    )


def describe(problem: Any, options: argparse.Namespace, rows: int) -> None:
    """Print what was found in the table, and what was decided."""
    table, task = problem.table, problem.task
    print(f"{options.table}: {rows:,} rows, {len(table.kinds) + 1} columns")
    other = "regression" if task.kind == "classification" else "classification"
    why = task.reason if options.task else f"since {task.reason} (--task {other} overrides)"
    print(f"task: {task.kind} of {problem.name}, {why}\n  {_summary(problem)}")
    counts = {kind: list(table.kinds.values()).count(kind) for kind in ("numerical", "categorical", "time")}
    used = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    coded = f", {len(table.codes)} of them embedded" if table.codes else ""
    print(f"columns: {used}{coded}")
    for line in left_out(table.dropped):
        print(f"  {line}")
    for name, value in table.unread.items():
        print(f"  {explaining.unread(name, value)}")
    parts = (("training", problem.train), ("validation", problem.validation), ("test", problem.test))
    print("rows: " + ", ".join(f"{len(part):,} for {name}" for name, part in parts), flush=True)


# Columns left out for one reason that are named one by one.
_NAMED = 5


def left_out(dropped: Mapping[str, str]) -> list[str]:
    """Return a sentence for every column that is left out, or one for many of the same reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in dropped.items():
        by_reason.setdefault(reason, []).append(name)
    lines = []
    for reason, names in by_reason.items():
        if len(names) > _NAMED:
            some = ", ".join(names[:_NAMED])
            lines.append(f"{len(names)} columns are left out ({some} and {len(names) - _NAMED} more): {reason}")
        else:
            lines += [f"{name} is left out: {reason}" for name in names]
    return lines


def _summary(problem: Any) -> str:
    """Return the most frequent classes, or the range of the numbers."""
    import numpy as np

    if problem.task.kind == "regression":
        y = problem.target.inverse_transform(problem.train.y)
        return f"from {y.min():,.6g} to {y.max():,.6g}, on average {y.mean():,.6g}"
    counts = np.bincount(problem.train.y, minlength=problem.outputs)
    order = np.argsort(-counts, kind="stable")
    named = [f"{problem.target.names[code]} {counts[code] / counts.sum():.1%}" for code in order[:4]]
    more = f", {len(order) - 4} more" if len(order) > 4 else ""
    return f"{len(order)} classes: {', '.join(named)}{more}"
