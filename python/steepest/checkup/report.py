"""What a checkup found: an object first, printed text second."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

STATUSES = ("pass", "warn", "fail", "skip")
_WIDTH = 100


@dataclass(frozen=True)
class Check:
    """The verdict of one check.

    Attributes
    ----------
    name : str
        What was checked, as `CHECKS` lists it: `"feature scale"`.
    status : {"pass", "warn", "fail", "skip"}
        Skipped checks do not apply to this model or data, or found no time left; the evidence says which.
    evidence : str
        What was seen, with its numbers.
    advice : str
        What to do; empty where nothing is to be done.
    threshold : str
        From where on it warns and fails.
    source : str
        Where the threshold comes from.
    data : dict of str to ndarray, number or list
        The numbers behind the evidence, for pictures; see `steepest.checkup` for the names.
    family : str
        Group of checks it belongs to.
    explained_by : str
        Name of the finding that this one follows from; empty for a cause of its own.
    seconds : float
        Time the check took.
    """

    name: str
    status: str
    evidence: str
    advice: str = ""
    threshold: str = ""
    source: str = ""
    data: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    family: str = ""
    explained_by: str = ""
    seconds: float = field(default=0.0, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(map(repr, STATUSES))}, got {self.status!r}")

    def __str__(self) -> str:
        lines = [f"{self.status.upper():<5} {self.name}: {self.evidence}"]
        if self.status in ("warn", "fail"):
            lines += [f"      -> {self.advice}"] if self.advice else []
            if self.explained_by:
                lines.append(f"      follows from: {self.explained_by}")
            if self.threshold:
                lines.append(f"      threshold: {self.threshold}" + (f" ({self.source})" if self.source else ""))
        return "\n".join(textwrap.fill(line, _WIDTH, subsequent_indent=" " * 9) for line in lines)


@dataclass(frozen=True)
class Report:
    """What `steepest.checkup` returns; printed it shows the findings first.

    Attributes
    ----------
    title : str
        The model, the data and the loss in one line.
    checks : list of Check
        All of them, in the order in which they ran.
    seconds : float
        Time the checkup took.
    """

    title: str
    checks: list[Check]
    findings: list[Check]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing failed and nothing is to be warned of."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.passed

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"no check is called {name!r}, there are {', '.join(repr(c.name) for c in self.checks)}")

    def __contains__(self, name: object) -> bool:
        return any(check.name == name for check in self.checks)

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self.checks)

    def count(self, status: str) -> int:
        """Return how many checks have this status."""
        return sum(check.status == status for check in self.checks)

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        counts = ", ".join(f"{self.count(s)} {word}" for s, word in _WORDS.items() if self.count(s))
        if self.passed:
            return f"nothing to complain about: {counts}"
        return f"{counts}; look first at {self.findings[0].name!r}"

    def __str__(self) -> str:
        head = [f"Checkup of {self.title}", f"{self.verdict} ({self.seconds:.1f} s)"]
        found = [str(check) for check in self.findings]
        skipped = [f"{check.name}: {check.evidence}" for check in self.checks if check.status == "skip"]
        passed = [f"{check.name}: {check.evidence}" for check in self.checks if check.status == "pass"]
        parts = [head, found, _listed("passed", passed), _listed("skipped", skipped)]
        return "\n\n".join("\n".join(part) for part in parts if part)

    def __repr__(self) -> str:
        return f"<Report: {self.verdict}>"

    def to_dict(self) -> dict[str, Any]:
        """Return title, verdict and checks as plain objects that JSON can hold, without the checks' data."""
        names = ("name", "status", "evidence", "advice", "threshold", "source", "family", "explained_by")
        return {
            "title": self.title,
            "verdict": self.verdict,
            "seconds": self.seconds,
            "findings": [check.name for check in self.findings],
            "checks": [{name: getattr(check, name) for name in names} for check in self.checks],
        }

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return a matplotlib figure of what was measured, and write it to `path` if one is given."""
        from steepest import pictures

        return pictures.plot_report(self, path)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one self-contained HTML page: the verdicts first, then the pictures.

        Parameters
        ----------
        path : str or path-like
            File; an existing one is replaced.
        """
        from steepest import pictures

        pictures.page(path, title="Checkup", report=self)


_WORDS = {"fail": "failed", "warn": "warned", "pass": "passed", "skip": "skipped"}


def _listed(title: str, lines: list[str]) -> list[str]:
    return (
        [f"{title}:", *(textwrap.fill(f"  {line}", _WIDTH, subsequent_indent=" " * 6) for line in lines)]
        if lines
        else []
    )
