"""Nearest rows: how near they are for the density of the data, and what they say about the targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steepest.diagnostics.dependence import standard

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# A distance that no copy reaches, and the one that the dimension is told from.
_USUAL, _OUTER = 20, 40
# Share of rows that have a neighbour that near by chance.
_CHANCE = 1e-3
_NEAREST = 0.3
# Different numbers of a column, in rows, from which on it tells rows apart, and how many such columns are read.
_DISTINCT, _FEWEST, _MOST = 0.5, 3, 16


def telling_columns(x: Floats) -> npt.NDArray[np.int64]:
    """Return some columns whose numbers tell most rows apart, evenly from all; none where there are too few.

    Where many have the same unit, as pixels have, those of the smaller deviation may hold nothing but noise.
    """
    distinct = 1 + np.count_nonzero(np.diff(np.sort(x, axis=0), axis=0), axis=0)
    found = np.flatnonzero(distinct >= _DISTINCT * len(x))
    if len(found) < _FEWEST or len(x) <= 2 * _OUTER:
        return np.zeros(0, np.int64)
    deviation = x[:, found].std(axis=0)
    wide = found[deviation >= 0.5 * deviation.max()]
    found = wide if len(wide) >= _MOST else found
    return found[np.unique(np.linspace(0, len(found) - 1, _MOST).astype(np.int64))]


def near_copies(x: Floats, held: Floats) -> tuple[npt.NDArray[np.int64], Bools, float]:
    """Return the nearest row of x to each held row, whether it is nearer than the density allows, and the limit.

    Where rows lie evenly in d dimensions, the nearest of k neighbours is within a share r of the k-th one's distance
    with a probability of about (k - 1) r^d. The limit is the r of one in a thousand; d comes from the same distances,
    farther out than copies of the row reach: the logarithm of the 40th over the 20th is on average
    (1/20 + ... + 1/39) / d (Levina and Bickel 2004, Maximum likelihood estimation of intrinsic dimension). Below two
    dimensions, as of a series in time, neighbours say nothing: the limit is 0.
    """
    scale = np.maximum(x.std(axis=0), 1e-300)
    centre = x.mean(axis=0)
    x, held = (x - centre) / scale, (held - centre) / scale
    squares = (held**2).sum(axis=1)[:, None] + (x**2).sum(axis=1) - 2.0 * held @ x.T
    nearest = squares.argmin(axis=1)
    places = (_USUAL - 1, _OUTER - 1)
    usual, outer = np.sqrt(np.maximum(np.partition(squares, places, axis=1)[:, places], 1e-300)).T
    growth = float(np.mean(np.log(outer / usual)))
    dimension = sum(1.0 / k for k in range(_USUAL, _OUTER)) / max(growth, 1e-12)
    if dimension < 2.0:
        return nearest, np.zeros(len(held), dtype=bool), 0.0
    limit = min((_CHANCE / (_USUAL - 1)) ** (1.0 / dimension), _NEAREST)
    # The difference itself: the squares above have lost the digits of a small one.
    distance = np.sqrt(((held - x[nearest]) ** 2).sum(axis=1))
    return nearest, distance <= limit * usual, limit


@dataclass(frozen=True)
class Filling:
    """How rows of one label lie among all others.

    Attributes
    ----------
    share : float
        Tenth percentile of the share of filled rows among the 20 nearest of the rows that are not filled.
    odds : float
        The odds of that share over those of all rows: 1 where the label does not depend on the features.
    dispersion : float
        Variance of that share over what chance makes of 20: 1 where it is the same everywhere.
    explained : float
        Share of the other rows' goals that their nearest among themselves explain.
    """

    share: float
    odds: float
    dispersion: float
    explained: float


def filling(x: Floats, filled: Bools, goals: Floats) -> Filling:
    """Look at the neighbours of the rows that are not filled."""
    squares = (x**2).sum(axis=1)
    others = np.flatnonzero(~filled)
    distance = squares[others, None] + squares - 2.0 * x[others] @ x.T
    distance[np.arange(len(others)), others] = np.inf
    near = np.argpartition(distance, _USUAL, axis=1)[:, :_USUAL]
    share = filled[near].mean(axis=1)
    kept = min(5, len(others) - 1)
    nearest = np.argpartition(distance[:, others], kept - 1, axis=1)[:, :kept]
    goals = standard(goals[others])
    error = ((goals - goals[nearest].mean(axis=1) * kept / (kept + 1.0)) ** 2).mean(axis=0)
    mean, low, overall = float(share.mean()), float(np.quantile(share, 0.1)), float(filled.mean())
    by_chance = max(mean * (1.0 - mean), 1e-12) / _USUAL
    return Filling(
        share=low,
        odds=low * (1.0 - overall) / max((1.0 - low) * overall, 1e-12),
        dispersion=float(share.var()) / by_chance,
        explained=float(np.mean(1.0 - error)),
    )
