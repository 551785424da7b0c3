"""The training of an estimator's network, and of several behind one estimator that differ by their random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

from steepest.ensembles import Ensemble
from steepest.errors import TrainingDiverged
from steepest.many.train import train_members
from steepest.sklearn import inputs
from steepest.sklearn.watch import Watch


@dataclass
class Fit:
    """A fit whose arguments were checked: what is left to do is the training.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
        Whose `model_` is trained.
    first : bool
        Whether the network is new, or goes on with a warm start.
    incremental : bool
        Whether it is a `partial_fit`.
    watch : Watch
        What follows the training.
    order : Order
        The order of the rows.
    settings : dict
        Arguments of `Model.fit`.
    """

    estimator: Any
    first: bool
    incremental: bool
    watch: Watch
    order: inputs.Order
    settings: dict[str, Any]

    def train(self) -> None:
        """Train this network alone."""
        try:
            history = self.estimator.model_.fit(**self.settings)
        except TrainingDiverged as error:
            history = error.history
            history.failure = error
        self.estimator._complete(self, history)


# What `Model.fit` has defaults for.
_DEFAULTS: dict[str, Any] = {
    "validation_data": None,
    "validation_split": 0.0,
    "class_weight": None,
    "augment": None,
    "early_stopping": None,
}


def train(fit: Fit, arguments: dict[str, Any]) -> None:
    """Train the first member and the others, and make the ensemble of all.

    All train in one run, side by side, where nothing follows a single training: with callbacks, printed lines or
    `max_time` they train one after the other. L-BFGS, too, does so by itself.

    Parameters
    ----------
    fit : Fit
        Of the first member, which is the estimator itself.
    arguments : dict
        Of the estimator's `_prepare`, for the others.
    """
    estimator = fit.estimator
    others = _others(fit)
    if fit.incremental and hasattr(estimator, "classes_"):
        for member in others:
            member._learn_classes(arguments["y"], estimator.classes_)
    # While they train, each is scored alone.
    before, estimator._others = estimator._others, []
    try:
        if others and _side_by_side(estimator):
            _train_together([fit, *(member._prepare(**arguments) for member in others)])
        else:
            fit.train()
            for member in others:
                member._prepare(**arguments).train()
    except BaseException:
        # The networks of an earlier fit are no members of a new one.
        estimator._others = [] if fit.first else before
        gather(estimator)
        raise
    estimator._others = others
    gather(estimator)


def _others(fit: Fit) -> list[Any]:
    """Return the other members, ready for this fit."""
    estimator = fit.estimator
    others = list(estimator._others)
    if fit.first or len(others) != estimator.n_members - 1:
        # Drawn beside the first member's own numbers, which stay those of a single network.
        draws = inputs.copy_state(estimator._member_state).randint(2**31, size=estimator.n_members - 1)
        others = [clone(estimator).set_params(random_state=int(seed)) for seed in draws]
    for member in others:
        own = {"n_members": 1, "random_state": member.random_state, "checkup": False}
        if estimator.max_time is not None:
            own["max_time"] = estimator.max_time / estimator.n_members
        member.set_params(**{**estimator.get_params(), **own})
    return others


def _side_by_side(estimator: Any) -> bool:
    """Whether the members train in one run: a callback follows one training, as do the clock and printed lines."""
    return not estimator.callbacks and estimator.max_time is None and not estimator.verbose


def _train_together(fits: list[Fit]) -> None:
    """Train all of them in one run, each to the bits it would get alone; complete them in their order."""
    # What they made of the same samples is equal: one array is enough, and its rows are gathered once.
    samples = fits[0].settings["X"]
    settings = [{**_DEFAULTS, **fit.settings, "X": samples} for fit in fits]
    histories = train_members([fit.estimator.model_ for fit in fits], settings)
    for fit, history in zip(fits, histories, strict=True):
        fit.estimator._complete(fit, history)


def gather(estimator: Any) -> None:
    """Make the ensemble of the members' models."""
    models = [estimator.model_, *(member.model_ for member in estimator._others)]
    estimator.ensemble_ = Ensemble(models) if len(models) > 1 else None
