"""Optimisers: their numbers and their state; the arithmetic is in the core.

An optimiser object carries its own state, so the same object continues where it stopped and a new one starts afresh. It
belongs to the model it first trained.
"""

from __future__ import annotations

import inspect
import weakref
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from steepest.checks import check_bool, check_float
from steepest.registry import OPTIMIZERS, Config, Configurable
from steepest.schedules import LearningRate, Schedule, as_learning_rate, evaluate_rates

Array = npt.NDArray[Any]


class Optimizer(Configurable):
    """Base of the optimisers.

    Parameters
    ----------
    learning_rate : float or callable
        Rate, or a function of the step.
    clip_norm : float or None
        The whole gradient is scaled down to this Euclidean norm where it is longer (Pascanu et al. 2013).
    clip_value : float or None
        Then every element of the gradient is bounded to [-clip_value, clip_value].

    Attributes
    ----------
    learning_rate : float or callable
        A number, or a function of the step; may be changed between epochs and by callbacks.
    iterations : int
        Updates made so far.
    slots : list of ndarray
        State per parameter element, each array laid out like the network's parameter memory; empty before the first
        update.
    slot_names : tuple of str
        What the slots hold.
    """

    slot_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, learning_rate: Any, clip_norm: float | None, clip_value: float | None) -> None:
        self._learning_rate = as_learning_rate(learning_rate)
        self.clip_norm = None if clip_norm is None else check_float("clip_norm", clip_norm, 0.0, open_minimum=True)
        self.clip_value = None if clip_value is None else check_float("clip_value", clip_value, 0.0, open_minimum=True)
        self.reset()

    @property
    def learning_rate(self) -> LearningRate:
        """A number, or a function of the step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._learning_rate = as_learning_rate(value)

    def rate(self) -> float:
        """Learning rate of the next update."""
        return float(self.rates(1)[0])

    def rates(self, count: int) -> npt.NDArray[np.float64]:
        """Learning rates of the next `count` updates."""
        return evaluate_rates(self._learning_rate, self.iterations, count)

    def reset(self) -> None:
        """Forget the state and the model it belongs to."""
        self.iterations = 0
        self.slots: list[Array] = []
        self._signature: Any = None
        self._owner: weakref.ref[Any] | None = None

    def bind(self, owner: Any, arena: Array, signature: Any) -> None:
        """Make `owner` the trained model; allocate the slots at first use, each like `arena`.

        Raises
        ------
        ValueError
            If the optimiser carries the state of another model.
        """
        if self.slots or self.iterations:
            current = self._owner() if self._owner is not None else None
            if signature != self._signature:
                raise ValueError(
                    f"optimizer {self!r} carries the state of a network of another architecture or dtype: "
                    "make a new optimiser, or call its reset()"
                )
            if self._owner is not None and current is not owner:
                raise ValueError(
                    f"optimizer {self!r} carries the state of another model: "
                    "make a new optimiser for each model, or call its reset()"
                )
        else:
            self.slots = [np.zeros_like(arena) for _ in self.slot_names]
        self._signature = signature
        self._owner = weakref.ref(owner)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes; the learning rates are passed beside it."""
        return {
            "kind": self.kind,
            "beta1": 0.0,
            "beta2": 0.0,
            "epsilon": 0.0,
            "weight_decay": 0.0,
            "bias_correction": False,
            "clip_norm": self.clip_norm or 0.0,
            "clip_value": self.clip_value or 0.0,
        }

    def get_config(self) -> Config:
        """Return a description that JSON can hold; a schedule that is a plain function is recorded by its name only."""
        rate = self._learning_rate
        plain: Any = rate
        if isinstance(rate, Schedule):
            config = rate.get_config()
            plain = config if isinstance(config, dict) else {"kind": config}
        elif callable(rate):
            plain = {"kind": "function", "name": getattr(rate, "__name__", repr(rate))}
        others = {
            name: getattr(self, name)
            for name, default in self.arguments().items()
            if name != "learning_rate" and (default is inspect.Parameter.empty or getattr(self, name) != default)
        }
        return {"kind": self.kind, "learning_rate": plain, **others}

    # State makes an optimiser more than its configuration, so equality is identity.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __getstate__(self) -> dict[str, Any]:
        # A copy carries the state but belongs to whichever model it trains next.
        return {**self.__dict__, "_owner": None}


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
    ) -> None:
        self.momentum = check_float("momentum", momentum, 0.0, 1.0, open_maximum=True)
        self.nesterov = check_bool("nesterov", nesterov)
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("nesterov=True needs momentum above 0, got momentum=0")
        super().__init__(learning_rate, clip_norm, clip_value)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The velocity, where there is momentum."""
        return ("velocity",) if self.momentum > 0.0 else ()

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        kind = "sgd" if self.momentum == 0.0 else "nesterov" if self.nesterov else "momentum"
        return {**super().to_core(), "kind": kind, "beta1": self.momentum}


@OPTIMIZERS.register("rmsprop")
class RMSprop(Optimizer):
    """`s = rho s + (1 - rho) g^2`, `p -= lr g / (sqrt(s) + epsilon)` (Tieleman and Hinton 2012).

    Parameters
    ----------
    learning_rate : float or callable
        Rate, or a function of the step.
    rho : float
        Decay of the mean square, in [0, 1).
    epsilon : float
        Added to the root, above 0.
    clip_norm, clip_value : float or None
        Bounds of the gradient, see `Optimizer`.
    """

    slot_names = ("second_moment",)

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        rho: float = 0.9,
        epsilon: float = 1e-8,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_norm, clip_value)
        self.rho = check_float("rho", rho, 0.0, 1.0, open_maximum=True)
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {**super().to_core(), "beta2": self.rho, "epsilon": self.epsilon}


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
    clip_norm, clip_value : float or None
        Bounds of the gradient, see `Optimizer`.

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
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_norm, clip_value)
        self.beta1 = check_float("beta1", beta1, 0.0, 1.0, open_maximum=True)
        self.beta2 = check_float("beta2", beta2, 0.0, 1.0, open_maximum=True)
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)
        self.bias_correction = check_bool("bias_correction", bias_correction)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {
            **super().to_core(),
            "beta1": self.beta1,
            "beta2": self.beta2,
            "epsilon": self.epsilon,
            "bias_correction": self.bias_correction,
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
    ) -> None:
        super().__init__(
            learning_rate, beta1, beta2, epsilon, bias_correction, clip_norm=clip_norm, clip_value=clip_value
        )
        self.weight_decay = check_float("weight_decay", weight_decay, 0.0)

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        return {**super().to_core(), "weight_decay": self.weight_decay}
