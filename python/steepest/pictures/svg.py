"""A panel as inline SVG: text stays text, colours are the page's variables, nothing refers to another place."""

from __future__ import annotations

import html
import io
import re
import warnings

from steepest.pictures import colors
from steepest.pictures.figure import new_figure, style
from steepest.pictures.panel import WIDTH, Panel

_VARIABLE = {color.light: f"var(--{color.name})" for color in colors.ALL}
_COLOR = re.compile("|".join(_VARIABLE))
_IDENTIFIER = re.compile(r'(\bid="|url\(#|href="#)')


def to_svg(panel: Panel, name: str) -> str:
    """Draw a panel as an `<svg>` element for an HTML page; `name` keeps its identifiers apart from other pictures'."""
    with style() as matplotlib, warnings.catch_warnings():
        # Only matplotlib's own measuring needs the glyph; the browser has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": name})
        figure = new_figure(WIDTH, panel.height)
        panel.draw(figure.add_subplot())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    head, body = text.split(">", 1)
    box = re.search(r'viewBox="([^"]*)"', head)
    assert box is not None
    label = html.escape(panel.description, quote=True)
    body = body.replace("xlink:href=", "href=")
    # A label may hold what looks like a colour or an identifier, so only tags are changed, never text.
    body = re.sub(r"<[^>]*>", lambda tag: _own(tag.group(), name), body)
    body = re.sub(r">\s+<", "><", body).strip()
    return f'<svg viewBox="{box[1]}" role="img" aria-label="{label}">{body}'


def _own(tag: str, name: str) -> str:
    tag = _COLOR.sub(lambda color: _VARIABLE[color.group()], tag)
    return _IDENTIFIER.sub(rf"\g<1>{name}-", tag)
