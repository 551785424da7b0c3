"""Searches in stages: coarse to fine, successive halving."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.checks import check_int
from steepest.search.searching import Searching
from steepest.search.space import Space
from steepest.search.trial import Trial

# Trials of a pass whose training goes on in the next, if the caller says how many are new but not this.
CARRIED = 2
# Fewest good trials that say where to look next.
FEWEST = 3
# Passes that are added, one after the other, while the best lies at the edge of a space that may be widened.
MORE = 3
# Fewest new trials of a pass into a range that was widened: half of it has seen none.
REACHING = 6
# Trials of the random search whose best the passes are to find, and the share of its epochs that they may take: what
# is missing to a third is the time to build, judge and continue more trainings than it has.
WIDE, SHARE = 60, 0.3
# Trials that go on into the last doublings of the epochs: so many that the best of sixty is nearly always among them.
# Losses after one epoch say only which third a trial belongs to; after a quarter of the epochs the best was twelfth at
# times, after half of them eighth. bench/results/search.md says how often it got through.
GOING_ON = (24, 16, 12, 8)
# New trials around the best, trained to the end.
AROUND = 2


class Pass(NamedTuple):
    """One pass of coarse to fine: new trials, the epochs up to which they are trained, and how many then go on."""

    new: int
    epochs: int
    carry: int


def make_passes(full: int, trials: Any, epochs: Any, carry: Any) -> list[Pass]:
    """Check what the caller wants of the passes, and fill in what was not said; `full` epochs are a whole training."""
    counts = None if trials is None else _numbers("trials", trials, 0)
    if counts is not None and (not counts or counts[0] < 1):
        raise ValueError(f"trials must hold the trials of at least one pass, and some in the first, got {trials!r}")
    if epochs is not None:
        ladder = _numbers("epochs", epochs, 1)
    elif counts is not None:
        ladder = _ladder(full, len(counts))
    else:
        ladder = [*_ladder(full, min(len(GOING_ON) + 1, full.bit_length())), full]
    if not ladder or (counts and len(ladder) != len(counts)) or any(b < a for a, b in itertools.pairwise(ladder)):
        number = "at least one" if counts is None else f"as many as the {len(counts)} passes"
        raise ValueError(f"epochs must not fall and be {number}, got {list(ladder)!r}")
    if carry is not None:
        going = _numbers("carry", carry, 0)
        if len(going) != len(ladder) - 1:
            raise ValueError(f"carry must hold one number less than there are passes, {len(ladder)}, got {carry!r}")
    else:
        going = _going_on(ladder) if counts is None else [CARRIED] * (len(ladder) - 1)
    counts = _new_trials(ladder, going) if counts is None else counts
    return [Pass(*each) for each in zip(counts, ladder, [*going, 0], strict=True)]


def _numbers(name: str, values: Any, minimum: int) -> list[int]:
    if not isinstance(values, (Sequence, np.ndarray)) or isinstance(values, str):
        raise TypeError(f"{name} must be a sequence of integers, one for each pass, got {values!r}")
    return [check_int(name, value, minimum) for value in values]


def _ladder(epochs: int, count: int) -> list[int]:
    """Return so many rising numbers of epochs, the last being `epochs`, each at most half of the next."""
    ladder = [epochs // 2 ** (count - 1 - i) for i in range(count)]
    if ladder[0] < 1:
        raise ValueError(f"{epochs} epochs are too few for {count} passes: give more epochs, or fewer trials")
    return ladder


def _going_on(ladder: Sequence[int]) -> list[int]:
    """Return how many trials go on after each pass but the last."""
    rises = [b > a for a, b in itertools.pairwise(ladder)]
    last = len(GOING_ON) - sum(rises)
    return [GOING_ON[max(0, last + sum(rises[:i]))] if rise else 0 for i, rise in enumerate(rises)]


def _new_trials(ladder: Sequence[int], going: Sequence[int]) -> list[int]:
    """Return the new trials of the passes: in the first as many as the epochs allow, and a few in the last."""
    if len(ladder) == 1:
        return [WIDE]
    full = ladder[-1]
    steps = [b - a for a, b in itertools.pairwise(ladder)]
    left = int(SHARE * WIDE * full) - sum(n * step for n, step in zip(going, steps, strict=True))
    first = max(1, min(WIDE, (left - AROUND * full) // ladder[0]))
    return [first, *[0] * (len(ladder) - 2), AROUND]


def coarse_to_fine(
    searching: Searching, space: Space, passes: list[Pass], keep: float, margin: float, widen: bool, more: int
) -> None:
    """Follow the passes, and at most so many more where the best lies at an edge; see `Search.coarse_to_fine`."""
    whole, part = space, space
    on: list[Trial] = []
    most = len(passes) + more
    for number in range(most):
        new, target, carry = passes[number]
        if more and new and whole is not space:
            new = max(new, REACHING)
        some = f"{len(on)} trials go on" if on else ""
        some += (" and " if on and new else "") + (f"{new} new trials" if new or not on else "")
        title = f"pass {number + 1} of {len(passes)}: {some} to epoch {target} in {part}"
        done = searching.stage(title, part, target, new, on)
        if searching.crew.stopped:
            return
        # With those of earlier passes that were trained as long.
        ranked = searching.ranking(searching.result.trials, target)
        last = number == len(passes) - 1
        if last and number < most - 1 and ranked and whole.edges(ranked[0].parameters):
            passes, last = [*passes, passes[-1]], False
        on = [] if last or passes[number + 1].epochs == target else ranked[:carry]
        searching.carry(on)
        searching.close([trial for trial in done if trial not in on], "complete")
        if last or not ranked:
            break
        good = [trial.parameters for trial in ranked[: max(FEWEST, round(keep * len(done)))]]
        part = part.narrowed(good, margin, whole, [trial.parameters for trial in searching.result.trials])
        if widen:
            whole, part = _widened(searching, whole, part, ranked[0])
    searching.result.space = whole
    searching.warn_edges(whole)


def _widened(searching: Searching, whole: Space, part: Space, best: Trial) -> tuple[Space, Space]:
    """Return the space and the next pass's part of it, with more range where the best value lies at the edge."""
    sides = whole.edges(best.parameters)
    if not sides:
        return whole, part
    wider = whole.widened(sides)
    for name in sides:
        searching.display.say(f"{name}: the best value lies at the edge of {whole[name]!r}, now {wider[name]!r}")
    # From the near end of the part to the far end of the wider range.
    far = {name: 0 if side == "low" else -1 for name, side in sides.items()}
    reach = {
        name: parameter.narrowed([*parameter.grid(2), wider[name].grid(2)[far[name]]], 0.0, wider[name])
        if name in far
        else parameter
        for name, parameter in part.items()
    }
    return wider, Space(reach)


def halving(searching: Searching, space: Space, trials: int, rungs: Sequence[int], reduction: int) -> None:
    """Climb the rungs; see `Search.halving`."""
    on: list[Trial] = []
    for number, target in enumerate(rungs):
        new = trials if number == 0 else 0
        title = f"rung {number + 1} of {len(rungs)}: {new or len(on)} trials to epoch {target}"
        done = searching.stage(title, space, target, new, on)
        if searching.crew.stopped:
            return
        ranked = searching.ranking(done, target)
        if number == len(rungs) - 1:
            searching.close(ranked, "complete")
            break
        on = ranked[: max(1, len(done) // reduction)]
        searching.carry(on)
        searching.close(ranked[len(on) :], "dropped")
    searching.warn_edges(space)
