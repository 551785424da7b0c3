"""Check of the learning rate: short trainings of copies at rates over many decades."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from .baseline import constant_loss
from .case import Case
from .registry import check, failed, passed, skipped, warned
from .report import Check
from .start import start
from .trial import optimizer_at, train

Floats = npt.NDArray[np.float64]

_STEPS = 100
_FEWEST = 20
# Rates that are tried, by the kind of rule: those that divide by the gradient's size move a weight by about the rate.
_NORMALISED = ("adam", "adamw", "nadam", "rmsprop", "adagrad")
_NEEDS = ("finite features", "targets")
# A rate does in n steps about what a tenth of it does in 10 n; a training takes many times the steps tried here.
_PATIENCE = 10.0
_TOO_LITTLE = 0.3
_GOOD = 0.8
# A rate so many times below the good range is too low, even if very many steps would make up for it.
_FAR = 99.0


@check("learning rate", needs=_NEEDS, explains=("input-independent baseline", "shuffled-label baseline"))
def learning_rate(case: Case) -> Check:
    """Whether the rate lies where the loss falls, neither standing still nor exploding."""
    optimizer = case.optimizer
    if optimizer.full_batch:
        return skipped(f"{optimizer.kind} searches its steps itself")
    if not math.isfinite(start(case).loss):
        return skipped("the first loss is not finite")
    planned = case.planned_rates()
    chosen = float(planned.max())
    if chosen <= 0.0:
        return failed(
            f"the rate of all {len(planned):,} planned steps is {chosen:g}",
            "a rate above 0",
            threshold="more than 0",
            data={"chosen": chosen},
        )
    rates = _grid(optimizer.kind, chosen)
    part = case.part(case.draw(min(_STEPS, 25) * case.batch_size, 8))
    rates, losses, steps = _try(case, part, rates)
    tried = ~np.isnan(losses)
    if steps < _FEWEST or not tried[np.isclose(rates, chosen)].any():
        return skipped(f"only {steps} steps at each rate found time: give checkup a larger budget")
    first = start(case).loss
    found = _Range(rates[tried], losses[tried], first, constant_loss(case, part))
    case.suggested_rate = found.suggested
    reach = found.progress(min(chosen * _PATIENCE, found.rates[found.best]))
    if chosen < found.low and reach < _TOO_LITTLE:
        # That was an estimate; a plateau is left after many steps only, so make them.
        loss = _longer(case, part, chosen, steps)
        reach = max(reach, found.share(loss), found.share_from_start(loss))
    return _verdict(found, chosen, reach, steps, warm=bool(planned[0] < 0.2 * chosen), fresh=case.fresh)


class _Range:
    """What the losses at many rates say.

    Attributes
    ----------
    low, high, exploding, suggested : float
        Ends of the good range, the first rate at which the loss explodes (or infinity), and the advice.
    """

    def __init__(self, rates: Floats, losses: Floats, first: float, constant: float) -> None:
        self.rates, self.losses, self.start, self.constant = rates, losses, first, constant
        ceiling = max(first, constant)
        ceiling = ceiling + 2.0 * max(abs(ceiling), 1e-12)  # three times, also of a loss below 0
        bad = ~np.isfinite(losses) | (losses > ceiling)
        self.exploding = float(rates[bad][0]) if bad.any() else math.inf
        usable = np.where(np.isfinite(losses), losses, np.inf)
        self.best = int(usable.argmin())
        lowest = float(usable[self.best])
        # What is learnt beyond the best constant tells rates apart better than the first fall towards it.
        if lowest < constant < first and constant - lowest > 0.05 * abs(constant):
            first = constant
        self.first = first
        self.gain = first - lowest
        good = usable <= first - _GOOD * self.gain if self.gain > 0.0 else np.zeros(len(rates), bool)
        self.low = float(rates[good][0]) if good.any() else math.nan
        self.high = float(rates[good][-1]) if good.any() else math.nan
        # Short trainings like large rates: half a decade below the best one, or the middle of the good range, is safer.
        self.suggested = math.nan
        if good.any():
            self.suggested = max(min(float(rates[self.best]) / 3.0, math.sqrt(self.low * self.high)), self.low)

    def share_from_start(self, loss: float) -> float:
        """Return the same share, of all that the loss falls from its first value."""
        total = self.start - (self.first - self.gain)
        return (self.start - loss) / total if total > 0.0 and math.isfinite(loss) else math.nan

    def share(self, loss: float) -> float:
        """Return the share of the best rate's gain that a loss stands for."""
        return (self.first - loss) / self.gain if self.gain > 0.0 and math.isfinite(loss) else math.nan

    def progress(self, rate: float) -> float:
        """Return the share of the best rate's gain that a rate reaches, by interpolation over the logarithm."""
        if self.gain <= 0.0:
            return math.nan
        share = (self.first - np.where(np.isfinite(self.losses), self.losses, 1e30)) / self.gain
        return float(np.interp(math.log(rate), np.log(self.rates), share))


def _longer(case: Case, part: Any, rate: float, steps: int) -> float:
    """Return the loss after many more steps at a rate."""
    model: Any = case.model
    per_epoch = -(-len(part) // case.batch_size)
    trial = train(
        case,
        model.copy(),
        part,
        optimizer_at(case.optimizer, rate),
        epochs=max(round(_PATIENCE * steps / per_epoch), 4),
        batch_size=case.batch_size,
        seconds=case.share(0.3, 5.0),
    )
    return min(trial.last, *trial.losses[-3:]) if trial.losses else math.nan


def _verdict(found: _Range, chosen: float, reach: float, steps: int, *, warm: bool, fresh: bool) -> Check:
    data = {
        "rates": found.rates,
        "losses": found.losses,
        "low": found.low,
        "high": found.high,
        "exploding": found.exploding,
        "suggested": found.suggested,
        "chosen": chosen,
        "steps": steps,
    }
    settings: dict[str, Any] = {
        "threshold": f"too high: the loss passes three times the first one, or falls by less than {_TOO_LITTLE:.0%} of "
        f"what a lower rate reaches in {steps} steps; too low: so does {_PATIENCE:g} times as many steps, "
        f"or it is {_FAR:.0f} times below the good range",
        "source": "Smith 2017, Cyclical learning rates, 3.3: the range test",
        "data": data,
    }
    if not found.gain > 0.02 * abs(found.first):
        if not fresh and found.first < 0.5 * found.constant:
            return passed(
                f"the model has been trained, to a loss of {found.first:.4g}: no rate brings it lower in {steps} steps",
                **settings,
            )
        return warned(
            f"at no rate from {found.rates[0]:.1g} to {found.rates[-1]:.1g} does the loss fall in {steps} steps "
            f"(from {found.first:.4g}, at best to {np.nanmin(found.losses):.4g})",
            "look at the other findings: it is not the rate",
            **settings,
        )
    advice = f"a rate of about {found.suggested:.1g}"
    good = f"good from {found.low:.1g} to {found.high:.1g}, suggested {found.suggested:.1g}"
    share = found.progress(chosen)
    far = chosen <= found.low / _FAR and share < _TOO_LITTLE
    if chosen >= found.exploding and chosen > found.high:
        return failed(
            f"{chosen:g} is too high: in {steps} steps the loss explodes from {found.exploding:.1g} on ({good})",
            advice,
            **settings,
        )
    clear = found.gain > 0.2 * abs(found.first)  # of a small gain much is noise
    if chosen > found.high and share < (_TOO_LITTLE if clear else -1.0) and not warm:
        return (failed if share <= 0.0 else warned)(
            f"{chosen:g} is too high: in {steps} steps the loss falls by {max(share, 0.0):.0%} of the best ({good})",
            advice,
            **settings,
        )
    if chosen < found.low and (reach < _TOO_LITTLE or far):
        steps_made, hopeless = _PATIENCE * steps, reach < _TOO_LITTLE / 10.0
        if reach >= _TOO_LITTLE:
            steps_made, reach = steps, share
        return (failed if hopeless else warned)(
            f"{chosen:g} is too low: in {steps_made:.0f} steps the loss falls by about {max(reach, 0.0):.1%} of "
            f"what {steps} steps at {found.rates[found.best]:.1g} reach ({good})",
            advice,
            **settings,
        )
    ceiling = "" if math.isinf(found.exploding) else f", explodes from {found.exploding:.1g}"
    place = "is in the good range" if found.low <= chosen <= found.high else "is outside of the good range, but learns"
    return passed(f"{chosen:g} {place}: {good}{ceiling}", **settings)


def _grid(kind: str, chosen: float) -> Floats:
    """Return rates half a decade apart, the chosen one among them."""
    low, high = (1e-6, 1.0) if kind in _NORMALISED else (1e-5, 30.0)
    powers = np.arange(-20, 20) * 0.5
    grid: Floats = np.asarray(chosen * 10.0**powers, dtype=np.float64)
    return grid[(grid >= min(low, chosen) * 0.99) & (grid <= max(high, chosen) * 1.01)]


def _try(case: Case, part: Any, rates: Floats) -> tuple[Floats, Floats, int]:
    """Train a copy at every rate, as many steps as time allows, and return rates, losses and steps.

    Beyond two rates at which the loss is not finite none is tried: infinity. NaN: there was no time.
    """
    per_epoch = -(-len(part) // case.batch_size)
    seconds = case.share(0.4, 8.0)
    epochs = max(round(_STEPS / per_epoch), 4)
    model: Any = case.model
    # The time of the quickest of a few epochs says how many steps are affordable: the first one is slower.
    twin, rule = model.copy(), optimizer_at(case.optimizer, float(rates[0]))
    started = time.perf_counter()
    probe = train(case, twin, part, rule, epochs=3, batch_size=case.batch_size, seconds=seconds / 10)
    once = min(probe.seconds / per_epoch, (time.perf_counter() - started) / max(probe.steps, 1))
    if seconds / len(rates) / once < 0.4 * epochs * per_epoch:
        # Whole decades around the chosen rate, which is one of them.
        powers = np.log10(rates / float(case.planned_rates().max()))
        rates = rates[np.isclose(powers, np.round(powers))]
    steps = int(min(epochs * per_epoch, seconds / len(rates) / once))
    if steps < epochs * per_epoch:
        part = case.part(case.draw(max(steps // 4, 1) * case.batch_size, 8))
        epochs, per_epoch = 4, -(-len(part) // case.batch_size)
    losses, failures = np.full(len(rates), np.inf), 0
    for i, rate in enumerate(rates):
        if failures >= 2:
            break
        rule = optimizer_at(case.optimizer, float(rate))
        settings: dict[str, Any] = {"batch_size": case.batch_size, "seconds": 3.0 * seconds / len(rates)}
        losses[i] = train(case, model.copy(), part, rule, epochs=epochs, **settings).last
        failures = failures + 1 if math.isinf(losses[i]) else 0
    return rates, losses, epochs * per_epoch
