"""An ensemble of networks that differ by their seed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_int, check_items
from steepest.ensembles.ensemble import Ensemble
from steepest.many import train_many
from steepest.many.members import check_models
from steepest.optimizers import Optimizer

if TYPE_CHECKING:
    from steepest.sequential import Sequential


def seed_ensemble(
    build: Callable[[int], Sequential],
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    members: int | Sequence[int] = 5,
    optimizer: Callable[[], Any] | str | Optimizer | None = None,
    average: str | None = None,
    **fit: Any,
) -> Ensemble:
    """Train the same architecture from several seeds, all in one run, and return the ensemble ("deep ensembles").

    The seed decides initial weights, order of the rows and dropout (Lakshminarayanan et al. 2017).

    Parameters
    ----------
    build : callable
        `build(seed)` returns an untrained model with that seed.
    X, y : array
        As for `Model.fit`.
    members : int or sequence of int
        Number of members, with seeds 0, 1, ..., or the seeds themselves.
    optimizer : callable, Optimizer or str, optional
        `optimizer()` returns a new optimiser for each member; or a pattern that is copied; or a name.
    average
        See `Ensemble`.
    **fit
        Other arguments of `steepest.train_many`: `loss`, `epochs`, `batch_size`, ...

    Returns
    -------
    Ensemble
        Of the trained members; after Ctrl-C of the members so far, with a warning.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> def build(seed):
    ...     return st.Sequential([st.layers.Dense(16, "tanh"), st.layers.Dense(1)], seed=seed)
    >>> ensemble = st.ensembles.seed_ensemble(build, X, np.sin(3 * X), members=4, loss="mse", epochs=200, verbose=0)
    >>> spread = ensemble.spread([[0.0], [4.0]])
    >>> bool(spread.deviation[1, 0] > spread.deviation[0, 0])  # outside of the data they disagree
    True
    """
    if not callable(build):
        raise TypeError(f"build must be a function of the seed that returns an untrained model, got {build!r:.80}")
    number = isinstance(members, (int, np.integer))
    seeds = range(check_int("members", members, 1)) if number else check_items("members", members, "a number or seeds")
    if len(set(seeds)) < len(seeds) or not seeds:
        raise ValueError(f"members must be a number or different seeds, got {members!r}")
    models = check_models([build(seed) for seed in seeds])
    for model, seed in zip(models, seeds, strict=True):
        if model.seed != seed:
            raise ValueError(f"build({seed}) returned a model with seed {model.seed}: pass the seed on to it")
    optimizers = [optimizer() for _ in models] if callable(optimizer) else optimizer
    histories = train_many(models, X, y, optimizers=optimizers, **fit)
    for history in histories:
        if history.failure is not None:
            raise history.failure
    if any(history.interrupted for history in histories):
        epochs = ", ".join(str(len(history["loss"]) if "loss" in history else 0) for history in histories)
        warnings.warn(f"stopped by Ctrl-C: the members have {epochs} epochs behind them", UserWarning, stacklevel=2)
    return Ensemble(models, average=average)
