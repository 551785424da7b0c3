"""What was seen in the layers, as numbers, words and pictures."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.pictures.figure import finish, new_figure

# From the first to the last hidden layer the deviation may change by this factor and still count as healthy.
_CHANGE = 10.0
# More than this share of dead units, or of saturated activations, is trouble.
_SHARE = 0.5
_MOST_HISTOGRAMS = 12


@dataclass(frozen=True)
class LayerStatistics:
    """Activations of one layer over all rows of a batch.

    Attributes
    ----------
    name, function : str
        Of the layer, and its activation function (`"identity"` where it has none).
    width : int
        Number of units.
    mean, std : float
        Over rows and units.
    zero, dead : float
        Share of activations that are exactly 0, and of units that are 0 in every row.
    saturated : float
        Share of activations within 2.5% of the range from an end of it; 0 for functions without ends.
    gradient_mean, gradient_std : float
        Of the loss's gradient with respect to these activations; NaN where it was not asked for or cannot be had.
    counts, edges : ndarray
        Histogram of the activations.
    """

    name: str
    function: str
    width: int
    mean: float
    std: float
    zero: float
    dead: float
    saturated: float
    gradient_mean: float
    gradient_std: float
    counts: npt.NDArray[np.int64] = field(repr=False, compare=False)
    edges: npt.NDArray[np.float64] = field(repr=False, compare=False)


@dataclass(frozen=True)
class ActivationReport:
    """Statistics of every layer, from the input to the output.

    Attributes
    ----------
    title : str
        What was looked at.
    input : LayerStatistics
        Of the data.
    layers : tuple of LayerStatistics
        In the order of the network.
    """

    title: str
    input: LayerStatistics
    layers: tuple[LayerStatistics, ...]

    @property
    def hidden(self) -> tuple[LayerStatistics, ...]:
        """The layers with an activation function; all of them where none has one."""
        return tuple(layer for layer in self.layers if layer.function != "identity") or self.layers

    @property
    def verdict(self) -> str:
        """Say "exploding", "saturating", "dead", "vanishing" or "healthy", from the activations of the hidden layers.

        Exploding and vanishing: the deviation grows or falls by more than a factor of 10 from the first to the last.
        Saturating and dead: more than half of the activations or units, on average over the layers.
        """
        first, last = self.hidden[0].std, self.hidden[-1].std
        if not all(math.isfinite(layer.std) for layer in self.layers) or last > _CHANGE * first > 0.0:
            return "exploding"
        if np.mean([layer.saturated for layer in self.hidden]) > _SHARE:
            return "saturating"
        if last < first / _CHANGE or last == 0.0:
            return "vanishing"
        return "dead" if np.mean([layer.dead for layer in self.hidden]) > _SHARE else "healthy"

    @property
    def gradient_verdict(self) -> str | None:
        """Say the same of the gradients on their way back to the first hidden layer; None where there are none."""
        known = [layer.gradient_std for layer in self.hidden if not math.isnan(layer.gradient_std)]
        if len(known) < 2:
            return None
        first, last = known[0], known[-1]
        if not math.isfinite(first) or first > _CHANGE * last > 0.0:
            return "exploding"
        return "vanishing" if first < last / _CHANGE or first == 0.0 else "healthy"

    def __str__(self) -> str:
        lines = [f"{'layer':<18} {'function':<12} {'mean':>10} {'std':>10} {'dead':>6} {'satur.':>6} {'grad. std':>10}"]
        for layer in (self.input, *self.layers):
            gradient = "" if math.isnan(layer.gradient_std) else f"{layer.gradient_std:.3g}"
            lines.append(
                f"{layer.name:<18} {layer.function:<12} {layer.mean:>10.3g} {layer.std:>10.3g} {layer.dead:>6.0%} "
                f"{layer.saturated:>6.0%} {gradient:>10}"
            )
        back = "" if self.gradient_verdict is None else f", gradients {self.gradient_verdict}"
        return "\n".join([self.title, *lines, f"activations {self.verdict}{back}"])

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return a figure: mean and deviation by layer, gradients by layer, and the layers' histograms.

        Parameters
        ----------
        path : str or path-like, optional
            Also written there, in the format of its suffix.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by notebooks, or saved with its `savefig`.
        """
        shown = self._shown()
        figure = new_figure(max(9.0, 1.3 * len(shown)), 5.6)
        upper, lower = figure.subfigures(2, 1, height_ratios=[1.5, 1.0])
        figure.suptitle(f"{self.title}: {self.verdict}")
        left, middle, right = upper.subplots(1, 3)
        numbers = np.arange(1, len(self.layers) + 1)
        left.plot(numbers, [layer.mean for layer in self.layers], "o-", color="tab:blue")
        left.axhline(0.0, color="0.8", zorder=0)
        left.set_title("mean of activations")
        middle.plot(numbers, [layer.std for layer in self.layers], "o-", color="tab:orange")
        middle.set_title("deviation of activations")
        right.plot(numbers, [layer.gradient_std for layer in self.layers], "o-", color="tab:green")
        right.set_title("deviation of gradients")
        for axes, key in ((middle, "std"), (right, "gradient_std")):
            values = [getattr(layer, key) for layer in self.layers]
            known = [value for value in values if math.isfinite(value) and value > 0.0]
            if known and max(known) > _CHANGE * min(known):
                axes.set_yscale("log")
            elif known:
                axes.set_ylim(0.0, 1.1 * max(known))
        for axes in (left, middle, right):
            axes.set_xlabel("layer")
            axes.xaxis.get_major_locator().set_params(integer=True)
        self.plot_histograms(lower.subplots(1, len(shown), squeeze=False)[0])
        return finish(figure, path)

    def _shown(self) -> list[LayerStatistics]:
        """At most so many layers, evenly chosen, the first and the last among them."""
        count = min(len(self.layers), _MOST_HISTOGRAMS)
        return [self.layers[i] for i in np.unique(np.linspace(0, len(self.layers) - 1, count).round().astype(int))]

    def plot_histograms(self, axes: Any) -> None:
        """Draw the layers' histograms into given axes, one each; at most as many as there are axes."""
        shown = self._shown()
        finite = [layer for layer in shown if math.isfinite(layer.std)]
        low = min((layer.edges[0] for layer in finite), default=-1.0)
        high = max((layer.edges[-1] for layer in finite), default=1.0)
        for layer, ax in zip(shown, axes, strict=False):
            ax.set_title(f"{layer.name}\nstd {layer.std:.2g}", fontsize=8)
            ax.set_yticks([])
            ax.tick_params(labelsize=7)
            if not math.isfinite(layer.std):
                continue
            widths = np.diff(layer.edges)
            # Density, cut off so that a spike (ReLU's zeros, a vanished layer) leaves the rest visible.
            density = layer.counts / max(layer.counts.sum(), 1) / widths
            ax.fill_between(layer.edges, np.append(density, 0.0), step="post", color="tab:blue", linewidth=1.0)
            margin = 0.03 * (high - low)
            ax.set_xlim(low - margin, high + margin)
            second = float(np.sort(density)[-2:].min())
            most = 12.0 / (high - low)
            ax.set_ylim(0.0, 1.1 * min(second, most) if second > 0.0 else most)
