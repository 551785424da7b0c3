"""`python -m steepest bench`: how fast kernels and networks are here, beside NumPy and beside what the machine can do.

Every case is verified before it is timed; needs NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """Run the command with the arguments after `bench`; return the exit code (1: a result was wrong)."""
    from steepest.bench import cli

    return cli.main(arguments)
