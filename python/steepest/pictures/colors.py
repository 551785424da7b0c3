"""The colours of every picture, on paper and on a dark screen.

A picture is drawn in the light colours; in the page each is replaced by a CSS variable of the same role, so that it
follows the reader's theme. Text and lines have a contrast of at least 4.5 with their ground in both (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

from typing import NamedTuple


class Color(NamedTuple):
    """One role: its name in CSS, and its colours in both themes."""

    name: str
    light: str
    dark: str


PAGE = Color("page", "#f5f6f8", "#10151b")
SURFACE = Color("surface", "#ffffff", "#182029")
INK = Color("ink", "#16202c", "#e6ebf1")
MUTED = Color("muted", "#566273", "#9fb0c1")
GRID = Color("grid", "#e3e7ec", "#2b3743")  # no text in it
BAND = Color("band", "#d9efe1", "#1d3a2c")  # the good range, behind curves
PASS = Color("pass", "#1e7040", "#7dd6a0")
WARN = Color("warn", "#8a5a00", "#f0c14b")
FAIL = Color("fail", "#b3261e", "#ff8a80")
# From the input to the output, in the order of the rainbow, all about equally dark.
DEPTH = (
    Color("depth-0", "#6f3fa0", "#c9a3f2"),
    Color("depth-1", "#4656b8", "#a5b1ff"),
    Color("depth-2", "#1f68b0", "#7fbcff"),
    Color("depth-3", "#0b7285", "#58cbdc"),
    Color("depth-4", "#1f7a4d", "#6fd39b"),
    Color("depth-5", "#5c7410", "#b2cc5c"),
    Color("depth-6", "#8f6400", "#e0b64d"),
    Color("depth-7", "#b84a12", "#ff9d66"),
)
TRAINING, VALIDATION = DEPTH[2], DEPTH[7]
ALL = (PAGE, SURFACE, INK, MUTED, GRID, BAND, PASS, WARN, FAIL, *DEPTH)


def by_depth(index: int, count: int) -> Color:
    """Return the colour of layer `index` of `count`."""
    return DEPTH[round(index * (len(DEPTH) - 1) / max(count - 1, 1))]


def variables(dark: bool) -> str:
    """Return the declarations of all colours as CSS variables."""
    return "".join(f"--{color.name}:{color.dark if dark else color.light};" for color in ALL)
