"""Check whether analytic gradients are the derivatives of their values.

``steepest.gradcheck`` is this module, and it can be called: ``st.gradcheck(model, X, y, loss="mse")`` is
:func:`gradcheck`, for models, layers and losses. Beside it stand :func:`check_function` for any
``f(x) -> (value, gradient)`` and :func:`check_pair` for a forward function with its backward function.
:func:`step_curve` measures and draws the error of the difference quotients against their step.

How it decides is in :mod:`steepest.gradcheck.differences`: an entry is wrong when it lies outside the error bound of
its own difference quotient, so that one wrong entry in a large tensor is found however small its share of the norm.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from .check import Options, check
from .curve import StepCurve, step_curve
from .problem import Problem, from_function, from_pair
from .report import Entry, GradientReport, TensorSummary
from .subjects import from_subject

__all__ = [
    "Entry",
    "GradientReport",
    "Problem",
    "StepCurve",
    "TensorSummary",
    "check_function",
    "check_pair",
    "check_problem",
    "gradcheck",
    "step_curve",
]


def gradcheck(
    subject: Any,
    X: Any = None,
    y: Any = None,
    *,
    loss: Any = None,
    sample_weight: Any = None,
    training: bool = True,
    inputs: bool = True,
    burn_in: int = 0,
    mode: str = "auto",
    method: str = "two-sided",
    step: float | None = None,
    max_entries: int = 10_000,
    samples: int = 500,
    directions: int = 4,
    seed: int = 0,
) -> GradientReport:
    """Compare analytic gradients with difference quotients, in float64 on the code that trains.

    Parameters
    ----------
    subject : model, layer, loss or callable
        A model is copied as float64 and left as it is. A layer is checked inside a model of its own, against random
        targets. A loss (an object or its name) is checked at the outputs `X` and targets `y`. A callable is ``f(x) ->
        (value, gradient)``.
    X : array_like
        Inputs (rows, columns); for a callable the point x, of any shape.
    y : array_like, optional
        Targets. Needed for models and losses.
    loss : str or Loss, optional
        The loss; by default the one the model was trained with, ``"mse"`` for a layer.
    sample_weight : array_like, optional
        Weight of each row (rows,).
    training : bool
        True checks what training differentiates: batch norm with the batch's statistics, dropout with its mask held
        fixed.
    inputs : bool
        Whether the gradient with respect to `X` is checked too; the report calls it ``"input"``.
    burn_in : int
        Training steps the copy makes first: near-zero weights can hide a bug.
    mode : {"auto", "full", "sampled", "fast"}
        Every entry; a sample of every tensor plus random directions; random directions in every tensor by itself.
        "auto" is "full" up to `max_entries` entries and "sampled" beyond.
    method : {"two-sided", "one-sided"}
        ``(f(x + h) - f(x - h)) / 2h``, error O(h^2), or ``(f(x + h) - f(x)) / h``, error O(h).
    step : float, optional
        h, times `max(1, |x|)`. By default the cube root of the measured relative rounding noise, about 6e-6.
    max_entries : int
        See `mode`; parameters and inputs counted together.
    samples : int
        Entries that "sampled" compares in all, but at least ten of every tensor.
    directions : int
        Random directions per tensor.
    seed : int
        Of the sample and the directions.

    Returns
    -------
    GradientReport
        Printed it is a table; true if the check passed.

    Raises
    ------
    ValueError
        If the value is not finite, or differs between two calls with the same arguments.

    Notes
    -----
    The relative error is ``||num - ana|| / (||num|| + ||ana||)``: at most 1e-7 is excellent, around 1e-5 look closer,
    1e-3 is almost surely a bug. A kink within the step (ReLU, max, hinge) is recognised by slopes that differ on its
    two sides however short the step; such entries are compared beside the kink and counted in ``.kinks``.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> rng = np.random.default_rng(0)
    >>> model = st.Sequential([st.layers.Dense(5, activation="tanh"), st.layers.Dense(3)], seed=0)
    >>> report = st.gradcheck(model, rng.normal(size=(8, 4)), rng.integers(3, size=8), loss="softmax_cross_entropy")
    >>> report.passed, report.verdict
    (True, 'excellent')
    """
    options = Options(mode, method, step, max_entries, samples, directions, seed)
    settings = {
        "sample_weight": sample_weight,
        "training": training,
        "inputs": inputs,
        "burn_in": burn_in,
        "seed": seed,
    }
    return check(from_subject(subject, X, y, loss=loss, **settings), options)


def check_function(function: Callable[[Any], tuple[Any, Any]], x: Any, **options: Any) -> GradientReport:
    """Check any ``f(x) -> (value, gradient)`` at x; the keywords are `mode`, `method`, ... of :func:`gradcheck`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.gradcheck import check_function
    >>> check_function(lambda t: (np.sum(t**3), 3 * t**2), [4.0, -1.0]).passed
    True
    >>> report = check_function(lambda t: (np.sum(t**3), 3 * t**2 + [0, 0.01]), [4.0, -1.0])
    >>> report.passed, report.worst[0].place
    (False, 'x[1]')
    """
    return check(from_function(function, x), Options(**options))


def check_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *inputs: Any,
    names: Sequence[str] | None = None,
    **options: Any,
) -> GradientReport:
    """Check ``forward(*inputs) -> y`` with ``backward(dy, *inputs)``, the gradients of ``sum(dy * y)``, dy random.

    `backward` returns one gradient per input, or a tuple of them with None for an input that is not differentiated.
    This is the form of a kernel, an activation or a layer written in NumPy; the keywords are those of
    :func:`gradcheck`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.gradcheck import check_pair
    >>> check_pair(np.sin, lambda dy, x: dy * np.cos(x), np.linspace(-2, 2, 7)).passed
    True
    """
    settings = Options(**options)
    return check(from_pair(forward, backward, inputs, names, settings.seed), settings)


def check_problem(problem: Problem, **options: Any) -> GradientReport:
    """Check a :class:`Problem`: named tensors, a value and gradients; what the other functions reduce to."""
    return check(problem, Options(**options))


class _CallableModule(ModuleType):
    """Lets ``steepest.gradcheck(...)`` and ``steepest.gradcheck.check_function`` both mean what they say."""

    def __call__(self, *args: Any, **kwargs: Any) -> GradientReport:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
