"""Checks of the gradient: right, reaching every layer, and of each row's own loss only."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from steepest.model import Model
from steepest.optimizers import Adam

from .activations import measured
from .case import Case
from .columns import seen
from .copies import plain
from .registry import check, failed, judge, passed, skipped, warned
from .report import Check
from .start import start

_TRAINING = ("overfit a few rows", "input-independent baseline", "shuffled-label baseline", "learning rate")
_NEEDS = ("finite features", "targets")
_ROWS = 12


@check("gradient check", needs=_NEEDS, explains=("gradient scale", *_TRAINING))
def gradient_check(case: Case) -> Check:
    """Whether the gradients are the derivatives of the loss, by finite differences in float64."""
    from steepest.gradcheck import gradcheck

    if not math.isfinite(start(case).loss):
        return skipped("the first loss is not finite")
    part = case.part(case.draw(_ROWS, 6))
    y = case.raw_targets(part)
    own = case.has_own_code
    twin: Any = case.model.astype("float64") if hasattr(case.model, "astype") else case.model
    x = np.asarray(part.x, dtype=np.float64)
    started = time.perf_counter()
    twin.loss_and_gradients(x, y, loss=case.loss)
    once = max(time.perf_counter() - started, 1e-5)
    # An entry takes about six evaluations.
    affordable = int(case.share(0.2, 3.0 if own else 1.5) / (6.0 * once))
    tensors = len(case.network.parameters) + 1
    options: dict[str, Any] = {"mode": "fast", "directions": int(np.clip(affordable // tensors, 1, 3))}
    if affordable >= 20 * tensors:
        options = {"mode": "auto", "max_entries": 300, "samples": 10 * tensors, "directions": 2}
    settings: dict[str, Any] = {
        "threshold": "no entry outside the error bound of its difference quotient, relative error below 1e-3",
        "source": "steepest.gradcheck, whose report says more",
    }
    inputs = not seen(case).codes and case.x.shape[1] <= 4096
    try:
        report = gradcheck(
            twin, x, y, loss=case.loss, inputs=inputs, burn_in=3 if own else 0, seed=case.seed, **options
        )
    except ValueError as error:
        return failed(
            f"it cannot be made: {error}",
            "the loss must be finite, and the same at every call with the same arguments",
            **settings,
        )
    data = {"value": report.relative_error, "limit": 1e-3, "tensors": dict(report.tensors)}
    evidence = f"relative error {report.relative_error:.1e} over {len(report.summaries)} tensors, {report.verdict}"
    if not report.wrong and report.relative_error < 1e-3:
        return passed(evidence, data=data, **settings)
    if report.kinks and not case.left < 0.0:
        # Where all sums are nearly 0 a step crosses several kinks at once; a wrong formula is wrong elsewhere, too.
        elsewhere = gradcheck(_moved(case, twin), x, y, loss=case.loss, inputs=inputs, seed=case.seed, **options)
        if not elsewhere.wrong and elsewhere.relative_error < 1e-3:
            return passed(
                f"relative error {elsewhere.relative_error:.1e} beside the start, where {report.kinks} entries lie at "
                "kinks",
                **settings,
            )
    worst = report.worst[0]
    return failed(
        f"{evidence}: at {worst.place} the gradient says {worst.analytic:.4g}, differences say {worst.numeric:.4g}",
        "correct the backward pass: print(st.gradcheck(model, X[:16], y[:16], loss=...)) lists the wrong entries"
        if own
        else "please report this: the core's gradients are wrong",
        data=data,
        **settings,
    )


def _moved(case: Case, twin: Any) -> Any:
    """Return a copy whose weights have the size that keeps the signal's."""
    moved = twin.copy()
    generator = case.generator(13)
    for array in moved.parameters().values():
        array += generator.normal(size=array.shape) / math.sqrt(max(array.shape[0], 1) if array.ndim == 2 else 4.0)
    return moved


@check("row independence", needs=_NEEDS, explains=("gradient check",))
def row_independence(case: Case) -> Check:
    """Whether a row's loss depends on that row only, where no batch norm mixes them."""
    program = case.network.program
    mixing = any(op.kind == "batch_norm" and not op.attributes.get("frozen", False) for op in program.operations)
    part = case.part(case.draw(8, 7))
    count = len(part)
    if count < 2:
        return skipped("one row only")
    if not math.isfinite(start(case).loss):
        return skipped("the first loss is not finite")
    x = np.ascontiguousarray(np.asarray(part.x, dtype=np.float64))
    threshold = "the gradient of one row's loss by another row's features is 0"
    source = "Karpathy 2019, A recipe for training neural networks: use backprop to chart dependencies"
    # Batch norm mixes rows on purpose, but not in prediction.
    training = not mixing
    twin: Any = case.model.astype("float64") if hasattr(case.model, "astype") else case.model
    whole = case.forward(twin, x, training=False)[program.output]
    single = np.concatenate([case.forward(twin, x[i : i + 1], training=False)[program.output] for i in range(count)])
    leaked = float(np.abs(whole - single).max()) / max(float(np.abs(whole).max()), 1e-30)
    for i in range(min(count, 3)):
        weight = np.zeros(count)
        weight[i] = 1.0
        _, gradients = twin.loss_and_gradients(
            x, case.raw_targets(part), loss=case.loss, sample_weight=weight, training=training, input_gradient=True
        )
        towards = np.abs(gradients["input"].reshape(count, -1))
        own = float(towards[i].max())
        others = float(np.delete(towards, i, axis=0).max())
        leaked = max(leaked, others / max(own, 1e-30) if others > 0.0 else 0.0)
    evidence = f"what rows have to do with each other: {leaked:.1e} of what they have to do with themselves"
    if mixing:
        evidence += ", in prediction (in training batch norm mixes them)"
    if leaked <= 1e-6:
        return passed(evidence, threshold=threshold, source=source)
    return failed(
        evidence,
        "a layer or loss of yours mixes the rows of a batch (a mean over axis 0, a reshape): keep them apart",
        threshold=threshold,
        source=source,
        data={"value": leaked, "limit": 1e-6},
    )


_VANISHING, _VANISHED = 1e-2, 1e-5
_EXPLODING = 1e3


@check("gradient scale", needs=_NEEDS, explains=_TRAINING)
def gradient_scale(case: Case) -> Check:
    """Whether the gradient reaches the first layers, neither vanishing nor exploding on its way."""
    first = start(case)
    threshold = (
        f"gradient by the first hidden layer's values over that by the last one's: warn below {_VANISHING:g} or above "
        f"{_EXPLODING:g}, fail below {_VANISHED:g} or at 0"
    )
    source = "Glorot and Bengio 2010; Pascanu, Mikolov and Bengio 2013"
    settings: dict[str, Any] = {"threshold": threshold, "source": source, "data": measured(case, first)}
    broken = [name for name, gradient in first.gradients.items() if not np.isfinite(gradient).all()]
    advice = "look at the layer behind it: dead or saturated units, an activation without gradient, wrong backward"
    if broken:
        return failed(f"the gradient of {broken[0]!r} is not finite", "smaller weights or features", **settings)
    without = _unreached(case)
    if without:
        some = ", ".join(map(repr, without[:4])) + (", ..." if len(without) > 4 else "")
        return failed(f"no gradient reaches {some}: it is exactly 0 for all {len(first.part)} rows", advice, **settings)
    outputs = {op.layer: op.output for op in case.network.program.operations}
    known = [
        (layer.name, layer.gradient_std)
        for layer in first.report.hidden
        if not np.isnan(layer.gradient_std) and outputs.get(layer.name) != case.network.program.output
    ]
    if len(known) < 2:
        return passed("a gradient reaches every tensor", **settings)
    (start_name, begin), (end_name, end) = known[0], known[-1]
    ratio = begin / max(end, 1e-300)
    evidence = f"the gradient by the values of {start_name!r} is {ratio:.2g} times that of {end_name!r}"
    if end == 0.0:  # an output layer of zeros, which the first step changes
        return passed("a gradient reaches every tensor", **settings)
    if ratio > _EXPLODING:
        return warned(
            f"{evidence}: it explodes on its way back",
            "initializer='auto', batch or layer norm, clip_norm=1 in the optimiser",
            **settings,
        )
    return judge(
        _VANISHING / max(ratio, 1e-300),
        1.0,
        _VANISHING / _VANISHED,
        evidence + (": it vanishes on its way back" if ratio < _VANISHING else ""),
        "ReLU or tanh instead of sigmoid, initializer='auto', fewer layers, residual blocks, or batch or layer norm",
        **settings,
    )


def _unreached(case: Case) -> list[str]:
    """Return trained weights whose gradient is exactly 0 after a few steps: a layer of zeros hides others at first."""
    first = start(case)
    program = case.network.program
    weights = {p.name for p in program.parameters if p.trainable and len(p.shape) == 2}
    zero = {name for name in weights if not first.gradients[name].any()}
    if not zero:
        return []
    model: Model = plain(case.model)
    y = case.raw_targets(first.part)
    rows = min(len(first.part), 128)
    try:
        model.fit(
            first.part.x[:rows], y[:rows], loss=case.loss, optimizer=Adam(1e-3), epochs=3, batch_size=rows, verbose=0
        )
    except (ArithmeticError, ValueError):
        return sorted(zero)
    _, gradients = model.loss_and_gradients(first.part.x, y, loss=case.loss)
    return [name for name in first.gradients if name in zero and not gradients[name].any()]
