"""The verdicts of checkup and monitor as HTML: gravest first, each with its number, threshold, source and fix."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.pictures.panel import number

WORDS = {"fail": "Fail", "warn": "Warning", "pass": "Pass", "skip": "Not run"}
_SIGNS = {"fail": "✕", "warn": "!", "pass": "✓", "skip": "–"}
_ORDER = ("fail", "warn", "pass", "skip")


@dataclass(frozen=True)
class Verdict:
    """What the page says about one check or finding."""

    name: str
    status: str
    sentence: str
    fix: str
    facts: tuple[tuple[str, str], ...]


def of_report(report: Any) -> list[Verdict]:
    """Return the findings in the report's order, causes before what follows from them, then all other checks."""
    found = list(report.findings)
    return [from_check(check) for check in (*found, *(c for c in report.checks if not any(c is f for f in found)))]


def from_check(check: Any) -> Verdict:
    """Return the verdict of one check of the checkup."""
    data = check.data or {}
    facts = [
        ("Follows from", getattr(check, "explained_by", None)),
        ("Number", data.get("value")),
        ("Threshold", _threshold(check, data)),
        ("Source", check.source),
    ]
    return Verdict(_title(check.name), check.status, _sentence(check.evidence), _sentence(check.advice), _known(facts))


def from_finding(finding: Any) -> Verdict:
    """Return the verdict of one finding of the monitor."""
    facts = [
        ("Layer", finding.layer),
        ("Epoch", finding.epoch),
        ("Step", getattr(finding, "step", None)),
        ("Threshold", getattr(finding, "threshold", None)),
        ("Source", getattr(finding, "source", None)),
    ]
    status = getattr(finding, "status", "warn")
    return Verdict(_title(finding.name), status, _sentence(finding.evidence), _sentence(finding.advice), _known(facts))


def _threshold(check: Any, data: Any) -> Any:
    return check.threshold if check.threshold not in (None, "") else data.get("limit")


def _known(facts: Iterable[tuple[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, text) for name, value in facts if (text := _text(value)))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}"
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else number(float(value))
    return str(value)


def _sentence(value: Any) -> str:
    """Return a text with a capital letter and a full stop; a name of the program's at its start stays as it is."""
    text = _text(value).strip()
    first = text.split(maxsplit=1)[0] if text else ""
    if first.rstrip(",:;").isalpha():
        text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?:…)" else f"{text}."


def _title(name: object) -> str:
    text = str(name).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def count(verdicts: Sequence[Verdict], status: str) -> int:
    """Return how many have the status."""
    return sum(verdict.status == status for verdict in verdicts)


def plural(number: int, word: str) -> str:
    """Return "1 warning", "2 warnings"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def headline(verdicts: Sequence[Verdict]) -> str:
    """Return the outcome in one sentence."""
    fails, warns = count(verdicts, "fail"), count(verdicts, "warn")
    parts = [plural(n, word) for n, word in ((fails, "failed check"), (warns, "warning")) if n]
    return f"{' and '.join(parts)}: read from the top." if parts else "Nothing to complain about."


def badge(status: str) -> str:
    """Return the mark of a status: a sign, a word and a colour."""
    known = status if status in WORDS else "warn"
    return f'<span class="badge {known}"><span aria-hidden="true">{_SIGNS[known]}</span> {WORDS[known]}</span>'


def cards(verdicts: Sequence[Verdict]) -> str:
    """Return what needs attention as a list of cards, in the given order within each status."""
    found = [v for status in ("fail", "warn") for v in verdicts if v.status == status]
    found += [v for v in verdicts if v.status not in _ORDER]
    return "".join(_card(verdict) for verdict in found)


def _card(verdict: Verdict) -> str:
    fix = f'<p class="fix"><strong>Fix</strong> {html.escape(verdict.fix)}</p>' if verdict.fix else ""
    facts = "".join(f"<div><dt>{name}</dt><dd>{html.escape(text)}</dd></div>" for name, text in verdict.facts)
    known = verdict.status if verdict.status in WORDS else "warn"
    return (
        f'<li class="card {known}"><h3>{badge(verdict.status)} {html.escape(verdict.name)}</h3>'
        f'<p class="sentence">{html.escape(verdict.sentence)}</p>{fix}'
        f"{f'<dl>{facts}</dl>' if facts else ''}</li>"
    )


def rest(verdicts: Sequence[Verdict]) -> str:
    """Return what passed and what did not run as a compact list."""
    rows = [_row(verdict) for status in ("pass", "skip") for verdict in verdicts if verdict.status == status]
    return f'<ul class="rows">{"".join(rows)}</ul>' if rows else ""


def _row(verdict: Verdict) -> str:
    facts = " · ".join(f"{name.lower()}: {text}" for name, text in verdict.facts)
    small = f"<small>{html.escape(facts)}</small>" if facts else ""
    return (
        f"<li><h3>{html.escape(verdict.name)}</h3>{badge(verdict.status)}"
        f"<p>{html.escape(verdict.sentence)}{small}</p></li>"
    )
