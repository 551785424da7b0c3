"""Numbers that several rules ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from steepest.monitor.records import Records
from steepest.monitor.watch import WatchedLayer

Array = npt.NDArray[np.float64]

# A loss that leaves this share of what there is to learn is hardly better than the best constant.
POOR = 0.8
# Rows from which a share of dead units means something.
_ENOUGH_ROWS = 16


class Measures:
    """The records of a training with what rules derive from them; shares of loss as `Records.share_left` has them."""

    def __init__(self, records: Records, compare: Callable[[], tuple[float, float]] | None = None) -> None:
        self.records = records
        self.facts = records.facts
        self.compare = compare

    @cached_property
    def left(self) -> Array:
        """Share of what there is to learn that every epoch's training loss leaves."""
        return np.asarray(self.records.share_left(self.records.loss))

    @cached_property
    def left_validation(self) -> Array:
        """The same of the validation loss."""
        return np.asarray(self.records.share_left(self.records.curve("val_loss")))

    @property
    def epochs(self) -> int:
        """Finished epochs."""
        return self.records.epochs

    @cached_property
    def curve(self) -> Array:
        """Share left over the parts of all epochs, the failed one included: rows (time in epochs, share)."""
        parts = self.records.parts
        if not len(parts):
            return np.stack([np.arange(1, self.epochs + 1) - 0.5, self.left], axis=1)
        return np.stack([parts[:, 0], self.records.share_left(parts[:, 1])], axis=1)

    @cached_property
    def first_left(self) -> float:
        """Share left by the first steps."""
        return float(self.records.share_left(self.records.first_loss))

    @cached_property
    def final_left(self) -> float:
        """Share left at the end: over the last quarter of a single epoch, else over the last epochs."""
        if self.epochs >= 3:
            return float(np.mean(self.left[-max(1, self.epochs // 8) :]))
        last = self.curve[self.curve[:, 0] >= self.curve[-1, 0] - 0.25, 1] if len(self.curve) else self.left[-1:]
        return float(np.mean(last)) if len(last) else np.nan

    @cached_property
    def poor(self) -> bool:
        """Whether the training ended hardly better than the best constant output, or failed."""
        return self.records.failure is not None or not self.final_left <= POOR

    def falling(self, share: float) -> float:
        """Relative fall of the loss over the last `share` of the run, as the mean of its two halves shows it."""
        curve = self.curve[self.curve[:, 0] >= (1.0 - share) * self.curve[-1, 0], 1] if len(self.curve) else self.left
        if len(curve) < 4:
            return 0.0
        early, late = np.mean(curve[: len(curve) // 2]), np.mean(curve[len(curve) // 2 :])
        return float((early - late) / max(abs(early), 1e-12))

    def fall(self, window: int) -> float:
        """Relative fall of the epochs' mean loss from the last but one `window` of epochs to the last; 1 if too few."""
        if self.epochs < 2 * window:
            return 1.0
        before, late = np.mean(self.left[-2 * window : -window]), np.mean(self.left[-window:])
        return float((before - late) / max(abs(before), 1e-12))

    # ------------------------------------------------------------------------------------------------------- by layer
    @cached_property
    def weighted(self) -> list[int]:
        """Numbers of the layers whose matrices are trained, in order."""
        ratio = self.records.first["update_ratio"]
        return [
            k
            for k, layer in enumerate(self.records.layers)
            if layer.kind in ("dense", "maxout", "activation", "prelu") and layer.parameters and np.isfinite(ratio[k])
        ]

    @cached_property
    def hidden(self) -> list[int]:
        """Numbers of the layers before the last trained one."""
        last = self.weighted[-1] if self.weighted else len(self.records.layers)
        return [k for k, layer in enumerate(self.records.layers) if k < last and not layer.last]

    def layer(self, k: int) -> WatchedLayer:
        """Return layer k."""
        return self.records.layers[k]

    @cached_property
    def ratios(self) -> Array:
        """Update-to-weight ratio of every epoch: the median over the layers with matrices."""
        if not self.weighted or not len(self.records.core):
            return np.full(len(self.records.core), np.nan)
        return np.asarray(np.median(self.records.by_layer["update_ratio"][:, self.weighted], axis=1))

    @cached_property
    def first_ratio(self) -> float:
        """Update-to-weight ratio of the first step: the median over the layers with matrices."""
        return float(np.median(self.records.first["update_ratio"][self.weighted])) if self.weighted else np.nan

    @cached_property
    def carried(self) -> float:
        """Number of steps that the momentum of a descent adds up, 1 / (1 - momentum); 1 for other optimisers."""
        if self.facts.optimizer not in ("momentum", "nesterov"):
            return 1.0
        return 1.0 / max(1.0 - self.facts.momentum, 1e-9)

    @cached_property
    def first_dead(self) -> Array:
        """Share of dead units by layer at the beginning: of the first step, or where its rows are few of the epoch."""
        if self.facts.batch_size >= _ENOUGH_ROWS or not len(self.records.core):
            return self.records.first["dead_share"]
        return np.asarray(self.records.by_layer["dead_share"][0])

    @cached_property
    def last_dead(self) -> Array:
        """Share of dead units by layer in the last epoch."""
        dead = self.records.by_layer["dead_share"]
        return dead[-1] if len(dead) else self.first_dead

    def most(self, values: Array) -> tuple[int, float]:
        """Return the hidden layer with the largest value, and the value; -1 and 0 where no layer has one."""
        known = [(float(values[k]), k) for k in self.hidden if np.isfinite(values[k])]
        if not known:
            return -1, 0.0
        value = max(known)[0]
        return next(k for v, k in known if v == value), value

    # ---------------------------------------------------------------------------------------------------------- noise
    def noise_share(self, window: int) -> float:
        """Share of the loss of the last `window` epochs that the noise of the steps makes; 0 where it is not known.

        Where steps of rate r move about a minimum, gradient noise of covariance S / B keeps the loss up by `r tr(S) /
        (4 B)` (Mandt et al. 2017, from the stationary distribution of the linearised iteration): a quarter of what a
        step takes off its own batch, <w - w', gradient>, over one minus the momentum.
        """
        core = self.records.core[-window:]
        known = [r["descent"] for r in core if r["samples"] and np.isfinite(r["descent"])]
        late = float(np.mean(self.left[-window:])) if self.epochs else np.nan
        if len(known) < 2 or not late > 0.0:
            return 0.0
        kept = 0.25 * float(np.mean(known)) / (1.0 - min(self.facts.momentum, 0.999))
        return kept / (self.records.scale * late)
