"""The error of difference quotients against their step: why two-sided ones are used, and at which step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.checks import check_int

from .check import analytic_gradients, move_all, value_noise
from .differences import EPSILON, Array, default_step, difference
from .subjects import from_subject

STEPS = np.logspace(-12, -1, 89)
# A slope is fitted where truncation is this many times the rounding, and below the step where higher orders count.
CLEAR, SMALL = 30.0, 1e-3


@dataclass(frozen=True)
class StepCurve:
    """Errors of one- and two-sided difference quotients along one line, for a range of steps.

    Attributes
    ----------
    what : str
        What was differentiated.
    slope : float
        The analytic derivative along the line.
    steps : ndarray (S,)
        The steps eps, ascending.
    one_sided, two_sided : ndarray (S,)
        ``|(f(eps) - f(0)) / eps - slope|`` and ``|(f(eps) - f(-eps)) / 2 eps - slope|``.
    noise : float
        Rounding noise of the value, measured; a quotient's rounding error is about noise / eps.
    step : float
        The step :func:`steepest.gradcheck` takes for two-sided quotients; for one-sided ones it takes ``step ** 1.5``.
    """

    what: str
    slope: float
    steps: Array
    one_sided: Array
    two_sided: Array
    noise: float
    step: float

    @property
    def orders(self) -> tuple[float, float]:
        """Powers of eps with which the one- and the two-sided error fall: 1 and 2 if the gradient is right.

        Fitted where the error stands clear of rounding and eps <= 0.001; NaN if there are not three such steps. A wrong
        gradient gives about 0: its error stays, however short the step.
        """
        return self._order(self.one_sided), self._order(self.two_sided)

    def _order(self, errors: Array) -> float:
        used = (self.steps <= SMALL) & (errors > CLEAR * self.noise / self.steps)
        if np.count_nonzero(used) < 3:
            return float("nan")
        return float(np.polyfit(np.log(self.steps[used]), np.log(errors[used]), 1)[0])

    def __str__(self) -> str:
        one, two = self.orders
        rows = [f"Error of difference quotients of {self.what}, slope {self.slope:.6g}, noise {self.noise:.1e}"]
        for name, errors, order in (("one-sided", self.one_sided, one), ("two-sided", self.two_sided, two)):
            best = int(np.argmin(errors))
            rows.append(f"{name}: falls like eps^{order:.2f}, least {errors[best]:.1e} at eps = {self.steps[best]:.1e}")
        return "\n".join(rows)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the errors against eps, both axes logarithmic; write the picture to `path` if given.

        Needs matplotlib (``pip install 'steepest[plot]'``). Returns the figure, which belongs to no window.
        """
        from steepest.pictures.figure import finish, new_figure

        figure = new_figure(7.2, 4.8)
        self._draw(figure.add_subplot())
        return finish(figure, path)

    def _draw(self, axes: Any) -> None:
        curves = (
            ("one-sided  $(f(x+\\epsilon)-f(x))/\\epsilon$", self.one_sided, self.step**1.5, "#c2571a", 0),
            ("two-sided  $(f(x+\\epsilon)-f(x-\\epsilon))/2\\epsilon$", self.two_sided, self.step, "#1f5fa8", 1),
        )
        for label, errors, used, color, side in curves:
            if not errors.any():  # a linear function's quotients may all be right: nothing for a logarithmic axis
                continue
            drawn = np.where(errors > 0, errors, np.nan)
            order = self.orders[side]
            power = "" if np.isnan(order) else f",  error $\\propto\\epsilon^{{{order:.2f}}}$"
            axes.plot(self.steps, drawn, color=color, lw=1.6, label=label + power)
            nearest = int(np.argmin(np.abs(np.log(self.steps / used))))
            mark = "step of gradcheck" if side else None
            axes.plot(self.steps[nearest], drawn[nearest], "o", ms=7, mfc="white", mec=color, mew=1.8, label=mark)
        floor = self.noise / self.steps
        if self.noise > 0:
            axes.plot(self.steps, floor, ":", color="0.45", lw=1.2, label="rounding  noise$/\\epsilon$")
        low, high = _limits(self.one_sided, self.two_sided, floor)
        axes.set(
            xscale="log",
            yscale="log",
            title=f"Error of difference quotients: {self.what.replace('function <lambda>', 'a function')}",
            xlabel="step $\\epsilon$",
            ylabel="|numeric - analytic|",
            xlim=(self.steps[0], self.steps[-1]),
            ylim=(low, high),
        )
        axes.grid(True, color="0.92", lw=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.lines:
            axes.legend(frameon=False, fontsize=8.5, loc="upper center")


def _limits(one: Array, two: Array, floor: Array) -> tuple[float, float]:
    """Whole decades around what is drawn, and room above for the legend; lucky zeros are no scale."""
    errors = np.concatenate([one, two])
    everything = errors if errors.any() else floor
    positive = everything[everything > 0]
    if not positive.size:
        return EPSILON, 1.0
    # A quotient is now and then right to the last digit: a point far below the lowest percent is cut off.
    low, high = max(np.min(positive), 0.1 * np.percentile(positive, 1)), max(np.max(positive), np.max(floor))
    return float(10.0 ** np.floor(np.log10(low))), float(10.0 ** (np.ceil(np.log10(high)) + 2))


def step_curve(
    subject: Any,
    X: Any = None,
    y: Any = None,
    *,
    loss: Any = None,
    sample_weight: Any = None,
    training: bool = True,
    inputs: bool = True,
    burn_in: int = 0,
    steps: Any = None,
    seed: int = 0,
) -> StepCurve:
    """Measure the error of difference quotients along one line for a range of steps, and show it by ``.plot()``.

    The line goes through the point in a direction of random signs of unit length over all tensors, uphill; for a single
    number it is that number. Long steps show truncation, ``eps f'' / 2`` one-sided and ``eps^2 f''' / 6`` two-sided;
    short ones rounding, noise / eps. A wrong gradient shows as two level lines.

    Parameters
    ----------
    subject, X, y, loss, sample_weight, training, inputs, burn_in, seed
        As for :func:`steepest.gradcheck`.
    steps : array_like (S,), optional
        Steps eps > 0; by default eight per decade from 1e-12 to 0.1.

    Returns
    -------
    StepCurve

    Raises
    ------
    ValueError
        If a step is not a positive finite number.

    Examples
    --------
    The classic, theta^3 at 1, has the errors 3 eps + eps^2 and eps^2:

    >>> from steepest.gradcheck import step_curve
    >>> curve = step_curve(lambda theta: (theta**3, 3 * theta**2), 1.0)
    >>> print("one-sided eps^%.1f, two-sided eps^%.1f" % curve.orders)
    one-sided eps^1.0, two-sided eps^2.0
    >>> bool(curve.two_sided.min() < 1e-9 < curve.one_sided.min())
    True
    >>> figure = curve.plot()  # or curve.plot("steps.png")  # doctest: +SKIP
    """
    check_int("seed", seed, 0)
    chosen = np.unique(np.asarray(STEPS if steps is None else steps, dtype=np.float64))
    if not chosen.size or not np.all(np.isfinite(chosen)) or chosen[0] <= 0:
        raise ValueError(f"steps must be positive finite numbers, got {steps!r:.80}")
    settings = {"sample_weight": sample_weight, "training": training, "inputs": inputs, "burn_in": burn_in}
    problem = from_subject(subject, X, y, loss=loss, seed=seed, **settings)
    value, analytic = problem.value(), analytic_gradients(problem)
    if not np.isfinite(value):
        raise ValueError(f"the value to differentiate must be finite; {problem.what} gives {value}")
    rng = np.random.default_rng(seed)
    noise = value_noise(problem, analytic, value, rng)
    size = sum(tensor.size for tensor in problem.tensors.values())
    direction = {n: rng.choice([-1.0, 1.0], size=t.shape) / np.sqrt(size) for n, t in problem.tensors.items()}
    slope = sum(float(np.sum(direction[name] * analytic[name])) for name in direction)
    if slope < 0:
        slope, direction = -slope, {name: -step for name, step in direction.items()}
    line = move_all(problem, direction)
    one, two = (
        np.array([abs(difference(line, value, float(h), method) - slope) for h in chosen])
        for method in ("one-sided", "two-sided")
    )
    scale = max(abs(value), max((float(np.max(np.abs(g), initial=0.0)) for g in analytic.values()), default=0.0))
    return StepCurve(problem.what, slope, chosen, one, two, noise, default_step(noise, scale))
