"""One picture with one pair of axes: its words, and how it is drawn, for a sheet or for the page."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.pictures.colors import FAIL, MUTED, Color
from steepest.pictures.figure import finish, new_figure, style

Array = npt.NDArray[np.float64]
WIDTH, HEIGHT = 3.7, 2.5  # inches; at this width the text is readable on a phone
_WIDE = 30.0  # values that differ by more than this factor get a logarithmic axis
_LINE = 0.08  # height of a label, as a share of the axes'
MOST_LAYERS = 12  # named on an axis
_LONGEST = 16  # letters of a label
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Panel:
    """A picture that is not drawn yet.

    Attributes
    ----------
    title : str
        A few words.
    caption : str
        How to read it.
    description : str
        What it shows, in words and numbers: the alternative text.
    draw : callable
        Draws into given matplotlib axes.
    height : float
        In inches; the width is the same for all.
    result : tuple of str, optional
        Name and value of the one number to remember.
    """

    title: str
    caption: str
    description: str
    draw: Callable[[Any], None]
    height: float = HEIGHT
    result: tuple[str, str] | None = None


def sheet(panels: Sequence[Panel], path: str | os.PathLike[str] | None, title: str, columns: int = 3) -> Any:
    """Return one figure of all panels, row by row, and write it to `path` if one is given."""
    if not panels:
        raise ValueError(f"there is nothing to draw in {title}")
    columns = min(columns, len(panels))
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    heights = [max(panel.height for panel in row) + 0.25 for row in rows]
    with style():
        figure = new_figure(WIDTH * columns, sum(heights) + 0.35)
        figure.suptitle(literal(title, 160), fontsize=11, x=0.01, ha="left")
        places = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights).ravel()
        for panel, axes in zip(panels, places, strict=False):
            axes.set_title(literal(panel.title, 80))
            panel.draw(axes)
        for axes in places[len(panels) :]:
            axes.remove()
        return finish(figure, path)


def literal(text: object, longest: int = _LONGEST) -> str:
    """Return a text of the user's for matplotlib: no formulas in it, one line, not too long."""
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(str(text).split()))
    line = line if len(line) <= longest else f"{line[: longest - 1]}…"
    return line.replace("$", r"\$")


def place(name: object, longest: int = _LONGEST) -> str:
    """Return a layer's name for matplotlib; of one that is too long the end, which tells layers of one block apart."""
    text = literal(name, 1000)
    return text if len(text) <= longest else f"…{text[1 - longest :]}"


def number(value: float) -> str:
    """Return a number with three digits, as people write it."""
    if not math.isfinite(value):
        return "not finite"
    text = f"{value:,.0f}" if 1e3 <= abs(value) < 999_999.5 else f"{value:.3g}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    times = "" if digits == "1" else f"{digits}·"
    return f"{times}10{str(int(power)).translate(_SUPERSCRIPTS)}"


def percent(share: float) -> str:
    """Return a share in percent; never 0 % for something above 0."""
    return "<1 %" if 0.0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


def finite(values: Iterable[float]) -> Array:
    """Return the values as an array with gaps (NaN) where they are infinite."""
    array = np.array([float(value) for value in values])
    return np.where(np.isfinite(array), array, np.nan)


def scale(axes: Any, values: Iterable[float], *, which: str = "y", log: bool | None = None) -> bool:
    """Make an axis logarithmic if the values call for it (all above 0, far apart), or as told; say whether it is."""
    array = np.array([value for value in values if math.isfinite(value)])
    positive = array[array > 0.0]
    if log is None:
        log = bool(positive.size == array.size > 0 and positive.max() > _WIDE * positive.min())
    if log and positive.size:
        getattr(axes, f"set_{which}scale")("log")
        low, high = float(np.log10(positive.min())), float(np.log10(positive.max()))
        margin = max(0.05 * (high - low), 0.15)
        getattr(axes, f"set_{which}lim")(10.0 ** (low - margin), 10.0 ** (high + margin))
        log_ticks(getattr(axes, f"{which}axis"), high - low)
        return True
    if array.size and not 1e-2 < np.max(np.abs(array)) < 1e5 and np.any(array):
        getattr(axes, f"{which}axis").set_major_formatter(_formatter(number))
    return False


def _formatter(write: Callable[[float], str]) -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: write(value))


def log_ticks(axis: Any, decades: float) -> None:
    """Label a logarithmic axis over so many decades with few, readable numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    digits = (1.0, 2.0, 5.0) if decades < 2.0 else (1.0,)
    axis.set_major_locator(LogLocator(subs=digits, numticks=6))
    axis.set_major_formatter(_formatter(_power))
    axis.set_minor_formatter(NullFormatter())


def _power(value: float) -> str:
    if 0.01 <= value < 10_000.0:
        return f"{value:g}"
    return number(value)


def epochs_axis(axes: Any, count: int) -> None:
    """Label the x axis: epochs 1 to `count`."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    room = 0.04 * max(count - 1, 1)
    axes.set_xlim(1 - min(room, 0.9), max(count, 2) + room)


def percent_axis(axes: Any) -> None:
    """Show shares of 0 to 1 in percent."""
    axes.yaxis.set_major_formatter(_formatter(lambda value: f"{100.0 * value:.3g} %"))


def layer_ticks(axes: Any, names: Sequence[str]) -> None:
    """Name the layers 1, 2, ... on the x axis, slanted, every so many as there is room for, the last one always."""
    stride = -(-len(names) // MOST_LAYERS)
    shown = np.arange(len(names) - 1, -1, -stride)[::-1]
    slanted = len(names) > 3
    axes.set_xticks(
        shown + 1,
        [place(names[k], 12) for k in shown],
        rotation=35 if slanted else 0,
        ha="right" if slanted else "center",
        rotation_mode="anchor",
    )
    axes.set_xlim(0.5, len(names) + 0.5)
    axes.grid(False, axis="x")


def curve(axes: Any, x: Array, y: Array, color: Color, *, dashed: bool = False) -> None:
    """Draw a line, and as points what is too short or too lonely to be seen as one."""
    known = np.isfinite(y)
    neighbours = np.append(False, known[:-1]) | np.append(known[1:], False)
    lonely = known & ~neighbours
    few = np.count_nonzero(known) < 3
    style = (0, (4, 2)) if dashed else "-"
    axes.plot(x, y, color=color.light, ls=style, marker="o", ms=4.0, markevery=known if few else lonely)


def guide(axes: Any, value: float, text: str, *, color: Color = MUTED, line: int = 0) -> None:
    """Draw a vertical dotted line with its name beside it, so many lines below the top; limits must be set."""
    axes.axvline(value, color=color.light, ls=(0, (1, 1.6)), lw=1.2, zorder=1.5)
    share = (axes.transData + axes.transAxes.inverted()).transform((value, axes.get_ylim()[0]))[0]
    side = -1 if share > 0.7 else 1
    axes.annotate(
        text,
        (value, 1.0 - _LINE * line),
        (3 * side, -2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if side < 0 else "left",
        va="top",
        color=color.light,
        fontsize=8.2,
    )


def label_ends(axes: Any, ends: Sequence[tuple[str, Array, Color]]) -> None:
    """Write each curve's name beside its last point, pushed apart where they would overlap; limits must be set."""
    names, heights, colors = [], [], []
    to_axes = axes.transData + axes.transAxes.inverted()
    for name, values, color in ends:
        known = values[np.isfinite(values)]
        if known.size:
            names.append(place(name))
            heights.append(float(to_axes.transform((axes.get_xlim()[1], known[-1]))[1]))
            colors.append(color)
    order = np.argsort(heights, kind="stable")
    for index, height in zip(order, spread(np.array(heights)[order], _LINE), strict=True):
        axes.text(
            1.02, height, names[index], color=colors[index].light, transform=axes.transAxes, va="center", fontsize=8.8
        )


def spread(heights: Array, distance: float) -> Array:
    """Move ascending heights in [0, 1] apart by at least `distance`, as little as need be."""
    moved = np.clip(np.nan_to_num(heights), 0.0, 1.0)
    for i in range(1, moved.size):
        moved[i] = max(moved[i], moved[i - 1] + distance)
    if moved.size and moved[-1] > 1.0:
        moved[-1] = 1.0
        for i in range(moved.size - 2, -1, -1):
            moved[i] = min(moved[i], moved[i + 1] - distance)
    return moved


def note(axes: Any, text: str, *, color: Color = MUTED) -> None:
    """Say in the middle of empty axes why they are."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=color.light)


def mark_not_finite(axes: Any, x: Array, values: Array) -> None:
    """Mark the first place where a curve is no longer a number."""
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size and bad.size < values.size:
        guide(axes, float(x[bad[0]]), "not finite", color=FAIL)
