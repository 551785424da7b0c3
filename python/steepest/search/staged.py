"""Searches in stages: coarse to fine, successive halving."""

from __future__ import annotations

from collections.abc import Sequence

from steepest.search.searching import Searching
from steepest.search.space import Space
from steepest.search.trial import Trial

# Trials of a pass whose training goes on in the next.
CARRIED = 2
# Fewest good trials that say where to look next.
FEWEST = 3


def coarse_to_fine(
    searching: Searching,
    space: Space,
    counts: Sequence[int],
    epochs: Sequence[int],
    keep: float,
    margin: float,
    widen: bool,
) -> None:
    """Follow the passes; see `Search.coarse_to_fine`."""
    whole, part = space, space
    on: list[Trial] = []
    for number, (count, target) in enumerate(zip(counts, epochs, strict=True)):
        last = number == len(counts) - 1
        title = f"pass {number + 1} of {len(counts)}: {count} new trials to epoch {target} in {part}"
        done = searching.stage(title, part, target, count, on)
        if searching.crew.stopped:
            return
        ranked = searching.ranking(done, target)
        on = [] if last else ranked[:CARRIED]
        searching.carry(on)
        searching.close([trial for trial in done if trial not in on], "complete")
        if last or not ranked:
            break
        good = [trial.parameters for trial in ranked[: max(FEWEST, round(keep * len(done)))]]
        part = part.narrowed(good, margin, whole, [trial.parameters for trial in done])
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
