"""Mean and deviation of activations and gradients by layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import data, rng, threads
from steepest.checks import check_bool, check_int
from steepest.diagnostics.backward import value_gradient
from steepest.diagnostics.report import ActivationReport, LayerStatistics
from steepest.lowering.program import Program
from steepest.registry import LOSSES

if TYPE_CHECKING:
    from steepest.model import Model

Array = npt.NDArray[Any]

# Ends of the ranges of the functions that have two.
_RANGES = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0)}
_NEAR = 0.025
_BINS = 61


def activation_statistics(
    model: Model | None = None,
    X: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    *,
    loss: Any = None,
    training: bool = True,
    initializer: Any = "auto",
    activation: Any = "relu",
    depth: int = 10,
    width: int = 256,
    rows: int = 512,
    seed: int = 0,
) -> ActivationReport:
    """Return mean and deviation of every layer's activations and gradients, dead and saturated shares.

    With a model and data it looks at these. Without, it makes the experiment behind the rules of initialisation: a
    chain of `depth` dense layers of `width` units on standard normal data, with the gradient of the mean squared
    distance from standard normal targets (Glorot and Bengio 2010; He et al. 2015).

    Parameters
    ----------
    model : Model, optional
        Left as it is. All rows of `X` go through as one batch.
    X : array (N, D), optional
        With a model only, and needed there.
    y : array, optional
        Targets as the loss takes them; without them there are no gradients.
    loss : str or Loss, optional
        None takes the one of the model's last `fit`.
    training : bool
        Whether batch norm takes the batch's statistics and dropout drops.
    initializer, activation, depth, width, rows, seed
        The experiment: of the weights, of every layer, number of layers, units, rows of data, random numbers.

    Returns
    -------
    ActivationReport
        With `.layers`, `.verdict`, `.gradient_verdict`, `.plot()`; printed it is a table.

    Examples
    --------
    >>> import steepest as st
    >>> experiment = st.diagnostics.activation_statistics
    >>> experiment(initializer="small_normal", activation="tanh").verdict
    'vanishing'
    >>> experiment(initializer={"kind": "normal", "std": 1.0}, activation="tanh").verdict
    'saturating'
    >>> experiment(initializer="glorot", activation="tanh").verdict
    'healthy'
    >>> report = experiment(initializer="he", activation="relu")
    >>> report.verdict, report.gradient_verdict
    ('healthy', 'healthy')
    """
    training = check_bool("training", training)
    if model is None:
        if X is not None or y is not None:
            raise ValueError("X and y go with a model: give activation_statistics(model, X, y), or neither of them")
        model, X, y, title = _experiment(initializer, activation, depth, width, rows, seed)
        loss = "mse"
    elif X is None:
        raise ValueError("X must be given with a model: the data to look at")
    else:
        title = f"{type(model).__name__} of {len(model.parameters()) if model.built else '?'} parameters"
    with model.guard.use():
        x = data.check_matrix("X", X)
        data.check_finite("X", x)
        network = model.network if model.built else model.build(x.shape[1])
        targets: Array | None = None
        if y is not None:
            if loss is None and model.loss is None:
                raise ValueError("loss must be given with y, since the model has not been trained with one yet")
            chosen = LOSSES.create(model.loss if loss is None else loss, "loss")
            targets = chosen.check_targets(y, len(x), network.program.output_width)
        values = network.core.forward(x, training, model.steps, model.seed, threads.get_num_threads())
        layers = []
        for name, function, number in _ends(network.program):
            gradient = None
            if targets is not None:
                gradient = value_gradient(model, number, values[number], targets, chosen, training)
            layers.append(_describe(name, function, values[number], gradient))
    return ActivationReport(title, _describe("input", "identity", x, None), tuple(layers))


def _experiment(
    initializer: Any, activation: Any, depth: int, width: int, rows: int, seed: int
) -> tuple[Model, Array, Array, str]:
    from steepest.layers import Dense
    from steepest.sequential import Sequential

    depth, width, rows = check_int("depth", depth, 1), check_int("width", width, 1), check_int("rows", rows, 2)
    chain = [Dense(width, activation, initializer=initializer, name=f"layer_{i + 1}") for i in range(depth)]
    draw = rng.generator(rng.check_seed(seed), rng.SPLIT)
    x, y = (draw.normal(size=(rows, width)).astype(np.float32) for _ in range(2))
    model = Sequential(chain, seed=seed, input_shape=width)
    title = f"{chain[0].initializer!r}, {chain[0].activation!r}, {depth} layers of {width} units"
    return model, x, y, title


def _ends(program: Program) -> list[tuple[str, str, int]]:
    """Return for every layer its name, its activation function, and the value it ends with, in order."""
    ends: dict[str, tuple[str, str, int]] = {}
    for op in program.operations:
        function = str(op.attributes.get("activation", "identity"))
        if function == "identity" and op.layer in ends and op.kind in ("dropout", "noise"):
            function = ends[op.layer][1]
        ends[op.layer] = (op.layer, function, op.output)
    return list(ends.values())


def _describe(name: str, function: str, values: Array, gradient: Array | None) -> LayerStatistics:
    values = values.astype(np.float64)
    finite = bool(np.isfinite(values).all())
    zeros = values == 0.0
    saturated = 0.0
    if function in _RANGES:
        low, high = _RANGES[function]
        near = _NEAR * (high - low)
        saturated = float(np.mean((values < low + near) | (values > high - near)))
    counts, edges = np.histogram(values, bins=_BINS) if finite else (np.zeros(1, np.int64), np.array([0.0, 1.0]))
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(values.mean()), float(values.std())
    return LayerStatistics(
        name=name,
        function=function,
        width=values.shape[1],
        mean=mean,
        std=std if finite else math.inf,
        zero=float(zeros.mean()),
        dead=float(zeros.all(axis=0).mean()),
        saturated=saturated,
        gradient_mean=math.nan if gradient is None else float(gradient.mean(dtype=np.float64)),
        gradient_std=math.nan if gradient is None else float(gradient.std(dtype=np.float64)),
        counts=counts,
        edges=edges,
    )
