"""What is checked, reduced to one form: named float64 tensors, a value that depends on them, analytic gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A scalar function of named tensors.

    Parameters
    ----------
    what : str
        One line for the head of the report.
    tensors : dict of str to ndarray
        float64, C-contiguous and writable. The checker changes entries in place and puts them back.
    value : callable
        Returns the scalar for the tensors as they are; the same tensors must give the same value, bit for bit.
    gradients : callable
        Returns the analytic gradients, a dict with the names of `tensors`.
    """

    what: str
    tensors: Mapping[str, Array]
    value: Callable[[], float]
    gradients: Callable[[], Mapping[str, Array]]


def as_float64(name: str, value: Any) -> Array:
    """Return a writable float64 copy, or say which argument is no array of finite numbers."""
    try:
        array = np.array(value, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of numbers, not {type(value).__name__}: {value!r:.80}") from None
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        at = tuple(int(i) for i in bad[0])
        raise ValueError(f"{name} must be finite; {name}[{', '.join(map(str, at))}] is {array[at]}")
    return array


def from_function(function: Callable[[Array], tuple[Any, Any]], x: Any) -> Problem:
    """Make any ``f(x) -> (value, gradient)`` a problem."""
    point = as_float64("x", x)

    def call() -> tuple[float, Array]:
        result: Any = function(point.copy())
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"f must return (value, gradient), not {type(result).__name__}: {result!r:.80}")
        value, gradient = np.asarray(result[0], dtype=np.float64), np.asarray(result[1], dtype=np.float64)
        if value.size != 1:
            raise ValueError(f"f must return a scalar value, not one of shape {value.shape}")
        return float(value.reshape(())), gradient

    name = getattr(function, "__name__", type(function).__name__)
    return Problem(f"function {name}", {"x": point}, lambda: call()[0], lambda: {"x": call()[1]})


def from_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    names: Sequence[str] | None,
    seed: int,
) -> Problem:
    """Make a forward and backward pair a problem of value ``sum(weights * forward(*inputs))``, weights random."""
    if not inputs:
        raise ValueError("inputs must hold at least one array")
    names = list(names) if names is not None else ["x"] if len(inputs) == 1 else [f"x{i}" for i in range(len(inputs))]
    if len(names) != len(inputs):
        raise ValueError(f"names must name every input: {len(inputs)} inputs, names={names!r}")
    arrays = [as_float64(name, value) for name, value in zip(names, inputs, strict=True)]
    shape = np.shape(forward(*arrays))
    weights = np.random.default_rng(seed).normal(size=shape)

    def value() -> float:
        return float(np.sum(weights * np.asarray(forward(*arrays), dtype=np.float64)))

    def gradients() -> dict[str, Array]:
        result = backward(weights.copy(), *arrays)
        parts = result if isinstance(result, (tuple, list)) else (result,)
        if len(parts) != len(arrays):
            raise ValueError(
                f"backward must return one gradient per input: {len(arrays)} inputs, {len(parts)} gradients"
            )
        return {
            name: np.asarray(part, dtype=np.float64)
            for name, part in zip(names, parts, strict=True)
            if part is not None
        }

    # An input whose gradient is None (labels, say) is held fixed.
    checked = {name: array for name, array in zip(names, arrays, strict=True) if name in gradients()}
    return Problem(f"{getattr(forward, '__name__', 'forward')} and its backward", checked, value, gradients)
