"""The commands of `steepest`, one module each.

A command's module has `HELP`, the line in the list of commands, and maybe a `DESCRIPTION`; `add(parser)`, which adds
its arguments; and `run(options)`, which returns the exit code: 0 done, 1 failed, 2 wrong arguments or files. A module
imports what it works with inside `run`, so that `steepest --help` stays quick. One that parses its arguments itself has
`main(arguments)` instead of the last two.
"""

from __future__ import annotations

import importlib
from typing import Any

# In the order of the list.
NAMES = ("train", "predict", "checkup", "export", "demo", "bench")


def module(name: str) -> Any:
    """Return the module of the command."""
    return importlib.import_module(f"{__name__}.{name}")
