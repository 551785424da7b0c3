"""`steepest checkup`: a look at a table and the network that would learn from it."""

from __future__ import annotations

import argparse
import time

from steepest.commands import output, problem
from steepest.commands.arguments import above_zero

HELP = "look at a table and its target before training"
DESCRIPTION = (
    "Look at a table, its target and the network that steepest train would train, say what is wrong and what to do. "
    "Nothing is trained or saved. Exit code 1 if a check fails."
)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    problem.add(parser)
    parser.add_argument("--html", metavar="FILE", help="write the report with pictures here")
    parser.add_argument(
        "--budget",
        type=above_zero,
        default=30.0,
        metavar="SECONDS",
        help="that it may take, reading included (default: 30)",
    )


def run(options: argparse.Namespace) -> int:
    """Check, print, and return 1 if a check fails."""
    started = time.perf_counter()
    import steepest as st

    if options.threads is not None:
        st.set_num_threads(options.threads)
    if options.html is not None:
        output.check_file(options.html)
    task = problem.load(options)
    recipe = problem.recipe_of(options, task)
    model = recipe.model(task, options.seed)
    report = st.checkup(
        model,
        task.train.x,
        task.train.y,
        **recipe.settings(task),
        feature_names=task.table.output_names,
        # Of a large file half of the time is left for the checks, at least.
        budget=max(options.budget - (time.perf_counter() - started), 0.5 * options.budget),
    )
    print(f"\n{report}")
    if options.html is not None:
        report.to_html(options.html)
        print(f"report in {options.html}")
    return 1 if any(check.status == "fail" for check in report.checks) else 0
