"""Test-time augmentation: the average of one model's predictions of several versions of each sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import rng
from steepest.checks import check_bool, check_choice, check_int
from steepest.ensembles.ensemble import AVERAGES
from steepest.ensembles.spread import Spread

if TYPE_CHECKING:
    from steepest.ensembles.ensemble import Ensemble
    from steepest.model import Model

Array = npt.NDArray[Any]


def predict_augmented(
    model: Model | Ensemble,
    X: npt.ArrayLike,
    augment: Callable[[Array, np.random.Generator], npt.ArrayLike],
    *,
    rounds: int = 8,
    plain: bool = True,
    average: str | None = None,
    seed: int = 0,
) -> Spread:
    """Predict several random versions of every sample; `.mean` of the result is the usual prediction.

    Parameters
    ----------
    model : Model or Ensemble
        Asked for its predictions.
    X : array (N, ...)
        Samples.
    augment : callable
        `augment(batch, generator)` returns other versions of the samples, of the same shape: the function that
        `Model.fit` takes. It gets a copy of all samples.
    rounds : int
        Versions of every sample, at least 1.
    plain : bool
        Whether the samples as they are count as one more.
    average : {"probabilities", "outputs"}, optional
        What is predicted; None takes probabilities where the model's loss has them.
    seed : int
        Determines the versions.

    Returns
    -------
    Spread
        `(rounds + plain, N, K)` predictions with their mean, deviation and intervals.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> model = st.Sequential([st.layers.Dense(2)])
    >>> history = model.fit(X, (X[:, 0] > 0).astype(int), loss="softmax_cross_entropy", epochs=2, verbose=0)
    >>> def jitter(batch, generator):
    ...     return batch + generator.normal(0, 0.1, batch.shape)
    >>> predictions = st.ensembles.predict_augmented(model, X, jitter, rounds=4)
    >>> predictions.members.shape, predictions.mean.shape
    ((5, 100, 2), (100, 2))
    """
    rounds = check_int("rounds", rounds, 1)
    if not callable(augment):
        raise TypeError(f"augment must be a function (batch, generator) -> batch, got {augment!r}")
    if average is None:
        average = "probabilities" if model.loss is not None and model.loss.has_link else "outputs"
    choices = [name for name in AVERAGES if name != "logits"]
    ask: Any = model.predict_proba if check_choice("average", average, choices) == "probabilities" else model.predict
    samples = np.asarray(X)
    predictions = [ask(samples)] if check_bool("plain", plain) else []
    for number in range(rounds):
        generator = rng.generator(rng.check_seed(seed), rng.AUGMENT, number)
        version = np.asarray(augment(samples.copy(), generator))
        if version.shape != samples.shape:
            raise ValueError(f"augment must return samples of shape {samples.shape}, got {version.shape}")
        predictions.append(ask(version))
    return Spread(np.stack(predictions))
