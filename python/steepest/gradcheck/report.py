"""The gradient check's report: an object first, a printed table second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

EXCELLENT, CLOSER, BUG = 1e-7, 1e-5, 1e-3
WORST = 10


def relative_error(numeric: float, analytic: float) -> float:
    """``|num - ana| / (|num| + |ana|)`` of norms or numbers; 0 where both are 0."""
    total = abs(numeric) + abs(analytic)
    return abs(numeric - analytic) / total if total else 0.0


def verdict_of(error: float) -> str:
    """Return the verdict on a relative error, by the usual bands at 1e-7, 1e-5 and 1e-3."""
    if error <= EXCELLENT:
        return "excellent"
    if error <= CLOSER:
        return "look closer"
    return "probably a bug" if error < BUG else "almost surely a bug"


@dataclass(frozen=True)
class Entry:
    """One compared number: a coordinate of a tensor, or its derivative in a random direction.

    Attributes
    ----------
    name : str
        The tensor.
    index : tuple of int or None
        The coordinate; None for a direction.
    analytic, numeric : float
        The gradient under test and the difference quotient.
    bound : float
        Bound of the difference quotient's own error (rounding and truncation).
    wrong, kink, resolved : bool
        Outside the bound; a kink lies within the step; the bound is below 0.01 % of the value.
    """

    name: str
    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    bound: float
    wrong: bool
    kink: bool
    resolved: bool

    @property
    def relative_error(self) -> float:
        """``|num - ana| / (|num| + |ana|)``."""
        return relative_error(self.numeric, self.analytic)

    @property
    def place(self) -> str:
        """``name[i, j]``, or ``name (a direction)``."""
        return f"{self.name} (a direction)" if self.index is None else f"{self.name}[{', '.join(map(str, self.index))}]"


@dataclass(frozen=True)
class TensorSummary:
    """What the check found about one tensor."""

    name: str
    shape: tuple[int, ...]
    checked: int
    directions: int
    relative_error: float
    norm: float
    wrong: int
    kinks: int
    unresolved: int


@dataclass(frozen=True)
class GradientReport:
    """Result of a gradient check.

    Attributes
    ----------
    passed : bool
        No entry is wrong and the relative error is at most 1e-5.
    relative_error : float
        ``||num - ana|| / (||num|| + ||ana||)`` over everything compared, as one long vector.
    verdict : str
        "excellent" (at most 1e-7), "look closer" (1e-5), "probably a bug", "almost surely a bug" (1e-3 or more); a
        wrong entry is almost surely a bug, however small its share of the norm.
    tensors : dict of str to float
        The relative error of each tensor by itself.
    worst : list of Entry
        Up to ten entries, wrong ones first, then by relative error.
    wrong : list of Entry
        All entries outside the error bound of their difference quotient.
    kinks : int
        Entries with a kink (ReLU, max, hinge) within the step; reported, not failed.
    """

    what: str
    mode: str
    method: str
    value: float
    step: float
    noise: float
    relative_error: float
    summaries: list[TensorSummary]
    worst: list[Entry]
    wrong: list[Entry] = field(default_factory=list)
    kink_entries: list[Entry] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no entry is wrong and the relative error is at most 1e-5."""
        return not self.wrong and self.relative_error <= CLOSER

    @property
    def verdict(self) -> str:
        """Words for the relative error; wrong entries are almost surely a bug."""
        return "almost surely a bug" if self.wrong else verdict_of(self.relative_error)

    @property
    def tensors(self) -> dict[str, float]:
        """Relative error by tensor."""
        return {summary.name: summary.relative_error for summary in self.summaries}

    @property
    def kinks(self) -> int:
        """Number of entries with a kink within the step."""
        return len(self.kink_entries)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return "\n".join([*self._head(), "", *self._table(), *self._entries(), *self._notes()])

    def _head(self) -> list[str]:
        outcome = "passed" if self.passed else "FAILED"
        return [
            f"Gradient check of {self.what}: {outcome}, {self.verdict}",
            f"relative error {self.relative_error:.2e}   value {self.value:.6g}   {self.mode}, {self.method}, "
            f"step {self.step:.1e}, noise {self.noise:.1e}",
        ]

    def _table(self) -> list[str]:
        rows = [("tensor", "shape", "compared", "relative error", "norm", "wrong", "kinks", "verdict")]
        for s in self.summaries:
            size = int(np.prod(s.shape, dtype=np.int64))
            compared = f"{s.checked} of {size}" + (f" + {s.directions} dir" if s.directions else "")
            shape = " x ".join(map(str, s.shape)) or "scalar"
            verdict = (
                "wrong entries" if s.wrong else "too small to tell" if _untold(s) else verdict_of(s.relative_error)
            )
            rows.append(
                (
                    s.name,
                    shape,
                    compared,
                    f"{s.relative_error:.1e}",
                    f"{s.norm:.1e}",
                    str(s.wrong),
                    str(s.kinks),
                    verdict,
                )
            )
        return _columns(rows, left={0, 7})

    def _entries(self) -> list[str]:
        listed = [entry for entry in self.worst if entry.wrong or not self.passed]
        if not listed:
            return []
        rows = [("worst entries", "analytic", "numeric", "relative error", "bound", "")]
        for e in listed:
            remark = "wrong" if e.wrong else "kink" if e.kink else "" if e.resolved else "too small to tell"
            numbers = (f"{e.analytic:.9g}", f"{e.numeric:.9g}", f"{e.relative_error:.1e}", f"{e.bound:.0e}")
            rows.append((e.place, *numbers, remark))
        return ["", *_columns(rows, left={0, 5})]

    def _notes(self) -> list[str]:
        notes = []
        if len(self.wrong) > WORST:
            notes.append(f"{len(self.wrong)} entries are wrong in all; .wrong lists them.")
        if self.kinks:
            notes.append(
                f"{self.kinks} entries have a kink (ReLU, max, hinge) within the step: checked beside it, not failed."
            )
        unresolved = sum(s.unresolved for s in self.summaries) - sum(not e.resolved for e in self.wrong)
        if unresolved:
            notes.append(
                f"{unresolved} entries are so small that rounding hides an error of 0.01 %; they agree within rounding."
            )
        return ["", *notes] if notes else []


def _untold(summary: TensorSummary) -> bool:
    return summary.unresolved > 0 and summary.unresolved == summary.checked + summary.directions


def _columns(rows: Sequence[tuple[str, ...]], left: set[int]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]
