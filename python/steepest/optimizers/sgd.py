"""Gradient descent, with or without momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steepest.checks import check_bool, check_float
from steepest.optimizers.base import Optimizer
from steepest.registry import OPTIMIZERS


@OPTIMIZERS.register("sgd")
class SGD(Optimizer):
    """Gradient descent on mini-batches: `p -= lr g`.

    With momentum `v = mu v + g` and `p -= lr v`; Nesterov `p -= lr (g + mu v)`.

    Parameters
    ----------
    learning_rate : float or callable
        Rate, or a function of the step.
    momentum : float
        `mu` in [0, 1); 0 keeps no state (Polyak 1964).
    nesterov : bool
        Look ahead along the velocity (Nesterov 1983); needs momentum above 0.
    clip_norm, clip_value : float or None
        Bounds of the gradient, see `Optimizer`.
    groups : dict of str to float, optional
        Multipliers of the rate by parameter name, see `Optimizer`.

    Examples
    --------
    >>> import steepest as st
    >>> st.optimizers.SGD(0.1, momentum=0.9)
    SGD(learning_rate=0.1, momentum=0.9)
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        groups: Mapping[str, float] | None = None,
    ) -> None:
        self.momentum = check_float("momentum", momentum, 0.0, 1.0, open_maximum=True)
        self.nesterov = check_bool("nesterov", nesterov)
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("nesterov=True needs momentum above 0, got momentum=0")
        super().__init__(learning_rate, clip_norm, clip_value, groups)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The velocity, where there is momentum."""
        return ("velocity",) if self.momentum > 0.0 else ()

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        kind = "sgd" if self.momentum == 0.0 else "nesterov" if self.nesterov else "momentum"
        return {**super().to_core(), "kind": kind, "beta1": self.momentum}


OPTIMIZERS.alias("momentum", {"kind": "sgd", "momentum": 0.9})
OPTIMIZERS.alias("nesterov", {"kind": "sgd", "momentum": 0.9, "nesterov": True})
