"""Several networks behind one estimator, which differ by their random numbers and are averaged."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from steepest.ensembles import Ensemble
from steepest.sklearn import inputs


def fit_members(estimator: Any, X: Any, y: Any, arguments: dict[str, Any], *, fresh: bool, method: str) -> None:
    """Fit the other members as the first one was fitted, and make the ensemble of all.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        The first member, fitted.
    X, y, arguments
        Of its fit.
    fresh : bool
        Whether the members are new, or go on with a warm start.
    method : {"fit", "partial_fit"}
        What was called.
    """
    if estimator.n_members == 1:
        estimator._others = []
        gather(estimator)
        return
    if fresh or len(estimator._others) != estimator.n_members - 1:
        # Drawn beside the first member's own numbers, which stay those of a single network.
        draws = inputs.copy_state(estimator._member_state).randint(2**31, size=estimator.n_members - 1)
        estimator._others = [clone(estimator).set_params(random_state=int(seed)) for seed in draws]
    for member in estimator._others:
        own = {"n_members": 1, "random_state": member.random_state, "checkup": False}
        if estimator.max_time is not None:
            own["max_time"] = estimator.max_time / estimator.n_members
        member.set_params(**{**estimator.get_params(), **own})
        getattr(member, method)(X, y, **arguments)
    gather(estimator)


def gather(estimator: Any) -> None:
    """Make the ensemble of the members' models."""
    models = [estimator.model_, *(member.model_ for member in estimator._others)]
    estimator.ensemble_ = Ensemble(models) if len(models) > 1 else None
