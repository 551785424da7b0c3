"""A network for a fitted table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float, check_int
from steepest.initializers import Values
from steepest.initializers.prior import output_bias
from steepest.layers import Columns, Dense, Dropout, Embedding, Layer
from steepest.sequential import Sequential
from steepest.tables.preprocessor import TablePreprocessor

Array = npt.NDArray[Any]

# Output columns that all numbers together are cut into at most.
_LARGEST_FRONT = 4096
# The activation of the pieces rises from 0 to 1 while its input goes from -3 to 3.
_RAMP = 6.0
# How many times narrower than its cuts are large a piece may be before its slope becomes a power of two.
_NARROW = 64.0


def build_network(
    table: TablePreprocessor,
    X: Array,
    y: npt.ArrayLike,
    *,
    loss: Any,
    outputs: int | None = None,
    hidden: Sequence[int] = (128, 128),
    activation: Any = "silu",
    dropout: float = 0.1,
    pieces: int = 128,
    seed: int = 0,
    dtype: str = "float32",
) -> Sequential:
    """Return an untrained network for the table's matrix.

    Numbers enter as they are and cut into pieces: piece k rises from 0 to 1 between two neighbouring cuts and is flat
    elsewhere, so that a line through the pieces is any piecewise linear function, and the network need not bend one
    slope into steps (piecewise linear encoding, Gorishniy, Rubachev and Babenko 2022). Half of the cuts are equally
    probable, half spread over the different values, which serves columns that are zero almost everywhere. Codes of
    categories enter through embeddings of `1.6 slots^0.56` units, 50 at most; then hidden layers with dropout, and
    outputs that begin with the best constant.

    Parameters
    ----------
    table : TablePreprocessor
        Fitted.
    X : ndarray (N, D)
        The training set, transformed by it.
    y : array (N,) or (N, K)
        Targets as the loss takes them.
    loss : str or Loss
        Such as "softmax_cross_entropy" or "mse".
    outputs : int, optional
        Number of outputs; by default what `y` needs.
    hidden : sequence of int
        Units of the hidden layers.
    activation : str or Activation
        Of the hidden layers.
    dropout : float
        Rate behind each hidden layer, in [0, 1).
    pieces : int
        Pieces per column of numbers; 0: only as they are. Tables of many columns get fewer.
    seed, dtype
        See `Sequential`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> from steepest.tables import TablePreprocessor, build_network
    >>> frame = {"x": np.linspace(-1, 1, 200), "group": ["a", "b"] * 100}
    >>> y = np.sin(9 * frame["x"]) + (np.arange(200) % 2)
    >>> table = TablePreprocessor().fit(frame)
    >>> X = table.transform(frame)
    >>> model = build_network(table, X, y, loss="mse", hidden=[32], dropout=0.0, pieces=16)
    >>> history = model.fit(X, y, loss="mse", optimizer=st.optimizers.Adam(0.01), epochs=200, verbose=0)
    >>> bool(history["loss"][-1] < 0.01 * np.var(y))
    True
    """
    rate = check_float("dropout", dropout, 0.0, 1.0, open_maximum=True)
    bias = output_bias(y, loss, classes=outputs)
    layers: list[Layer] = []
    front = _front(table, X, check_int("pieces", pieces, 0))
    if front is not None:
        layers.append(front)
    for units in hidden:
        layers += [Dense(units, activation), *([Dropout(rate)] if rate else [])]
    layers.append(Dense(np.shape(bias.values)[0], bias_initializer=bias))
    model = Sequential(layers, seed=seed, dtype=dtype, input_shape=X.shape[1])
    model.preprocessing = table
    return model


def _front(table: TablePreprocessor, X: Array, pieces: int) -> Columns | None:
    """Return what stands before the hidden layers, or None where all columns enter as they are."""
    groups: dict[str, tuple[Any, Any]] = {}
    coded = {column for column, _ in table.codes.values()}
    plain = [column for column in range(X.shape[1]) if column not in coded]
    if plain:
        groups["plain"] = (plain, None)
    for column in range(table.numbers if pieces else 0):
        cuts = _cuts(X[:, column].astype(np.float64), min(pieces, _LARGEST_FRONT // table.numbers))
        if len(cuts) > 2:
            groups[f"pieces_{column}"] = (column, _pieces(cuts))
    for number, (column, slots) in enumerate(table.codes.values()):
        units = min(50, round(1.6 * slots**0.56))
        groups[f"category_{number}"] = (column, Embedding(slots, units))
    return Columns(groups, rest="drop") if len(groups) > 1 or coded else None


def _cuts(values: Array, pieces: int) -> Array:
    """Return at most `pieces` + 1 points between which the pieces rise."""
    different = np.unique(values)
    half = pieces // 2
    if len(different) <= pieces + 1:
        return different
    if half < 1:
        return different[:0]
    even = np.linspace(0.0, 1.0, half + 1)
    cuts = np.unique(np.concatenate([np.quantile(values, even), np.quantile(different, even)]))
    # Points that rounding tells apart only would make slopes without bound.
    gaps = np.diff(cuts, prepend=-np.inf)
    kept: Array = cuts[gaps > 1e-6 * (different[-1] - different[0])]
    return kept


def _pieces(cuts: Array) -> Dense:
    """Return `min(max((x - a) / (b - a), 0), 1)` for each pair of neighbouring cuts a and b, as a frozen layer.

    A product `x slope` of many times the ramp's height leaves its rounding when the bias takes it away, and another
    library rounds otherwise. In a narrow piece the slope is therefore the next power of two, whose products are exact:
    the piece has risen before b.
    """
    gaps = np.diff(cuts)
    slope = _RAMP / gaps
    narrow = np.maximum(np.abs(cuts[:-1]), np.abs(cuts[1:])) > _NARROW * gaps
    slope[narrow] = np.exp2(np.ceil(np.log2(slope[narrow])))
    return Dense(
        len(slope),
        "hard_sigmoid",
        initializer=Values(slope[np.newaxis]),
        bias_initializer=Values(-0.5 * _RAMP - cuts[:-1] * slope),
        trainable=False,
    )
