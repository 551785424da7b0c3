"""What the checkup measured before the training: learning-rate range, activations and gradients by depth, classes.

A check puts the numbers of its picture into `data`; a panel is drawn wherever the keys it needs are found.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.pictures.bars import class_panel, scale_panel, share_panel
from steepest.pictures.colors import BAND, FAIL, INK, PASS, SURFACE, TRAINING, VALIDATION, by_depth
from steepest.pictures.panel import (
    HEIGHT,
    MOST_LAYERS,
    Array,
    Panel,
    curve,
    finite,
    guide,
    label_ends,
    layer_ticks,
    number,
    place,
    scale,
    sheet,
)

_RIDGE = 1.3  # height of a layer's tallest bin, in distances between layers

Data = Mapping[str, Any]


def report_panels(report: Any) -> list[Panel]:
    """Return the panels that the report's checks have the numbers for."""
    panels: list[Panel] = []
    for keys, make in _MAKERS:
        for check in report.checks:
            data = check.data or {}
            if all(key in data and np.size(data[key]) for key in keys):
                panels.append(make(data))
                break
    return panels


def rate_panel(data: Data) -> Panel:
    """Learning-rate range test: the loss for rising rates."""
    rates, losses = finite(np.ravel(data["rates"])), finite(np.ravel(data["losses"]))
    low, high, best, worst = (_float(data.get(key)) for key in ("low", "high", "suggested", "exploding"))
    chosen = _float(data.get("chosen"))

    def draw(axes: Any) -> None:
        scale(axes, rates, which="x", log=True)
        usual = losses[np.isfinite(losses)]
        shown = losses
        if usual.size:
            # The explosion at the end would press the rest flat; above the curve is room for the names of the lines.
            top, bottom, first = float(np.max(usual)), float(np.min(usual)), float(usual[0])
            cap = min(top, first + 0.5 * max(first - bottom, 0.1 * abs(first), 1e-12))
            shown = np.where(losses <= cap, losses, np.nan)
            height = cap - bottom or 1.0
            axes.set_ylim(bottom - 0.08 * height, cap + 0.25 * height)
        if low is not None and high is not None:
            axes.axvspan(low, high, color=BAND.light, lw=0, zorder=0.5)
        curve(axes, rates, shown, TRAINING)
        if best is not None:
            guide(axes, best, f"suggested {number(best)}", color=PASS)
        if worst is not None:
            guide(axes, worst, "explodes", color=FAIL, line=1)
        if chosen is not None and chosen != best:
            guide(axes, chosen, f"chosen {number(chosen)}", color=INK, line=2)
        axes.set(xlabel="learning rate", ylabel="loss")

    parts = [f"Loss for learning rates from {number(rates[0])} to {number(rates[-1])}"]
    if low is not None and high is not None:
        parts.append(f"good from {number(low)} to {number(high)}")
    if best is not None:
        parts.append(f"suggested {number(best)}")
    if chosen is not None:
        parts.append(f"chosen {number(chosen)}")
    if worst is not None:
        parts.append(f"explodes at {number(worst)}")
    caption = "Loss after some steps on copies of the model, each with its own rate. Green: it falls well."
    return Panel("Learning-rate range", caption, "; ".join(parts) + ".", draw)


def histogram_panel(data: Data) -> Panel:
    """Activation histograms, one ridge a layer, the input at the top."""
    names = [str(name) for name in data["layers"]]
    count = min(len(names), MOST_LAYERS)
    shown = [int(k) for k in np.unique(np.linspace(0, len(names) - 1, count).round())]
    bins = [_bins(np.asarray(data["counts"][k]), np.asarray(data["edges"][k], dtype=np.float64)) for k in shown]
    edges, densities = [edge for edge, _ in bins], [density for _, density in bins]

    def draw(axes: Any) -> None:
        low, high = min(edge[0] for edge in edges), max(edge[-1] for edge in edges)
        for row, (edge, density) in enumerate(zip(edges, densities, strict=True)):
            base = len(shown) - 1 - row
            color = by_depth(shown[row], len(names)).light
            top = base + _RIDGE * np.append(density, 0.0)
            for paint, alpha in ((SURFACE.light, 0.8), (color, 0.45)):  # what lies behind shines through a little
                axes.fill_between(edge, base, top, step="post", color=paint, alpha=alpha, lw=0, zorder=2 + row)
            axes.step(edge, top, where="post", color=color, lw=1.1, zorder=2.5 + row)
        axes.set_yticks(range(len(shown)), [place(names[k]) for k in reversed(shown)])
        axes.grid(False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        room = 0.02 * (high - low) or 0.5
        axes.set_xlim(low - room, high + room)
        axes.set_xlabel("activation")

    spans = [f"{names[k]} from {number(edge[0])} to {number(edge[-1])}" for k, edge in zip(shown, edges, strict=True)]
    return Panel(
        "Activations by depth",
        "One histogram a layer at initialisation, input first. Spikes at the ends are saturation, a spike at 0 is a "
        "signal that dies out.",
        f"Histograms of the activations: {'; '.join(spans)}.",
        draw,
        height=max(HEIGHT, 1.1 + 0.3 * len(shown)),
    )


def _bins(counts: Array, edges: Array) -> tuple[Array, Array]:
    """Return edges and heights up to 1; a single spike (ReLU's zeros) is cut off at twice the next highest."""
    if not np.isfinite(edges).all():
        return np.array([0.0, 1.0]), np.zeros(1)
    density = counts / np.maximum(np.diff(edges), 1e-300)
    ordered = np.sort(density)
    most = min(ordered[-1], 2.0 * ordered[-2]) if ordered.size > 1 and ordered[-2] > 0.0 else ordered[-1]
    return edges, np.asarray(np.minimum(density / most, 1.0) if most > 0.0 else density)


def _by_layer(key: str, title: str, caption: str, log: bool | None = None) -> Callable[[Data], Panel]:
    """Return the maker of a panel with one point a layer."""

    def make(data: Data) -> Panel:
        names, values = [str(name) for name in data["layers"]], finite(np.ravel(data[key]))

        def draw(axes: Any) -> None:
            places = np.arange(1.0, values.size + 1)
            axes.plot(places, values, color=INK.light, lw=1.0, alpha=0.5)
            for k, value in enumerate(values):
                axes.plot(places[k], value, "o", ms=5, color=by_depth(k, values.size).light)
            known = values[np.isfinite(values)]
            if known.size and not scale(axes, known, log=log):
                low, high = min(float(known.min()), 0.0), max(float(known.max()), 0.0)
                room = 0.08 * (high - low) or 0.5
                axes.set_ylim(low - room * (low < 0.0), high + room)
            layer_ticks(axes, names)

        parts = [f"{name} {number(value)}" for name, value in zip(names, values, strict=True)]
        return Panel(title, caption, f"{title} by layer: {', '.join(parts)}.", draw)

    return make


def overfit_panel(data: Data) -> Panel:
    """Loss while a handful of rows is learnt by heart."""
    losses = finite(np.ravel(data["overfit_losses"]))

    def draw(axes: Any) -> None:
        scale(axes, losses)
        curve(axes, np.arange(1.0, losses.size + 1), losses, TRAINING)
        axes.set(xlabel="point of the run", ylabel="loss")

    known = losses[np.isfinite(losses)]
    span = f"from {number(known[0])} to {number(known[-1])}" if known.size else "never finite"
    text = f"Loss on a handful of rows at {losses.size} points of the run: {span}."
    return Panel("A handful of rows", "A network that learns can bring a few rows to nearly zero loss.", text, draw)


def _baseline(key: str, name: str, caption: str) -> Callable[[Data], Panel]:
    """Return the maker of a panel that sets the loss beside that of a training that cannot succeed."""

    def make(data: Data) -> Panel:
        real, other = finite(np.ravel(data["losses_real"])), finite(np.ravel(data[key]))
        curves = [("the data", real, TRAINING), (name, other, VALIDATION)]

        def draw(axes: Any) -> None:
            axes.set_xlim(1.0, max(real.size, other.size, 2))
            scale(axes, np.concatenate([real, other]))
            for label, values, color in curves:
                curve(axes, np.arange(1.0, values.size + 1), values, color, dashed=label == name)
            axes.set(xlabel="point of the run", ylabel="loss")
            label_ends(axes, curves)

        parts = [f"{label} {number(v[np.isfinite(v)][-1])}" for label, v, _ in curves if np.isfinite(v).any()]
        return Panel(f"Against {name}", caption, f"Loss at the end of a short training: {'; '.join(parts)}.", draw)

    return make


def _float(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) and value > 0.0 else None


_MAKERS: tuple[tuple[tuple[str, ...], Callable[[Data], Panel]], ...] = (
    (("rates", "losses"), rate_panel),
    (("layers", "counts", "edges"), histogram_panel),
    (
        ("layers", "std"),
        _by_layer("std", "Deviation of activations", "It should neither die out nor grow with depth."),
    ),
    (("layers", "mean"), _by_layer("mean", "Mean of activations", "Near 0, or of the order of the deviation.")),
    (("layers", "dead", "saturated"), share_panel),
    (
        ("layers", "gradient_std"),
        _by_layer("gradient_std", "Deviation of gradients", "Powers of ten between layers: vanishing or exploding."),
    ),
    (("overfit_losses",), overfit_panel),
    (
        ("losses_real", "losses_zero_input"),
        _baseline("losses_zero_input", "zero inputs", "A training that sees zeros instead of the data must do worse."),
    ),
    (
        ("losses_real", "losses_shuffled"),
        _baseline("losses_shuffled", "shuffled labels", "A training with the labels mixed up must do worse."),
    ),
    (("classes", "class_counts"), class_panel),
    (("feature_std",), scale_panel),
)


def plot_report(report: Any, path: str | os.PathLike[str] | None = None) -> Any:
    """Draw what the checkup measured: learning-rate range, activations and gradients by depth, classes, features.

    Parameters
    ----------
    report : Report
        What :func:`steepest.checkup` returned.
    path : str or path-like, optional
        The picture is also written there, in the format of its suffix.

    Returns
    -------
    matplotlib.figure.Figure
        Belongs to no window.

    Raises
    ------
    ImportError
        Without matplotlib (``pip install 'steepest[plot]'``).
    ValueError
        If no check has numbers to draw.
    """
    return sheet(report_panels(report), path, "Checkup")
