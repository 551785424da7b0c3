"""The command line: finds the command, runs it, and turns what went wrong into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import steepest
from steepest import commands
from steepest.errors import TrainingDiverged


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="steepest", description="Dense neural networks trained at the speed of the CPU, and shown to train right."
    )
    parser.add_argument("--version", action="version", version=f"steepest {steepest.__version__}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in commands.NAMES:
        module = commands.module(name)
        own = hasattr(module, "main")
        command = choices.add_parser(
            name, help=module.HELP, description=getattr(module, "DESCRIPTION", None), add_help=not own
        )
        if not own:
            module.add(command)
            command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0 done; 1 failed, such as a training that diverged; 2 wrong arguments or files; 130 stopped by Ctrl-C. What went
    wrong is said in one line on standard error.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in commands.NAMES and hasattr(commands.module(given[0]), "main"):
        return int(commands.module(given[0]).main(given[1:]))
    options = make_parser().parse_args(given)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return complain(options.command, "stopped by Ctrl-C, nothing was written", 130)
    except TrainingDiverged as error:
        return complain(options.command, error, 1)
    except BrokenPipeError:
        # The reader of the output has gone; what Python still holds for it must not complain at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ImportError, OSError, MemoryError, TypeError, ValueError) as error:
        return complain(options.command, error, 2)


def complain(command: str, error: object, code: int) -> int:
    """Print one line on standard error, and return the exit code."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, MemoryError):
        text = f"out of memory {text}"
    print(f"steepest {command}: {' '.join(text.split())}", file=sys.stderr)
    return code
