"""A network whose hyper-parameters have names: what most searches build."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from steepest.checks import check_int
from steepest.registry import OPTIMIZERS
from steepest.search.trial import Parameters

if TYPE_CHECKING:
    from steepest.sequential import Sequential

# Values of the parameters that a space leaves out; None leaves it to the class that takes it.
DEFAULTS: dict[str, Any] = {
    "width": 128,
    "depth": 1,
    "activation": "relu",
    "batch_norm": False,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "l1": 0.0,
    "l2": 0.0,
    "optimizer": "adam",
    "learning_rate": None,
    "momentum": None,
    "weight_decay": None,
    "batch_size": None,
}


def perceptron(
    outputs: int, *, seed: int = 0, dtype: npt.DTypeLike = "float32", **fixed: Any
) -> Callable[[Parameters], tuple[Sequential, dict[str, Any]]]:
    """Return a function for `Search(build=...)` that makes a chain of dense layers from parameters with these names.

    `width` and `depth` of the hidden layers (128 and 1), `activation` ("relu"), `batch_norm` (False), `dropout` and
    `input_dropout` (0), penalties `l1` and `l2` (0); `optimizer` ("adam") with `learning_rate`, `momentum`,
    `weight_decay`; `batch_size`. A space gives some of them, `fixed` others, the rest are as said here or the classes'
    own defaults.

    Parameters
    ----------
    outputs : int
        Columns of the last layer.
    seed : int
        The same for all trials, so that they differ by their parameters only.
    dtype : {"float32", "float64"}
        Of the networks.
    **fixed
        Values by name.

    Examples
    --------
    >>> import steepest as st
    >>> build = st.search.perceptron(3, activation="tanh")
    >>> model, fit = build(st.search.Parameters(width=20, depth=2, learning_rate=0.1, batch_size=64))
    >>> [layer.units for layer in model.layers], fit
    ([20, 20, 3], {'optimizer': Adam(learning_rate=0.1), 'batch_size': 64})
    """
    outputs = check_int("outputs", outputs, 1)
    _check_names(fixed)

    def build(parameters: Parameters) -> tuple[Sequential, dict[str, Any]]:
        _check_names(parameters)
        return _make(Parameters({**DEFAULTS, **fixed, **parameters}), outputs, seed, dtype)

    return build


def _check_names(names: Any) -> None:
    for name in names:
        if name not in DEFAULTS:
            raise ValueError(f"perceptron knows no parameter {name!r}, only {', '.join(DEFAULTS)}")


def _make(p: Parameters, outputs: int, seed: int, dtype: npt.DTypeLike) -> tuple[Sequential, dict[str, Any]]:
    from steepest.layers import BatchNorm, Dense, Dropout, Layer
    from steepest.regularizers import L1L2
    from steepest.sequential import Sequential

    layers: list[Layer] = [Dropout(p.input_dropout)] if p.input_dropout else []
    for _ in range(p.depth):
        layers.append(Dense(p.width, p.activation, use_bias=True))
        layers += [BatchNorm()] if p.batch_norm else []
        layers += [Dropout(p.dropout)] if p.dropout else []
    layers.append(Dense(outputs))
    penalty = L1L2(p.l1, p.l2) if p.l1 or p.l2 else None
    settings = {name: p[name] for name in ("learning_rate", "momentum", "weight_decay") if p[name] is not None}
    optimizer = OPTIMIZERS.create({"kind": p.optimizer, **settings}, "optimizer")
    fit = {"optimizer": optimizer, **({} if p.batch_size is None else {"batch_size": p.batch_size})}
    return Sequential(layers, seed=seed, dtype=dtype, regularizer=penalty), fit
