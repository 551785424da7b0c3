"""What the estimators' parameters may be: checked at every fit, since `__init__` only stores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names

from steepest import checks
from steepest.callbacks import Callback
from steepest.losses import Loss
from steepest.optimizers import Optimizer
from steepest.registry import ACTIVATIONS, INITIALIZERS, OPTIMIZERS
from steepest.sklearn import solver
from steepest.sklearn.frames import check_preprocessing

# scikit-learn's names where ours differ.
ACTIVATION_NAMES = {"logistic": "sigmoid"}


class InvalidParameter(ValueError, TypeError):  # noqa: N818 - scikit-learn's errors of this kind are both, too
    """A parameter of an estimator that is out of its range or of the wrong type."""


def check(estimator: Any) -> None:
    """Raise InvalidParameter naming the first parameter that is wrong, with its value and what is accepted."""
    try:
        _check_scikit_learn(estimator)
        _check_ours(estimator)
    except InvalidParameter:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidParameter(f"{type(estimator).__name__}: {error}") from None


def _check_scikit_learn(e: Any) -> None:
    hidden_sizes(e)
    checks.check_float("alpha", e.alpha, 0.0)
    if not isinstance(e.batch_size, str) or e.batch_size != "auto":
        checks.check_int("batch_size", _number_or_name("batch_size", e.batch_size, ("auto",)), 1)
    checks.check_float("learning_rate_init", e.learning_rate_init, 0.0, open_minimum=True)
    checks.check_float("power_t", e.power_t, 0.0)
    checks.check_int("max_iter", e.max_iter, 1)
    for name in ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping"):
        checks.check_bool(name, getattr(e, name))
    _check_random_state(e.random_state)
    checks.check_float("tol", e.tol, 0.0)
    checks.check_int("verbose", int(e.verbose) if isinstance(e.verbose, (bool, np.bool_)) else e.verbose, 0)
    checks.check_float("momentum", e.momentum, 0.0, 1.0)
    checks.check_float("validation_fraction", e.validation_fraction, 0.0, 1.0, open_maximum=True)
    checks.check_float("beta_1", e.beta_1, 0.0, 1.0, open_maximum=True)
    checks.check_float("beta_2", e.beta_2, 0.0, 1.0, open_maximum=True)
    checks.check_float("epsilon", e.epsilon, 0.0, open_minimum=True)
    if not (isinstance(e.n_iter_no_change, (float, np.floating)) and e.n_iter_no_change == math.inf):
        checks.check_int("n_iter_no_change", e.n_iter_no_change, 1)
    checks.check_int("max_fun", e.max_fun, 1)


def _check_ours(e: Any) -> None:
    activations(e)
    if isinstance(e.solver, str):
        checks.check_choice("solver", e.solver, OPTIMIZERS.names())
    elif not isinstance(e.solver, Optimizer):
        raise TypeError(f"solver must be a name or an object of steepest.optimizers, got {e.solver!r}")
    dropout_rates(e)
    checks.check_bool("batch_norm", e.batch_norm)
    checks.check_float("weight_decay", e.weight_decay, 0.0)
    for name in ("clip_norm", "clip_value", "max_time"):
        if getattr(e, name) is not None:
            checks.check_float(name, getattr(e, name), 0.0, open_minimum=True)
    solver.check_rate(e.learning_rate)
    if hasattr(e, "label_smoothing"):
        checks.check_float("label_smoothing", e.label_smoothing, 0.0, 1.0, open_maximum=True)
        _check_class_weight(e.class_weight)
    if hasattr(e, "scale_target"):
        _check_target(e)
    if not isinstance(e.initializer, str) or e.initializer != "auto":
        INITIALIZERS.create(e.initializer, "initializer")
    if not isinstance(e.dtype, str) or e.dtype != "auto":
        checks.check_dtype("dtype", e.dtype)
    _check_callbacks(e.callbacks)
    _check_metric(e.validation_metric)
    check_preprocessing(e.preprocessing)
    checks.check_int("n_members", e.n_members, 1)
    checks.check_bool("checkup", e.checkup)
    if not isinstance(e.loss, (str, Loss)):
        raise TypeError(f"loss must be a name or an object of steepest.losses, got {e.loss!r}")


def _check_callbacks(callbacks: Any) -> None:
    if callbacks is None:
        return
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks must be None or a list of objects of steepest.callbacks, got {callbacks!r}")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks must hold objects of steepest.callbacks, got {callback!r} in {callbacks!r}")


def _check_metric(metric: Any) -> None:
    if callable(metric) or metric in ("score", "loss"):
        return
    if not isinstance(metric, str):
        raise TypeError(f"validation_metric must be a name or a scorer, got {metric!r}")
    if metric not in get_scorer_names():
        raise ValueError(
            "validation_metric must be 'score', 'loss', a scorer, or one of "
            f"sklearn.metrics.get_scorer_names(), got {metric!r}"
        )


def _check_random_state(state: Any) -> None:
    if state is None or state is np.random or isinstance(state, np.random.RandomState):
        return
    # scikit-learn's own check knows no argument's name.
    if not isinstance(state, (int, np.integer)) or not 0 <= state < 2**32:
        raise ValueError(f"random_state must be None, an integer in 0..2**32 - 1 or a RandomState, got {state!r}")


def _check_class_weight(weight: Any) -> None:
    if weight is None or (isinstance(weight, str) and weight == "balanced"):
        return
    if isinstance(weight, Mapping):
        for label, value in weight.items():
            checks.check_float(f"class_weight[{label!r}]", value, 0.0)
        return
    raise ValueError(f"class_weight must be None, 'balanced' or a dictionary of weights by label, got {weight!r}")


def _check_target(e: Any) -> None:
    checks.check_float("delta", e.delta, 0.0, open_minimum=True)
    checks.check_float("quantile", e.quantile, 0.0, 1.0, open_minimum=True, open_maximum=True)
    if isinstance(e.scale_target, (bool, np.bool_)):
        if e.scale_target and solver.counts(e.loss):
            raise ValueError(
                f"scale_target={e.scale_target!r} has no meaning for loss={e.loss!r}, whose targets are counts; "
                "give 'auto' or False"
            )
    elif not (isinstance(e.scale_target, str) and e.scale_target == "auto"):
        raise ValueError(f"scale_target must be True, False or 'auto', got {e.scale_target!r}")


def _number_or_name(name: str, value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        raise ValueError(f"{name} must be {' or '.join(map(repr, names))} or an integer, got {value!r}")
    return value


def hidden_sizes(e: Any) -> list[int]:
    """Return the numbers of hidden units, layer by layer."""
    given = e.hidden_layer_sizes
    sizes = list(given) if _is_sequence(given) else [given]
    for size in sizes:
        if isinstance(size, (bool, np.bool_)) or not isinstance(size, (int, np.integer)):
            raise TypeError(f"hidden_layer_sizes must be an integer or a sequence of integers, got {given!r}")
        if size <= 0:
            raise ValueError(f"hidden_layer_sizes must be > 0, got {given!r}")
    return [int(size) for size in sizes]


def _is_sequence(value: Any) -> bool:
    """Whether these are values one after the other: no text, and nothing without an order or without a length."""
    return (
        isinstance(value, Iterable)
        and not isinstance(value, (str, bytes, Mapping, Set))
        and getattr(value, "ndim", 1) > 0
    )


def per_layer(name: str, value: Any, layers: int) -> list[Any]:
    """Return one value per hidden layer from one for all of them or a sequence."""
    if not _is_sequence(value):
        return [value] * layers
    values = list(value)
    if len(values) != layers:
        raise ValueError(f"{name} must be one for all hidden layers or one for each of the {layers}, got {value!r}")
    return values


def activations(e: Any) -> list[Any]:
    """Return the activation of every hidden layer, as an object of steepest.activations."""
    specs = per_layer("activation", e.activation, len(hidden_sizes(e)))
    return [_activation(spec) for spec in specs]


def _activation(spec: Any) -> Any:
    if isinstance(spec, str) and spec not in ACTIVATION_NAMES and spec not in ACTIVATIONS:
        names = [*ACTIVATION_NAMES, *ACTIVATIONS.names()]
        raise ValueError(f"activation must be one of {', '.join(map(repr, names))}, got {spec!r}")
    return ACTIVATIONS.create(ACTIVATION_NAMES.get(spec, spec) if isinstance(spec, str) else spec, "activation")


def dropout_rates(e: Any) -> list[float]:
    """Return the dropout behind every hidden layer."""
    rates = per_layer("dropout", e.dropout, len(hidden_sizes(e)))
    return [checks.check_float("dropout", rate, 0.0, 1.0, open_maximum=True) for rate in rates]
