"""Checks of the network and the settings by themselves: what contradicts itself whatever the data are."""

from __future__ import annotations

import math

import numpy as np

from steepest.lowering.passes import consumers
from steepest.lowering.program import Op
from steepest.training.full_batch import check_function

from .case import Case
from .graph import LINEAR, RANGES, following_linear, function_of, hidden, last, producer
from .registry import check, failed, judge, passed, skipped, warned
from .report import Check
from .start import start

_LOGITS = ("softmax_cross_entropy", "sigmoid_cross_entropy")
_TRAINING = ("overfit a few rows", "input-independent baseline", "shuffled-label baseline", "learning rate")
_NUMBERS = ("mse", "mae", "huber", "quantile")


@check(
    "output activation",
    explains=(*_TRAINING, "loss at initialisation", "dead units", "saturated units", "gradient scale", "target scale"),
)
def output_activation(case: Case) -> Check:
    """Whether the outputs can be what the loss takes them for."""
    op = last(case.network.program)
    name = "identity" if op is None else function_of(op)
    kind = case.loss.kind
    threshold = "outputs that can reach every value the loss asks for"
    source = "the losses take logits (logarithms of rates, margins) and do the softmax or sigmoid themselves"
    looks = _looks_like_probabilities(case) if name in ("host", "identity") else None
    layer = op.layer if op is not None else ""
    if kind in _LOGITS and (name in RANGES or looks):
        what = looks or name
        verdict = warned if what == "log_softmax" and kind == "softmax_cross_entropy" else failed
        own = "softmax" if kind == "softmax_cross_entropy" else "sigmoid"
        return verdict(
            f"layer {layer!r} ends with {what}, and {kind} applies its own {own} to the outputs: "
            + ("a second time" if what in (own, "log_softmax") else f"logits of {what} cannot leave {_interval(what)}"),
            "leave the output layer without activation; predict_proba gives the probabilities",
            threshold=threshold,
            source=source,
        )
    if kind in ("poisson", "hinge") and name in RANGES:
        wanted = "the logarithm of a rate" if kind == "poisson" else "margins of either sign"
        return failed(
            f"layer {layer!r} ends with {name}, whose values lie in {_interval(name)}, and {kind} takes the outputs "
            f"for {wanted}",
            "leave the output layer without activation",
            threshold=threshold,
            source=source,
        )
    if op is not None and op.kind in ("batch_norm", "layer_norm") and not op.attributes.get("frozen", False):
        one = op.kind == "layer_norm" and case.width == 1
        return (failed if one else warned)(
            f"layer {op.layer!r} normalises the outputs themselves"
            + (": one output by itself becomes 0" if one else ", so that their size says nothing about the row"),
            "take it from behind the output",
            threshold=threshold,
            source=source,
        )
    if kind in _NUMBERS and name in RANGES and "targets" not in case.problems:
        return _range_of_numbers(case, name, layer, threshold)
    return passed(f"the outputs are those of {name}, as {kind or 'the loss'} takes them", threshold=threshold)


def _range_of_numbers(case: Case, name: str, layer: str, threshold: str) -> Check:
    low, high = RANGES[name]
    values = np.asarray(case.data.y[case.sampled], dtype=np.float64)
    outside = float(np.mean((values < low - 1e-9) | (values > high + 1e-9)))
    evidence = f"layer {layer!r} ends with {name}, whose values lie in {_interval(name)}"
    if outside > 0.0:
        return judge(
            outside,
            1e-3,
            0.02,
            f"{evidence}, and {outside:.1%} of the targets, {values.min():.3g}..{values.max():.3g}, lie outside",
            "leave the output layer without activation, or scale the targets into its range",
            threshold=f"{threshold}: warn from 0.1% of the targets outside, fail from 2%",
        )
    if name == "relu":
        return warned(
            f"{evidence}: an output that is 0 for all rows has no gradient and stays there",
            "leave the output layer without activation, or take softplus",
            threshold=threshold,
            source="He et al. 2015 and others put rectifiers before the output, not behind it",
        )
    return passed(f"{evidence}, and so do the targets", threshold=threshold)


def _interval(name: str) -> str:
    low, high = RANGES.get(name, (0.0, 1.0))
    return f"[{low:g}, {high:g}]".replace("[-inf", "(-inf").replace("inf]", "inf)")


def _looks_like_probabilities(case: Case) -> str | None:
    """Return "softmax" where a layer of the user's makes rows that sum to 1, as no logits do by accident."""
    if case.width < 2:
        return None
    rows = case.sampled[:64]
    outputs = case.forward(case.model, case.x[rows], training=False)[case.network.program.output]
    inside = bool(np.all((outputs >= 0.0) & (outputs <= 1.0)))
    return "softmax" if inside and np.allclose(outputs.sum(axis=1), 1.0, atol=1e-4) else None


@check("redundant bias", grave=False)
def redundant_bias(case: Case) -> Check:
    """Whether a bias stands directly before a batch norm, which subtracts it again."""
    program = case.network.program
    found = []
    for op in program.operations:
        if op.kind not in LINEAR or len(op.parameters) < 2 or function_of(op) != "identity":
            continue
        readers = consumers(program, op.output)
        if len(readers) == 1 and readers[0].kind == "batch_norm" and not readers[0].attributes.get("frozen", False):
            found.append(op.layer)
    threshold = "no bias directly before a batch norm"
    if not found:
        return passed("no bias stands directly before a batch norm", threshold=threshold)
    return warned(
        f"batch norm subtracts the bias of {_layers(found)} again: it has no effect, and a gradient of zero",
        "Dense(..., use_bias=False) there; batch norm has a shift of its own",
        threshold=threshold,
        source="Ioffe and Szegedy 2015, Batch normalization, 3.2: the bias can be ignored",
    )


def _layers(names: list[str]) -> str:
    return f"layer{'s' if len(names) > 1 else ''} {', '.join(map(repr, names[:4]))}" + (
        ", ..." if len(names) > 4 else ""
    )


@check("batch size", explains=_TRAINING)
def batch_size(case: Case) -> Check:
    """Whether batches are large enough for a batch norm."""
    program = case.network.program
    norms = [
        op.layer for op in program.operations if op.kind == "batch_norm" and not op.attributes.get("frozen", False)
    ]
    size = min(case.batch_size, case.rows)
    threshold = "with batch norm: fail for batches of 1, warn below 4"
    source = "Wu and He 2018, Group normalization: errors grow fast below 8 rows; of one row the deviation is 0"
    if not norms or case.optimizer.full_batch:
        return passed(f"batches of {size}" + ("" if norms else ", no batch norm"), threshold=threshold)
    evidence = f"{_layers(norms)} takes its statistics over batches of {size}"
    if size >= 4:
        return passed(evidence, threshold=threshold)
    return (failed if size == 1 else warned)(
        f"{evidence}: " + ("every value becomes the shift" if size == 1 else "they are hardly more than noise"),
        "batches of at least 16, or LayerNorm, which looks at one row",
        threshold=threshold,
        source=source,
    )


@check("linear stack")
def linear_stack(case: Case) -> Check:
    """Whether a hidden layer has no activation, so that it and the next are one linear layer."""
    program = case.network.program
    found = []
    for op in program.operations:
        after = following_linear(program, op) if op.kind == "dense" and function_of(op) == "identity" else None
        if after is None:
            continue
        following, _ = after
        units = program.widths[op.output]
        # A narrower one in between is a bound on the rank, which has its uses.
        if units >= min(program.widths[op.inputs[0]], program.widths[following.output]):
            found.append(op.layer)
    threshold = "a hidden layer without activation that is not narrower than what it connects"
    if not found:
        return passed("no hidden layer lacks an activation", threshold=threshold)
    nothing = all(function_of(op) == "identity" for op in program.operations)
    return warned(
        f"{_layers(found)} has no activation, so it and the next dense layer say no more than one linear layer"
        + (": the whole network is linear" if nothing else ""),
        "Dense(..., activation='relu')",
        threshold=threshold,
        source="a product of matrices is a matrix",
    )


@check("dropout", explains=_TRAINING)
def dropout(case: Case) -> Check:
    """Whether dropout stands where it does harm, or takes nearly everything."""
    program = case.network.program
    drops = [op for op in program.operations if op.kind == "dropout" and op.attributes["rate"] > 0.0]
    threshold = (
        "not behind the output; rate at most 0.5 on the input and 0.8 elsewhere; above 0.5 a unit left per class"
    )
    source = "Srivastava et al. 2014, Dropout, appendix A.4: 0.5 in hidden layers, 0.2 on the input"
    if not drops:
        return skipped("no dropout")
    settings = {"threshold": threshold, "source": source}
    for op in drops:
        rate = float(op.attributes["rate"])
        if _reaches_output(case, op):
            return failed(
                f"{op.layer!r} drops {rate:.0%} of the outputs themselves", "take it from behind the output", **settings
            )
        start = producer(program, op.inputs[0]) is None
        if rate > (0.5 if start else 0.8):
            return (failed if rate >= 0.95 else warned)(
                f"{op.layer!r} drops {rate:.0%} of " + ("the input" if start else "its values"),
                "a rate of 0.1 to 0.5, on the input at most 0.2",
                **settings,
            )
        width = case.network.program.widths[op.output]
        kept = (1.0 - rate) * width
        if not start and rate > 0.5 and case.loss.kind == "softmax_cross_entropy" and kept < case.width:
            return warned(
                f"{op.layer!r} drops {rate:.0%} of {width} units: on average {kept:.3g} are left to tell "
                f"{case.width} classes apart",
                f"a rate of 0.1 to 0.5, or {math.ceil(case.width / (1.0 - rate))} units or more",
                **settings,
            )
    rates = ", ".join(f"{float(op.attributes['rate']):.2g}" for op in drops)
    return passed(f"rates {rates}", **settings)


def _reaches_output(case: Case, op: Op) -> bool:
    program, value = case.network.program, op.output
    while value != program.output:
        readers = consumers(program, value)
        if len(readers) != 1 or readers[0].kind not in ("activation", "row_function", "dropout", "noise"):
            return False
        value = readers[0].output
    return True


@check("bottleneck", explains=_TRAINING)
def bottleneck(case: Case) -> Check:
    """Whether a single unit stands before several classes."""
    narrow = [op.layer for op in hidden(case.network.program) if case.network.program.widths[op.output] == 1]
    threshold = "more than one unit in every layer before several classes"
    # A single column may be all there is, and one unit of several in parallel is no bottleneck.
    if case.width < 3 or case.loss.kind in _NUMBERS or not narrow or case.network.program.input_width == 1:
        return passed("no layer of one unit stands before several classes", threshold=threshold)
    if any(op.kind in ("concatenate", "sum") for op in case.network.program.operations):
        return passed("layers of one unit stand beside others", threshold=threshold)
    return warned(
        f"{_layers(narrow)} has one unit, through which everything about {case.width} classes has to go",
        "more units",
        threshold=threshold,
        source="one number orders the classes on a line",
    )


@check("trainable parameters", explains=_TRAINING)
def trainable_parameters(case: Case) -> Check:
    """Whether there is something to train."""
    parameters = case.network.program.parameters
    trained = [p.name for p in parameters if p.trainable and p.rate_scale > 0.0]
    try:
        scales = case.optimizer.rate_scales([p.name for p in parameters])
    except ValueError as error:
        return failed(
            f"fit would refuse the optimiser: {error}",
            "name parameters of this model, as model.parameters() lists them",
            threshold="what fit accepts",
        )
    trained = [name for name in trained if scales[name] > 0.0]
    count = sum(case.network.parameters[name].size for name in trained)
    total = sum(array.size for array in case.network.parameters.values())
    threshold = "at least one parameter that is not frozen"
    if not trained:
        return failed(
            f"all {total:,} parameters are frozen" if total else "the network has no parameters",
            "set layer.trainable = True where training shall change something",
            threshold=threshold,
        )
    frozen = [p for p in parameters if p.name not in trained and p.decay and case.fresh]
    evidence = f"{count:,} of {total:,} parameters are trained"
    if frozen and case.fresh and not case.was_built:
        return warned(
            f"{evidence}, and {_layers([p.name for p in frozen])} is frozen at its random start",
            "thaw it, or load what it has learnt before",
            threshold=threshold,
        )
    return passed(evidence, threshold=threshold)


@check("optimiser settings", needs=("finite features",), explains=_TRAINING)
def optimiser_settings(case: Case) -> Check:
    """Whether the optimiser's numbers other than the rate are in the usual range."""
    if case.optimizer.full_batch:
        try:
            check_function(case.network)
        except ValueError as error:
            return failed(f"fit would refuse the optimiser: {error}", "another optimiser", threshold="what fit accepts")
        return skipped(f"{case.optimizer.kind} has no such settings")
    rule = case.optimizer.to_core()
    kind = str(rule["kind"])
    complaints = []
    if kind in ("momentum", "nesterov") and rule["beta1"] >= 0.995:
        complaints.append(f"momentum {rule['beta1']:g} remembers {1 / max(1 - rule['beta1'], 1e-9):.0f} steps")
    if kind in ("adam", "adamw", "nadam"):
        if rule["beta1"] > rule["beta2"]:
            complaints.append(f"beta1 {rule['beta1']:g} is above beta2 {rule['beta2']:g}: exchanged?")
        elif rule["beta1"] >= 0.995:
            complaints.append(f"beta1 {rule['beta1']:g} remembers {1 / max(1 - rule['beta1'], 1e-9):.0f} steps")
    if kind in ("adam", "adamw", "nadam", "rmsprop", "adagrad") and rule["epsilon"] >= 0.1:
        complaints.append(f"epsilon {rule['epsilon']:g} outweighs most gradients")
    decay = float(rule["weight_decay"]) * float(np.max(case.planned_rates()))
    if decay >= 1e-3:
        complaints.append(f"weight decay shrinks the weights by {decay:.2%} at every step")
    complaints += _clipped(case, kind, float(rule["clip_norm"]))
    threshold = "momentum below 0.995, beta1 below beta2, epsilon below 0.1, decay times rate below 0.1% a step"
    if not complaints:
        return passed(f"{kind}: momentum, epsilon and decay are in the usual range", threshold=threshold)
    return (failed if decay >= 0.05 else warned)(
        "; ".join(complaints),
        "the defaults: momentum 0.9; Adam beta1 0.9, beta2 0.999, epsilon 1e-8; AdamW weight decay 0.01",
        threshold=threshold,
        source="Kingma and Ba 2015; Loshchilov and Hutter 2019; Sutskever et al. 2013",
    )


def _clipped(case: Case, kind: str, limit: float) -> list[str]:
    """Complain of a bound that shortens the first gradient a hundredfold, where the step is in proportion to it."""
    if not limit or kind not in ("sgd", "momentum", "nesterov") or case.train is None:
        return []
    gradients = start(case).gradients.values()
    norm = math.sqrt(sum(float(np.square(gradient, dtype=np.float64).sum()) for gradient in gradients))
    return [f"clip_norm {limit:g} cuts the first gradient, of length {norm:.3g}"] if norm > 100.0 * limit else []
