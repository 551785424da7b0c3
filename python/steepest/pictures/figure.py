"""The one door to matplotlib."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from steepest.archive import replacing
from steepest.pictures.colors import GRID, INK, MUTED, SURFACE

_DPI = 110
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED.light,
    "axes.facecolor": SURFACE.light,
    "axes.grid": True,
    "axes.labelcolor": MUTED.light,
    "axes.labelsize": 8.8,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK.light,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "figure.facecolor": SURFACE.light,
    "font.size": 8.8,
    "grid.color": GRID.light,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "text.color": INK.light,
    "xtick.color": MUTED.light,
    "xtick.labelsize": 8.8,
    "xtick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.color": MUTED.light,
    "ytick.labelsize": 8.8,
    "ytick.major.width": 0.7,
    "ytick.minor.width": 0.5,
}


def _matplotlib() -> Any:
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install 'steepest[plot]'") from error
    return matplotlib


def new_figure(width: float, height: float) -> Any:
    """Return an empty matplotlib figure that belongs to no window; sizes in inches."""
    return _matplotlib().figure.Figure(figsize=(width, height), layout="constrained")


@contextlib.contextmanager
def style() -> Iterator[Any]:
    """Draw in the house's style, whatever the user's settings are, which stay as they are; gives matplotlib."""
    matplotlib = _matplotlib()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield matplotlib


def finish(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    """Write the figure in one piece if a path is given, in the format of its suffix (png without one); return it."""
    if path is not None:
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=_DPI, format=PurePath(path).suffix[1:] or "png")
        with replacing(path) as file:
            file.write(buffer.getvalue())
    return figure
