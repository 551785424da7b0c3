"""What all trials of a search share: how a model is built, the data, the objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import data, rng
from steepest.callbacks import Callback
from steepest.checks import check_choice, check_float, check_int
from steepest.search.trial import Parameters, Trial

if TYPE_CHECKING:
    from steepest.history import History
    from steepest.sequential import Sequential

Array = npt.NDArray[Any]
Build = Callable[[Parameters], Any]
Objective = str | Callable[["Sequential", "History"], float]

# Rows from which the initial loss of a trial is taken: it is only compared with losses three times as large, and more
# rows take a good part of the time of a trial that trains one epoch.
INITIAL_ROWS = 256
# Arguments of fit that the search gives itself.
_OWN = ("loss", "epochs", "validation_data", "validation_split", "callbacks", "verbose")


def sample_rows(x: Any, y: Any) -> tuple[Array, Array]:
    """Return the rows from which an initial loss is taken: drawn at random, always the same."""
    samples, targets = data.as_array("X", x), np.asarray(y)
    if len(samples) <= INITIAL_ROWS:
        return samples, targets
    rows = np.sort(rng.generator(0, rng.SPLIT).choice(len(samples), INITIAL_ROWS, replace=False))
    return samples[rows], targets[rows]


@dataclass
class Problem:
    """What is searched for, checked."""

    build: Build
    x: Any
    y: Any
    loss: Any
    validation: tuple[Any, ...] | None
    objective: Objective
    maximize: bool
    fit: dict[str, Any]
    callbacks: Callable[[Trial], Sequence[Callback]] | None
    factor: float

    def make(self, parameters: Parameters) -> tuple[Sequential, dict[str, Any]]:
        """Return the model of a trial, and its own arguments of fit."""
        built = self.build(Parameters(parameters))
        model, own = built if isinstance(built, tuple) and len(built) == 2 else (built, {})
        if not hasattr(model, "fit") or not isinstance(own, Mapping):
            raise TypeError(f"build must return a model, or (model, arguments of fit), got {built!r}")
        for name in own:
            if name in _OWN[1:]:
                raise ValueError(f"build returned {name!r} for fit, which the search gives itself")
        return model, {"loss": self.loss, **self.fit, **own}

    def score(self, model: Sequential, history: History) -> float:
        """Return the objective after a stretch of training."""
        if callable(self.objective):
            return float(self.objective(model, history))
        return history[self.objective][-1]

    def better(self, a: Trial, b: Trial) -> bool:
        """Whether trial a, which has a value, is better than b."""
        return b.value is None or (a.value is not None and self.key(a.value) < self.key(b.value))

    def key(self, value: float | None) -> float:
        """Return what is smaller for better values; no value is worst."""
        if value is None or math.isnan(value):
            return math.inf
        return -value if self.maximize else value


def make_problem(
    build: Any,
    X: Any,
    y: Any,
    *,
    loss: Any,
    validation_data: Any,
    validation_split: Any,
    objective: Any,
    mode: Any,
    fit: Mapping[str, Any] | None,
    callbacks: Any,
    factor: Any,
    seed: int,
) -> Problem:
    """Check the arguments of `Search`; rows that are held back are the same for every trial."""
    if not callable(build):
        raise TypeError(f"build must be a function of the parameters, got {build!r}")
    if callbacks is not None and not callable(callbacks):
        raise TypeError(f"callbacks must be a function of the trial that returns new callbacks, got {callbacks!r}")
    if not (fit is None or isinstance(fit, Mapping)):
        raise TypeError(f"fit must be a dictionary of arguments of fit, got {fit!r}")
    options = dict(fit or {})
    for name in options:
        if name in _OWN:
            raise ValueError(f"fit={{{name!r}: ...}}: give {name} to the search, which passes it on")
    share = check_float("validation_split", validation_split, 0.0, 1.0, open_maximum=True)
    if share and validation_data is not None:
        raise ValueError("give validation_data or validation_split, not both")
    if share:
        if options.get("sample_weight") is not None:
            raise ValueError("sample_weight and validation_split: divide the rows yourself and give validation_data")
        X, y, validation_data = _hold_back(X, y, share, seed)
    if isinstance(objective, str):
        if objective.startswith("val_") and validation_data is None:
            raise ValueError(
                f"objective={objective!r} needs a validation set: give validation_data or validation_split"
            )
    elif not callable(objective):
        raise TypeError(
            f"objective must be a name such as 'val_loss' or a function (model, history), got {objective!r}"
        )
    mode = check_choice("mode", mode, ("auto", "min", "max"))
    if mode == "auto" and callable(objective):
        raise ValueError("mode must be 'min' or 'max', since the objective is a function")
    maximize = mode == "max" or (mode == "auto" and str(objective).endswith("accuracy"))
    factor = check_float("stop_factor", factor, 1.0, open_minimum=True)
    return Problem(build, X, y, loss, validation_data, objective, maximize, options, callbacks, factor)


def _hold_back(X: Any, y: Any, share: float, seed: int) -> tuple[Array, Array, tuple[Array, Array]]:
    x, targets = data.as_array("X", X), data.as_array("y", y)
    data.check_rows("y", targets, len(x))
    count = max(1, round(share * len(x)))
    if count >= len(x):
        raise ValueError(f"validation_split={share} leaves no row of {len(x)} to train on")
    order = rng.generator(seed, rng.SPLIT).permutation(len(x))
    held, rows = np.sort(order[:count]), np.sort(order[count:])
    return x[rows], targets[rows], (x[held], targets[held])


def check_epochs(epochs: Any) -> int:
    """Return the epochs of a full training."""
    return check_int("epochs", epochs, 1)
