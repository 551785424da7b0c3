"""Rules about how the curves of training and validation run."""

from __future__ import annotations

import numpy as np

from steepest.monitor.finding import Finding
from steepest.monitor.rules.measures import POOR, Measures


def _smooth(values: np.ndarray) -> np.ndarray:
    """Return the medians of three neighbours; the ends as they are."""
    if len(values) < 3:
        return values
    inner = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], inner, values[-1:]])


def _accuracy_lost(m: Measures, tail: int) -> float:
    """Return by how much the validation accuracy of the last epochs is below its best; 0 without one."""
    accuracy = m.records.curve("val_accuracy")
    if not np.isfinite(accuracy).all():
        return 0.0
    return float(np.max(_smooth(accuracy)) - np.mean(accuracy[-tail:]))


def _accuracy_gap(m: Measures, tail: int) -> float:
    """Return by how much the validation accuracy of the last epochs is below that in training."""
    gap = m.records.curve("accuracy") - m.records.curve("val_accuracy")
    return float(np.mean(gap[-tail:]))


def over_fitting(m: Measures) -> Finding | None:
    """Whether the validation loss rises, or stays far above, while the training loss falls."""
    if not m.facts.has_validation or m.epochs < 4 or m.records.failure is not None:
        return None
    left, held = m.left, m.left_validation
    if not np.isfinite(held).all():
        return None
    smooth = _smooth(held)
    best = int(np.argmin(smooth))
    tail = max(2, m.epochs // 5)
    end, train = float(np.mean(held[-tail:])), float(np.mean(left[-tail:]))
    rise = end - float(smooth[best])
    learnt = max(1.0 - float(smooth[best]), 0.05)
    falls = best + tail < m.epochs and train < 0.9 * float(left[best])
    rises = falls and rise > 0.03 and (rise > 0.15 * learnt or _accuracy_lost(m, tail) > 0.05)
    gap = end - train
    # A sure of itself classifier has a large loss for a few wrong rows: there it is the accuracy that counts.
    apart = _accuracy_gap(m, tail) > 0.1 and gap > 0.2 if m.facts.classifies else gap > 0.4 * (1.0 - train)
    apart = apart and train < 0.5 and m.epochs >= 6
    if not rises and not apart:
        return None
    evidence = f"the training loss leaves {train:.0%} of what there is to learn, the validation loss {end:.0%}"
    if rises:
        evidence += f", {float(smooth[best]):.0%} at its best in epoch {best + 1}"
    return Finding(
        "over-fitting",
        None,
        best + 2 if rises else 1 + int(np.argmax(held - left > 0.5 * gap)),
        evidence,
        "stop there (early_stopping=10 keeps the best epoch), regularise (L2, Dropout), more data, a smaller network",
        threshold="a rise by 15 % of what was learnt, or accuracy down by 5 %; a gap of 10 % in accuracy, 40 % in loss",
        source="CS231n, neural networks 3; Prechelt 1998, Early stopping - but when?",
        gravity=50,
    )


# How much more simple predictors have to explain of the targets, and how many times as much.
_MORE, _TIMES_MORE = 0.1, 0.5


def under_fitting(m: Measures) -> Finding | None:
    """Whether the loss has come to rest high, with no gap to the validation loss, and simple predictors know more."""
    if m.epochs < 8 or m.records.failure is not None or m.final_left < 0.5 or m.fall(m.epochs // 3) > 0.025:
        return None
    held = m.left_validation
    if m.facts.has_validation and np.isfinite(held[-1]) and held[-1] - m.final_left > 0.3:
        return None
    if m.compare is None:
        return None
    simple, known = m.compare()
    if simple < known + _MORE or simple < (1.0 + _TIMES_MORE) * known:
        return None  # the rest is noise, for all that can be told
    narrow = [m.layer(k) for k in m.hidden if m.layer(k).width <= m.records.layers[-1].width / 4]
    penalty = m.records.curve("penalty")
    advice = "a larger network (more units or layers), other features, less regularisation"
    if np.isfinite(penalty[-1]) and penalty[-1] > 0.1 * m.records.loss[-1]:
        advice = (
            f"lower the penalty on the weights, which is {penalty[-1]:.2g} beside a loss of {m.records.loss[-1]:.2g}"
        )
    elif narrow:
        advice = f"more units in layer {narrow[0].name}, which passes on only {narrow[0].width}"
    elif not m.hidden:
        advice = "add a hidden layer: this network is linear in its inputs"
    return Finding(
        "under-fitting",
        None,
        None,
        f"the loss has come to rest and leaves {m.final_left:.0%} of what there is to learn"
        + (f", the validation loss {held[-1]:.0%}: no gap" if m.facts.has_validation else "")
        + f"; simple predictors explain {simple:.0%} of the targets of rows held out, this network {known:.0%}",
        advice,
        threshold=f"at rest at half of the best constant's loss, where ridge regression or nearest neighbours explain "
        f"{_MORE:.0%} of the targets and {_TIMES_MORE:.0%} more than the network",
        source="CS231n, neural networks 3: no gap calls for a larger model",
        gravity=55,
    )


def _low_since(m: Measures) -> int | None:
    """Return the epoch (from 0) from which on the rate is at most a tenth of its peak; None where it never is."""
    rates = m.records.curve("learning_rate")
    if not len(rates) or not np.isfinite(rates).all() or rates.max() <= 0.0:
        return None
    peak = int(np.argmax(rates))
    low = np.flatnonzero(rates[peak:] <= 0.1 * rates.max())
    return peak + int(low[0]) if len(low) else None


def _pace(m: Measures, since: int) -> float:
    """Return the relative fall of the loss an epoch before the epoch `since` (from 0): over six where there are six."""
    if since >= 6:
        early, late = np.mean(m.left[since - 6 : since - 3]), np.mean(m.left[since - 3 : since])
        return float((early - late) / max(abs(early), 1e-12)) / 3.0
    losses = [m.first_left, *m.left[: max(since, 1)]][-3:]
    return float((losses[0] - losses[-1]) / max(abs(losses[0]), 1e-12)) / (len(losses) - 1)


def decayed_early(m: Measures) -> Finding | None:
    """Whether the rate was lowered while the loss was still falling, and the loss has stood still since."""
    since = _low_since(m)
    if since is None or m.epochs < 5 or m.final_left < 0.1 or m.records.failure is not None:
        return None
    rates = m.records.curve("learning_rate")
    if m.epochs - since < 0.5 * m.epochs:
        return None
    pace = _pace(m, since)
    tail = m.left[min(since + 1, m.epochs - 2) :]
    crawl = (tail[0] - tail[-1]) / max(tail[0], 1e-12) / max(len(tail) - 1, 1)
    ratios = m.ratios[since:]
    still = not len(ratios) or not np.isfinite(ratios).any() or np.nanmedian(ratios) < 3e-4
    if pace < 0.04 or crawl > 0.2 * pace or not still:
        return None
    return Finding(
        "decayed too early",
        None,
        since + 1,
        f"the loss was falling by {pace:.0%} an epoch when the learning rate went from {rates.max():.2g} to "
        f"{rates[since]:.2g}; since then it falls by {max(crawl, 0.0):.1%} and still leaves {m.final_left:.0%}",
        "lower the rate later, when the loss has come to rest, or by less",
        threshold="a rate below a tenth of its peak for half the run, with a fifth of the pace before",
        source="CS231n, neural networks 3; Bengio 2012, Practical recommendations",
        gravity=35.5,
    )


def plateau(m: Measures) -> Finding | None:
    """Whether the loss has come to rest on the noise of its own steps, which a lower rate would take away."""
    if m.epochs < 6 or m.records.failure is not None or m.final_left < 0.03:
        return None
    rates = m.records.curve("learning_rate")
    window = max(3, m.epochs // 3)
    if not np.isfinite(rates).all() or rates[-window:].min() < 0.5 * rates.max():
        return None
    late, share = float(np.mean(m.left[-window:])), m.noise_share(window)
    if m.fall(window) > 0.05 or share < 0.15:
        return None
    return Finding(
        "plateau: decay now",
        None,
        m.epochs - window + 1,
        f"for {window} epochs the loss stays at {late:.1%} of what there is to learn, of which the noise of the steps "
        f"makes about {min(share, 1.0):.0%}; the gradient noise scale is {m.records.noise_scale[-1]:.3g} rows",
        "lower the learning rate by a factor of three to ten from here (schedules.Step, Cosine, ReduceOnPlateau), "
        f"or take larger batches than {m.facts.batch_size}",
        threshold="a fall of less than 5 % in a third of the run, and 15 % of the loss made by the steps' noise",
        source="Mandt et al. 2017, SGD as approximate Bayesian inference; CS231n, neural networks 3",
        gravity=40,
    )


def noisy(m: Measures) -> Finding | None:
    """Whether batches are so small that the gradient is nearly all noise from the start, and nothing is learnt."""
    if m.epochs < 2 or m.final_left <= POOR or m.facts.batch_size > 8 or m.records.failure is not None:
        return None
    scale = m.records.noise_scale[: max(1, m.epochs // 4)]
    typical = float(np.median(scale[np.isfinite(scale)])) if np.isfinite(scale).any() else np.inf
    if typical < 100.0 * m.facts.batch_size or m.falling(0.5) > 0.02:
        return None
    return Finding(
        "noisy gradient",
        None,
        1,
        f"the gradient noise scale is {typical:.3g} rows and a batch has {m.facts.batch_size}; the loss does not fall",
        "take larger batches, or a lower learning rate",
        threshold="a hundred batches, from the first epochs on",
        source="McCandlish et al. 2018, An empirical model of large-batch training",
        gravity=60,
    )


RULES = (over_fitting, under_fitting, decayed_early, plateau, noisy)
