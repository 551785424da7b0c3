"""What an export says about itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float
from steepest.export.errors import ExportError

Array = npt.NDArray[Any]

# Largest difference that is accepted of narrow networks, relative to the largest output where that is above 1.
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}


@dataclass(frozen=True)
class ExportReport:
    """What was made, and how near its outputs came to the model's.

    Attributes
    ----------
    format : str
        Such as `"ONNX"`.
    result : str or object
        Path of the file, or the module, model or estimator that was made.
    largest_difference : float
        Largest absolute difference between an output of the export and of the model over the sample rows; NaN where
        the export could not be run here, which `notes` then says.
    largest_output : float
        Largest absolute value among the model's outputs for these rows.
    rows : int
        Number of sample rows.
    tolerance : float
        What was accepted, times `max(1, largest_output)`.
    checked_with : str
        What ran the export.
    notes : tuple of str
        What is worth knowing about this export.
    """

    format: str
    result: Any
    largest_difference: float
    largest_output: float
    rows: int
    tolerance: float
    checked_with: str
    notes: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the export has been run and gave the model's outputs."""
        return bool(self.largest_difference <= self.tolerance * max(1.0, self.largest_output))

    def __str__(self) -> str:
        what = f"{self.format}: {self.result}" if isinstance(self.result, str) else self.format
        if np.isnan(self.largest_difference):
            lines = [f"{what}, not run here"]
        else:
            lines = [
                f"{what}, largest difference {self.largest_difference:.2g} over {self.rows} sample rows "
                f"(outputs up to {self.largest_output:.3g}), run by {self.checked_with}"
            ]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def check_tolerance(tolerance: float | None, dtype: str, width: int) -> float:
    """Return the largest difference that is accepted of a model of this dtype, `width` columns wide at most.

    Sums in another order differ by about the root of the number of their terms, in units of rounding; four times that
    is more than the 1e-5 of float32 from 440 columns on.
    """
    if tolerance is not None:
        return check_float("tolerance", tolerance, 0.0)
    return max(TOLERANCE[dtype], 4.0 * float(np.finfo(dtype).eps) * math.sqrt(width))


def compare(what: str, given: Array, expected: Array, tolerance: float) -> tuple[float, float]:
    """Return largest difference and largest output; ExportError if the outputs are not those expected."""
    if given.shape != expected.shape:
        raise ExportError(f"{what} gives outputs of shape {given.shape}, the model {expected.shape}")
    with np.errstate(invalid="ignore"):
        difference = np.abs(given.astype(np.float64) - expected.astype(np.float64))
    # Both NaN or the same infinity is agreement.
    difference[(given == expected) | (np.isnan(given) & np.isnan(expected))] = 0.0
    largest = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    worst = np.unravel_index(int(difference.argmax()), difference.shape)
    if not difference[worst] <= tolerance * max(1.0, largest):
        raise ExportError(
            f"{what} gives {given[worst]!r} where the model gives {expected[worst]!r} (row {worst[0]}, output "
            f"{worst[1]}), more apart than tolerance={tolerance:g} times {max(1.0, largest):.3g}: nothing was written. "
            "Functions with a jump (step, hardmax, a category's number) turn a rounding error into a large one; "
            "say tolerance=... if that is known to be harmless"
        )
    return float(difference[worst]), largest
