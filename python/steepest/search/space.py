"""The space of a search: named parameters, and what people write to describe them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steepest.checks import check_int
from steepest.registry import ACTIVATIONS
from steepest.search.parameters import Choice, Integers, Parameter, Real, Side


def uniform(low: float, high: float, *, limits: tuple[float, float] | None = None) -> Real:
    """Return a number in [low, high], all equally likely: dropout rates, momentum.

    Parameters
    ----------
    low, high : float
        Ends of the range.
    limits : tuple of float, optional
        Values that make sense at all, where widening stops: `(0.0, 0.9)`. None takes 0 upward where `low` is not
        negative.

    Examples
    --------
    >>> import steepest as st
    >>> st.search.uniform(0.0, 0.5).grid(3)
    [0.0, 0.25, 0.5]
    """
    return Real(low, high, limits=limits)


def loguniform(low: float, high: float, *, limits: tuple[float, float] | None = None) -> Real:
    """Return a number in [low, high] whose logarithm is uniform: learning rates, penalties.

    Parameters
    ----------
    low, high : float
        Ends of the range, above 0.
    limits : tuple of float, optional
        Values that make sense at all, where widening stops.

    Examples
    --------
    >>> import steepest as st
    >>> [round(value, 6) for value in st.search.loguniform(1e-5, 1e-1).grid(5)]
    [1e-05, 0.0001, 0.001, 0.01, 0.1]
    """
    return Real(low, high, log=True, limits=limits)


def integers(
    low: int, high: int, *, log: bool = False, limits: tuple[int | None, int | None] | None = None
) -> Integers:
    """Return a whole number from low to high, both included; with `log` its logarithm is uniform.

    Parameters
    ----------
    low, high : int
        Ends of the range.
    log : bool
        For sizes: 16 to 32 is then as likely as 256 to 512.
    limits : tuple of (int or None, int or None), optional
        Values that make sense at all, where widening stops.

    Examples
    --------
    >>> import steepest as st
    >>> st.search.integers(16, 256, log=True).grid(5)
    [16, 32, 64, 128, 256]
    """
    return Integers(low, high, log=log, limits=limits)


def choice(*options: Any) -> Choice:
    """Return one of the options: `choice("relu", "tanh")`, or `choice([...])` of a list.

    Examples
    --------
    >>> import steepest as st
    >>> st.search.choice("adam", "sgd")
    choice('adam', 'sgd')
    """
    if len(options) == 1 and isinstance(options[0], (list, tuple)):
        options = tuple(options[0])
    return Choice(options)


def width(low: int = 16, high: int = 512) -> Integers:
    """Return the number of units of a hidden layer, on a logarithmic scale.

    Examples
    --------
    >>> import steepest as st
    >>> st.search.width(32, 128)
    integers(32, 128, log=True)
    """
    return Integers(low, high, log=True)


def depth(low: int = 1, high: int = 4) -> Integers:
    """Return the number of hidden layers.

    Examples
    --------
    >>> import steepest as st
    >>> st.search.depth()
    integers(1, 4)
    """
    return Integers(check_int("low", low, 0), high)


def activation(*names: str) -> Choice:
    """Return one of the activations; without names relu, tanh, gelu and silu.

    Examples
    --------
    >>> import steepest as st
    >>> st.search.activation("relu", "tanh")
    choice('relu', 'tanh')
    """
    chosen = names or ("relu", "tanh", "gelu", "silu")
    for name in chosen:
        ACTIVATIONS.create(name, "activation")
    return Choice(chosen)


class Space(Mapping[str, Parameter]):
    """Parameters by name, in the order given.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        At least one; a list stands for `choice` of its members.

    Examples
    --------
    >>> import steepest as st
    >>> space = st.search.Space({"learning_rate": st.search.loguniform(1e-4, 1e-2), "width": [32, 64]})
    >>> len(space.grid(3))
    6
    """

    def __init__(self, parameters: Any) -> None:
        if not isinstance(parameters, Mapping) or not parameters:
            raise TypeError(f"space must be a dictionary from names to parameters, got {parameters!r}")
        self._parameters: dict[str, Parameter] = {}
        named: Mapping[Any, Any] = parameters
        for name, parameter in named.items():
            made = Choice(parameter) if isinstance(parameter, (list, tuple)) else parameter
            if not isinstance(name, str) or not isinstance(made, Parameter):
                raise TypeError(
                    f"space[{name!r}] must be loguniform(...), uniform(...), integers(...), choice(...) or a list, "
                    f"got {parameter!r}"
                )
            self._parameters[name] = made

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Let Optuna choose all values."""
        return {name: parameter.suggest(trial, name) for name, parameter in self.items()}

    def grid(self, points: int | Mapping[str, int]) -> list[dict[str, Any]]:
        """Return every combination of so many values of each parameter, or of so many by name; choices give all."""
        if isinstance(points, Mapping):
            unknown = [name for name in points if name not in self]
            if unknown:
                raise ValueError(f"points: {unknown[0]!r} is not in the space, there are {', '.join(self)}")
            counts = {name: points.get(name, 3) for name in self}
        else:
            counts = dict.fromkeys(self, points)
        axes = [self[name].grid(check_int(f"points of {name}", count, 1)) for name, count in counts.items()]
        return [dict(zip(self, values, strict=True)) for values in itertools.product(*axes)]

    def narrowed(
        self, good: Sequence[Mapping[str, Any]], margin: float, within: Space, tried: Sequence[Mapping[str, Any]] = ()
    ) -> Space:
        """Return the ranges of good points with something around them: what the next trials are drawn from.

        Parameters
        ----------
        good : sequence of dict
            Points of this space; at least one.
        margin : float
            Share of each range that is added at both of its ends.
        within : Space
            The ranges stay inside of these.
        tried : sequence of dict
            All points that were tried. A range reaches to the nearest of them that is not good, or to its old end if
            there is none: where nobody has been, nobody knows.
        """
        ranges: dict[str, Parameter] = {}
        for name, parameter in self.items():
            values = [point[name] for point in good]
            ranges[name] = part = parameter.narrowed(values, margin, within[name])
            if not isinstance(parameter, Choice) and tried:
                others = [point[name] for point in tried]
                ends = parameter.grid(2)
                low = max([other for other in others if other < min(values)], default=ends[0])
                high = min([other for other in others if other > max(values)], default=ends[-1])
                ranges[name] = parameter.narrowed([*part.grid(2), low, high], 0.0, within[name])
        return Space(ranges)

    def edges(self, point: Mapping[str, Any]) -> dict[str, Side]:
        """At which end of its range a value of the point lies, by name; without those that lie inside."""
        found = {name: parameter.edge(point[name]) for name, parameter in self.items()}
        return {name: side for name, side in found.items() if side is not None}

    def widened(self, sides: Mapping[str, Side], share: float = 0.5) -> Space:
        """Return the space with `share` more range on these sides, in each parameter's scale."""
        return Space({n: p.widened(sides[n], share) if n in sides else p for n, p in self.items()})

    def __repr__(self) -> str:
        return f"Space({self._parameters!r})"
