"""Checks of what flows forward through the layers at the start: neither vanishing, exploding, dead nor saturated."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case
from .columns import seen
from .graph import RECTIFIERS
from .registry import check, failed, judge, skipped
from .report import Check
from .start import Start, start

_TRAINING = ("overfit a few rows", "input-independent baseline", "shuffled-label baseline", "learning rate")
_NEEDS = ("finite features", "targets")
_GROWTH, _SHRINKAGE = 30.0, 0.03


def measured(case: Case, first: Start) -> dict[str, Any]:
    """Return the statistics by layer for pictures, of the layers that `_learning` returns."""
    layers = _learning(case, first)
    return {
        "layers": [layer.name for layer in layers],
        "mean": np.array([layer.mean for layer in layers]),
        "std": np.array([layer.std for layer in layers]),
        "dead": np.array([layer.dead for layer in layers]),
        "saturated": np.array([layer.saturated for layer in layers]),
        "counts": [layer.counts for layer in layers],
        "edges": [layer.edges for layer in layers],
        "gradient_std": np.array([layer.gradient_std for layer in layers]),
    }


@check(
    "activation scale",
    needs=_NEEDS,
    explains=("loss at initialisation", "gradient scale", "saturated units", *_TRAINING),
)
def activation_scale(case: Case) -> Check:
    """Whether the differences between rows survive the hidden layers, and do not grow."""
    first = start(case)
    ends = {op.layer: op.output for op in case.network.program.operations}
    names = [layer.name for layer in first.report.hidden if ends[layer.name] != case.network.program.output]
    if not names:
        return skipped("no hidden layer")
    data = measured(case, first)
    signals = np.array([first.signal(ends[name]) for name in names])
    view = seen(case).values
    entering = float(np.sqrt(np.mean(np.var(view, axis=0)))) if view.shape[1] else 1.0
    threshold = (
        f"deviation from row to row over the hidden layers: warn where it grows beyond {_GROWTH:g} times that of the "
        f"input or falls below {_SHRINKAGE:g} of the first layer's, fail beyond the square of that"
    )
    source = "Glorot and Bengio 2010; He et al. 2015: the variance should stay what it is from layer to layer"
    if not np.isfinite(signals).all():
        bad = names[int(np.flatnonzero(~np.isfinite(signals))[0])]
        return failed(
            f"the values of layer {bad!r} are not finite at the start",
            "standardise the features; smaller initial weights",
            threshold=threshold,
            source=source,
            data=data,
        )
    growth = float(signals.max()) / max(entering, 1e-30)
    fall = float(signals[-1]) / max(float(signals[0]), 1e-30)
    evidence = (
        f"deviation from row to row: {entering:.3g} in the features, {signals[0]:.3g} behind {names[0]!r}, "
        f"{signals[-1]:.3g} behind {names[-1]!r}"
    )
    settings = {"threshold": threshold, "source": source, "data": data}
    if growth >= _GROWTH:
        return judge(
            growth,
            _GROWTH,
            _GROWTH**2,
            f"{evidence}: the signal explodes",
            "initializer='auto', or batch or layer norm between the layers",
            **settings,
        )
    return judge(
        _SHRINKAGE / max(fall, 1e-30),
        1.0,
        1.0 / _SHRINKAGE,
        evidence + (": the signal vanishes with depth" if fall <= _SHRINKAGE else ""),
        "ReLU or tanh instead of sigmoid, initializer='auto', fewer layers, residual blocks, or batch or layer norm",
        **settings,
    )


_SHARE, _DEAD, _MOST = 0.5, 0.7, 0.9


def _learning(case: Case, first: Start) -> list[Any]:
    """Return the layers through which a gradient has to flow: not those of a frozen encoding of the inputs."""
    program = case.network.program
    values = program.trained_values()
    names = {op.layer for op in program.operations if op.output in values}
    return [layer for layer in first.report.layers if layer.name in names or not names]


@check("dead units", needs=_NEEDS, explains=("activation scale", "gradient scale", *_TRAINING))
def dead_units(case: Case) -> Check:
    """Whether rectified units are 0 for every row, so that no gradient reaches them."""
    first = start(case)
    layers = [layer for layer in _learning(case, first) if layer.function in RECTIFIERS]
    if not layers:
        return skipped("no rectified layer")
    rows = len(first.part)
    worst = max(layers, key=lambda layer: layer.dead)
    # Of few rows many units are off by chance: of n independent ones a share of 2^-n.
    if rows < 16:
        return skipped(f"{rows} rows are too few to tell")
    evidence = f"{worst.dead:.0%} of the units of {worst.name!r} are 0 for all {rows} rows"
    bias = first.model.parameters().get(f"{worst.name}.bias")
    if bias is not None and worst.dead >= _DEAD:
        evidence += f"; their bias has the mean {bias.mean():.3g}"
    return judge(
        worst.dead,
        _DEAD,
        _MOST,
        evidence,
        "biases of 0 or slightly above, smaller steps, standardised features, or leaky ReLU",
        threshold=f"warn from {_DEAD:.0%} of a layer's units, fail from {_MOST:.0%}",
        source="a rectified unit that is off has no gradient (Glorot, Bordes and Bengio 2011); half of them may be off "
        "where all features are positive",
        data={**measured(case, first), "value": worst.dead, "limit": _DEAD},
    )


@check("saturated units", needs=_NEEDS, explains=("gradient scale", *_TRAINING))
def saturated_units(case: Case) -> Check:
    """Whether bounded activations sit at their ends, where they are flat."""
    first = start(case)
    bounded = ("sigmoid", "hard_sigmoid", "tanh", "softsign")
    layers = [layer for layer in _learning(case, first) if layer.function in bounded]
    if not layers:
        return skipped("no layer of a bounded activation")
    worst = max(layers, key=lambda layer: layer.saturated)
    return judge(
        worst.saturated,
        _SHARE,
        _MOST,
        f"{worst.saturated:.0%} of the values of {worst.name!r} lie within 2.5% of an end of {worst.function}'s range",
        "standardised features, initializer='auto', biases near 0",
        threshold=f"warn from {_SHARE:.0%} of a layer's values, fail from {_MOST:.0%}",
        source="LeCun et al. 1998, 4.4 and 4.6: a saturated unit is flat, so its gradient is small",
        data={**measured(case, first), "value": worst.saturated, "limit": _SHARE},
    )
