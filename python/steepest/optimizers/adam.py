"""Adaptive moments and their descendants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_bool, check_float
from steepest.optimizers.base import Optimizer
from steepest.registry import OPTIMIZERS


@OPTIMIZERS.register("adam")
class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba 2015).

    `m = b1 m + (1 - b1) g`, `s = b2 s + (1 - b2) g^2`, `p -= lr m' / (sqrt(s') + epsilon)` with the bias-corrected
    `m' = m / (1 - b1^t)` and `s' = s / (1 - b2^t)`.

    Parameters
    ----------
    learning_rate : float or callable
        Rate, or a function of the step.
    beta1, beta2 : float
        Decay of the first and the second moment, in [0, 1).
    epsilon : float
        Added to the root of the corrected second moment, above 0.
    bias_correction : bool
        Whether the moments are corrected for starting at zero.
    epsilon_hat : bool
        Whether epsilon is added to the root of the uncorrected second moment, which matters where gradients are as
        small: `p -= (lr sqrt(1 - b2^t) / (1 - b1^t)) m / (sqrt(s) + epsilon)`, the "epsilon hat" of the paper's section
        2, as in scikit-learn and TensorFlow. The recorded learning rate is then the one in brackets.
    clip_norm, clip_value : float or None
        Bounds of the gradient, see `Optimizer`.
    groups : dict of str to float, optional
        Multipliers of the rate by parameter name, see `Optimizer`.

    Examples
    --------
    >>> import steepest as st
    >>> optimizer = st.optimizers.Adam(3e-4)
    >>> optimizer, optimizer.iterations
    (Adam(learning_rate=0.0003), 0)
    """

    slot_names = ("first_moment", "second_moment")

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        bias_correction: bool = True,
        *,
        epsilon_hat: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        groups: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_norm, clip_value, groups)
        self.beta1 = check_float("beta1", beta1, 0.0, 1.0, open_maximum=True)
        self.beta2 = check_float("beta2", beta2, 0.0, 1.0, open_maximum=True)
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)
        self.bias_correction = check_bool("bias_correction", bias_correction)
        self.epsilon_hat = check_bool("epsilon_hat", epsilon_hat)
        if self.epsilon_hat and not self.bias_correction:
            raise ValueError(
                "epsilon_hat=True says where epsilon goes when moments are corrected: leave bias_correction on"
            )

    def rates(self, count: int) -> npt.NDArray[np.float64]:
        """Learning rates of the next `count` updates."""
        rates = super().rates(count)
        if not self.epsilon_hat:
            return rates
        t = np.arange(self.iterations + 1, self.iterations + count + 1, dtype=np.float64)
        corrected: npt.NDArray[np.float64] = rates * np.sqrt(1.0 - self.beta2**t) / (1.0 - self.beta1**t)
        return corrected

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {
            **super().to_core(),
            "beta1": self.beta1,
            "beta2": self.beta2,
            "epsilon": self.epsilon,
            "bias_correction": self.bias_correction and not self.epsilon_hat,
        }


@OPTIMIZERS.register("adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): `W *= 1 - lr * weight_decay` before the update.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, bias_correction
        As for `Adam`.
    weight_decay : float
        At least 0; applied to dense weights only.
    clip_norm, clip_value : float or None
        Bounds of the gradient, see `Optimizer`.
    groups : dict of str to float, optional
        Multipliers of the rate by parameter name, see `Optimizer`.

    Examples
    --------
    >>> import steepest as st
    >>> st.optimizers.AdamW(weight_decay=0.05)
    AdamW(weight_decay=0.05)
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        weight_decay: float = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        bias_correction: bool = True,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        groups: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta1,
            beta2,
            epsilon,
            bias_correction,
            clip_norm=clip_norm,
            clip_value=clip_value,
            groups=groups,
        )
        self.weight_decay = check_float("weight_decay", weight_decay, 0.0)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {**super().to_core(), "weight_decay": self.weight_decay}


@OPTIMIZERS.register("nadam")
class Nadam(Adam):
    """Adam with Nesterov's look ahead (Dozat 2016), with a constant `beta1`.

    Moments as in `Adam`; `p -= lr (b1 m' + (1 - b1) g') / (sqrt(s') + epsilon)` with `m' = m / (1 - b1^(t + 1))`,
    `g' = g / (1 - b1^t)` and `s' = s / (1 - b2^t)`; without bias correction m, g and s themselves.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, bias_correction
        As for `Adam`.
    clip_norm, clip_value : float or None
        Bounds of the gradient, see `Optimizer`.
    groups : dict of str to float, optional
        Multipliers of the rate by parameter name, see `Optimizer`.

    Examples
    --------
    >>> import steepest as st
    >>> st.optimizers.Nadam(2e-3)
    Nadam(learning_rate=0.002)
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        bias_correction: bool = True,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        groups: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta1,
            beta2,
            epsilon,
            bias_correction,
            clip_norm=clip_norm,
            clip_value=clip_value,
            groups=groups,
        )
