"""Checks of whether the network can learn: a handful of rows by heart, and more from the data than from none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.optimizers import Adam
from steepest.training.training_set import DataSet

from .baseline import constant_loss, perfect_loss
from .case import Case
from .columns import seen, seen_rows
from .copies import plain
from .graph import LINEAR, function_of, trained_hidden
from .registry import check, failed, judge, passed, skipped, warned
from .report import Check
from .start import start
from .trial import Trial, optimizer_at, train

Indices = npt.NDArray[np.int64]

_NEEDS = ("finite features", "targets")
_MOST, _EPOCHS = 10, 1000
_RATES = (3e-3, 1e-2, 3e-2, 1e-3)
_KARPATHY = "Karpathy 2019, A recipe for training neural networks"


@check("overfit a few rows", needs=_NEEDS, explains=("input-independent baseline", "shuffled-label baseline"))
def overfit_a_few_rows(case: Case) -> Check:
    """Whether a few rows are learnt by heart, without dropout and regularisation."""
    if not any(p.trainable for p in case.network.program.parameters):
        return skipped("no parameter is trained")
    if not math.isfinite(start(case).loss):
        return skipped("the first loss is not finite")
    part = case.part(_far_apart(case))
    worst, best = constant_loss(case, part), perfect_loss(case, part)
    if len(part) < 2 or worst - best <= 1e-6 * max(abs(worst), 1.0):
        return skipped("too few different rows or targets to learn by heart")
    goal = -math.inf if math.isnan(best) else best + 0.02 * (worst - best)
    trials: list[Trial] = []
    for number, rate in enumerate(_RATES):
        seconds = case.share(0.15, 2.0)
        settings: dict[str, Any] = {"epochs": _EPOCHS, "batch_size": len(part), "seconds": seconds, "target": goal}
        trials.append(train(case, plain(case.model), part, Adam(rate), augment=False, **settings))
        lowest = min(min(trial.losses, default=math.inf) for trial in trials)
        if lowest <= goal or (math.isnan(best) and number == 1):
            break
    found = min(trials, key=lambda trial: min(trial.losses, default=math.inf))
    data = {"overfit_losses": np.array(found.losses), "value": lowest, "limit": worst}
    threshold = "loss left over, of that of the best constant: warn from 10%, fail from 30%"
    evidence = (
        f"{len(part)} rows: the loss falls to {lowest:.3g} in {found.steps} steps, the best constant has {worst:.3g}"
    )
    if math.isnan(best):
        verdict = passed if lowest < worst else failed
        return verdict(evidence, advice="" if lowest < worst else "look at the loss", threshold=threshold, data=data)
    return judge(
        (lowest - best) / (worst - best),
        0.1,
        0.3,
        evidence,
        "look at the other findings, at layers and losses of your own; if there are none, the network is too small",
        threshold=threshold,
        source=f"{_KARPATHY}: overfit one batch",
        data=data,
    )


def _far_apart(case: Case) -> Indices:
    """Return a few rows as different as possible, as many as the network must be able to tell apart."""
    program = case.network.program
    candidates = case.draw(400, 9)
    view = seen_rows(case, case.x[candidates], training=False).values
    scale = np.maximum(seen(case).values.std(axis=0), 1e-12) if view.shape[1] else np.ones(0)
    codes = list(seen(case).codes)
    parts = [np.clip(view / scale, -10.0, 10.0)]
    if codes:
        parts.append(10.0 * np.asarray(case.x[np.ix_(candidates, np.array(codes))], dtype=np.float64))
    points = np.concatenate(parts, axis=1)
    narrowest = min((program.widths[op.output] for op in trained_hidden(program)), default=_MOST)
    linear = all(function_of(op) == "identity" for op in program.operations)
    columns = points.shape[1]
    most = min(_MOST, narrowest + 1, columns + 1 if linear else 2 * columns + 2)
    labels = case.labels
    chosen = [0]
    distance = np.full(len(points), np.inf)
    while len(chosen) < min(most, len(points)):
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        order = distance.copy()
        if labels is not None and len(chosen) == 1:  # at least two classes
            other = labels[candidates] != labels[candidates[0]]
            order = np.where(other, order, -1.0) if other.any() else order
        following = int(order.argmax())
        if distance[following] <= 1e-9:
            break
        chosen.append(following)
    if linear and columns:
        # A linear network fits rows that are affinely independent.
        rank = int(np.linalg.matrix_rank(points[chosen] - points[chosen].mean(axis=0)))
        chosen = chosen[: rank + 1]
    return np.sort(candidates[chosen])


def _settings(case: Case) -> tuple[DataSet, float, int]:
    """Return rows, rate and epochs for the comparisons: the rate that was found to suit, else the user's."""
    rate = float(case.planned_rates().max()) if not case.optimizer.full_batch else 1.0
    if math.isfinite(case.suggested_rate):
        rate = case.suggested_rate
    part = case.part(case.draw(40 * case.batch_size, 10))
    per_epoch = -(-len(part) // case.batch_size)
    return part, rate, max(round(240 / per_epoch), 2)


def _compare(case: Case, change: Any, seconds: float) -> tuple[Trial, Trial, float]:
    """Train on the data and on changed data, as many steps each."""
    part, rate, epochs = _settings(case)
    model: Any = case.model
    rule = case.optimizer if not case.optimizer.full_batch else Adam(1e-3)
    rate = 3e-3 if case.optimizer.full_batch else rate
    if case.real is None:
        case.real = train(
            case,
            model.copy(),
            part,
            optimizer_at(rule, rate),
            epochs=epochs,
            batch_size=case.batch_size,
            seconds=seconds,
        )
    real: Trial = case.real
    other = train(
        case,
        model.copy(),
        change(part),
        optimizer_at(rule, rate),
        epochs=max(len(real.losses), 1),
        batch_size=case.batch_size,
        seconds=2.0 * seconds,
    )
    return real, other, constant_loss(case, part)


def _learnable(case: Case) -> bool:
    """Whether simple predictors found a clear signal, so that it is the network's fault if it does not."""
    return case.explained >= 0.1


@check("input-independent baseline", needs=_NEEDS)
def input_independent_baseline(case: Case) -> Check:
    """Whether the network learns more with its inputs than without."""
    if not any(op.kind in LINEAR or op.kind == "host" for op in case.network.program.operations):
        return skipped("no layer to train")
    if not math.isfinite(start(case).loss):
        return skipped("the first loss is not finite")
    real, blind, constant = _compare(
        case, lambda part: DataSet(np.zeros_like(part.x), part.y, part.weight), case.share(0.2, 3.0)
    )
    if not real.losses or not blind.losses:
        return skipped("no time for it")
    data = {"losses_real": np.array(real.losses), "losses_zero_input": np.array(blind.losses), "constant": constant}
    evidence = (
        f"after {real.steps} steps the loss is {real.last:.4g} with the features, {blind.last:.4g} with all of them 0; "
        f"the best constant has {constant:.4g}"
    )
    better = real.last < max(blind.last, constant) - 0.01 * abs(constant)
    return _baseline(case, better, evidence, "without its inputs the network is as good", data)


@check("shuffled-label baseline", needs=_NEEDS)
def shuffled_label_baseline(case: Case) -> Check:
    """Whether real targets are easier to learn than the same targets in random order."""

    def shuffled(part: DataSet) -> DataSet:
        order = case.generator(11).permutation(len(part))
        return DataSet(part.x, part.y[order], None if part.weight is None else part.weight[order])

    if not math.isfinite(start(case).loss):
        return skipped("the first loss is not finite")
    real, random, constant = _compare(case, shuffled, case.share(0.2, 3.0))
    if not real.losses or not random.losses:
        return skipped("no time for it")
    data = {"losses_real": np.array(real.losses), "losses_shuffled": np.array(random.losses), "constant": constant}
    evidence = f"after {real.steps} steps the loss is {real.last:.4g}, with shuffled targets {random.last:.4g}"
    margin = 0.01 * abs(constant)
    better = real.last < random.last - margin or np.mean(real.losses) < np.mean(random.losses) - margin
    if not better and real.last < 0.5 * constant:  # Zhang et al. 2017: a large network learns any few rows by heart
        better, evidence = True, f"{evidence}: both are learnt by heart"
    return _baseline(case, better, evidence, "shuffled targets are as easy to learn", data)


def _baseline(case: Case, better: bool, evidence: str, complaint: str, data: dict[str, Any]) -> Check:
    threshold = "1% of the best constant's loss better, where simple predictors explain 10% of the targets"
    settings: dict[str, Any] = {
        "threshold": threshold,
        "source": f"{_KARPATHY}: input-independent baseline",
        "data": data,
    }
    if better:
        return passed(evidence, **settings)
    if not _learnable(case):
        return passed(f"{evidence}; simple predictors do not find much either", **settings)
    return warned(
        f"{evidence}: {complaint}, though simple predictors explain {case.explained:.0%} of the targets",
        "look at the other findings; else more steps, another rate, a larger network, less dropout",
        **settings,
    )
