"""The command `steepest bench`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

import steepest
from steepest.bench import environment, machine, networks, report
from steepest.bench.kernels import cases
from steepest.bench.kernels.case import measure
from steepest.bench.results import Result
from steepest.bench.shapes import DEFAULT_SHAPES, SHAPES


def whole_number(text: str) -> int:
    """Return the whole number above 0 that the text says."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
    return int(text)


def shape_names(text: str) -> list[str]:
    """Return the names of shapes in a comma-separated list."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in SHAPES]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown shape {unknown[0]!r}; there are {', '.join(SHAPES)}")
    return names


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        prog="steepest bench",
        description="Verify every kernel and whole networks against NumPy, then time them beside NumPy and beside what "
        "the machine can do. Exit code 1 if a result is wrong.",
    )
    parser.add_argument(
        "--kernels",
        nargs="?",
        const="",
        metavar="WORDS",
        help="only kernels; with words (comma-separated) those whose name contains one",
    )
    parser.add_argument(
        "--shapes", type=shape_names, metavar="NAMES", help=f"only these networks, of {','.join(SHAPES)}"
    )
    parser.add_argument("--all", action="store_true", help="also the large kernels and networks (minutes)")
    parser.add_argument(
        "--threads", type=whole_number, metavar="N", help="for steepest and for NumPy's BLAS (default: all)"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--quick", action="store_true", help="few rounds and small kernels: a look, not a measurement")
    parser.add_argument("--json", metavar="PATH", help="write the record here")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Parse the arguments and run; in a process of its own if thread variables must be set."""
    options = make_parser().parse_args(list(arguments))
    if options.threads is None:
        options.threads = steepest.get_num_threads()
    wanted = environment.thread_variables(options.threads)
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        # NumPy's BLAS has read its variable already.
        command = [sys.executable, "-m", "steepest", "bench", *arguments, "--threads", str(options.threads)]
        return subprocess.run(command, env={**os.environ, **wanted}, check=False).returncode
    return run(options)


def run(options: argparse.Namespace) -> int:
    """Measure what the options ask for, print it, write it; return the exit code."""
    steepest.set_num_threads(options.threads)
    about = environment.record(options.threads)
    print(*environment.describe(about), sep="\n")
    roofs = machine.measure(options.dtype, options.threads, 0.3 if options.quick else 1.5)
    print(*machine.describe(roofs), sep="\n", flush=True)
    results: list[Result] = []

    def show(result: Result) -> None:
        if not results or results[-1].group != result.group:
            print(f"\n{report.header(result.group)}")
        results.append(result)
        print(report.row(result, roofs), flush=True)

    rounds, budget = ((3, 5), 0.05) if options.quick else ((7, 41), 0.5)
    if options.kernels is not None or options.shapes is None:
        size = "small" if options.quick else "large" if options.all else "medium"
        for case in cases.all_cases(options.dtype, size, words(options.kernels)):
            show(measure(case, budget, rounds))
    rounds, budget = ((1, 3), 0.2) if options.quick else ((5, 31), 4.0)
    for name in chosen_shapes(options):
        show(networks.run(SHAPES[name], options.dtype, budget, rounds))
    if not results:
        print(f"no kernel is called {options.kernels!r}", file=sys.stderr)
        return 2
    print(f"\n{report.LEGEND}")
    if options.json:
        chosen = {key: value for key, value in vars(options).items() if key != "json"}
        report.write_json(options.json, report.document(about, roofs, results, chosen))
    return verdict(results)


def words(text: str | None) -> list[str]:
    """Return the words that choose kernels; none of them choose all."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def chosen_shapes(options: argparse.Namespace) -> Sequence[str]:
    """Return the networks to measure."""
    if options.shapes is not None:
        return list(options.shapes)
    if options.kernels is not None:
        return ()
    return list(SHAPES) if options.all else DEFAULT_SHAPES


def verdict(results: Sequence[Result]) -> int:
    """Name what was wrong, for those who look at the end only."""
    wrong = [result for result in results if not result.verdict.right]
    for result in wrong:
        print(
            f"WRONG: {result.name} {result.shape}: error {result.verdict.error:.3g} exceeds the tolerance "
            f"{result.verdict.tolerance:.3g}; it was not timed",
            file=sys.stderr,
        )
    return 1 if wrong else 0
