"""What the estimators say when a training did not converge: the cause, as far as the curve shows it, and the cure."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

# Epochs at the end of the curve that are looked at.
_TAIL = 10


def warn_not_converged(estimator: Any) -> None:
    """Warn that `max_iter` is over."""
    e = estimator
    if e.solver == "lbfgs":
        text = (
            f"lbfgs failed to converge after {e.n_iter_} iterations: it reached max_iter={e.max_iter} or "
            f"max_fun={e.max_fun} with a gradient entry above tol={e.tol:g}. Raise max_iter and max_fun, "
            "and bring the features to one scale (sklearn.preprocessing.StandardScaler)."
        )
    else:
        text = (
            f"Stochastic Optimizer: Maximum iterations ({e.max_iter}) reached and the optimization "
            f"hasn't converged yet. {diagnose(e)}"
        )
    warnings.warn(text, ConvergenceWarning, stacklevel=8)


def diagnose(estimator: Any) -> str:
    """Return cause and cure by the last epochs of the loss curve."""
    e = estimator
    curve = np.asarray(e.loss_curve_[-_TAIL - 1 :], dtype=np.float64)
    if len(curve) < 3:
        return "So few epochs say nothing about the cause: raise max_iter."
    changes = np.diff(curve)
    fall = float(curve[0] - curve[-1])
    rate = f"learning_rate_init={e.learning_rate_init:g}"
    rises = int((changes > 0.0).sum())
    if rises >= len(changes) // 3 and rises >= 2:
        return (
            f"Cause: the training loss jumps up and down ({rises} of the last {len(changes)} epochs raised it). "
            f"Cure: let the rate fall with learning_rate='cosine', lower {rate}, or take larger batches."
        )
    if fall <= 0.0:
        return (
            f"Cause: the training loss rises ({curve[0]:.4g} to {curve[-1]:.4g} in the last {len(changes)} epochs). "
            f"Cure: lower {rate}, or let it fall with learning_rate='cosine'."
        )
    share = 100.0 * fall / len(changes) / abs(curve[-1] or 1.0)
    return (
        f"Cause: the training loss still falls, by {share:.2g}% an epoch at the end. "
        f"Cure: raise max_iter, raise {rate}, or bring the features to one scale "
        "(sklearn.preprocessing.StandardScaler)."
    )


def non_finite(error: Exception) -> ValueError:
    """Return the error for a training that has no finite weights to offer."""
    return ValueError(
        "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
        f"preprocessed. ({error})"
    )


def warn_diverged(error: Exception) -> None:
    """Warn that the training diverged after it had found something."""
    warnings.warn(f"{error} The best weights so far are kept.", ConvergenceWarning, stacklevel=8)
