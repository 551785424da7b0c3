"""The one door to matplotlib."""

from __future__ import annotations

import os
from typing import Any


def new_figure(width: float, height: float) -> Any:
    """Return an empty matplotlib figure that belongs to no window; sizes in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install 'steepest[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def finish(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    """Write the figure if a path is given, and return it."""
    if path is not None:
        figure.savefig(path, dpi=110)
    return figure
