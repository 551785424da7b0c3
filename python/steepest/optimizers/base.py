"""What every optimiser is: numbers, a learning rate, and state that belongs to one model."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float
from steepest.registry import Config, Configurable, argument_names
from steepest.schedules.base import LearningRate, Schedule, as_learning_rate, describe_rate, evaluate_rates

Array = npt.NDArray[Any]


def check_groups(groups: Any) -> dict[str, float] | None:
    """Return the multipliers by pattern, each at least 0; None for none."""
    if groups is None:
        return None
    if not isinstance(groups, Mapping) or not all(isinstance(pattern, str) for pattern in groups):
        raise TypeError(f"groups must be a dictionary from patterns of parameter names to multipliers, got {groups!r}")
    return {pattern: check_float(f"groups[{pattern!r}]", scale, 0.0) for pattern, scale in groups.items()}


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
    groups : dict of str to float, optional
        Multipliers of the learning rate, at least 0, by pattern of parameter names: `{"dense_1.*": 0.1, "*.bias": 2.0}`
        in the sense of `fnmatch`. The first pattern that matches a name counts, 1 where none does; a layer's own
        `rate_scale` multiplies it. Weight decay follows the scaled rate, and with 0 a parameter stays as it is.

    Attributes
    ----------
    learning_rate : float or callable
        A number, or a function of the step; may be changed between epochs and by callbacks.
    iterations : int
        Updates made so far.
    rate_factor : float
        Multiplies every rate, of schedules too; 1 until `callbacks.Recovery` lowers it. Part of the saved state.
    recovery : dict
        What `callbacks.Recovery` remembers; part of the saved state.
    slots : list of ndarray
        State per parameter element, each array laid out like the network's parameter memory; empty before the first
        update.
    slot_names : tuple of str
        What the slots hold.
    penalty_weight : float
        0: the penalties are the same for every batch. Above 0 they hold for a batch of this weight (number of rows,
        or the sum of their sample weights), and another batch takes them in inverse proportion to its weight, as if the
        penalty stood in the sum over the rows: `(sum of losses + penalty) / weight`, scikit-learn's `alpha`.
    """

    slot_names: ClassVar[tuple[str, ...]] = ()
    # Whether an epoch is one iteration on all rows, made in Python (`steepest.training.full_batch`), not in the core.
    full_batch: ClassVar[bool] = False

    def __init__(
        self,
        learning_rate: Any,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        groups: Mapping[str, float] | None = None,
    ) -> None:
        self._learning_rate = as_learning_rate(learning_rate)
        self.clip_norm = None if clip_norm is None else check_float("clip_norm", clip_norm, 0.0, open_minimum=True)
        self.clip_value = None if clip_value is None else check_float("clip_value", clip_value, 0.0, open_minimum=True)
        self.groups = check_groups(groups)
        self.penalty_weight = 0.0
        self.reset()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set the attribute; an argument that is assigned anew is checked by the constructor."""
        if name not in self.__dict__:
            super().__setattr__(name, value)
            return
        if name in argument_names(type(self)):
            checked = type(self)(**{each: getattr(self, each) for each in self.arguments()} | {name: value})
            value = getattr(checked, name)
        object.__setattr__(self, name, value)

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
        rates = evaluate_rates(self._learning_rate, self.iterations, count)
        return rates if self.rate_factor == 1.0 else self.rate_factor * rates

    def rate_scales(self, names: Iterable[str]) -> dict[str, float]:
        """Return the multiplier of every parameter by name.

        Raises
        ------
        ValueError
            If a pattern of `groups` matches no parameter.
        """
        if not self.groups:
            return dict.fromkeys(names, 1.0)
        names, groups = list(names), self.groups
        for pattern in groups:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise ValueError(f"groups: {pattern!r} matches no parameter, there are {', '.join(names)}")
        return {
            name: next((scale for pattern, scale in groups.items() if fnmatchcase(name, pattern)), 1.0)
            for name in names
        }

    def end_epoch(self, logs: Mapping[str, float]) -> None:
        """Show a finished epoch's numbers to a schedule that follows them."""
        if isinstance(self._learning_rate, Schedule):
            self._learning_rate.end_epoch(logs)

    def get_state(self) -> dict[str, Any]:
        """Return the state beside the slots: what JSON can hold and `set_state` takes."""
        schedule = self._learning_rate.get_state() if isinstance(self._learning_rate, Schedule) else {}
        state: dict[str, Any] = {"iterations": self.iterations, "schedule": schedule}
        if self.rate_factor != 1.0 or self.recovery:
            state.update(rate_factor=self.rate_factor, recovery=dict(self.recovery))
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `get_state` returned."""
        self.iterations = state["iterations"]
        self.rate_factor = float(state.get("rate_factor", 1.0))
        self.recovery: dict[str, Any] = dict(state.get("recovery", {}))
        if isinstance(self._learning_rate, Schedule):
            self._learning_rate.set_state(state.get("schedule", {}))

    def reset(self) -> None:
        """Forget the state, the schedule's included, and the model it belongs to."""
        self.set_state({"iterations": 0})
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
            "penalty_weight": self.penalty_weight,
        }

    def get_config(self) -> Config:
        """Return a description that JSON can hold; a schedule that is a plain function is recorded by its name only."""
        others = {
            name: getattr(self, name)
            for name, default in self.arguments().items()
            if name != "learning_rate" and (default is inspect.Parameter.empty or getattr(self, name) != default)
        }
        return {"kind": self.kind, "learning_rate": describe_rate(self._learning_rate), **others}

    # State makes an optimiser more than its configuration, so equality is identity.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __getstate__(self) -> dict[str, Any]:
        # A copy carries the state but belongs to whichever model it trains next.
        return {**self.__dict__, "_owner": None}
