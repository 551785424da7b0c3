"""From the estimator's parameters to steepest's optimiser, learning rate and loss."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

from steepest.losses import MAE, MSE, Huber, Loss, Poisson, Quantile
from steepest.optimizers import LBFGS, SGD, Adam, AdamW, Optimizer
from steepest.registry import LOSSES, OPTIMIZERS, SCHEDULES
from steepest.schedules import (
    Cosine,
    Exponential,
    InverseTime,
    LearningRate,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Restarts,
    Step,
    Warmup,
    as_learning_rate,
)

# The largest float below 1: our momentum ends before 1, scikit-learn's at it.
_BELOW_ONE = math.nextafter(1.0, 0.0) if hasattr(math, "nextafter") else 1.0 - 2.0**-53
# scikit-learn's learning rates; the last two take part with solver="sgd" only.
OWN_RATES = ("constant", "invscaling", "adaptive")

# By name: (rate, steps of max_iter epochs) -> schedule.
_SCHEDULES: dict[str, Callable[[float, int], LearningRate]] = {
    "cosine": lambda rate, steps: Cosine(rate, steps),
    "one_cycle": lambda rate, steps: OneCycle(rate, max(steps, 2)),
    "linear": lambda rate, steps: Polynomial(rate, steps),
    "polynomial": lambda rate, steps: Polynomial(rate, steps, power=2.0),
    "step": lambda rate, steps: Step(rate, every=max(steps // 3, 1)),
    "exponential": lambda rate, steps: Exponential(rate, steps, factor=0.01),
    "inverse_time": lambda rate, steps: InverseTime(rate, decay=10.0 / steps),
    "warmup": lambda rate, steps: Warmup(rate, max(steps // 20, 1)),
    "warmup_cosine": lambda rate, steps: Cosine(rate, steps, warmup=steps // 20),
}


# Those that have fallen to nearly nothing by then: a training of so many epochs has ended as it was meant to.
ENDING = ("cosine", "warmup_cosine", "one_cycle", "linear", "polynomial", "exponential")


def rate_names() -> list[str]:
    """Return the names that `learning_rate` may have."""
    return [*OWN_RATES, *_SCHEDULES, "reduce_on_plateau"]


def check_rate(spec: Any) -> None:
    """Raise ValueError if this is no learning rate."""
    if isinstance(spec, str) and spec not in rate_names():
        raise ValueError(
            f"learning_rate must be one of {', '.join(map(repr, rate_names()))}, a schedule of steepest.schedules "
            f"or a function of the step, got {spec!r}"
        )


def make_rate(estimator: Any, steps: int, start: int) -> LearningRate:
    """Return the learning rate: a number, or a schedule whose named kinds span `steps` and then begin anew."""
    spec, first = estimator.learning_rate, float(estimator.learning_rate_init)
    if isinstance(spec, str):
        if spec in OWN_RATES:
            return first
        if spec == "reduce_on_plateau":
            patience = estimator.n_iter_no_change
            return ReduceOnPlateau(first, patience=max(int(patience) // 2, 1) if math.isfinite(patience) else 5)
        return Restarts(_SCHEDULES[spec](first, steps), steps, start)
    if isinstance(spec, Mapping):
        config = dict(spec)
        takes = SCHEDULES[config["kind"]].arguments() if config.get("kind") in SCHEDULES else {}
        for name, value in (("learning_rate", first), ("steps", steps)):
            if name in takes:
                config.setdefault(name, value)
        return as_learning_rate(config)
    return copy.deepcopy(as_learning_rate(spec))


def make_optimizer(estimator: Any, rate: LearningRate) -> Optimizer:
    """Return a new optimiser; where scikit-learn names its numbers they are scikit-learn's."""
    e = estimator
    if isinstance(e.solver, Optimizer):
        return copy.deepcopy(e.solver)
    clipping = {"clip_norm": e.clip_norm, "clip_value": e.clip_value}
    if e.solver == "sgd":
        nesterov = bool(e.nesterovs_momentum) and e.momentum > 0.0
        return SGD(rate, momentum=min(float(e.momentum), _BELOW_ONE), nesterov=nesterov, **clipping)
    if e.solver == "adam":
        return Adam(rate, e.beta_1, e.beta_2, e.epsilon, epsilon_hat=True, **clipping)
    if e.solver == "adamw":
        return AdamW(rate, e.weight_decay, e.beta_1, e.beta_2, e.epsilon, **clipping)
    if e.solver == "lbfgs":
        return LBFGS(tolerance=float(e.tol), evaluations=max(min(20, e.max_fun), 2))
    cls = OPTIMIZERS[e.solver]
    numbers = {"beta1": e.beta_1, "beta2": e.beta_2, "epsilon": e.epsilon}
    arguments = {name: value for name, value in numbers.items() if name in cls.arguments()}
    optimizer: Optimizer = cls(rate, **arguments, **clipping)
    return optimizer


def rule_key(estimator: Any) -> tuple[Any, ...]:
    """Return what an optimiser's state hangs on: while it is the same, a warm start goes on with the state."""
    e = estimator
    return (
        e.solver, float(e.momentum), bool(e.nesterovs_momentum), float(e.beta_1), float(e.beta_2), float(e.epsilon),
        float(e.weight_decay), e.clip_norm, e.clip_value,
    )  # fmt: skip


def rate_key(estimator: Any, steps: int) -> tuple[Any, ...]:
    """Return what the learning rate hangs on: while it is the same, a warm start goes on with the schedule."""
    spans = steps if isinstance(estimator.learning_rate, str) and estimator.learning_rate in _SCHEDULES else 0
    return (estimator.learning_rate, float(estimator.learning_rate_init), float(estimator.power_t), spans)


def counts(loss: Any) -> bool:
    """Whether the loss is for counts, whose logarithms of rates the network gives."""
    return isinstance(loss, Poisson) or (isinstance(loss, str) and loss == "poisson")


def regression_loss(estimator: Any, outputs: int) -> Loss:
    """Return the loss whose gradient is scikit-learn's: summed over the outputs, with 1/2 before a square."""
    spec, k = estimator.loss, float(outputs)
    if isinstance(spec, Loss):
        return spec
    named: dict[str, Callable[[], Loss]] = {
        "squared_error": lambda: MSE(factor=0.5 * k),
        "poisson": lambda: Poisson(factor=k),
        "huber": lambda: Huber(estimator.delta, factor=k),
        "absolute_error": lambda: MAE(factor=k),
        "quantile": lambda: Quantile(estimator.quantile, factor=k),
    }
    named["mae"] = named["absolute_error"]
    named["mse"] = named["squared_error"]
    if spec not in named:
        if spec in LOSSES:
            raise ValueError(f"loss={spec!r} is not for numbers, use one of {', '.join(map(repr, named))}")
        raise ValueError(f"loss must be one of {', '.join(map(repr, named))} or a loss object, got {spec!r}")
    return named[spec]()
