"""Checks of the features: finite, of one scale, not constant, not twice, not the label in disguise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .case import Case
from .columns import Extremes, Seen, extremes, seen
from .registry import check, failed, passed, skipped, warned
from .report import Check

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_LECUN = "LeCun, Bottou, Orr and Müller 1998, Efficient BackProp, 4.3: inputs near mean 0 and of variance about 1"


def column_extremes(case: Case) -> Extremes:
    """Return the columns' extremes, found once."""
    if case.extremes is None:
        case.extremes = extremes(case.x, case.network.dtype)
    found: Extremes = case.extremes
    return found


@check("finite features", explains=("feature scale", "validation scale"))
def finite_features(case: Case) -> Check:
    """Whether every number is finite in the model's dtype, in training and validation data."""
    threshold = f"every number finite in {case.network.dtype}"
    for what, x in (("X", case.x), ("validation X", case.validation_x)):
        if x is None:
            continue
        found = column_extremes(case) if x is case.x else extremes(x, case.network.dtype)
        if found.first is not None:
            row, column = found.first
            return failed(
                f"{found.bad:,} numbers in {found.bad_rows:,} rows of {what} are not finite in {case.network.dtype}, "
                f"in {case.features(found.bad_columns)}; the first is {what}[{row}, {column}] = {x[row, column]}",
                "fill them (median, and a column that says where), or leave the rows out",
                threshold=threshold,
                data={"columns": found.bad_columns, "count": found.bad},
            )
    return passed(f"all numbers of {case.rows:,} rows are finite", threshold=threshold)


# Root mean square of a column as the first layer sees it. Weights are drawn for 1; 10 makes the first layer's sums ten
# times what the activation is meant for, 100 leaves nothing but saturation or enormous gradients. Half as much does if
# all columns have it.
_LARGE, _HUGE = 10.0, 100.0
_ALL_LARGE = 5.0
_SMALL = 0.01
# Mean over deviation: the column's information is one part in so many of its size.
_OFFSET = 100.0


# Of so many rows one may be wild.
_FEW = 500
# A column in which one value stands in at least half of the rows: pixels, one-hot codes, counts of words.
_MODAL = 0.5
# Share of such columns from which on a constant column is an empty one of that kind.
SPARSE = 0.2


@check(
    "feature scale",
    needs=("finite features",),
    explains=(
        "regularisation",
        "loss at initialisation",
        "activation scale",
        "dead units",
        "saturated units",
        "gradient scale",
        "gradient check",
        "overfit a few rows",
        "input-independent baseline",
        "learning rate",
        "shuffled-label baseline",
        "same seed",
    ),
)
def feature_scale(case: Case) -> Check:
    """Whether the columns that the first layer sees are of order 1."""
    view = seen(case)
    values = view.values
    if not values.shape[1]:
        return passed("every column is read as a code")
    mean, std = values.mean(axis=0), values.std(axis=0)
    size = np.sqrt(np.mean(values**2, axis=0))
    settings = {
        "threshold": f"root mean square of a column: warn above {_LARGE:g} or below {_SMALL:g}, fail above {_HUGE:g}; "
        f"of all columns: warn above {_ALL_LARGE:g}; "
        f"warn where the mean is {_OFFSET:g} times the deviation",
        "source": _LECUN,
        "data": {"columns": view.columns, "feature_size": size, "feature_mean": mean, "feature_std": std},
    }
    for look in (_too_large, _too_small, _far_from_zero):
        if complaint := look(case, view, size):
            grave, evidence = complaint
            return (failed if grave else warned)(evidence, _STANDARDISE, **settings)
    return passed(
        f"root mean squares of the columns between {size.min():.3g} and {size.max():.3g}, median {np.median(size):.3g}",
        **settings,
    )


_STANDARDISE = (
    "standardise the columns: st.preprocessing.Standardizer().fit(X) on the training rows, or a "
    "st.layers.BatchNorm() / st.layers.Standardize as the first layer"
)


def _too_large(case: Case, view: Seen, size: Floats) -> tuple[bool, str] | None:
    """Return whether it is grave that columns are large, and the evidence."""
    large = size > _LARGE
    if large.any():
        # Where a few numbers alone make a column large it is not its unit that is wrong: the outliers say so.
        values = view.values[:, large]
        usual = np.sqrt(np.mean(_without_extremes(values) ** 2, axis=0))
        wild = (usual <= _LARGE) & (modal_share(values) < _MODAL)
        size = size.copy()
        size[large] = np.where(wild, usual, size[large])
        large = size > _LARGE
    together = float(np.sqrt(np.mean(size**2)))
    if large.any():
        order = view.columns[large][np.argsort(-size[large])]
        return bool(size.max() > _HUGE), (
            f"{_count(large, len(size))} root mean square above {_LARGE:g}, up to {size.max():.3g} "
            f"({case.features(order)}); the median column has {np.median(size):.3g}"
        )
    if together > _ALL_LARGE:
        return False, f"the root mean square of all {len(size)} columns together is {together:.3g}"
    return None


def _too_small(case: Case, view: Seen, size: Floats) -> tuple[bool, str] | None:
    """Return the same of columns that are small beside the first layer's weights."""
    share = (view.values != 0.0).mean(axis=0)
    # Where most entries are 0 (one-hot, images) the others say how large the feature is.
    typical = size / np.sqrt(np.maximum(share, 1e-300))
    small = _varying(view.values) & (typical < _SMALL) & (share > 0.05)
    if not small.any():
        return None
    order = view.columns[small][np.argsort(typical[small])]
    return bool(small.mean() > 0.5), (
        f"{_count(small, len(size))} root mean square below {_SMALL:g}, down to {typical[small].min():.3g} "
        f"({case.features(order)}): the network hardly sees them"
    )


def _far_from_zero(case: Case, view: Seen, size: Floats) -> tuple[bool, str] | None:
    """Return the same of columns that are nearly constant beside what varies in them."""
    mean, std = view.values.mean(axis=0), view.values.std(axis=0)
    # A column that is one value in most rows has a small deviation, and says all it has to say in the others.
    offset = _varying(view.values) & (np.abs(mean) > _OFFSET * std) & (size > 0.1)
    offset &= modal_share(view.values) < _MODAL
    if not offset.any():
        return None
    worst = np.abs(mean[offset]) / std[offset]
    return False, (
        f"{_count(offset, len(size))} mean more than {_OFFSET:g} times the deviation, up to {worst.max():.3g} "
        f"times ({case.features(view.columns[offset])}): what varies is lost beside the constant part"
    )


def _varying(values: Floats) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = values.std(axis=0) > 1e-7 * np.abs(values.mean(axis=0))
    return found


def _without_extremes(values: Floats) -> Floats:
    """Return the columns, sorted, without the rows at either end that are at most one in five hundred."""
    ends = -(-len(values) // _FEW)
    return np.sort(values, axis=0)[ends : len(values) - ends] if len(values) > 2 * ends else values


def _count(which: npt.NDArray[np.bool_], total: int) -> str:
    number = int(which.sum())
    return f"{number} of {total} columns {'has a' if number == 1 else 'have a'}"


@check(
    "constant features",
    needs=("finite features",),
    explains=("labels and features", "activation scale", "dead units", "gradient scale", "overfit a few rows"),
    grave=False,
)
def constant_features(case: Case) -> Check:
    """Whether there are columns that never change, in data where that is not natural."""
    found = column_extremes(case)
    constant = found.low == found.high
    threshold = "a column with one value only, unless a fifth of the other columns have one value in half of their rows"
    if not constant.any():
        return passed("every column varies", threshold=threshold)
    columns = np.flatnonzero(constant)
    data = {"columns": columns}
    if constant.all():
        return failed(
            f"all {len(columns)} columns are constant: there is nothing to learn from",
            "look at how the features are read",
            threshold=threshold,
            data=data,
        )
    if case.rows < 2:
        return skipped("one row only")
    background = sparse_share(case.sample[:, ~constant])
    evidence = f"{len(columns)} of {len(constant)} columns are constant ({case.features(columns)})"
    if background >= SPARSE:
        evidence += (
            f"; harmless: {background:.0%} of the others are mostly one value too, as in images or one-hot codes"
        )
        return passed(evidence, threshold=threshold, data=data)
    value = found.low[columns[0]]
    return warned(
        f"{evidence}, the first is always {value:g}, while the other columns vary",
        "leave them out; if they should vary, look at how they are read",
        threshold=threshold,
        data=data,
    )


def sparse_share(values: Floats) -> float:
    """Return the share of columns in which one value stands in at least half of the rows."""
    return float(np.mean(modal_share(values) >= _MODAL)) if values.shape[1] else 0.0


def modal_share(values: Floats) -> Floats:
    """Return the share of the most frequent value of each column."""
    ordered = np.sort(values, axis=0)
    count = len(ordered)
    # A value that fills at least half of the sorted column stands in its middle.
    middle = ordered[count // 2]
    shares: Floats = (values == middle).mean(axis=0)
    return shares


# Rows off the mode, and distinct values: two columns that share all of these agree neither by chance nor by coding.
_TELLING_ROWS, _TELLING_VALUES = 10, 5
_SAME = 1e-6


@check("duplicate features", needs=("finite features",), grave=False)
def duplicate_features(case: Case) -> Check:
    """Whether a column is another one again, up to scale and offset."""
    threshold = f"two columns whose standardised values differ by less than {_SAME:g}, with {_TELLING_VALUES} values"
    values = case.sample
    if values.shape[1] < 2 or len(values) < _TELLING_ROWS:
        return skipped("too few rows or columns")
    pairs, coded = [], 0
    for i, j in _equal_columns(values):
        column = values[:, i]
        distinct, counts = np.unique(column, return_counts=True)
        if len(distinct) >= _TELLING_VALUES and len(column) - counts.max() >= _TELLING_ROWS:
            pairs.append((i, j))
        else:
            coded += 1
    note = f"; {coded} columns of fewer values agree, as codes do" if coded else ""
    if not pairs:
        return passed(f"no column is another one again{note}", threshold=threshold)
    i, j = pairs[0]
    return warned(
        f"{len(pairs)} columns are another one again, up to scale and offset: {case.feature(j)} is {case.feature(i)}"
        + (f", {case.feature(pairs[1][1])} is {case.feature(pairs[1][0])}" if len(pairs) > 1 else "")
        + note,
        "leave one of each pair out: together they have twice the learning rate of the others",
        threshold=threshold,
        data={"pairs": np.array(pairs)},
    )


def _equal_columns(values: Floats) -> list[tuple[int, int]]:
    """Return pairs of columns that are equal after standardising, by sorting their projections on a random vector."""
    mean, std = values.mean(axis=0), values.std(axis=0)
    varying = np.flatnonzero(std > 1e-7 * np.maximum(np.abs(mean), 1e-30))
    standard = (values[:, varying] - mean[varying]) / std[varying]
    direction = np.random.default_rng(0).normal(size=len(values))
    projection = np.abs(direction @ standard)
    order = np.argsort(projection, kind="stable")
    limit = _SAME * np.sqrt(len(values))
    pairs = []
    for a, b in pairwise(order):
        if projection[b] - projection[a] > limit * max(1.0, float(projection[b])):
            continue
        one, other = standard[:, a], standard[:, b]
        # Float32 columns that were scaled differ in their last bits.
        tolerance = max(_SAME, 1e-6 * float(np.abs(one).max()))
        if min(np.abs(one - other).max(), np.abs(one + other).max()) <= tolerance:
            pairs.append((int(min(varying[a], varying[b])), int(max(varying[a], varying[b]))))
    return sorted(pairs)


# How often an outermost number stands there, and how far from the others, in ranges of their inner 98%.
_TIMES, _GAP = 3, 3.0


@check("missing-value codes", needs=("finite features",), explains=("feature scale", "overfit a few rows"))
def missing_value_codes(case: Case) -> Check:
    """Whether a number such as -999 stands for missing values."""
    threshold = f"an outermost number {_TIMES} times or in 0.2% of the rows, {_GAP:g} ranges away from all others"
    values = case.sample
    if len(values) < 30:
        return skipped(f"{len(values)} rows are too few to tell")
    least = max(_TIMES, int(0.002 * len(values)))
    found = []
    for column in np.flatnonzero(modal_share(values) < _MODAL):
        distinct, counts = np.unique(values[:, column], return_counts=True)
        if len(distinct) < 10:
            continue
        for end, rest in ((0, slice(1, None)), (-1, slice(None, -1))):
            others = np.repeat(distinct[rest], counts[rest])
            low, high = np.quantile(others, (0.01, 0.99))
            gap = abs(distinct[end] - (others[0] if end == 0 else others[-1]))
            if counts[end] >= least and gap > _GAP * max(high - low, 1e-30):
                found.append((int(column), float(distinct[end]), int(counts[end])))
    if not found:
        return passed("no column has such a number", threshold=threshold)
    worst, value, count = found[0]
    return warned(
        f"{value:g} stands {count} times in {case.features([worst])}, far from all other numbers"
        + (f"; so do others in {len(found) - 1} more columns" if len(found) > 1 else ""),
        "if it means missing: fill it (median), and add a column that says where",
        threshold=threshold,
        data={"columns": np.array([column for column, _, _ in found])},
    )


@check(
    "embedding codes",
    needs=("finite features",),
    explains=("labels and features", "overfit a few rows", "input-independent baseline"),
)
def embedding_codes(case: Case) -> Check:
    """Whether the columns that embeddings read hold codes in their range."""
    codes = seen(case).codes
    if not codes:
        return skipped("no embedding reads the data")
    threshold = "whole numbers in 0..categories - 1; others get a zero vector, of fractions the whole part counts"
    for column, categories in codes.items():
        values = np.asarray(case.x[:, column], dtype=np.float64)
        outside = (values < 0) | (values >= categories)
        fractions = values != np.floor(values)
        evidence = f"{case.features([column])} goes to an embedding of {categories} categories, and "
        advice = "encode the categories as 0, 1, 2, ...; do not scale them"
        if fractions.any():
            first = values[np.flatnonzero(fractions)[0]]
            return failed(
                f"{evidence}{fractions.mean():.0%} of it are fractions, such as {first:g}", advice, threshold=threshold
            )
        if outside.any():
            low, high = values.min(), values.max()
            verdict = failed if outside.mean() > 0.05 else warned
            return verdict(
                f"{evidence}{outside.mean():.1%} of it are outside 0..{categories - 1}: it spans {low:g}..{high:g}",
                advice,
                threshold=threshold,
            )
    return passed(f"{len(codes)} columns of codes, all in range", threshold=threshold)
