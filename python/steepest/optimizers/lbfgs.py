"""Limited-memory BFGS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float, check_int
from steepest.optimizers.base import Optimizer
from steepest.optimizers.line_search import LineSearch, Point
from steepest.registry import OPTIMIZERS

Array = npt.NDArray[Any]
Objective = Callable[[], tuple[float, Array]]

# Cosine of the angle between step and change of the gradient below which a pair says nothing about the curvature.
_FLAT = 1e-10
# Rounding of a loss in units of its type's epsilon: a mean over rows of sums over columns.
_NOISE = 4.0


def dot(a: Array, b: Array) -> float:
    """Scalar product in float64, by NumPy's own summation, whose order no number of threads changes."""
    return float(np.multiply(a, b, dtype=np.float64).sum())


@OPTIMIZERS.register("lbfgs")
class LBFGS(Optimizer):
    """Limited-memory BFGS with a line search for the strong Wolfe conditions (Nocedal 1980; Liu and Nocedal 1989).

    Takes all rows at once: an epoch of `fit` is one iteration, `batch_size` and `shuffle` mean nothing to it. With
    `s_k = p_(k+1) - p_k` and `y_k = g_(k+1) - g_k` of the last `history` iterations the step is `p += a d`, `d = -H g`,
    where H is the inverse Hessian that BFGS makes of `(s_k . y_k) / (y_k . y_k)` times the identity and these pairs
    (two-loop recursion: Nocedal and Wright 2006, algorithms 7.4 and 7.5), and a satisfies `f(p + a d) <= f(p) + c1 a g
    . d` and `|g(p + a d) . d| <= c2 |g . d|`.

    For small data sets and networks it needs far fewer passes than gradient descent and no learning rate. The loss has
    to be the same function at every call: dropout, noise, augmentation and max-norm are refused; a layer's `rate_scale`
    has no meaning (freeze it with `trainable=False`). Training ends by itself when the largest gradient entry is at
    most `tolerance`, or when rounding allows no lower loss. The memory is 2 `history` times that of the parameters,
    doubled while `fit` runs.

    Parameters
    ----------
    history : int
        Pairs kept, at least 1.
    tolerance : float
        Largest gradient entry at which training ends, at least 0.
    evaluations : int
        Loss evaluations of one line search, at least 2.
    c1, c2 : float
        Constants of the Wolfe conditions, 0 < c1 < c2 < 1.

    Attributes
    ----------
    pairs : int
        Pairs kept since the memory was last empty.
    step_length : float
        The last iteration's a; recorded as `"learning_rate"`.
    evaluated : int
        Loss evaluations of all line searches so far.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> y = X @ [1.0, -2.0, 3.0] + 0.5
    >>> model = st.Sequential([st.layers.Dense(1)], dtype="float64")
    >>> history = model.fit(X, y, loss="mse", optimizer=st.optimizers.LBFGS(), epochs=50, verbose=0)
    >>> history.epochs < 15, model.layers[0].weight[:, 0].round(5)
    (True, array([ 1., -2.,  3.]))
    """

    full_batch = True

    def __init__(
        self,
        history: int = 10,
        tolerance: float = 1e-7,
        evaluations: int = 25,
        c1: float = 1e-4,
        c2: float = 0.9,
    ) -> None:
        self.history = check_int("history", history, 1)
        self.tolerance = check_float("tolerance", tolerance, 0.0)
        self.evaluations = check_int("evaluations", evaluations, 2)
        self.c1 = check_float("c1", c1, 0.0, 1.0, open_minimum=True, open_maximum=True)
        self.c2 = check_float("c2", c2, self.c1, 1.0, open_minimum=True, open_maximum=True)
        super().__init__(1.0)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The steps and the changes of the gradient, in a ring."""
        return tuple(f"{what}_{i}" for what in ("step", "change") for i in range(self.history))

    @property
    def pairs_kept(self) -> list[int]:
        """Places of the pairs in the ring, the newest first."""
        return [(self.pairs - 1 - i) % self.history for i in range(min(self.pairs, self.history))]

    def get_state(self) -> dict[str, Any]:
        """Return the state beside the slots."""
        return {
            **super().get_state(),
            "pairs": self.pairs,
            "step_length": self.step_length,
            "evaluated": self.evaluated,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `get_state` returned."""
        super().set_state(state)
        self.pairs: int = state.get("pairs", 0)
        self.step_length: float = state.get("step_length", 1.0)
        self.evaluated: int = state.get("evaluated", 0)

    def get_config(self) -> Any:
        """Return a description that JSON can hold; there is no learning rate in it."""
        config = super().get_config()
        return (
            {key: value for key, value in config.items() if key != "learning_rate"}
            if isinstance(config, dict)
            else config
        )

    def rate(self) -> float:
        """Return the last step length."""
        return self.step_length

    def to_core(self) -> dict[str, Any]:
        """Raise: the core has no such rule, the iterations are made here."""
        raise NotImplementedError("L-BFGS iterates in Python, see iterate()")

    def direction(self, gradient: Array) -> Array:
        """Return `-H g` in float64 by the two-loop recursion; `-g` where there is no pair yet."""
        q = gradient.astype(np.float64)
        steps, changes = self.slots[: self.history], self.slots[self.history :]
        weights = {}
        for i in self.pairs_kept:
            weights[i] = dot(steps[i], q) / dot(steps[i], changes[i])
            q -= weights[i] * changes[i]
        if self.pairs:
            newest = self.pairs_kept[0]
            q *= dot(steps[newest], changes[newest]) / dot(changes[newest], changes[newest])
        for i in reversed(self.pairs_kept):
            q += (weights[i] - dot(changes[i], q) / dot(steps[i], changes[i])) * steps[i]
        return np.negative(q, out=q)

    def remember(self, step: Array, change: Array) -> None:
        """Keep the pair, unless the gradient did not change along the step as that of a convex function does."""
        if dot(step, change) > _FLAT * np.sqrt(dot(step, step) * dot(change, change)):
            place = self.pairs % self.history
            self.slots[place][...], self.slots[self.history + place][...] = step, change
            self.pairs += 1

    def iterate(self, parameters: Array, value: float, gradient: Array, objective: Objective) -> Point | None:
        """Make one iteration on the flat parameters, in place, and return where it ended.

        Parameters
        ----------
        parameters : array (n,)
            The network's memory.
        value : float
            Of the objective at the parameters as they are, with `gradient (n,)`; zero where nothing is trained.
        objective : callable
            Returns value and gradient at the parameters' present content.

        Returns
        -------
        Point or None
            With its value and gradient; None, and the parameters as before, if no lower value was found.
        """
        origin = parameters.copy()
        while True:
            direction = self.direction(gradient)
            slope = dot(gradient, direction)
            found = None
            if slope < 0.0:
                found = self._search(
                    parameters, origin, direction, Point(0.0, value, slope, dot(gradient, gradient)), objective
                )
            if found is not None and found.gradient is not None:
                np.copyto(parameters, origin + found.distance * direction, casting="same_kind")
                self.remember(parameters - origin, found.gradient - gradient)
                self.step_length = found.distance
                self.iterations += 1
                return found
            np.copyto(parameters, origin)
            if self.pairs == 0:
                return None
            # The memory may be of another place; steepest descent needs none.
            self.pairs = 0

    def _search(
        self, parameters: Array, origin: Array, direction: Array, start: Point, objective: Objective
    ) -> Point | None:
        def along(distance: float) -> Point:
            np.copyto(parameters, origin + distance * direction, casting="same_kind")
            value, gradient = objective()
            self.evaluated += 1
            return Point(distance, value, dot(gradient, direction), dot(gradient, gradient), gradient)

        noise = _NOISE * float(np.finfo(parameters.dtype).eps)
        search = LineSearch(along, start, self.c1, self.c2, self.evaluations, noise)
        # Without a pair nothing is known of the scale: a step of length 1 at most.
        first = 1.0 if self.pairs else min(1.0, 1.0 / float(np.abs(direction).sum()))
        with np.errstate(over="ignore", invalid="ignore"):
            return search.run(first)
