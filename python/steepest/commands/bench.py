"""`steepest bench`: see `steepest.bench`, which parses the arguments itself."""

from __future__ import annotations

from collections.abc import Sequence

HELP = "measure speed; steepest bench --help says how"


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark with the arguments after `bench`."""
    from steepest.bench import main as bench

    return int(bench(arguments) or 0)
