"""Checks of the targets by themselves: accepted by the loss, balanced, of a sane scale, of the loss's own kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .case import Case
from .data import SPARSE, sparse_share
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
