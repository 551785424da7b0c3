"""What a kernel's case consists of, how its error is taken, how it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.bench.results import Result, Verdict
from steepest.bench.timing import Function, interleave

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A kernel on arrays of one shape.

    Attributes
    ----------
    name, shape : str
        As printed.
    verify : callable
        Runs the kernel once and compares it with NumPy in float64 (or says what else it holds it against).
    steepest, numpy : callable
        What is timed.
    flops : int
        Operations of matrix products; 0 for kernels that only move data.
    moved, working_set : int
        Bytes that must be read and written, bytes touched.
    """

    name: str
    shape: str
    verify: Callable[[], Verdict]
    steepest: Function
    numpy: Function
    moved: int
    working_set: int
    flops: int = 0


class Setup:
    """The dtype of the cases, and the random arrays they work on."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.eps = float(np.finfo(self.dtype).eps)
        self.rng = np.random.default_rng(0)

    def normal(self, *shape: int) -> Array:
        """Return standard normal numbers."""
        return self.rng.standard_normal(shape, np.float32).astype(self.dtype)

    def empty(self, *shape: int) -> Array:
        """Return an array to be written, its pages touched."""
        return np.zeros(shape, self.dtype)

    def size(self, *arrays: Array) -> int:
        """Return the bytes of all arrays together."""
        return sum(array.nbytes for array in arrays)


def double(*arrays: Array) -> list[Array]:
    """Return the arrays in float64."""
    return [array.astype(np.float64) for array in arrays]


def worst(*comparisons: tuple[Any, Any, Any]) -> float:
    """Return the largest `|got - wanted| / scale` over all elements; infinite where a wrong element has scale 0."""
    errors = []
    for got, wanted, scale in comparisons:
        off = np.abs(np.asarray(got, np.float64) - wanted)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(off == 0.0, 0.0, off / scale)
        errors.append(float(np.max(share)))
    return float(np.max(errors))


def measure(case: Case, budget: float, rounds: tuple[int, int]) -> Result:
    """Verify the case and, if it is right, time it."""
    verdict = case.verify()
    timings = {}
    if verdict.right:
        timings = interleave({"steepest": case.steepest, "numpy": case.numpy}, budget, rounds=rounds)
    return Result(
        group="kernel",
        name=case.name,
        shape=case.shape,
        verdict=verdict,
        flops=case.flops,
        moved=case.moved,
        working_set=case.working_set,
        timings=timings,
    )
