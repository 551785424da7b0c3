"""Checks of the rows: their order, and what training and validation data have to do with each other."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.diagnostics import dependence, neighbours
from steepest.training.training_set import DataSet

from .case import Case
from .columns import seen, seen_rows
from .data import modal_share
from .registry import check, failed, judge, passed, skipped, warned
from .report import Check

Array = npt.NDArray[Any]

_CHUNK = 4096
_MOST_ROWS = 200_000
# Share of validation rows above what chance explains.
_SHARED_WARN, _SHARED_FAIL = 0.01, 0.1
# The same of rows that were changed a little: one in a thousand seems so by chance. Rows that are compared, and the
# deviations of a target below which it is the same one.
_NEAR_WARN, _NEAR_FAIL = 0.05, 0.3
_NEAR_TRAIN, _NEAR_HELD = 20_000, 300
_SAME_TARGET = 0.01
# Validation rows below which an accuracy is off by up to 0.5 / sqrt(25) = 10 % by chance, where there are rows enough.
_FEW_HELD, _PER_HELD = 25, 40


@check("validation data")
def validation_data(case: Case) -> Check:
    """Whether `fit` would take the validation data."""
    if "validation" in case.problems:
        return failed(
            f"fit would refuse the validation data: {case.problems['validation']}",
            "bring them into the form of the training data, by the same steps",
            threshold="what fit accepts",
        )
    if case.validation is None:
        return skipped("no validation data given: without them over-fitting cannot be seen")
    count = len(case.validation)
    if count < _FEW_HELD and case.rows >= _PER_HELD * count:
        return warned(
            f"{count} validation rows beside {case.rows:,} training rows: by chance an accuracy of theirs is off by up "
            f"to {0.5 / np.sqrt(count):.0%}",
            "hold back more rows: a tenth, or a few hundred",
            threshold=f"fewer than {_FEW_HELD} rows where there are {_PER_HELD} times as many to train on",
            source="standard error of a share, sqrt(p (1 - p) / n)",
        )
    return passed(f"{len(case.validation):,} rows of the form of the training data")


@check("validation duplicates", needs=("finite features", "validation data", "targets"))
def validation_duplicates(case: Case) -> Check:
    """Whether rows of the validation data stand in the training data, as they are or nearly."""
    if case.validation is None:
        return skipped("no validation data given")
    threshold = (
        f"share of validation rows that are training rows, beyond the share of training rows that have a twin: warn "
        f"from {_SHARED_WARN:.0%}, fail from {_SHARED_FAIL:.0%}; of rows that nearly are: "
        f"from {_NEAR_WARN:.0%} and {_NEAR_FAIL:.0%}"
    )
    rows = np.arange(case.rows) if case.rows <= _MOST_ROWS else case.draw(_MOST_ROWS, 1)
    train = _digests(case.data.x, case.data.y, rows)
    held_rows = np.arange(min(len(case.validation), _MOST_ROWS))
    held = _digests(case.validation.x, case.validation.y, held_rows)
    counts: dict[bytes, int] = {}
    for digest in train:
        counts[digest] = counts.get(digest, 0) + 1
    shared = sum(digest in counts for digest in held) / len(held)
    twins = sum(counts[digest] > 1 for digest in train) / len(train)
    if _one_column_tells(case.data.x, rows, len(counts)):
        twins = 0.0  # where a single number tells rows apart no two are equal by chance: they are copies
    chance = 3.0 * np.sqrt(max(twins * (1.0 - twins), 0.0) / len(held))
    evidence = f"{shared:.1%} of the validation rows are training rows, label included"
    if twins:
        evidence += f"; {twins:.1%} of the training rows have a twin among themselves"
    advice = "divide the data first, by rows (and by group, where several rows are of one thing), then train"
    settings: dict[str, Any] = {"threshold": threshold, "data": {"shared": shared, "twins": twins}}
    verdict = judge(shared - twins - chance, _SHARED_WARN, _SHARED_FAIL, evidence, advice, **settings)
    near = _near_copies(case, case.validation) if verdict.status == "pass" else 0.0
    if near < _NEAR_WARN:
        return verdict
    return judge(
        near,
        _NEAR_WARN,
        _NEAR_FAIL,
        f"{near:.0%} of the validation rows lie beside a training row of the same label, far nearer than rows of "
        "such data lie: copies that were changed a little",
        advice,
        **settings,
    )


def _near_copies(case: Case, held: DataSet) -> float:
    """Return the share of validation rows that are a training row but for small changes, label included."""
    rows = case.draw(_NEAR_TRAIN, 17)
    columns = neighbours.telling_columns(np.asarray(case.x[case.sampled], dtype=np.float64))
    if not len(columns) or len(rows) < _NEAR_HELD or len(held) < _FEW_HELD:
        return 0.0
    some = np.linspace(0, len(held) - 1, min(len(held), _NEAR_HELD)).astype(np.int64)
    x = np.asarray(case.x[np.ix_(rows, columns)], dtype=np.float64)
    nearest, near, _ = neighbours.near_copies(x, np.asarray(held.x[np.ix_(some, columns)], dtype=np.float64))
    y, found = case.data.y[rows], held.y[some]
    apart = np.abs(np.asarray(found, dtype=np.float64) - y[nearest])
    if y.ndim == 2:
        apart = (apart / np.maximum(y.std(axis=0), 1e-30)).max(axis=1)
    # Of so many training rows only some are among those looked at.
    return float(np.mean(near & (apart < _SAME_TARGET))) * case.rows / len(rows)


def _one_column_tells(x: Array, rows: npt.NDArray[np.int64], distinct: int) -> bool:
    """Whether some column has about as many different numbers as there are different rows."""
    most = max(len(np.unique(x[rows, column])) for column in range(min(x.shape[1], 50)))
    return most >= 0.8 * distinct


def _digests(x: Array, y: Array, rows: npt.NDArray[np.int64]) -> list[bytes]:
    """Return a hash of every row's numbers, the same for the same values of any dtype that float32 can tell apart."""
    found = []
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        # 0.0 turns -0 into 0.
        numbers = np.ascontiguousarray(x[part], dtype=np.float32) + np.float32(0.0)
        targets = np.asarray(y[part], dtype=np.float32).reshape(len(part), -1) + np.float32(0.0)
        for row, target in zip(numbers, np.ascontiguousarray(targets), strict=True):
            found.append(hashlib.blake2b(row.tobytes() + target.tobytes(), digest_size=12).digest())
    return found


# In ranges of the training column, from its first to its ninth decile: two samples of one distribution, however heavy
# its tails, differ by far less.
_SHIFT = 0.5
_RATIO = 3.0
# What a single column has to show: most rows where no training row is, or another order of magnitude.
_OUTSIDE, _LONE_RATIO, _LONE_ROWS = 0.5, 10.0, 50


@check("validation scale", needs=("finite features", "validation data"))
def validation_scale(case: Case) -> Check:
    """Whether the validation columns have the median and range of the training columns."""
    if case.validation_x is None:
        return skipped("no validation data given")
    view = seen(case)
    if not view.values.shape[1]:
        return passed("every column is read as a code")
    rows = min(len(case.validation_x), len(view.values))
    if rows < 20:
        return skipped(f"{rows} rows are too few to compare")
    step = max(len(case.validation_x) // rows, 1)
    held = seen_rows(case, case.validation_x[::step][:rows], training=False).values
    train = seen_rows(case, case.x[case.draw(len(view.values), 2)], training=False).values
    low, middle, high = np.quantile(train, (0.1, 0.5, 0.9), axis=0)
    held_low, held_middle, held_high = np.quantile(held, (0.1, 0.5, 0.9), axis=0)
    varying = high - low > 1e-7 * np.maximum(np.abs(middle), 1e-30)
    if not varying.any():
        return skipped("no column varies in more than a tenth of the rows")
    shift = (np.abs(held_middle - middle) / (high - low))[varying]
    ratio = (held_high - held_low)[varying] / (high - low)[varying]
    spread = np.maximum(ratio, 1.0 / np.maximum(ratio, 1e-30))
    columns = view.columns[varying]
    odd = (shift > _SHIFT) | (spread > _RATIO)
    share = float(odd.mean())
    evidence = (
        f"{int(odd.sum())} of {len(odd)} columns have another median or range in the validation data; the typical "
        f"median differs by {np.median(shift):.2g} ranges (of the inner 80%), the typical range is "
        f"{np.median(ratio):.3g} times as large"
    )
    strange = _strange(train, held)[varying] | ((spread > _LONE_RATIO) & _spread_out(train, held)[varying])
    odd_most = np.argsort(-np.maximum(shift / _SHIFT, spread / _RATIO))
    if odd.any():
        evidence += f"; most in {case.features(columns[odd_most[: min(3, int(odd.sum()))]])}"
    elif strange.any():
        evidence += f"; {case.features(columns[strange])} lies elsewhere"
    return judge(
        max(share, 0.4) if strange.any() else share,
        0.4,
        0.8,
        evidence,
        "send the validation data through the steps fitted on the training data (transform, never fit again), and draw "
        "both from the same rows; leave out a column that only counts time or rows",
        threshold=f"a column with {_OUTSIDE:.0%} of its rows outside the training range, or a range {_LONE_RATIO:g} "
        f"times another: warn; columns whose median is off by {_SHIFT:g} ranges or whose range by a factor {_RATIO:g}: "
        "warn from 40% of the columns, fail from 80%",
        data={"shift": shift, "ratio": ratio, "columns": columns},
    )


def _strange(train: Array, held: Array) -> npt.NDArray[np.bool_]:
    """Return which columns have most of their validation rows where no training row is: chance gives 2 / (rows + 1)."""
    outside = (held < train.min(axis=0)) | (held > train.max(axis=0))
    found: npt.NDArray[np.bool_] = outside.mean(axis=0) > _OUTSIDE
    return found


def _spread_out(train: Array, held: Array) -> npt.NDArray[np.bool_]:
    """Return which columns have a range that says something: no value in half of the rows, and rows enough."""
    if len(held) < _LONE_ROWS:
        return np.zeros(train.shape[1], dtype=bool)
    found: npt.NDArray[np.bool_] = np.maximum(modal_share(train), modal_share(held)) < 0.5
    return found


@check("validation agreement", needs=("finite features", "validation data", "targets", "validation scale"))
def validation_agreement(case: Case) -> Check:
    """Whether what the training rows say about the targets holds for the validation rows."""
    if case.validation is None:
        return skipped("no validation data given")
    if case.explained < 0.1:
        return skipped("simple predictors find too little in the training data")
    most = min(dependence.MOST_ROWS, 1_200_000 // case.x.shape[1] + 100)
    train, held = case.part(case.draw(most, 15)), case.validation
    if len(held) < 50 or case.data.y.ndim != held.y.ndim:
        return skipped("too few validation rows to tell")
    rows = np.linspace(0, len(held) - 1, min(len(held), most // 2)).astype(np.int64)
    x = np.concatenate([np.asarray(train.x, dtype=np.float64), np.asarray(held.x[rows], dtype=np.float64)])
    y = np.concatenate([train.y, held.y[rows]])
    goals = np.eye(case.classes)[y] if y.ndim == 1 else dependence.ranks(np.asarray(y, dtype=np.float64))
    features = dependence.design(x, seen(case).codes)
    explained, error = dependence.transferred(features, dependence.standard(goals), len(train))
    evidence = (
        f"simple predictors explain {case.explained:.0%} of held-out training rows' targets, and "
        f"{max(explained, 0.0):.0%} (standard error {error:.1%}) of the validation rows'"
    )
    return judge(
        case.explained / max(explained + 3.0 * error, 1e-3),
        4.0,
        20.0,
        evidence,
        "see whether the validation rows still belong to their targets, have the columns in the same order, and are of "
        "the same kind",
        threshold="explained in training over that in validation plus three standard errors: warn from 4, fail from 20",
        source="both are samples of one thing, or validation says nothing",
    )


@check("validation targets", needs=("validation data", "targets"))
def validation_targets(case: Case) -> Check:
    """Whether the validation targets are distributed as the training targets are."""
    if case.validation is None:
        return skipped("no validation data given")
    advice = "divide the rows at random (stratified by class): a division by position takes what was sorted apart"
    count = len(case.validation)
    labels, held_labels = case.labels, case.labels_of(case.validation.y)
    if labels is not None and held_labels is not None:
        train = np.bincount(labels, minlength=case.classes) / case.rows
        held = np.bincount(held_labels, minlength=case.classes) / count
        distance = 0.5 * float(np.abs(train - held).sum())
        # Expected distance of two samples of one distribution.
        noise = float(np.sum(np.sqrt(train * (1 - train) * (1 / count + 1 / case.rows)))) / np.sqrt(2 * np.pi) * 2
        missing = int(np.sum((train == 0) & (held > 0)))
        evidence = f"the classes' shares differ by {distance:.2f} (half the sum of differences; by chance {noise:.2f})"
        if missing:
            evidence += f"; {missing} classes of the validation data are not in the training data"
        return judge(
            max(distance - 2 * noise, 0.0) + (1.0 if missing and distance > 0.1 else 0.0),
            0.2,
            0.5,
            evidence,
            advice,
            threshold="half the sum of differences, less twice what chance gives: warn from 0.2, fail from 0.5",
        )
    if case.data.y.ndim != 2:
        return skipped("no comparison for these targets")
    train_y = np.asarray(case.data.y[case.sampled], dtype=np.float64)
    held_y = np.asarray(case.validation.y, dtype=np.float64)
    std = np.maximum(train_y.std(axis=0), 1e-30)
    shift = np.abs(held_y.mean(axis=0) - train_y.mean(axis=0)) / std
    noise_y = 3.0 / np.sqrt(count) + 3.0 / np.sqrt(len(train_y))
    evidence = f"the targets' means differ by {shift.max():.2g} training deviations"
    return judge(
        float(shift.max()) - noise_y,
        0.5,
        2.0,
        evidence,
        advice + "; or one of the two was scaled and the other not",
        threshold="difference in deviations, less three standard errors: warn from 0.5, fail from 2",
    )


@check("row order", needs=("targets",), explains=("input-independent baseline", "learning rate"))
def row_order(case: Case) -> Check:
    """Whether rows sorted by their targets are trained in that order."""
    threshold = "neighbouring rows' targets agree beyond chance by 5 standard errors and explain 0.3 of each other"
    if case.rows < 20:
        return skipped(f"{case.rows} rows are too few to tell")
    labels = case.labels
    if labels is not None:
        code = np.eye(case.classes)[labels[: 1 << 20]]
    elif case.data.y.ndim == 2:
        code = np.asarray(case.data.y[: 1 << 20], dtype=np.float64)
    else:
        return skipped("no order for these targets")
    code = code - code.mean(axis=0)
    variance = float(np.mean(code**2))
    if variance == 0.0:
        return skipped("the targets do not vary")
    agreement = float(np.mean(code[1:] * code[:-1])) / variance
    sorted_rows = agreement > max(0.3, 5.0 / np.sqrt(len(code)))
    evidence = f"correlation of the targets of neighbouring rows {agreement:.2f}"
    settings: dict[str, Any] = {"threshold": threshold, "data": {"agreement": agreement}}
    if not sorted_rows:
        return passed(evidence, **settings)
    if case.shuffle or case.batch_size >= case.rows:
        return passed(f"{evidence}: the rows are sorted, and fit shuffles them", **settings)
    settings["source"] = "Bottou 2012, Stochastic gradient descent tricks, 2: randomly shuffle the training examples"
    return (failed if agreement > 0.8 else warned)(
        f"{evidence}: the rows are sorted, and shuffle=False trains on them in this order, so that a batch of "
        f"{case.batch_size} is nearly of one kind",
        "leave shuffle=True, or put the rows in random order once",
        **settings,
    )
