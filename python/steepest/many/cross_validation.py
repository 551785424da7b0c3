"""k-fold cross-validation, all folds trained in one run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.callbacks import EarlyStopping
from steepest.checks import check_bool, check_float, check_verbose
from steepest.history import History
from steepest.losses import Loss
from steepest.many.folds import Pair, make_folds
from steepest.many.members import each_early_stopping, each_optimizer
from steepest.many.progress import make_progress
from steepest.many.train import train_members
from steepest.model import Model
from steepest.optimizers import Optimizer
from steepest.registry import LOSSES
from steepest.training.training_set import Fold

Array = npt.NDArray[Any]
Metric = Callable[[Array, Array], float]


@dataclass(frozen=True)
class CrossValidation:
    """What `cross_validate` found.

    Attributes
    ----------
    models : list of Model
        The trained members, one per fold.
    histories : list of History
        Their trainings.
    folds : list of (training rows, held rows)
        Row numbers.
    scores : dict of str to ndarray (K,)
        Of each member on its held rows: `"loss"`, `"accuracy"` where the loss has one, and the metrics asked for. NaN
        for a member that diverged.
    predictions : ndarray (N, outputs)
        Out-of-fold outputs: of every row by the member that did not see it; the mean where several held it back, NaN
        where none did.

    Examples
    --------
    See `cross_validate`.
    """

    models: list[Any]
    histories: list[History]
    folds: list[Pair]
    scores: dict[str, npt.NDArray[np.float64]]
    predictions: Array

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each score over the folds."""
        return {name: float(values.mean()) for name, values in self.scores.items()}

    @property
    def deviation(self) -> dict[str, float]:
        """Standard deviation of each score over the folds (divisor K - 1).

        The folds' training sets overlap, so it is not the error of the mean: there is no unbiased estimate of that from
        one k-fold cross-validation (Bengio and Grandvalet 2004).
        """
        return {name: float(values.std(ddof=1)) for name, values in self.scores.items()}

    def __str__(self) -> str:
        deviation = self.deviation
        parts = [f"{name} {mean:.4g} +- {deviation[name]:.2g}" for name, mean in self.mean.items()]
        lines = [f"{len(self.folds)} folds: {', '.join(parts)}"]
        for number, history in enumerate(self.histories):
            if history.stopped:
                lines.append(f"fold {number}, after {history.epochs} epochs: {history.stopped}")
        return "\n".join(lines)


def cross_validate(
    model: Model | Callable[[int], Model],
    X: Any,
    y: npt.ArrayLike,
    *,
    folds: int | Iterable[Any] | Any = 5,
    stratified: bool | None = None,
    seed: int = 0,
    loss: str | Loss | dict[str, Any],
    optimizer: str | Optimizer | dict[str, Any] = "adam",
    epochs: int,
    batch_size: int = 32,
    preprocessing: Any = None,
    metrics: Mapping[str, Metric] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: Mapping[int, float] | str | None = None,
    augment: Callable[[Array, np.random.Generator], npt.ArrayLike] | None = None,
    shuffle: bool = True,
    validation_split: float = 0.0,
    early_stopping: int | EarlyStopping | None = None,
    verbose: int = 1,
) -> CrossValidation:
    """Train a model for each of K folds, on the rows outside of it, and measure it on those inside.

    All folds are trained in one run (`train_many`), each with the bits of `fit` on its rows. What is fitted to the data
    is fitted to the training rows of each fold alone.

    Parameters
    ----------
    model : Model or callable
        A model, of which every fold trains a copy, or `build(fold)`, which returns a new one for each fold.
    X : array (N, D), or a table that `preprocessing` takes
        Samples in rows.
    y : array
        Targets as the loss takes them.
    folds : int, iterable of pairs, or splitter
        Number K of folds at random; or pairs `(training rows, held rows)`; or what has `split(X, y)`, such as
        scikit-learn's `TimeSeriesSplit()`. For groups that stay together: `list(GroupKFold().split(X, y, groups))`.
    stratified : bool, optional
        Whether each fold gets its share of every label; None: if y are labels.
    seed : int
        Decides the folds; the models have their own.
    loss, optimizer, epochs, batch_size, sample_weight, class_weight, augment, shuffle
        As for `Model.fit`; an optimiser is a pattern that is copied.
    preprocessing : preprocessing step, Pipeline or TablePreprocessor, optional
        For each fold a copy is fitted to the training rows and transforms all; it is then the member's
        `model.preprocessing`.
    metrics : dict of str to callable, optional
        Further scores: `metric(y, outputs)` of the held rows, the outputs as `Model.predict` gives them.
    validation_split, early_stopping
        As for `Model.fit`, within the training rows of each fold. Without them the held rows are evaluated after every
        epoch (`val_loss` in the histories); early stopping needs a `validation_split`, since choosing an epoch by the
        held rows would make their scores too good.
    verbose : int
        0 silent, 1 or 2 lines.

    Returns
    -------
    CrossValidation
        Scores, models, histories, out-of-fold predictions; `print` shows means and deviations.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(3.0, 2.0, size=(300, 2))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> model = st.Sequential([st.layers.Dense(8, "relu"), st.layers.Dense(2)])
    >>> result = st.cross_validate(
    ...     model, X, y, folds=5, loss="softmax_cross_entropy", optimizer=st.optimizers.Adam(0.02), epochs=10,
    ...     preprocessing=st.preprocessing.Standardizer(), verbose=0,
    ... )
    >>> result.mean["accuracy"] > 0.95, result.scores["accuracy"].shape, result.predictions.shape
    (True, (5,), (300, 2))
    """
    verbose = check_verbose(verbose)
    chosen_loss: Loss = LOSSES.create(loss, "loss")
    targets = data.as_array("y", y)
    chosen_metrics = _check_metrics(metrics)
    if preprocessing is not None and not (hasattr(preprocessing, "fit") and hasattr(preprocessing, "transform")):
        raise TypeError(
            "preprocessing must be a step of steepest.preprocessing, a Pipeline or a TablePreprocessor, "
            f"got {preprocessing!r}"
        )
    labels = _labels(targets, chosen_loss, stratified)
    pairs = make_folds(folds, len(targets), labels, seed, X, y)
    count = len(pairs)
    share = check_float("validation_split", validation_split, 0.0, 1.0, open_maximum=True)
    if early_stopping is not None and not share:
        raise ValueError(
            "early_stopping would choose the epoch by the rows that are held back for the score: "
            "give a validation_split, such as 0.1, of the training rows"
        )
    weight = data.check_sample_weight(sample_weight, len(targets))
    samples = X if preprocessing is not None or hasattr(X, "dtype") else np.asarray(X)
    models = [_member(model, number) for number in range(count)]
    inputs = [_prepare(one, preprocessing, samples, rows) for one, (rows, _) in zip(models, pairs, strict=True)]
    board = make_progress(verbose, count)
    common = {
        "y": targets, "loss": chosen_loss, "epochs": epochs, "batch_size": batch_size, "validation_data": None,
        "validation_split": share, "shuffle": shuffle, "sample_weight": weight, "class_weight": class_weight,
        "augment": augment, "callbacks": board, "verbose": 0,
    }  # fmt: skip
    settings = [
        {**common, "X": its_x, "optimizer": its_optimizer, "early_stopping": its_stopping, "fold": fold}
        for its_x, its_optimizer, its_stopping, fold in zip(
            inputs,
            each_optimizer(optimizer, count),
            each_early_stopping(early_stopping, count),
            [Fold(rows, None if share else held) for rows, held in pairs],
            strict=True,
        )
    ]
    histories = train_members(models, settings)
    scores, predictions = _measure(models, histories, inputs, targets, weight, pairs, chosen_metrics)
    return CrossValidation(models, histories, pairs, scores, predictions)


def _check_metrics(metrics: Any) -> dict[str, Metric]:
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping) or not all(callable(metric) for metric in metrics.values()):
        raise TypeError(f"metrics must be a dictionary of functions (y, outputs) by name, got {metrics!r}")
    return dict(metrics)


def _labels(targets: Array, loss: Loss, stratified: bool | None) -> Array | None:
    """Return what the folds are stratified by; None for nothing."""
    one_each = targets.ndim == 1 or (targets.ndim == 2 and targets.shape[1] == 1)
    if stratified is not None:
        stratified = check_bool("stratified", stratified)
    else:
        stratified = loss.classifies and one_each and len(np.unique(targets)) <= max(2, len(targets) // 5)
    if stratified and not one_each:
        raise ValueError(f"stratified folds need one label per row, y has shape {targets.shape}")
    return targets.reshape(len(targets)) if stratified else None


def _member(model: Any, number: int) -> Model:
    if not isinstance(model, Model) and not callable(model):
        raise TypeError(f"model must be a model or a function of the fold that returns one, got {model!r:.80}")
    member = copy.deepcopy(model) if isinstance(model, Model) else model(number)
    if not isinstance(member, Model):
        raise TypeError(f"model must be a function that returns a model, it returned {member!r:.80}")
    return member


def _prepare(model: Model, preprocessing: Any, X: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Return the inputs of a fold's member, through what was fitted to its training rows."""
    if preprocessing is None:
        return X
    model.preprocessing = copy.deepcopy(preprocessing).fit(_take(X, rows))
    return model.preprocessing.transform(X)


def _take(X: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Return some rows of an array, a frame or a dictionary of columns."""
    if isinstance(X, Mapping):
        return {name: np.asarray(column)[rows] for name, column in X.items()}
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    return X[rows] if hasattr(X, "shape") or hasattr(X, "dtype") else np.asarray(X)[rows]


def _measure(
    models: list[Model],
    histories: list[History],
    inputs: list[Any],
    targets: Array,
    weight: npt.NDArray[np.float64] | None,
    pairs: list[Pair],
    metrics: dict[str, Metric],
) -> tuple[dict[str, npt.NDArray[np.float64]], Array]:
    """Return the scores of every member on its held rows, and the mean of the outputs by those who held a row back."""
    scores: dict[str, npt.NDArray[np.float64]] = {}
    total: Array | None = None
    times = np.zeros((len(targets), 1))
    for number, (model, history, (_, held)) in enumerate(zip(models, histories, pairs, strict=True)):
        if total is None:
            total = np.zeros((len(targets), model.output_size or 0), model.dtype)
        if history.failure is not None:
            continue
        x, y = _take(inputs[number], held), targets[held]
        found = model.evaluate(x, y, sample_weight=None if weight is None else weight[held])
        outputs = model.predict(x)
        found |= {name: float(metric(y, outputs)) for name, metric in metrics.items()}
        for name, value in found.items():
            scores.setdefault(name, np.full(len(pairs), np.nan))[number] = value
        total[held] += outputs
        times[held] += 1
    assert total is not None
    with np.errstate(invalid="ignore"):
        return scores or {"loss": np.full(len(pairs), np.nan)}, (total / times.astype(total.dtype))
