"""Checks of what features and targets have to do with each other: something, but not that a feature is the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.diagnostics import dependence, neighbours
from steepest.diagnostics.dependence import ranks, standard

from .case import Case
from .columns import seen
from .registry import check, failed, passed, skipped, warned
from .report import Check

Floats = npt.NDArray[np.float64]

_TRAINING = ("overfit a few rows", "input-independent baseline", "shuffled-label baseline", "learning rate")


# Share of the variance, and of the rows that are not of the most frequent class, of which there must be some.
_LEAK, _TOLD, _TOLD_ROWS = 0.99, 0.98, 100


@check("leaking features", needs=("finite features", "targets"))
def leaking_features(case: Case) -> Check:
    """Whether one column by itself gives the target away."""
    threshold = (
        f"one column explains {_LEAK:g} of a target's variance, as it is, by ranks, or class by class; "
        f"sorted by it {_TOLD:.0%} of the rows beyond the most frequent class stand among their own"
    )
    rows, width = case.sample.shape
    if width < 2 or rows < 20:
        return skipped("too few rows or columns to tell")
    goals = case.numbers
    explained = np.zeros(width)
    telling = (case.sample != np.median(case.sample, axis=0)).sum(axis=0) >= 5
    enough = (goals != np.median(goals, axis=0)).sum(axis=0) >= 5
    labels = case.labels
    kept = np.flatnonzero(telling)
    if not enough.any() or not len(kept):
        return skipped("too few rows of each kind to tell")
    columns = case.sample[:, kept]
    each = _squared_correlation(columns, goals[:, enough])
    if labels is not None:
        each = np.concatenate([each, _between(columns, labels[case.sampled])[:, None]], axis=1)
    elif goals.shape[1] * len(kept) <= 1 << 20:
        each = np.maximum(each, _squared_correlation(ranks(columns), ranks(goals[:, enough])))
    explained[kept] = each.max(axis=1)
    told = np.zeros(width)
    if labels is not None:
        told[kept] = dependence.told_apart(columns, labels[case.sampled], _TOLD_ROWS)
    # Where the other columns tell the classes about as well, these are far apart, and none is the leak.
    usual = float(np.sort(told[kept])[(len(kept) - 1) // 2])
    apart = (told >= _TOLD) & (usual < 0.5)
    data = {"explained": explained}
    found = np.flatnonzero((explained >= _LEAK) | apart)
    sure = explained.max() > 0.9999
    explained = np.where(apart, np.maximum(explained, told), explained)
    best = int(explained.argmax())
    evidence = (
        f"the most telling column is {case.feature(best)}: by itself it explains {explained[best]:.4f} of a target"
    )
    if not len(found):
        return passed(evidence, threshold=threshold, data=data)
    if labels is None and goals.shape[1] > 1 and (each.max(axis=0) >= _LEAK).mean() >= 0.5:
        return passed("most targets are columns of X: the network is to reproduce its input", threshold=threshold)
    return (failed if sure else warned)(
        f"{case.features(found[np.argsort(-explained[found])])}: {explained[best]:.5f} of the target explained",
        "leave it out, unless it is known at the time of prediction; a column made from the target looks like this",
        threshold=threshold,
        source="Kaufman, Rosset and Perlich 2012, Leakage in data mining",
        data=data,
    )


def _squared_correlation(columns: Floats, goals: Floats) -> Floats:
    """Return the share of every goal's variance that every column explains linearly (columns, goals)."""
    result: Floats = (standard(columns).T @ standard(goals) / len(columns)) ** 2
    return result


def _between(columns: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """Return the share of every column's variance between the classes, adjusted: of few rows some lies there anyway."""
    _, labels = np.unique(labels, return_inverse=True)
    counts = np.bincount(labels)
    rows, classes = len(labels), len(counts)
    if rows < 2 * classes:
        return np.zeros(columns.shape[1])
    means = np.eye(classes)[labels].T @ standard(columns) / counts[:, None]
    share = (counts[:, None] * means**2).sum(axis=0) / rows
    adjusted: Floats = 1.0 - (1.0 - share) * (rows - 1) / (rows - classes)
    return adjusted


# Mean gain over a constant in standard errors; five predictors are tried, so chance alone reaches 2.5 once in 30.
_SIGNAL = 3.0
_FEW = 60


@check("labels and features", needs=("finite features", "targets"), explains=_TRAINING)
def labels_and_features(case: Case) -> Check:
    """Whether the features say anything about the targets: they do not where labels were shuffled or shifted."""
    threshold = f"held-out rows are predicted better than by a constant, by {_SIGNAL:g} standard errors"
    source = (
        "cross-validation of ridge regression, nearest neighbours, products of columns and a small network; "
        "correlations, of so many"
    )
    rows = case.draw(min(dependence.MOST_ROWS, 1_200_000 // case.x.shape[1] + 100), 3)
    if len(rows) < 20:
        return skipped(f"{len(rows)} rows are too few to tell")
    goals = np.eye(case.classes)[case.data.y[rows]] if case.data.y.ndim == 1 else np.asarray(case.data.y[rows], float)
    if case.labels is None:
        goals = ranks(goals)
    if not goals.std(axis=0).any():
        return skipped("the targets do not vary")
    goals = standard(goals)[:, goals.std(axis=0) > 0.0]
    features = dependence.design(case.x[rows], seen(case).codes)
    if not features.shape[1]:
        return skipped("no column varies")
    strengths, found = {}, {}
    gains = dependence.gains(features, goals, case.generator(4))
    for name, gain in gains.items():
        strengths[name], found[name] = dependence.signal(gain), float(gain.mean()) / goals.shape[1]
    if max(strengths.values()) < _SIGNAL:
        strengths["one column"], found["one column"] = dependence.best_column(features, goals)
    if max(strengths.values()) < _SIGNAL:
        gain = dependence.pairs_gain(features, goals, case.generator(18))
        strengths["pairs of columns"] = dependence.signal(gain)
        found["pairs of columns"] = float(gain.mean()) / goals.shape[1]
    if max(strengths.values()) < _SIGNAL:
        gain = dependence.network_gain(features, goals, case.seed)
        strengths["a small network"], found["a small network"] = (
            dependence.signal(gain),
            float(gain.mean()) / goals.shape[1],
        )
    best = max(strengths, key=lambda name: strengths[name])
    strength, explained = strengths[best], found[best]
    told = "explain" if best.endswith("s") else "explains"
    evidence = (
        f"{best} {told} {max(explained, 0.0):.1%} of the targets of held-out rows ({strength:.1f} standard errors)"
    )
    data = {"signal": strength, "explained": explained, "value": strength, "limit": _SIGNAL}
    settings: dict[str, Any] = {"threshold": threshold, "source": source, "data": data}
    case.explained = explained if strength >= _SIGNAL else 0.0
    # Of few rows a weak dependence reaches less: there only what chance makes is held against the data.
    if strength >= (_SIGNAL if len(rows) >= 500 else 2.5 if len(rows) >= 200 else 1.5):
        return Check("", "pass", evidence, **settings)
    # Rows that are not of the most frequent class, or that differ from the most frequent number, are what can be told.
    kinds = list(goals.T) if case.labels is None else [case.labels[rows]]
    telling = len(rows) - int(min(np.unique(column, return_counts=True)[1].max() for column in kinds))
    if min(len(rows), 2 * telling) < _FEW:
        return Check("", "pass", f"{evidence}: too few rows to tell", **settings)
    # No failure, however many rows: a hundredth of the variance, or three columns together, is noise to all of these.
    return warned(
        f"the features do not tell the targets: of {', '.join(strengths)}, {evidence}",
        "see whether rows of X and y still belong together: shuffled or sorted apart, shifted by one, joined wrongly; "
        "if they do, the signal is faint, and only many rows will show it",
        **settings,
    )


# The most frequent label's share, of all rows and around the others, how its odds compare there, and how even it is.
_FILLED, _OTHERS = 0.2, 100
_ODDS, _EVEN = 0.2, 2.0
# What the others' neighbours say of them; of numbers and of two other classes more: these may lie on both sides of it.
_TOLD_APART, _TWO_SIDES = 0.3, 0.5


@check("default label", needs=("finite features", "targets"))
def default_label(case: Case) -> Check:
    """Whether one class or number stands in rows whose right label was lost."""
    threshold = (
        f"a label of {_FILLED:.0%} of the rows or more, and of the neighbours of nine in ten others, at {_ODDS:g} of "
        f"its odds or more and evenly, while neighbours explain {_TOLD_APART:.0%} of the other labels, of numbers and "
        f"two classes {_TWO_SIDES:.0%}"
    )
    rows = case.draw(min(dependence.MOST_ROWS, 1_200_000 // case.x.shape[1] + 100), 16)
    y = case.data.y[rows] if case.labels is None else case.labels[rows]
    if y.ndim == 2 and y.shape[1] > 1:
        return skipped("several targets per row")
    values, counts = np.unique(y, return_counts=True)
    most = values[counts.argmax()]
    filled = y.reshape(len(rows)) == most
    if len(values) < 3 or filled.mean() < _FILLED or (~filled).sum() < _OTHERS:
        return passed(
            f"the most frequent label, {most:g}, is that of {filled.mean():.0%} of the rows", threshold=threshold
        )
    features = dependence.design(case.x[rows], seen(case).codes)
    if not features.shape[1]:
        return skipped("no column varies")
    goals = ranks(y.astype(np.float64)) if case.labels is None else np.eye(case.classes)[y][:, values[values != most]]
    found = neighbours.filling(features, filled, goals)
    evidence = (
        f"{filled.mean():.0%} of the rows have the label {most:g}, and so have {found.share:.0%} or more of the "
        f"neighbours of nine in ten others, of whose labels neighbours explain {found.explained:.0%}"
    )
    settings: dict[str, Any] = {"threshold": threshold, "data": vars(found)}
    told_apart = _TWO_SIDES if case.labels is None or len(values) == 3 else _TOLD_APART
    among = found.share >= _FILLED and found.odds >= _ODDS and found.dispersion <= _EVEN
    if not among or found.explained < told_apart:
        return passed(evidence, **settings)
    return warned(
        f"{evidence}: the features tell the other labels, but not whether a row has this one",
        f"see whether {most:g} was filled in where the right label was missing, and leave such rows out",
        source="Cover and Hart 1967, Nearest neighbor pattern classification: neighbours have the label's distribution",
        **settings,
    )
