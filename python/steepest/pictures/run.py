"""What the monitor recorded while the training went on: one curve a layer."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from steepest.pictures.colors import BAND, INK, MUTED, Color, by_depth
from steepest.pictures.panel import (
    Array,
    Panel,
    curve,
    epochs_axis,
    finite,
    label_ends,
    note,
    number,
    percent,
    percent_axis,
    scale,
    sheet,
)

Curve = tuple[str, Array, Color]  # name, values by epoch, colour
_MOST_LABELS = 8
_NOT_DRAWN = ("gradient_norm_max",)


@dataclass(frozen=True)
class _Kind:
    """How one record is drawn."""

    title: str
    caption: str
    log: bool | None = None
    guide: float | None = None
    good: tuple[float, float] | None = None
    room: tuple[float, ...] = ()
    share: bool = False


_KINDS = {
    "update_ratio": _Kind(
        "Update-to-weight ratio",
        "Length of a step divided by the length of the weights. About 0.001 is usual (dotted): far above, the rate is "
        "too high, far below, too low.",
        log=True,
        guide=1e-3,
        good=(1e-4, 1e-2),
        room=(5e-5, 2e-2),
    ),
    "gradient_norm": _Kind(
        "Gradient norm",
        "Lengths that differ by powers of ten between layers are vanishing or exploding gradients.",
        log=True,
    ),
    "activation_mean": _Kind("Mean of activations", "Far from 0 in every row, a layer acts like a constant."),
    "activation_std": _Kind(
        "Deviation of activations", "It should neither die out nor grow from the first layer to the last."
    ),
    "unit_std": _Kind(
        "Deviation between rows", "Of a unit, on average: near 0, the layer gives the same answer to every row."
    ),
    "weight_norm": _Kind("Weight norm", "Length of a layer's weights; decay should bound it."),
    "dead_share": _Kind("Dead units", "Units that are 0 in every row: they learn nothing any more.", share=True),
    "saturated_share": _Kind(
        "Saturated activations", "At an end of the function's range the slope is nearly 0.", share=True
    ),
}


def monitor_panels(monitor: Any) -> list[Panel]:
    """Return one panel for each record of the monitor, and one for the noise scale."""
    layers, limits = [str(layer) for layer in monitor.layers], getattr(monitor, "limits", {})
    panels = []
    trained = _trained(monitor, len(layers))
    for name, record in monitor.records.items():
        values = np.atleast_2d(np.asarray(record, dtype=np.float64))
        shown = [k for k in range(values.shape[1]) if np.isfinite(values[:, k]).any() and k in trained]
        if shown and values.shape[1] == len(layers) and name not in _NOT_DRAWN:
            kind = _KINDS.get(name, _Kind(name.replace("_", " ").capitalize(), ""))
            if kind.share and name in limits:
                kind = replace(kind, guide=float(limits[name]))
            curves = [(layers[k], finite(values[:, k]), by_depth(k, len(layers))) for k in shown]
            panels.append(_by_layer(kind, curves))
    noise = getattr(monitor, "noise_scale", None)
    if noise is not None and np.isfinite(values := finite(np.ravel(noise))).any():
        panels.append(_noise(values))
    return panels


def _trained(monitor: Any, count: int) -> set[int]:
    """Return the layers to draw: all, or where there are many those that learn."""
    ratio = np.atleast_2d(np.asarray(monitor.records.get("update_ratio", np.zeros((1, count))), dtype=np.float64))
    learning = {k for k in range(ratio.shape[1]) if np.isfinite(ratio[:, k]).any()}
    return learning if count > _MOST_LABELS and learning else set(range(count))


def _by_layer(kind: _Kind, curves: Sequence[Curve]) -> Panel:
    def draw(axes: Any) -> None:
        _draw(axes, kind, curves)

    form: Callable[[float], str] = percent if kind.share else number
    parts = [
        f"{layer} from {form(known[0])} to {form(known[-1])}"
        for layer, column, _ in curves
        for known in [column[np.isfinite(column)]]
    ]
    count = curves[0][1].size
    text = f"{kind.title} by layer over {count} epoch{'' if count == 1 else 's'}: {'; '.join(parts)}."
    return Panel(kind.title, kind.caption, text, draw)


def _draw(axes: Any, kind: _Kind, curves: Sequence[Curve]) -> None:
    everything = np.concatenate([column for _, column, _ in curves])
    epochs_axis(axes, curves[0][1].size)
    if kind.share:
        most = np.nanmax(everything)
        axes.set_ylim(-0.02 * max(most, 0.1), 1.06 * max(most, 0.1))
        percent_axis(axes)
        if most == 0.0:
            note(axes, "none in any layer")
    elif not scale(axes, [*everything, *kind.room], log=kind.log):
        low, high = np.nanmin(everything), np.nanmax(everything)
        room = 0.06 * (high - low) or 0.5
        axes.set_ylim(min(low, 0.0) - room, high + room)
    if kind.good:
        axes.axhspan(*kind.good, color=BAND.light, lw=0, zorder=0.5)
    for _, column, color in curves:
        curve(axes, np.arange(1.0, column.size + 1), column, color)
    if kind.guide and axes.get_ylim()[0] < kind.guide < axes.get_ylim()[1]:
        axes.axhline(kind.guide, color=MUTED.light, ls=(0, (1, 1.6)), lw=1.2, zorder=1.5)
    count = min(len(curves), _MOST_LABELS)
    label_ends(axes, [curves[k] for k in np.linspace(0, len(curves) - 1, count).round().astype(int)])


def _noise(values: Array) -> Panel:
    def draw(axes: Any) -> None:
        epochs_axis(axes, values.size)
        scale(axes, values)
        curve(axes, np.arange(1.0, values.size + 1), values, INK)
        axes.set_ylabel("rows")

    known = values[np.isfinite(values)]
    return Panel(
        "Gradient noise scale",
        "The batch size up to which larger batches still save steps (McCandlish et al. 2018).",
        f"Gradient noise scale in rows: from {number(known[0])} to {number(known[-1])}.",
        draw,
    )


def plot_monitor(monitor: Any, path: str | os.PathLike[str] | None = None) -> Any:
    """Draw what the monitor recorded, one panel for each number and one curve for each layer.

    Parameters
    ----------
    monitor : Monitor
        With `.layers` and `.records`, after a training.
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
        If nothing was recorded.
    """
    return sheet(monitor_panels(monitor), path, "Monitor")
