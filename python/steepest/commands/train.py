"""`steepest train`: from a table to a model, its history and a report, in a folder."""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steepest.commands import output, problem

HELP = "learn a column of a table from the others"
DESCRIPTION = (
    "Learn a column of a CSV or Parquet file from the other columns, and save the model. Whether there are classes or "
    "numbers to learn is guessed and said. Ctrl-C ends the training and keeps the best model so far."
)
# What is in the folder; the model last, since it is what the others speak of.
FILES = ("history.csv", "history.json", "scores.json", "report.html", "model.npz")
# Seconds that the look at data and network may take before the training.
_CHECKUP_BUDGET = 10.0
_SHOWN_FINDINGS = 3


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    problem.add(parser)
    parser.add_argument("-o", "--output", metavar="FOLDER", help="for the results (default: the table's name + -model)")
    parser.add_argument("--force", action="store_true", help="replace results that are in the folder")
    parser.add_argument("--no-checkup", action="store_true", help="train without looking at data and network first")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def run(options: argparse.Namespace) -> int:
    """Train, test, save; return 0, or 130 after Ctrl-C."""
    from steepest import callbacks, threads
    from steepest.training.progress import duration

    if options.threads is not None:
        threads.set_num_threads(options.threads)
    chosen = options.output or output.free_name(f"{_stem(options.table)}-model")
    folder = output.check_folder(chosen, FILES, options.force)
    task = problem.load(options)
    recipe = problem.recipe_of(options, task)
    model = recipe.model(task, options.seed)
    print(
        f"network: {model.input_size} inputs, hidden layers of {', '.join(map(str, recipe.hidden))} units, "
        f"{sum(view.size for view in model.parameters().values()):,} parameters\n",
        flush=True,
    )
    report = None if options.no_checkup else look(model, task, recipe)
    started = time.perf_counter()
    monitor = callbacks.Monitor(verbose=False)
    history, stopping = recipe.fit(model, task, callbacks=[monitor], verbose=0 if options.quiet else 1)
    seconds = time.perf_counter() - started
    if not stopping.best_epoch:
        raise KeyboardInterrupt
    print(f"best epoch {stopping.best_epoch} of {history.epochs}, {duration(seconds)} of training\n")
    _show_findings("monitor", monitor.findings)
    scores = test(model, task)
    record = _record(options, task, recipe, stopping, history, scores)
    with output.writing_folder(folder) as place:
        _write(place, model, history, record)
        pictured = _write_report(place, options, report, monitor, history)
    if not pictured:
        print("no report.html: its pictures need matplotlib, pip install steepest[plot]")
    print(f"saved in {folder}: {', '.join(name for name in FILES if name != 'report.html' or pictured)}")
    print(f"next: steepest predict {folder} TABLE -o predictions.csv")
    if history.interrupted:
        print(f"stopped by Ctrl-C: the model is that of epoch {stopping.best_epoch}, the best so far")
        return 130
    return 0


def _stem(path: str) -> str:
    name = Path(path).name
    return name.split(".")[0] or name


def look(model: Any, task: Any, recipe: Any) -> Any:
    """Run the checkup and print its main findings; return its report."""
    import steepest as st

    settings = recipe.settings(task)
    report = st.checkup(
        model, task.train.x, task.train.y, **settings, feature_names=task.table.output_names, budget=_CHECKUP_BUDGET
    )
    if not report.findings:
        print(f"checkup of {len(report.checks)} points: nothing found\n", flush=True)
    _show_findings(f"checkup of {len(report.checks)} points", report.findings)
    return report


def _show_findings(title: str, findings: Sequence[Any]) -> None:
    """Print the gravest findings of the checkup or of the monitor."""
    if not findings:
        return
    print(f"{title}: {len(findings)} finding{'' if len(findings) == 1 else 's'}")
    for finding in findings[:_SHOWN_FINDINGS]:
        print(f"  {finding.name}: {finding.evidence}")
        if finding.advice:
            print(f"    {finding.advice}")
    if len(findings) > _SHOWN_FINDINGS:
        print(f"  {len(findings) - _SHOWN_FINDINGS} more are in the report")
    print(flush=True)


def test(model: Any, task: Any) -> dict[str, dict[str, float]]:
    """Print the scores on the test rows beside those of the best constant, and return both."""
    from steepest.tables.learning import judge

    scores, constant = judge(model, task, task.test)
    width = max(map(len, scores))
    print(f"{'test':{width}}  {'model':>10}  {'constant':>10}")
    for name, value in scores.items():
        print(f"{name:{width}}  {_show(name, value):>10}  {_show(name, constant[name]):>10}")
    measure = "log loss" if "log loss" in scores else "RMSE"
    if scores[measure] >= constant[measure]:
        print(f"by {measure} the model is no better than the constant: it learnt nothing that holds for new rows")
    print(flush=True)
    return {"test": scores, "constant": constant}


def _show(name: str, value: float) -> str:
    if name == "accuracy":
        return f"{value:.2%}"
    # Measures without a unit have a known range; the others are in the unit of the target.
    return (
        f"{value:,.4g}" if name in ("RMSE", "MAE") and abs(value) < 1000 else f"{value:,.{0 if value > 1000 else 4}f}"
    )


def _record(
    options: argparse.Namespace, task: Any, recipe: Any, stopping: Any, history: Any, scores: dict[str, Any]
) -> dict[str, Any]:
    """Return what is worth keeping beside the model, as JSON can hold it."""
    import steepest as st

    finite = {
        which: {name: value if math.isfinite(value) else None for name, value in each.items()}
        for which, each in scores.items()
    }
    return {
        "steepest": st.__version__,
        "table": options.table,
        "target": task.name,
        "task": task.task.kind,
        "classes": list(task.target.names) if task.task.kind == "classification" else None,
        "columns": task.table.kinds,
        "left_out": task.table.dropped,
        "rows": {name: len(getattr(task, name)) for name in ("train", "validation", "test")},
        "seed": options.seed,
        "recipe": {name: list(v) if isinstance(v, (list, tuple)) else v for name, v in vars(recipe).items()},
        "best_epoch": stopping.best_epoch,
        "epochs": history.epochs,
        "interrupted": history.interrupted,
        "scores": finite,
    }


def _write(place: Path, model: Any, history: Any, record: dict[str, Any]) -> None:
    history.to_json(place / "history.json")
    names = history.keys()
    with (place / "history.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *names])
        writer.writerows([i + 1, *(history[name][i] for name in names)] for i in range(history.epochs))
    (place / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    model.save(place / "model.npz")


def _write_report(place: Path, options: argparse.Namespace, report: Any, monitor: Any, history: Any) -> bool:
    from steepest import pictures

    try:
        title = f"{options.target} of {options.table}"
        pictures.page(place / "report.html", title=title, report=report, monitor=monitor, history=history)
    except ImportError:
        return False
    return True
