"""Pictures of a search: the objective over each parameter, and parallel coordinates."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.pictures.colors import DEPTH, FAIL, GRID, INK, MUTED
from steepest.pictures.figure import finish, new_figure, style
from steepest.pictures.panel import log_ticks
from steepest.search.parameters import Choice, Parameter
from steepest.search.space import Space
from steepest.search.trial import Trial

if TYPE_CHECKING:
    from steepest.search.result import SearchResult

_COLUMNS = 3
_MAP = "viridis"


def _valued(result: SearchResult) -> list[Trial]:
    trials = [trial for trial in result.trials if trial.value is not None and trial.state not in ("stopped", "failed")]
    if not trials:
        raise ValueError("no trial has a value: there is nothing to draw")
    return trials


def _values(trials: list[Trial]) -> list[float]:
    return [float(trial.value) for trial in trials if trial.value is not None]


def _wide(values: list[float]) -> bool:
    """Whether positive numbers span so much that only their logarithms can be told apart."""
    return min(values) > 0.0 and max(values) > 20.0 * min(values)


def _place(parameter: Parameter, value: Any, number: int) -> float:
    """Where a value stands on its axis: options at whole numbers, a little beside each other."""
    if isinstance(parameter, Choice):
        return parameter.index(value) + 0.25 * math.sin(7.0 * number)
    return float(value)


# ------------------------------------------------------------------------------------------------------------- scatter
def plot_parameters(result: SearchResult, path: str | os.PathLike[str] | None = None) -> Any:
    """Draw the objective over each parameter; see `SearchResult.plot_parameters`."""
    trials = _valued(result)
    ended = [trial for trial in result.trials if trial.state in ("stopped", "failed")]
    names = list(result.space)
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    with style():
        figure = new_figure(3.6 * columns, 2.9 * rows + 0.5)
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for index, axes in enumerate(grid.ravel()):
            if index < len(names):
                _scatter(axes, result, names[index], trials, ended)
                axes.set_ylabel(result.objective if index % columns == 0 else "")
            else:
                axes.set_visible(False)
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=6, frameon=False, fontsize=8)
        return finish(figure, path)


def _scatter(axes: Any, result: SearchResult, name: str, trials: list[Trial], ended: list[Trial]) -> None:
    """Draw one parameter: a colour for each stage, the best as a star, what ended badly as crosses at the bad end."""
    parameter = result.space[name]
    stages = max(trial.stage for trial in result.trials) + 1
    if parameter.scale == "log":
        axes.set_xscale("log")
        places = [_place(parameter, trial.parameters[name], trial.number) for trial in (*trials, *ended)]
        log_ticks(axes.xaxis, math.log10(max(places) / min(places)))
    if _wide(_values(trials)):
        axes.set_yscale("log")
    for stage in range(stages):
        own = [trial for trial in trials if trial.stage == stage]
        color = DEPTH[round(2 + stage * 5 / max(stages - 1, 1))].light if stages > 1 else DEPTH[2].light
        epochs = result.stages[stage].epochs if stage < len(result.stages) else 0
        label = f"stage {stage + 1}, to epoch {epochs}" if stages > 1 else f"{epochs} epochs"
        x = [_place(parameter, trial.parameters[name], trial.number) for trial in own]
        axes.scatter(x, _values(own), s=22, color=color, alpha=0.75, linewidths=0, label=label)
    low, high = axes.get_ylim()
    bad = low if result.maximize else high
    if ended:
        x = [_place(parameter, trial.parameters[name], trial.number) for trial in ended]
        axes.scatter(x, [bad] * len(x), s=22, marker="x", color=FAIL.light, label="stopped or failed", clip_on=False)
    if result.best is not None:
        x = [_place(parameter, result.best.parameters[name], result.best.number)]
        axes.scatter(x, [result.best.value], s=130, marker="*", color=INK.light, zorder=5, label="best")
    axes.set_ylim(low, high)
    axes.set_title(name)
    if isinstance(parameter, Choice):
        axes.set_xticks(range(len(parameter.options)), [str(option) for option in parameter.options])
        axes.set_xlim(-0.5, len(parameter.options) - 0.5)


# ------------------------------------------------------------------------------------------------ parallel coordinates
def plot_parallel(result: SearchResult, path: str | os.PathLike[str] | None = None) -> Any:
    """Draw every trial over parallel axes; see `SearchResult.plot_parallel`."""
    trials = _valued(result)
    names = list(result.space)
    ranges = _spanned(result.space, trials)
    values = _values(trials)
    wide = _wide(values)
    with style() as matplotlib:
        inner = np.log10(values) if wide else np.array(values)
        low, high = float(inner.min()), float(inner.max())
        heights = (inner - low) / (high - low if high > low else 1.0)
        figure = new_figure(1.9 * (len(names) + 1) + 0.8, 3.8)
        axes = figure.subplots()
        colors = matplotlib.colormaps[_MAP]
        # The best on top, and the bad ones pale.
        order = np.argsort(-heights if not result.maximize else heights, kind="stable")
        for index in order:
            trial = trials[index]
            points = [ranges[name].unit(trial.parameters[name]) for name in names] + [heights[index]]
            good = heights[index] if result.maximize else 1.0 - heights[index]
            axes.plot(points, color=colors(0.92 * (1.0 - good)), alpha=0.25 + 0.6 * good, linewidth=0.8 + 1.2 * good)
        if result.best is not None and result.best in trials:
            best = [ranges[name].unit(result.best.parameters[name]) for name in names]
            axes.plot([*best, heights[trials.index(result.best)]], color=FAIL.light, linewidth=2.4, label="best")
            axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.08), frameon=False)
        for index, name in enumerate(names):
            _axis(axes, index, _parameter_ticks(ranges[name]))
        ticks = np.linspace(low, high, 5)
        places = (ticks - low) / (high - low if high > low else 1.0)
        shown = 10.0**ticks if wide else ticks
        _axis(axes, len(names), [(place, f"{tick:.3g}") for place, tick in zip(places, shown, strict=True)])
        axes.set_xticks(range(len(names) + 1), [*names, result.objective])
        axes.tick_params(axis="x", labeltop=True, labelbottom=False, length=0)
        axes.set_xlim(-0.35, len(names) + 0.45)
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([])
        axes.grid(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        return finish(figure, path)


def _spanned(space: Space, trials: list[Trial]) -> dict[str, Parameter]:
    """Return the parameters' ranges, each with all values that were tried."""
    return {
        name: p
        if isinstance(p, Choice)
        else p.narrowed([*p.grid(2), *(t.parameters[name] for t in trials)], 0.0, _Any())
        for name, p in space.items()
    }


class _Any:
    """A range without ends."""

    low, high = -math.inf, math.inf


def _axis(axes: Any, x: float, ticks: list[tuple[float, str]]) -> None:
    """Draw one upright axis with its labels."""
    axes.plot([x, x], [0.0, 1.0], color=MUTED.light, linewidth=1.0, zorder=4)
    for place, text in ticks:
        axes.plot([x - 0.02, x + 0.02], [place, place], color=MUTED.light, linewidth=1.0, zorder=4)
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": GRID.light, "linewidth": 0.0, "pad": 0.6}
        axes.text(x + 0.04, place, text, fontsize=7.5, va="center", zorder=6, color=INK.light, bbox=box)


def _parameter_ticks(parameter: Parameter) -> list[tuple[float, str]]:
    if isinstance(parameter, Choice):
        return [(parameter.unit(option), str(option)) for option in parameter.options]
    return [(parameter.unit(value), f"{value:.3g}") for value in parameter.grid(5)]
