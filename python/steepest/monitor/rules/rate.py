"""Rules about the learning rate."""

from __future__ import annotations

import numpy as np

from steepest.errors import TrainingDiverged
from steepest.monitor.finding import Finding
from steepest.monitor.rules.measures import POOR, Measures

# Steps that a momentum adds up from which on it may be what is wrong, and how far the loss then swings back.
_LONG, _SWING = 66.0, 0.15
_LOWER = "lower the learning rate, say by a factor of ten; clip_norm and a warm-up help at the start"


def _rise(m: Measures) -> tuple[int, float] | None:
    """Return the first epoch whose typical loss is three times the first (or the constant's), and how much it left."""
    limit = 3.0 * max(m.first_left, 1.0)
    high = ~(m.curve[:, 1] <= limit)
    for epoch in np.unique(m.curve[high, 0].astype(int)):
        inside = m.curve[:, 0].astype(int) == epoch
        typical = float(np.median(m.curve[inside, 1]))
        if np.count_nonzero(inside) >= 2 and not typical <= limit:
            return int(epoch) + 1, typical
    return None


def _evidence_of_too_high(m: Measures) -> tuple[int, str] | None:
    """Return the epoch in which it showed, and how."""
    error = m.records.failure
    if isinstance(error, TrainingDiverged) and not error.finite:
        return error.epoch, f"numbers overflowed at step {error.step} of a training whose data are finite"
    if (rise := _rise(m)) is not None:
        return rise[0], (
            f"the loss grew to {rise[1]:.3g} times what the best constant leaves, from {m.first_left:.3g} at the start"
        )
    if m.first_left > 3.0 and m.first_ratio > 0.2:
        return 1, (
            f"the first step changed the weights by {m.first_ratio:.1%} of their size, and over the first steps "
            f"the loss was {m.first_left:.3g} times what the best constant leaves"
        )
    if m.first_ratio > 0.2 and m.final_left > 0.3:
        return 1, (
            f"the first step changed the weights by {m.first_ratio:.1%} of their size, "
            f"and the training ended with {m.final_left:.0%} of what there is to learn"
        )
    dead, share = m.most(m.last_dead)
    steps = m.first_ratio * m.carried
    if m.final_left > 0.5 and share >= 0.6 and m.first_dead[dead] < 0.3 and steps > 1e-2:
        return 1, (
            f"steps that add up to {steps:.1%} of the weights killed units: {share:.0%} of layer "
            f"{m.layer(dead).name} are zero in every row, {m.first_dead[dead]:.0%} were at the first step"
        )
    typical = float(np.nanmedian(m.ratios)) if np.isfinite(m.ratios).any() else 0.0
    if m.first_ratio > 0.2 and typical > 3e-2 and m.final_left > 0.05:
        return 1, f"a step changes the weights by {typical:.1%} of their size, the first one by {m.first_ratio:.1%}"
    window = max(3, m.epochs // 3)
    hot = m.fall(window) < 0.05 or (m.first_ratio > 0.05 and m.final_left > 0.2)
    noise = m.noise_share(max(4, m.epochs // 2))
    if m.epochs >= 3 and typical > 1e-2 and noise > 0.15 and hot:
        return 1, (
            f"a step changes the weights by {typical:.1%} of their size, and its noise makes "
            f"{min(noise, 1.0):.0%} of a loss of {m.final_left:.0%} of what there is to learn"
        )
    if m.epochs >= 4 and m.final_left > 2.0 * np.min(m.left) and m.final_left > 0.5 and np.nanmax(m.ratios) > 3e-3:
        best = int(np.argmin(m.left))
        return (
            best + 2,
            f"the loss rose from {m.left[best]:.3g} in epoch {best + 1} to {m.final_left:.3g} of what is to learn",
        )
    return None


def _swinging(m: Measures) -> tuple[int, str] | None:
    """Return the epoch from which the loss swings, as under a momentum that forgets too slowly, and how far."""
    if m.carried < _LONG or m.epochs < 3:
        return None
    lowest = np.minimum.accumulate(m.left)
    back = m.left[1:] / np.maximum(lowest[:-1], 1e-12) - 1.0
    if back.max() < _SWING or lowest[int(back.argmax())] < 0.02:
        return None
    epoch = int(np.argmax(back >= _SWING)) + 2
    return epoch, f"the loss swings: in an epoch it was {back.max():.0%} above what it had been before"


def too_high(m: Measures) -> Finding | None:
    """Whether the steps are so large that the loss grows, overflows, or the units die."""
    if m.first_left > 10.0 and not m.first_ratio > 0.05:
        return None  # it began like that, before any step
    found = _evidence_of_too_high(m) or _swinging(m)
    if found is None:
        return None
    momentum = m.carried >= _LONG
    name = "momentum too high" if momentum else "learning rate too high"
    return Finding(
        name,
        None,
        found[0],
        found[1] + (f"; a momentum of {m.facts.momentum:g} adds up {m.carried:.0f} steps" if momentum else ""),
        "use momentum=0.9, and lower the learning rate if that is not enough" if momentum else _LOWER,
        threshold="three times the first loss, a step of a fifth of the weights, steps that kill units"
        + (f", or a loss that rises by {_SWING:.0%} again" if momentum else ""),
        source="O'Donoghue and Candes 2015: a loss that swings has too much momentum"
        if momentum
        else "CS231n, neural networks 3: a loss of three times the first is an explosion, about 1e-3 a healthy step",
        status="fail" if m.poor else "warn",
        gravity=20,
    )


def diverged(m: Measures) -> Finding | None:
    """Where the first number that was not finite stood."""
    error = m.records.failure
    if not isinstance(error, TrainingDiverged) or error.finite:
        return None
    where = str(error).partition("first in ")[2].partition(". ")[0]
    return Finding(
        "non-finite value",
        error.layer,
        error.epoch,
        f"numbers became NaN or infinite at step {error.step}, first in {where}; the data are finite",
        "callbacks.Recovery() goes back and lowers the rate by itself; clip_norm bounds the gradient",
        step=error.step,
        threshold="any NaN or infinity",
        status="fail",
        gravity=25,
    )


def spike(m: Measures) -> Finding | None:
    """Whether the loss leapt in the midst of the training."""
    if not m.records.spikes:
        return None
    worst = max(m.records.spikes, key=lambda event: event.peak - event.usual)
    count = len(m.records.spikes)
    first = m.records.spikes[0]
    return Finding(
        "loss spike",
        None,
        first.epoch,
        f"at step {first.step} the loss leapt from {first.usual:.3g} to {first.peak:.3g} in the mean of 8 batches"
        + (f"; {count} such leaps, the largest to {worst.peak:.3g}" if count > 1 else ""),
        "look at the rows of that batch for outliers; clip_norm, a lower learning rate, or callbacks.Recovery()",
        step=first.step,
        threshold="twice the usual loss, 6 deviations, and a tenth of the first loss",
        source="Pascanu et al. 2013; Zhang et al. 2022 (OPT) restart from before such a leap",
        gravity=26,
    )


def too_low(m: Measures) -> Finding | None:
    """Whether the weights hardly move and the loss creeps."""
    ratios = m.ratios[np.isfinite(m.ratios)]
    if not len(ratios) or m.records.failure is not None or m.final_left < 0.1:
        return None
    peak = float(np.max(ratios)) if len(ratios) < 4 else float(np.partition(ratios, -2)[-2])
    moved = float(np.mean(ratios)) * m.facts.steps_per_epoch * max(m.epochs, 1)
    creeping = m.falling(0.5) > 0.005 or m.final_left > 0.8 * m.first_left
    slow = peak < 3e-4 and moved < 3.0 and creeping and (m.final_left > 0.3 or m.falling(0.5) > 0.1)
    slower = peak < 1e-3 and moved < 0.5 and m.final_left > POOR and creeping
    not_there = m.final_left > 1.0 and m.first_left > 1.5 and moved < 0.5 and m.falling(0.5) > 0.02
    on_its_way = peak < 6e-4 and moved < 0.5 and m.final_left > 0.4 and m.falling(0.5) > 0.1
    if not (slow or slower or not_there or on_its_way):
        return None
    return Finding(
        "learning rate too low",
        None,
        1,
        f"a step changes the weights by {np.mean(ratios):.1e} of their size, all steps by at most {moved:.2g}, "
        f"and the loss still leaves {m.final_left:.0%} of what there is to learn",
        "raise the learning rate by a factor of ten to a hundred (st.checkup suggests one), or train much longer",
        threshold="steps of less than 3e-4 of the weights in a training that still falls",
        source="CS231n, neural networks 3: about 1e-3 is healthy, lower is too low",
        gravity=36,
    )


RULES = (too_high, diverged, spike, too_low)
