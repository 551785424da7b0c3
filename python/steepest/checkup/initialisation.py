"""Checks of the network as it starts: different units, weights of the right size, a loss where it should be."""

from __future__ import annotations

import math

import numpy as np

from steepest.lowering.passes import consumers
from steepest.lowering.program import Op

from .baseline import best_constant, constant_loss, zero_loss
from .case import Case
from .graph import LINEAR, activation_after, function_of, hidden, trained_hidden
from .registry import check, failed, judge, passed, skipped, warned
from .report import Check
from .start import start

_TRAINING = ("overfit a few rows", "input-independent baseline", "shuffled-label baseline", "learning rate")
_FLOW = ("activation scale", "dead units", "saturated units", "gradient scale")
_NEEDS = ("finite features", "targets")


@check(
    "finite parameters",
    explains=(
        "output activation",
        "weight scale",
        "loss at initialisation",
        "gradient check",
        "regularisation",
        *_FLOW,
    ),
)
def finite_parameters(case: Case) -> Check:
    """Whether parameters and running statistics are numbers."""
    bad = case.network.find_non_finite()
    threshold = "every parameter and statistic finite"
    if bad is None:
        return passed("all parameters and running statistics are finite", threshold=threshold)
    return failed(
        f"{bad!r} holds NaN or infinite numbers",
        "go back to the last good model: an earlier training diverged",
        threshold=threshold,
    )


@check(
    "symmetric initialisation", needs=_NEEDS, explains=("weight scale", "loss at initialisation", *_FLOW, *_TRAINING)
)
def symmetric_initialisation(case: Case) -> Check:
    """Whether the units of a hidden layer start alike, and get the same gradient for ever."""
    threshold = "all units of a hidden layer with the same weights: fail where their gradients are the same, too"
    source = "Goodfellow, Bengio and Courville 2016, Deep learning, 8.4: break symmetry between units"
    layers = [op for op in trained_hidden(case.network.program) if case.network.program.widths[op.output] > 1]
    if not layers:
        return skipped("no trained hidden layer of several units")
    program, seen = case.network.program, start(case)
    alike, stuck = [], []
    for op in layers:
        name = program.parameters[op.parameters[0]].name
        weight = case.network.parameters[name]
        if not _same_columns(weight):
            continue
        if len(op.parameters) > 1 and np.ptp(case.network.parameters[program.parameters[op.parameters[1]].name]) > 0:
            continue
        alike.append(op.layer)
        gradient = seen.gradients[name]
        if _same_columns(gradient, 1e-5 * float(np.abs(gradient).max())):
            stuck.append(op.layer)
    if not alike:
        return passed(f"the units of every hidden layer start differently, of {len(layers)}", threshold=threshold)
    settings = {"threshold": threshold, "source": source}
    advice = "initializer='auto' (He, Glorot or LeCun by the activation): random weights"
    which = ", ".join(map(repr, (stuck or alike)[:4]))
    if stuck:
        return failed(
            f"all units of layer {which} start with the same weights and get the same gradient: they stay one unit",
            advice,
            **settings,
        )
    return warned(f"all units of layer {which} start with the same weights", advice, **settings)


def _same_columns(array: np.ndarray, tolerance: float = 0.0) -> bool:
    return bool(np.all(np.ptp(array, axis=1) <= tolerance))


# Gain of the weights by the activation that follows: what keeps the variance (He et al. 2015, Glorot and Bengio 2010).
_RECTIFIED = (
    "relu",
    "leaky_relu",
    "prelu",
    "elu",
    "celu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "hard_swish",
    "softplus",
)
_LAYER = 4.0
_CHAIN = 10.0


@check("weight scale", needs=_NEEDS, explains=("loss at initialisation", "regularisation", *_FLOW, *_TRAINING))
def weight_scale(case: Case) -> Check:
    """Whether the initial weights have the size that keeps the signal's variance."""
    program = case.network.program
    threshold = (
        f"deviation of the weights over that of He's, Glorot's or LeCun's rule: warn beyond a factor {_LAYER:g} above "
        f"or {2 * _LAYER:g} below in a layer, or {_CHAIN:g} in all hidden layers; fail beyond five times as much"
    )
    source = "He et al. 2015; Glorot and Bengio 2010; LeCun et al. 1998"
    if not case.fresh:
        return skipped("the model has been trained: its weights are what it has learnt")
    ratios: dict[str, float] = {}
    up, down, worst = 0.0, 0.0, 0.0
    inner = {op.output for op in hidden(program)}
    for op in program.operations:
        if op.kind not in LINEAR or _normalised_after(case, op) or not program.parameters[op.parameters[0]].trainable:
            continue
        low, high, gain = _gains(case, op)
        if gain == 0.0:
            continue  # symmetric initialisation says so, and a zero output layer is a good start
        ratios[op.layer] = gain / high if gain > high else gain / low if gain < low else 1.0
        excess = math.log(ratios[op.layer])
        if op.output in inner:
            up, down = up + max(excess, 0.0), down + max(-excess, 0.0)
            worst = max(worst, -excess / math.log(2 * _LAYER))
        worst = max(worst, excess / math.log(_LAYER))
    if not ratios:
        return skipped("no trained dense layer without normalisation behind it")
    worst = max(worst, up / math.log(_CHAIN), down / math.log(_CHAIN))
    name = max(ratios, key=lambda layer: abs(math.log(ratios[layer])))
    data = {"layers": list(ratios), "ratios": np.array(list(ratios.values()))}
    evidence = f"the weights of {name!r} are {_times(ratios[name])} those of the usual rule"
    if up > 0.0 or down > 0.0:
        evidence += f"; all hidden layers together {_times(math.exp(up if up >= down else -down))}"
    if worst < 1.0:
        return passed(evidence, threshold=threshold, data=data)
    return (failed if worst >= 1.0 + math.log(5.0) / math.log(_CHAIN) else warned)(
        evidence + (": the signal explodes" if ratios[name] > 1 else ": the signal vanishes"),
        "initializer='auto' or 'he', 'glorot', 'lecun' with gain=1; normalisation layers make it matter less",
        threshold=threshold,
        source=source,
        data=data,
    )


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if ratio >= 0.01 else f"1/{1 / ratio:.3g} times"


def _gains(case: Case, op: Op) -> tuple[float, float, float]:
    """Return the smallest and largest usual gain of a layer's weights, and the one they have."""
    program = case.network.program
    weight = case.network.parameters[program.parameters[op.parameters[0]].name]
    fan_in, fan_out = weight.shape
    function = function_of(activation_after(program, op))
    rule = math.sqrt(2.0) if function in _RECTIFIED else 1.0
    glorot = math.sqrt(2.0 * fan_in / (fan_in + fan_out))
    gain = float(np.sqrt(np.mean(np.square(weight, dtype=np.float64)) * fan_in))
    # Glorot's for sigmoids has a gain of 4 in places; one sample of few weights scatters.
    scatter = 1.0 + 2.0 / math.sqrt(weight.size)
    return min(rule, glorot) / scatter, max(rule, glorot) * scatter, gain


def _normalised_after(case: Case, op: Op) -> bool:
    readers = consumers(case.network.program, op.output)
    return (
        bool(readers)
        and all(r.kind in ("batch_norm", "layer_norm") for r in readers)
        and op.attributes.get("activation", "identity") in ("identity",)
    )


# How many times ln C (or Var y, or the like) the first loss may be.
_TIMES = {"mse": (50.0, 1000.0), "mae": (6.0, 30.0), "huber": (6.0, 30.0), "quantile": (6.0, 30.0)}
_DEFAULT = (3.0, 10.0)
# Usual initialisers give outputs of deviation 0.3 to 2 for features of deviation 1.
_LARGE_OUTPUT = 8.0


@check("loss at initialisation", needs=_NEEDS, explains=("learning rate", "input-independent baseline"))
def loss_at_initialisation(case: Case) -> Check:
    """Whether the first loss is about that of outputs that know nothing."""
    if not case.fresh:
        return skipped("the model has been trained")
    first = start(case)
    constant, zero = constant_loss(case, first.part), zero_loss(case, first.part)
    kind = case.loss.kind
    numbers = kind in _TIMES
    expected = constant if numbers else zero
    warn, fail = _TIMES.get(kind, _DEFAULT)
    name = "the loss of the best constant" if numbers else "that of outputs of 0"
    name = {"mse": "Var(y)", "softmax_cross_entropy": f"ln {case.width}"}.get(kind, name)
    bias = best_constant(case, first.part)
    evidence = f"the first loss is {first.loss:.4g}, {name} is {expected:.4g}"
    evidence += "" if numbers else f", the best constant's loss {constant:.4g}"
    advice = "smaller initial weights in the output layer"
    if bias is not None:
        shown = ", ".join(f"{value:.3g}" for value in bias[:5]) + (", ..." if len(bias) > 5 else "")
        advice += f"; an output bias of [{shown}] (st.initializers.output_bias(y, loss)) starts it at {constant:.4g}"
    # Losses can be 0 or negative: of a Poisson loss the excess counts, in units of the mean count.
    if kind == "poisson":
        scale = max(float(np.mean(first.part.y)), 1.0)
        ratio = 1.0 + max(first.loss - expected, 0.0) / scale
        warn, fail = 10.0, 1000.0
    else:
        ratio = first.loss / expected if expected > 0.0 else 1.0
    outputs = first.values[case.network.program.output].astype(np.float64)
    size = float(np.sqrt(np.mean(outputs**2)))
    if not math.isfinite(first.loss):
        ratio = math.inf
    elif not numbers and size < _LARGE_OUTPUT:
        # Outputs of this size cost little on average, but where nearly all rows are of one class they may cost more.
        ratio = min(ratio, 0.99 * warn)
    return judge(
        ratio,
        warn,
        fail,
        evidence,
        advice,
        threshold=f"warn from {warn:g} times, fail from {fail:g} times"
        + ("" if numbers else f", if the outputs' root mean square is above {_LARGE_OUTPUT:g}"),
        source="Karpathy 2019, A recipe for training neural networks: verify loss at init; the usual initialisers give "
        "1 to 2 times for classes and 1 to 4 times for numbers",
        data={"loss": first.loss, "expected": expected, "constant": constant, "value": ratio, "limit": warn},
    )


@check("regularisation", needs=_NEEDS, explains=_TRAINING)
def regularisation(case: Case) -> Check:
    """Whether the penalty raises the loss, and does not rule it."""
    penalised = [p for p in case.network.program.parameters if p.l1 > 0.0 or p.l2 > 0.0]
    for p in case.network.program.parameters:
        length = float(np.median(np.linalg.norm(case.network.parameters[p.name], axis=0))) if p.max_norm else 0.0
        if length > 10.0 * p.max_norm:
            return warned(
                f"max_norm {p.max_norm:g} of {p.name!r} is far below the length of its columns, {length:.3g}",
                "a max_norm of 1 to 4",
                threshold="a tenth of the initial length",
                source="Srivastava et al. 2014, Dropout, 5.1: 3 to 4",
            )
    if not penalised:
        return skipped("no L1 or L2 penalty")
    first = start(case)
    y = case.raw_targets(first.part)
    with_it, _ = case.model.loss_and_gradients(first.part.x, y, loss=case.loss, training=False)
    penalty = case.network.penalty()
    without = with_it - penalty
    expected = max(zero_loss(case, first.part), constant_loss(case, first.part), 1e-12)
    evidence = f"it raises the loss by {penalty:.4g}, from {without:.4g}"
    threshold = "penalty over the loss of outputs of 0: warn from 3, fail from 30"
    if penalty <= 0.0 or not math.isfinite(penalty):
        return warned(
            f"the penalty of the initial weights is {penalty:.4g}: it does not raise the loss",
            "look at the initial weights",
            threshold="more than 0",
        )
    largest = max(max(p.l1, p.l2) for p in penalised)
    return judge(
        penalty / expected,
        3.0,
        30.0,
        f"{evidence}: mostly the size of the weights is trained" if penalty >= 3.0 * expected else evidence,
        f"a smaller factor, now up to {largest:g}; 1e-5 to 1e-3 is usual",
        threshold=threshold,
        source="the gradient of the penalty must not outweigh that of the data",
        data={"penalty": penalty, "loss": without},
    )
