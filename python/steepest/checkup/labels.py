"""Checks of the targets: accepted by the loss, balanced, of a sane scale, and in the features, but not as a feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import dependence
from .case import Case
from .columns import seen
from .data import SPARSE, sparse_share
from .dependence import ranks, standard
from .graph import function_of, last
from .registry import check, failed, judge, passed, skipped, warned
from .report import Check

Floats = npt.NDArray[np.float64]

_TRAINING = ("overfit a few rows", "input-independent baseline", "shuffled-label baseline", "learning rate")


@check("targets", explains=(*_TRAINING, "absent classes", "class balance"))
def targets(case: Case) -> Check:
    """Whether the loss takes the targets and weights."""
    threshold = "what fit accepts"
    if "targets" not in case.problems and "weights" not in case.problems:
        kind = f"{case.classes} classes" if case.labels is not None else f"{case.width} numbers per row"
        return passed(f"{case.loss.kind or 'the loss'} takes them: {kind}", threshold=threshold)
    if "targets" not in case.problems:
        return failed(
            f"fit would refuse the weights: {case.problems['weights']}", "correct the weights", threshold=threshold
        )
    y, advice = case.y, "look at how the targets are encoded"
    whole = y.ndim == 1 and y.dtype.kind in "iuf" and bool(np.all(np.isfinite(y))) and bool(np.all(y == np.floor(y)))
    evidence = case.problems["targets"]
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        advice = "leave out the rows without a target"
    elif whole and case.loss.kind in ("softmax_cross_entropy", "hinge"):
        low, high, count = int(y.min()), int(y.max()), len(np.unique(y))
        evidence += f"; the labels span {low}..{high} with {count} different ones, the network has {case.width} outputs"
        if high - low + 1 == case.width:
            advice = f"the labels are off by {low}: subtract {low}" if low > 0 else f"add {-low} to the labels"
        elif low >= 0 and high >= case.width:
            advice = f"give the network {high + 1} outputs, or number the {count} classes 0..{count - 1}"
        else:
            advice = f"number the classes 0..{count - 1}: np.unique(y, return_inverse=True)"
    return failed(f"fit would refuse the targets: {evidence}", advice, threshold=threshold, source="the loss")


# Rows of the rarest class in a batch, and how many times more the most frequent one has.
_RATIO = 40.0


@check(
    "class balance",
    needs=("targets",),
    explains=("loss at initialisation", "labels and features", *_TRAINING),
    grave=False,
)
def class_balance(case: Case) -> Check:
    """Whether some class hardly ever comes by."""
    labels = case.labels
    if labels is None:
        columns = case.data.y
        if case.loss.kind == "sigmoid_cross_entropy" and columns.shape[1] > 1:
            return _label_columns(case)
        return skipped("the targets are not classes")
    weights = case.data.weight
    counts = np.bincount(labels, weights, minlength=case.classes).astype(np.float64)
    present = counts[counts > 0]
    share = counts / counts.sum()
    data = {"classes": np.arange(case.classes), "class_counts": np.bincount(labels, minlength=case.classes)}
    threshold = f"the most frequent class weighs {_RATIO:g} times the rarest and a batch has less than one row of that"
    if len(present) < 2:
        return failed(
            f"all {len(labels):,} rows are of class {int(share.argmax())}",
            "look at how the labels are read or the rows are chosen: there is nothing to learn",
            threshold="two classes",
            data=data,
        )
    rarest = int(np.where(counts > 0, counts, np.inf).argmin())
    ratio = float(present.max() / present.min())
    evidence = (
        f"the most frequent class {int(counts.argmax())} weighs {ratio:.3g} times the rarest, {rarest}, which is "
        f"{share[rarest]:.2%}"
    )
    if ratio < _RATIO or share[rarest] * case.batch_size >= 1.0:
        return passed(evidence, threshold=threshold, data=data)
    return warned(
        f"{evidence}: most batches of {case.batch_size} have no row of it, and accuracy says nothing",
        "fit(class_weight='balanced') or larger batches, judge by a measure per class, and start the output bias at "
        "the prior: st.initializers.output_bias(y, loss)",
        threshold=threshold,
        source="a class that is in fewer than every second batch has no gradient most of the time",
        data=data,
    )


def _label_columns(case: Case) -> Check:
    share = np.asarray(case.data.y, dtype=np.float64).mean(axis=0)
    stuck = np.flatnonzero((share == 0.0) | (share == 1.0))
    evidence = f"shares of yes of the {len(share)} labels between {share.min():.2%} and {share.max():.2%}"
    if len(stuck):
        return warned(
            f"{len(stuck)} of {len(share)} labels never change, such as {stuck[0]}; {evidence}",
            "leave these outputs out, or look at how the labels are read",
            threshold="every label is yes and no somewhere",
        )
    return passed(evidence, threshold="every label is yes and no somewhere")


@check("absent classes", needs=("targets",), grave=False)
def absent_classes(case: Case) -> Check:
    """Whether the network has outputs for classes that do not exist."""
    labels = case.labels
    if labels is None or case.width < 2:
        return skipped("no output per class")
    counts = np.bincount(labels, minlength=case.classes)
    absent = np.flatnonzero(counts == 0)
    threshold = "a class without rows while every other one has at least 5"
    source = "Good 1953: the unseen weigh about as much as what was seen once"
    if not len(absent) or len(absent) == case.classes - 1:
        return passed(f"all {case.classes} classes have rows", threshold=threshold)
    rest = counts[counts > 0]
    evidence = f"{len(absent)} of {case.classes} classes have no row, such as {absent[0]}"
    if rest.min() < 5:
        return passed(
            f"{evidence}, and others have as few as {rest.min()}: rare ones may be missing", threshold=threshold
        )
    hint = "the labels start at 1: subtract 1 and make the output one narrower" if list(absent) == [0] else ""
    return warned(
        f"{evidence}, while every other class has at least {rest.min()}",
        hint or f"number the classes 0..{len(rest) - 1} without gaps and give the network {len(rest)} outputs",
        threshold=threshold,
        source=source,
    )


_SCALE_WARN, _SCALE_FAIL = 50.0, 1000.0
_SCALE_SMALL = 0.005


@check(
    "target scale",
    needs=("targets",),
    explains=("loss at initialisation", "gradient scale", "regularisation", *_TRAINING, "gradient check"),
)
def target_scale(case: Case) -> Check:
    """Whether numbers to predict are of an order that a fresh network's outputs can reach."""
    if case.loss.kind not in ("mse", "mae", "huber", "quantile", "poisson"):
        return skipped("the targets are not numbers to predict")
    values = np.asarray(case.data.y[case.sampled], dtype=np.float64)
    mean, std = values.mean(axis=0), values.std(axis=0)
    if case.loss.kind == "poisson":
        mean = std = np.log(np.maximum(values.mean(axis=0), 1e-12))
    size = np.sqrt(mean**2 + std**2) if case.loss.kind != "poisson" else np.abs(mean)
    data = {"mean": mean, "std": std}
    constant = np.flatnonzero(values.std(axis=0) == 0.0)
    natural = len(constant) < values.shape[1] and sparse_share(np.delete(values, constant, axis=1)) >= SPARSE
    if len(constant) and case.rows > 1 and not natural:
        verdict = failed if len(constant) == values.shape[1] else warned
        return verdict(
            f"{len(constant)} of {values.shape[1]} targets are constant",
            "look at how the targets are read: there is nothing to learn",
            threshold="targets vary",
            data=data,
        )
    threshold = (
        f"root mean square: warn from {_SCALE_WARN:g}, fail from {_SCALE_FAIL:g}; warn where the deviation is below "
        f"{_SCALE_SMALL:g}"
    )
    source = "a fresh network's outputs are of order 1, and Adam moves a weight by at most the rate each step"
    advice = (
        "standardise the targets by the training set's mean and deviation and undo it after predict; or start the "
        "output bias at st.initializers.output_bias(y, loss)"
    )
    if case.loss.kind == "poisson":
        worst = float(size.max())
        return judge(
            worst,
            5.0,
            12.0,
            f"the mean count is {np.exp(mean[size.argmax()]):.3g}, whose logarithm the output has to reach",
            "start the output bias at st.initializers.output_bias(y, 'poisson')",
            threshold="logarithm of the mean: warn from 5, fail from 12",
            source=source,
            data=data,
        )
    if _has_own_scale(case, float(size.max())):
        return passed("the outputs start where the targets lie", threshold=threshold, data=data)
    column = int(size.argmax())
    which = "the targets have" if len(size) == 1 else f"target {column} has"
    evidence = f"{which} mean {mean[column]:.4g} and deviation {std[column]:.4g}"
    if size.max() >= _SCALE_WARN:
        return judge(
            float(size.max()), _SCALE_WARN, _SCALE_FAIL, evidence, advice, threshold=threshold, source=source, data=data
        )
    if std.max() < _SCALE_SMALL:
        return warned(
            f"the targets' deviation is {std.max():.3g} (mean {mean[column]:.3g}): a small loss tells nothing",
            advice,
            threshold=threshold,
            source=source,
            data=data,
        )
    return passed(evidence, threshold=threshold, data=data)


def _has_own_scale(case: Case, size: float) -> bool:
    """Whether the outputs are already of the targets' size: an output bias was set, or the model has been trained."""
    outputs = case.forward(case.model, case.x[case.sampled[:256]], training=False)[case.network.program.output]
    return bool(0.3 * size < np.sqrt(np.mean(np.square(outputs, dtype=np.float64))) < 3.0 * size)


_OWN_LOSS = "Bishop 2006, Pattern recognition and machine learning, 5.2: every kind of target has its loss"


def _one_hot(y: npt.NDArray[Any]) -> bool:
    """Whether every row is a class as 0 and 1, and every class has rows."""
    if y.ndim != 2 or y.shape[1] < 2:
        return False
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all() and y.any(axis=0).all())


@check("loss and targets", needs=("targets",))
def loss_and_targets(case: Case) -> Check:
    """Whether the loss is meant for such targets."""
    threshold = (
        "yes and no, or classes numbered from 0 of about equal frequency or as one-hot rows, under a loss of numbers"
    )
    y = case.data.y
    op = last(case.network.program)
    linear = op is None or function_of(op) == "identity"
    if case.loss.kind in ("mse", "mae", "huber") and linear and _one_hot(y[case.sampled]):
        return warned(
            f"every row of the targets has one 1 among {y.shape[1] - 1} zeros: a class, which {case.loss.kind} takes "
            "for amounts, and punishes outputs that are more than sure",
            "loss='softmax_cross_entropy', which takes such rows; for the Brier score end with activation='softmax'",
            threshold=threshold,
            source=_OWN_LOSS,
        )
    if case.loss.kind not in ("mse", "mae", "huber") or y.ndim != 2 or y.shape[1] != 1:
        return passed(f"{case.loss.kind or 'the loss'} is meant for such targets", threshold=threshold)
    values, counts = np.unique(y[case.sampled], return_counts=True)
    contiguous = len(values) >= 2 and np.array_equal(values, np.arange(len(values)))
    if not contiguous or len(values) > 100 or counts.min() < 5:
        return passed("the targets are numbers", threshold=threshold)
    shares = counts / counts.sum()
    evenness = float(-(shares * np.log(shares)).sum() / np.log(len(values)))
    if len(values) > 2 and evenness < 0.97:
        return passed(f"whole numbers 0..{len(values) - 1} of unequal frequency: counts or grades", threshold=threshold)
    if len(values) == 2:
        bounded = case.network.program.operations[-1].attributes.get("activation") in ("sigmoid", "hard_sigmoid")
        if bounded:
            return passed("0 and 1 under a sigmoid: the Brier score", threshold=threshold)
        advice = "loss='sigmoid_cross_entropy' for yes and no, with one output without activation"
    else:
        advice = f"loss='softmax_cross_entropy' with {len(values)} outputs"
    return warned(
        f"the targets are the whole numbers 0..{len(values) - 1}, each about as frequent: class labels, which "
        f"{case.loss.kind} takes for amounts",
        advice,
        threshold=threshold,
        source=_OWN_LOSS,
    )


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


# Mean gain over a constant in standard errors; four predictors are tried, so chance alone reaches 2.5 once in 40.
_SIGNAL = 3.0
_FEW = 60


@check("labels and features", needs=("finite features", "targets"), explains=_TRAINING)
def labels_and_features(case: Case) -> Check:
    """Whether the features say anything about the targets: they do not where labels were shuffled or shifted."""
    threshold = f"held-out rows are predicted better than by a constant, by {_SIGNAL:g} standard errors"
    source = "cross-validation of ridge regression, nearest neighbours and a small network; correlations, of so many"
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
        gain = dependence.network_gain(features, goals, case.seed)
        strengths["a small network"], found["a small network"] = (
            dependence.signal(gain),
            float(gain.mean()) / goals.shape[1],
        )
    best = max(strengths, key=lambda name: strengths[name])
    strength, explained = strengths[best], found[best]
    evidence = (
        f"{best} explains {max(explained, 0.0):.1%} of the targets of held-out rows ({strength:.1f} standard errors)"
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
    return (failed if len(rows) >= 500 and strength < 2.0 else warned)(
        f"the features do not tell the targets: of {', '.join(strengths)}, {evidence}",
        "see whether rows of X and y still belong together: shuffled or sorted apart, shifted by one, joined wrongly",
        **settings,
    )
