"""K networks trained in one run over the same data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.callbacks import Callback, EarlyStopping
from steepest.checks import check_items, check_verbose
from steepest.history import History
from steepest.losses import Loss
from steepest.many.loop import train_together
from steepest.many.members import (
    check_models,
    each,
    each_callbacks,
    each_early_stopping,
    each_fold,
    each_optimizer,
)
from steepest.many.progress import make_progress
from steepest.model import Model
from steepest.optimizers import Optimizer
from steepest.training.fit import prepared

Array = npt.NDArray[Any]
Folds = Sequence["tuple[npt.ArrayLike, npt.ArrayLike | None] | None"]


def train_many(
    models: Sequence[Model],
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    loss: str | Loss | dict[str, Any] | list[Any] | None = None,
    optimizers: str | Optimizer | dict[str, Any] | Sequence[str | Optimizer | dict[str, Any] | None] | None = None,
    epochs: int | list[int],
    batch_size: int | list[int] = 32,
    folds: Folds | None = None,
    validation_data: tuple[Any, ...] | list[Any] | None = None,
    validation_split: float = 0.0,
    shuffle: bool = True,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: Mapping[int, float] | str | None = None,
    augment: Callable[[Array, np.random.Generator], npt.ArrayLike] | None = None,
    callbacks: Sequence[Sequence[Callback]] = (),
    early_stopping: int | EarlyStopping | list[Any] | None = None,
    verbose: int = 1,
) -> list[History]:
    """Train several models on the same data side by side, each exactly as `fit` would train it alone.

    A small network cannot use several cores: its steps are over before a second worker is of use. Many small networks
    can: here every worker trains a network of its own, and where there are fewer networks than workers, each network
    gets some. The bits of the results do not depend on any of that. Members may differ in everything: seeds, rates,
    penalties, dropout, rows, also widths.

    A member that diverges stops alone, stands where its epoch began, and its history says so (`stopped`, `failure`).
    Ctrl-C ends all of them and keeps what each has learnt. An error in a callback ends all of them and is raised.

    Parameters
    ----------
    models : sequence of Model
        K different objects.
    X, y
        As for `Model.fit`, the same for all.
    loss, epochs, batch_size
        As for `Model.fit`; a list has one for each model.
    optimizers : str, Optimizer, dict, or a sequence of K
        One object is a pattern: every model gets a copy, which is then its `model.optimizer`. None as for `Model.fit`.
    folds : sequence of K pairs, optional
        `(training rows, validation rows)` for each model, numbers or masks, such as `list(KFold(K).split(X))` of
        scikit-learn; the second may be None, and None instead of a pair means all rows.
    validation_data : tuple (X, y) or (X, y, sample_weight), or list of K such tuples or None, optional
        As for `Model.fit`.
    validation_split, shuffle, sample_weight, class_weight, augment
        As for `Model.fit`, for every model.
    callbacks : sequence of K sequences of Callback
        Those of each model, called in the calling thread while other members train on: read and write only the own one.
    early_stopping : int, EarlyStopping, or list of K, optional
        One object is a pattern that is copied.
    verbose : int
        0 silent, 1 or 2 lines about all of them, at most ten a second.

    Returns
    -------
    list of History
        In the order of the models. Its `seconds` of an epoch include the time in which others had their turns.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong; nothing was trained.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> models = [st.Sequential([st.layers.Dense(8, "relu"), st.layers.Dense(2)], seed=seed) for seed in range(4)]
    >>> rates = [st.optimizers.Adam(rate) for rate in (0.001, 0.003, 0.01, 0.03)]
    >>> histories = st.train_many(
    ...     models, X, y, loss="softmax_cross_entropy", optimizers=rates, epochs=5, verbose=0
    ... )
    >>> min(range(4), key=lambda k: histories[k]["loss"][-1])
    3
    """
    members = check_models(models)
    count = len(members)
    verbose = check_verbose(verbose)
    if isinstance(y, list):
        y = np.asarray(y)  # once, not once for every member
    rows = 0 if folds is None else X.shape[0] if hasattr(X, "shape") else len(data.as_array("X", X))
    pairs = [None] * count if folds is None else check_items("folds", folds, "a list of a pair for each model")
    entries = each("folds", pairs, count)
    board = make_progress(verbose, count)
    differing: dict[str, list[Any]] = {
        "loss": each("loss", loss, count),
        "optimizer": each_optimizer(optimizers, count),
        "epochs": each("epochs", epochs, count),
        "batch_size": each("batch_size", batch_size, count),
        "validation_data": each("validation_data", validation_data, count),
        "callbacks": [[*own, *board] for own in each_callbacks(callbacks, count)],
        "early_stopping": each_early_stopping(early_stopping, count),
        "fold": each_fold(entries, rows),
    }
    common: dict[str, Any] = {
        "validation_split": validation_split,
        "shuffle": shuffle,
        "sample_weight": sample_weight,
        "class_weight": class_weight,
        "augment": augment,
        "verbose": 0,
    }
    settings = [
        {**common, **{name: values[number] for name, values in differing.items()}, "X": X, "y": y}
        for number in range(count)
    ]
    return train_members(members, settings)


def train_members(models: Sequence[Model], settings: Sequence[dict[str, Any]]) -> list[History]:
    """Train each model with its own arguments of `steepest.training.fit.prepared`, data included."""
    with ExitStack() as stack:
        return train_together(
            [stack.enter_context(prepared(model, **own)) for model, own in zip(models, settings, strict=True)]
        )
