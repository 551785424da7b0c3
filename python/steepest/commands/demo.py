"""`steepest demo`: see `steepest.demo`."""

from __future__ import annotations

import argparse

from steepest.commands.arguments import natural, positive

HELP = "train a digit classifier, check its gradients, report its accuracy"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--mnist", metavar="DIR", help="directory with MNIST's four IDX files (default: scikit-learn's digits)"
    )
    parser.add_argument("--epochs", type=positive, help="passes over the training set (default: 60, with --mnist 10)")
    parser.add_argument("--seed", type=natural, default=0, help="of weights, order and dropout (default: 0)")
    parser.add_argument("--threads", type=positive, help="workers at most (default: what the machine allows)")


def run(options: argparse.Namespace) -> int:
    """Run the demonstration."""
    from steepest import demo

    return demo.run(mnist=options.mnist, epochs=options.epochs, seed=options.seed, threads=options.threads)
