"""The command line: `steepest demo`, `steepest bench`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import steepest


def positive(text: str) -> int:
    """Return the whole number above 0 that the text says."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
    return number


def natural(text: str) -> int:
    """Return the whole number of at least 0 that the text says."""
    return 0 if text.strip() == "0" else positive(text)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="steepest", description="Dense neural networks trained at the speed of the CPU, and shown to train right."
    )
    parser.add_argument("--version", action="version", version=f"steepest {steepest.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="train a digit classifier, check its gradients, report its accuracy")
    demo.add_argument(
        "--mnist", metavar="DIR", help="directory with MNIST's four IDX files (default: scikit-learn's digits)"
    )
    demo.add_argument("--epochs", type=positive, help="passes over the training set (default: 60, with --mnist 10)")
    demo.add_argument("--seed", type=natural, default=0, help="of weights, order and dropout (default: 0)")
    demo.add_argument("--threads", type=positive, help="workers at most (default: what the machine allows)")
    commands.add_parser("bench", help="measure speed; steepest bench --help says how", add_help=False)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 failed, 2 wrong arguments or files."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["bench"]:
        from steepest.bench import main as bench

        return int(bench(given[1:]) or 0)
    options = make_parser().parse_args(given)
    from steepest import demo

    try:
        return demo.run(mnist=options.mnist, epochs=options.epochs, seed=options.seed, threads=options.threads)
    except (ImportError, OSError, ValueError) as error:
        print(f"steepest {options.command}: {error}", file=sys.stderr)
        return 2
