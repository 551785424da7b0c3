"""Do the features say anything about the targets? Asked of simple predictors, which no network's faults can disturb."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_ROWS = 3000
_FOLDS = 3
_NEIGHBOURS = 10
_CATEGORIES = 64
_NARROW = 200
# Columns of which all pairs are looked at, and goals for which they are, at most; how many pairs predict together.
_PAIRED, _GOALS, _PAIRS = 400, 10, 8


def design(rows: npt.NDArray[Any], codes: dict[int, int]) -> Floats:
    """Return standardised ranks of the columns, codes as one-hot columns, and of a narrow table the numbers, too."""
    x = np.asarray(rows, dtype=np.float64)
    parts = []
    for column, categories in codes.items():
        values = np.clip(x[:, column], 0, min(categories, _CATEGORIES) - 1).astype(np.int64)
        parts.append(np.eye(min(categories, _CATEGORIES))[values])
    numbers = np.delete(x, list(codes), axis=1)
    numbers = numbers[:, np.ptp(numbers, axis=0) > 0.0]
    parts.append(standard(ranks(numbers)))
    if numbers.shape[1] <= _NARROW:  # ranks hide what only the tails say
        parts.append(np.clip(standard(numbers), -5.0, 5.0))
    return np.concatenate(parts, axis=1)


def standard(values: Floats) -> Floats:
    """Return columns of mean 0 and deviation 1."""
    centred = values - values.mean(axis=0)
    result: Floats = centred / np.maximum(np.sqrt(np.mean(centred**2, axis=0)), 1e-300)
    return result


def ranks(values: Floats) -> Floats:
    """Return mid-ranks by column: equal numbers have equal ranks."""
    found = np.empty_like(values)
    for j, column in enumerate(values.T):
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        found[:, j] = (np.cumsum(counts) - 0.5 * (counts - 1))[inverse.ravel()]
    return found


def told_apart(columns: Floats, labels: npt.NDArray[np.int64], least: int) -> Floats:
    """Return by column how well it alone tells the classes: 1 where each class is one stretch of the sorted column.

    Of the rows that are not of the most frequent class, the share that is left when those are taken off that have the
    column's value in common with more rows of another class, and one for every change of class between neighbouring
    values beyond the fewest there can be. A column of chance is below 0. All 0 where fewer than `least` such rows
    stand behind each of those changes: small classes may well lie apart in a column that is no leak.
    """
    found = np.zeros(columns.shape[1])
    kinds, labels = np.unique(labels, return_inverse=True)
    others = len(labels) - int(np.bincount(labels).max())
    if len(kinds) < 2 or others < least * (len(kinds) - 1):
        return found
    for j, column in enumerate(columns.T):
        values, inverse = np.unique(column, return_inverse=True)
        counts = np.bincount(inverse * len(kinds) + labels, minlength=len(values) * len(kinds))
        counts = counts.reshape(len(values), len(kinds))
        mixed = len(labels) - int(counts.max(axis=1).sum())
        changes = int(np.count_nonzero(np.diff(counts.argmax(axis=1)))) - (len(kinds) - 1)
        found[j] = 1.0 - (mixed + max(changes, 0)) / others
    return found


def best_column(features: Floats, goals: Floats) -> tuple[float, float]:
    """Return by how many standard errors the strongest correlation of all exceeds what chance makes of so many.

    The second number is the share of the target's variance that the column explains.
    """
    both = np.concatenate([features, np.abs(features)], axis=1)
    correlation = np.abs(standard(both).T @ standard(goals) / len(features))
    by_chance = np.sqrt(2.0 * np.log(max(correlation.size, 2)))
    strongest = float(correlation.max())
    return strongest * np.sqrt(len(features)) - by_chance, strongest**2


def gains(features: Floats, goals: Floats, generator: np.random.Generator) -> dict[str, Floats]:
    """Return by predictor how much smaller than a constant's every row's squared error is, in cross-validation."""
    count = len(features)
    fold = generator.permutation(count) % _FOLDS
    result = {"ridge regression": np.zeros(count), "nearest neighbours": np.zeros(count)}
    for k in range(_FOLDS):
        train, held = fold != k, fold == k
        mean = goals[train].mean(axis=0)
        base = ((goals[held] - mean) ** 2).sum(axis=1)
        for name, predict in (("ridge regression", _ridge), ("nearest neighbours", _neighbours)):
            error = ((goals[held] - mean - predict(features[train], goals[train] - mean, features[held])) ** 2).sum(
                axis=1
            )
            result[name][held] = base - error
    return result


def pairs_gain(features: Floats, goals: Floats, generator: np.random.Generator) -> Floats:
    """Return the same gain for products of two columns, those that tell most in the training folds.

    An interaction that no column tells by itself is lost among the columns for nearest neighbours and small networks;
    of the products it is one.
    """
    count, width = features.shape
    if width > _PAIRED:
        features = features[:, np.sort(generator.choice(width, _PAIRED, replace=False))]
    features = standard(features)
    looked = np.sort(generator.choice(goals.shape[1], min(_GOALS, goals.shape[1]), replace=False))
    first, second = np.triu_indices(features.shape[1])
    fold = generator.permutation(count) % _FOLDS
    result = np.zeros(count)
    for k in range(_FOLDS):
        train, held = fold != k, fold == k
        x, wanted = features[train].astype(np.float32), goals[train] - goals[train].mean(axis=0)
        # Of all products at once: their means, deviations and correlations with each goal.
        means = (x.T @ x / len(x))[first, second]
        spread = np.sqrt(np.maximum((x**2).T @ (x**2) / len(x) - (x.T @ x / len(x)) ** 2, 0.0))[first, second]
        best = np.zeros(len(first))
        for goal in wanted[:, looked].T.astype(np.float32):
            told = np.abs(((x * goal[:, np.newaxis]).T @ x / len(x))[first, second])
            best = np.maximum(best, np.where(spread > 1e-6, told / np.maximum(spread, 1e-6), 0.0))
        chosen = np.argsort(-best)[:_PAIRS]
        products = features[:, first[chosen]] * features[:, second[chosen]] - means[chosen]
        predicted = _ridge(products[train], wanted, products[held])
        base = goals[held] - goals[train].mean(axis=0)
        result[held] = (base**2).sum(axis=1) - ((base - predicted) ** 2).sum(axis=1)
    return result


def _ridge(x: Floats, y: Floats, held: Floats) -> Floats:
    """Ridge regression in the smaller of its two forms; the penalty is a tenth of a row per column."""
    centre = x.mean(axis=0)
    x, held = x - centre, held - centre
    rows, columns = x.shape
    penalty = max(0.1 * columns, 1.0)
    prediction: Floats
    if columns <= rows:
        prediction = held @ np.linalg.solve(x.T @ x + penalty * np.eye(columns), x.T @ y)
    else:
        prediction = held @ (x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(rows), y))
    return prediction


def _neighbours(x: Floats, y: Floats, held: Floats) -> Floats:
    """Mean of the nearest rows' targets, shrunk a little towards the mean of all, which is 0."""
    k = min(_NEIGHBOURS, max(len(x) // 10, 1))
    distance = (x**2).sum(axis=1) - 2.0 * held @ x.T
    nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]
    prediction: Floats = y[nearest].mean(axis=1) * (k / (k + 1.0))
    return prediction


def transferred(features: Floats, goals: Floats, train: int) -> tuple[float, float]:
    """Return what the first rows say about the others: share of the variance explained, and its standard error."""
    mean = goals[:train].mean(axis=0)
    x, y, held, wanted = features[:train], goals[:train] - mean, features[train:], goals[train:] - mean
    base = (wanted**2).sum(axis=1)
    gains = [base - ((wanted - predict(x, y, held)) ** 2).sum(axis=1) for predict in (_ridge, _neighbours)]
    best = max(gains, key=signal)
    scale = max(float(base.mean()), 1e-300)
    return float(best.mean()) / scale, float(best.std()) / np.sqrt(len(best)) / scale


def signal(gain: Floats) -> float:
    """Return the mean gain in standard errors."""
    spread = float(gain.std())
    return float(gain.mean()) / (spread / np.sqrt(len(gain))) if spread > 0.0 else 0.0


def network_gain(features: Floats, goals: Floats, seed: int) -> Floats:
    """Return the same gain for a small network, the best of a few lengths of training, on a third that is held out."""
    import steepest

    held = np.arange(len(features)) % _FOLDS == 0
    scale = goals[~held].std(axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0)
    y = (goals - goals[~held].mean(axis=0)) / scale
    layers = [
        steepest.layers.Dense(64, "relu"),
        steepest.layers.Dense(32, "relu"),
        steepest.layers.Dense(y.shape[1], initializer="zeros"),
    ]
    model = steepest.Sequential(layers, seed=seed, regularizer=steepest.regularizers.L2(1e-3))
    adam = steepest.optimizers.Adam(5e-3)
    x = features.astype(np.float32)
    base = (y[held] ** 2).sum(axis=1)
    best: Floats = np.full(int(held.sum()), -1.0)
    for epochs in (2, 6, 24):
        model.fit(x[~held], y[~held], loss="mse", optimizer=adam, epochs=epochs, batch_size=32, verbose=0)
        gain = base - ((y[held] - model.predict(x[held])) ** 2).sum(axis=1)
        best = gain if signal(gain) > signal(best) else best
    return best
