"""One self-contained HTML page of a model: verdicts first, then the curves."""

from __future__ import annotations

import datetime
import html
import os
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

import steepest
from steepest.archive import replacing
from steepest.pictures import verdicts as words
from steepest.pictures.colors import variables
from steepest.pictures.history import history_panels
from steepest.pictures.panel import Panel, number
from steepest.pictures.run import monitor_panels
from steepest.pictures.start import report_panels
from steepest.pictures.svg import to_svg
from steepest.pictures.verdicts import Verdict

# The page may load nothing from anywhere, whatever a name in it contains.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_PLACES = {
    "before": "Checkup",
    "during": "Monitor",
    "rest": "Passed",
    "training": "Training curves",
    "start": "Model and data",
}


def page(
    path: str | os.PathLike[str], *, title: str, report: Any = None, monitor: Any = None, history: Any = None
) -> None:
    """Write one HTML file with everything known about a model and its training; it loads nothing from anywhere.

    The verdicts come first: status, sentence, number, threshold, source and fix. Then the curves of the training, then
    what the checkup measured. The page follows the reader's dark or light theme, a phone's width, and prints.

    Parameters
    ----------
    path : str or path-like
        The file, replaced in one piece.
    title : str
        Heading of the page.
    report : Report, optional
        What :func:`steepest.checkup` returned.
    monitor : Monitor, optional
        The callback after the training.
    history : History, optional
        What `fit` returned.

    Raises
    ------
    ImportError
        Without matplotlib (``pip install 'steepest[plot]'``).
    ValueError
        If there is neither a report nor a monitor nor a history.

    Examples
    --------
    >>> import steepest as st
    >>> st.pictures.page("net.html", title="Adult income", history=history)  # doctest: +SKIP
    """
    if report is None and monitor is None and history is None:
        raise ValueError("page needs a report, a monitor or a history, got none of them")
    text = build(str(title), report, monitor, history)
    with replacing(path) as file:
        file.write(text.encode("utf-8", "replace"))


def build(title: str, report: Any, monitor: Any, history: Any) -> str:
    """Return the page's text."""
    before = words.of_report(report) if report is not None else []
    during = [words.from_finding(finding) for finding in monitor.findings] if monitor is not None else []
    training = [*(history_panels(history) if history is not None and history.epochs else [])]
    training += monitor_panels(monitor) if monitor is not None else []
    start = report_panels(report) if report is not None else []
    sections = [
        _verdict_section("before", "Before training: the checkup", words.cards(before), report is not None),
        _verdict_section("during", "During training: the monitor", words.cards(during), monitor is not None),
        _rest_section([*before, *during]),
        _picture_section("training", "Training", training),
        _picture_section("start", "Model and data at the start", start),
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(title)}</title><style>{_css()}</style></head>"
    )
    summary = _summary([*before, *during], report is not None or monitor is not None, history)
    places = {name: title for name, title in _PLACES.items() if any(f'<h2 id="{name}">' in part for part in sections)}
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title in places.items())
    what = getattr(report, "title", "")
    subject = f'<p class="subject">{html.escape(str(what))}</p>' if what and what not in title else ""
    nav = f'<nav aria-label="Sections">{links}</nav>' if len(places) > 2 else ""
    top = f'<header><p class="brand">steepest</p><h1>{html.escape(title)}</h1>{subject}{summary}{nav}</header>'
    foot = f"<footer>steepest {html.escape(steepest.__version__)}, {datetime.date.today().isoformat()}</footer>"
    return f"{head}<body>{top}<main>{''.join(sections)}</main>{foot}</body></html>\n"


def _css() -> str:
    text = resources.files("steepest.pictures").joinpath("page.css").read_text(encoding="utf-8")
    light, dark = variables(dark=False), variables(dark=True)
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{' '.join(text.split())}"
    )


def _summary(verdicts: Sequence[Verdict], checked: bool, history: Any) -> str:
    text = f'<p class="headline">{html.escape(words.headline(verdicts))}</p>' if checked else ""
    tiles = []
    for status, word in (("fail", "failed"), ("warn", "warning"), ("pass", "passed"), ("skip", "not run")):
        if n := words.count(verdicts, status):
            tiles.append((f"{n}", words.plural(n, word).split(" ", 1)[1] if status == "warn" else word, status))
    tiles += [(value, name, "plain") for name, value in _numbers(history)]
    items = "".join(
        f'<li class="tile {kind}"><b>{html.escape(value)}</b> <span>{html.escape(name)}</span></li>'
        for value, name, kind in tiles
    )
    return f'{text}<ul class="tiles">{items}</ul>{_outcome(history)}' if tiles else text + _outcome(history)


def _numbers(history: Any) -> Iterable[tuple[str, str]]:
    if history is None or not history.epochs:
        return
    yield ("epoch" if history.epochs == 1 else "epochs"), f"{history.epochs:,}"
    if "seconds" in history:
        yield "training time", f"{sum(history['seconds']):.3g} s"
    for panel in history_panels(history):
        if panel.result:
            yield panel.result


def _outcome(history: Any) -> str:
    if history is None:
        return ""
    lines = [
        f"Recovered in epoch {event['epoch']} ({event['cause']}): learning rate times {number(event['rate_factor'])}"
        for event in history.events
        if event.get("kind") == "recovery"
    ]
    if reason := "interrupted with Ctrl-C" if history.interrupted else history.stopped:
        lines.append(f"Training ended early: {reason}")
    return "".join(f'<p class="outcome">{html.escape(line)}.</p>' for line in lines)


def _verdict_section(name: str, title: str, cards: str, there: bool) -> str:
    body = f'<ul class="cards">{cards}</ul>' if cards else '<p class="fine">Nothing to complain about.</p>'
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{body}</section>' if there else ""


def _rest_section(verdicts: Sequence[Verdict]) -> str:
    rows, skipped = words.rest(verdicts), words.count(verdicts, "skip")
    title = "Passed and not run" if skipped else "Passed"
    return f'<section aria-labelledby="rest"><h2 id="rest">{title}</h2>{rows}</section>' if rows else ""


def _picture_section(name: str, title: str, panels: Sequence[Panel]) -> str:
    if not panels:
        return ""
    figures = "".join(
        f"<figure><h3>{html.escape(panel.title)}</h3>{to_svg(panel, f'{name}-{k}')}"
        f"{f'<figcaption>{html.escape(panel.caption)}</figcaption>' if panel.caption else ''}</figure>"
        for k, panel in enumerate(panels)
    )
    return (
        f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2><div class="figures">{figures}</div></section>'
    )
