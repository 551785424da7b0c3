"""Pictures of the checkup that are bars: shares by layer, classes, the scale of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.pictures.colors import FAIL, TRAINING, WARN
from steepest.pictures.panel import (
    HEIGHT,
    Panel,
    finite,
    layer_ticks,
    literal,
    note,
    number,
    percent,
    percent_axis,
    scale,
)

_MOST_CLASSES = 12


def share_panel(data: Mapping[str, Any]) -> Panel:
    """Dead units and saturated activations, two bars a layer."""
    names = [str(name) for name in data["layers"]]
    dead, saturated = (np.nan_to_num(np.ravel(data[key]).astype(np.float64)) for key in ("dead", "saturated"))

    def draw(axes: Any) -> None:
        places = np.arange(1.0, len(names) + 1)
        for values, shift, color, label in (
            (dead, -0.19, FAIL, "dead units"),
            (saturated, 0.19, WARN, "saturated activations"),
        ):
            axes.bar(places + shift, values, 0.36, color=color.light, label=label)
        most = max(float(dead.max()), float(saturated.max()))
        axes.set_ylim(0.0, min(1.3 * max(most, 0.1), 1.25))
        percent_axis(axes)
        layer_ticks(axes, names)
        if most == 0.0:
            note(axes, "none in any layer")
        else:
            axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=8.2, handlelength=1.0, columnspacing=1.2)

    parts = [
        f"{name} {percent(a)} dead, {percent(b)} saturated" for name, a, b in zip(names, dead, saturated, strict=True)
    ]
    caption = "Units that are 0 in every row, and activations at an end of the function's range, at initialisation."
    return Panel("Dead and saturated", caption, f"Shares by layer: {'; '.join(parts)}.", draw)


def class_panel(data: Mapping[str, Any]) -> Panel:
    """Rows of each class; the rarest and the most frequent where there are many."""
    names, counts = [str(name) for name in data["classes"]], np.ravel(data["class_counts"]).astype(np.float64)
    order = np.argsort(-counts, kind="stable")
    half = _MOST_CLASSES // 2
    shown = order if order.size <= _MOST_CLASSES else np.concatenate([order[:half], order[-half:]])

    def draw(axes: Any) -> None:
        places = np.arange(shown.size)[::-1]
        axes.barh(places, counts[shown], 0.7, color=TRAINING.light)
        axes.set_yticks(places, [literal(names[k]) for k in shown])
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        axes.set_xlim(0.0, 1.05 * max(float(counts.max()), 1.0))
        axes.set_xlabel("rows")

    few, many = order[-1], order[0]
    text = (
        f"{len(names)} classes: most rows {names[many]} ({counts[many]:.0f}), fewest {names[few]} ({counts[few]:.0f})."
    )
    caption = "Rows of each class" + ("." if shown.size == order.size else f"; of {order.size} the {half} at each end.")
    return Panel("Classes", caption, text, draw, height=max(HEIGHT, 0.9 + 0.2 * shown.size))


def scale_panel(data: Mapping[str, Any]) -> Panel:
    """Size of every feature, sorted."""
    size = "feature_size" in data
    word = "root mean square" if size else "standard deviation"
    values = np.sort(finite(np.ravel(data["feature_size" if size else "feature_std"])))
    values = values[np.isfinite(values)]
    positive = values[values > 0.0]

    def draw(axes: Any) -> None:
        if not positive.size:
            note(axes, "every feature is 0")
            return
        scale(axes, positive)
        bottom = axes.get_ylim()[0] if axes.get_yscale() == "log" else 0.0
        axes.fill_between(np.arange(positive.size + 1), np.append(positive, positive[-1]), bottom, step="post").set(
            color=TRAINING.light, alpha=0.45, lw=0
        )
        axes.step(np.arange(positive.size + 1), np.append(positive, positive[-1]), where="post", color=TRAINING.light)
        if axes.get_yscale() != "log":
            axes.set_ylim(0.0, 1.08 * float(positive.max()))
        axes.set_xlim(0, positive.size)
        axes.set(xlabel="features, sorted", ylabel=word)

    span = f"from {number(positive[0])} to {number(positive[-1])}" if positive.size else "all 0"
    text = f"{word.capitalize()} of {values.size} features: {span}; {values.size - positive.size} are 0."
    return Panel("Scale of features", "Features far apart in scale make the loss a narrow valley.", text, draw)
