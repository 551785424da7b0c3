"""What every preprocessing step is: statistics fitted once, and a function of rows that uses them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.checks import check_dtype
from steepest.preprocessing.affine import Affine
from steepest.registry import Configurable

Array = npt.NDArray[Any]
Step = TypeVar("Step", bound="Preprocessor")

# Rows taken at a time, so that float64 arithmetic on a large float32 or uint8 set needs no copy of it.
CHUNK = 8192


def chunks(x: Array) -> Iterator[tuple[slice, Array]]:
    """Yield the rows in float64, CHUNK at a time and with their place; raise at the first number that is not finite."""
    for start in range(0, len(x), CHUNK):
        rows = slice(start, start + CHUNK)
        part = x[rows].astype(np.float64)
        bad = np.argwhere(~np.isfinite(part))
        if len(bad):
            row, column = bad[0]
            raise ValueError(f"X[{start + row}, {column}] is {part[row, column]}: fill or drop such rows first")
        yield rows, part


class Preprocessor(Configurable):
    """Base of the preprocessing steps.

    A subclass writes `learn(x)`, which sets the attributes named in `fitted` from the checked matrix, `forward(part)`
    and, where it exists, `backward(part)`, from float64 rows to float64 rows. One that is an affine function also
    writes `affine()`.

    Parameters
    ----------
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.

    Attributes
    ----------
    fitted : tuple of str
        Names of the attributes that `fit` sets.
    columns : int or None
        Number of columns of the training set; None before `fit`.
    """

    fitted: ClassVar[tuple[str, ...]] = ()
    invertible: ClassVar[bool] = True

    def __init__(self, dtype: npt.DTypeLike | None = None) -> None:
        self.dtype = None if dtype is None else check_dtype("dtype", dtype)
        self.columns: int | None = None

    def learn(self, x: Array) -> None:
        """Set the fitted attributes from the training set `(N, D)`."""
        raise NotImplementedError

    def forward(self, part: Array) -> Array:
        """Return the transformed rows."""
        raise NotImplementedError

    def backward(self, part: Array) -> Array:
        """Return the rows that `forward` takes to these."""
        raise NotImplementedError

    def affine(self) -> Affine | None:
        """Return the fitted step as `(x - center) @ matrix + shift`; None where it is no such function.

        What has such a form can become part of a dense layer: see `Sequential.folded`.
        """
        return None

    @property
    def output_columns(self) -> int:
        """Number of columns of the result."""
        assert self.columns is not None
        return self.columns

    def fit(self: Step, X: npt.ArrayLike) -> Step:
        """Take the statistics of the training set, and return the object.

        Parameters
        ----------
        X : array (N, D)
            Finite numbers, samples in rows; more dimensions (images) are flattened to `(N, D)`.

        Raises
        ------
        ValueError
            Naming row and column of the first number that is not finite.
        """
        x = data.check_matrix("X", X)
        self.learn(x)
        self.columns = x.shape[1]
        return self

    def transform(self, X: npt.ArrayLike) -> Array:
        """Return the transformed rows as a new array, in the shape of `X` where the number of columns stays.

        Parameters
        ----------
        X : array (N, D)
            Finite numbers; any number of rows, zero included.
        """
        return self.transform_as(X, self.dtype)

    def transform_as(self, X: npt.ArrayLike, dtype: str | None) -> Array:
        """Transform into another dtype than the step's own; for steps made of steps."""
        return self._apply(X, self.forward, self._columns(), self.output_columns, dtype)

    def fit_transform(self, X: npt.ArrayLike) -> Array:
        """Fit, and return the training set transformed."""
        return self.fit(X).transform(X)

    def inverse_transform(self, X: npt.ArrayLike) -> Array:
        """Return the rows that `transform` takes to these, as a new array.

        Raises
        ------
        ValueError
            If the step has no inverse.
        """
        if not self.invertible:
            raise ValueError(f"{type(self).__name__} has no inverse")
        columns = self._columns()
        return self._apply(X, self.backward, self.output_columns, columns, self.dtype)

    def _columns(self) -> int:
        if self.columns is None:
            raise ValueError(f"the {type(self).__name__} has not been fitted: call fit with the training set first")
        return self.columns

    def _apply(self, X: npt.ArrayLike, function: Any, takes: int, gives: int, dtype: str | None) -> Array:
        x = data.check_matrix("X", X, minimum_rows=0)
        if x.shape[1] != takes:
            raise ValueError(f"X has {x.shape[1]} columns, the {type(self).__name__} was fitted on {takes}")
        result = np.empty((len(x), gives), dtype or ("float64" if x.dtype == np.float64 else "float32"))
        for rows, part in chunks(x):
            result[rows] = function(part)
        return result.reshape(np.shape(X)) if takes == gives else result

    def get_state(self) -> dict[str, Array]:
        """Return what `fit` learned, by name; empty before `fit`."""
        if self.columns is None:
            return {}
        return {"columns": np.array(self.columns), **{name: np.array(getattr(self, name)) for name in self.fitted}}

    def set_state(self, state: dict[str, Array]) -> None:
        """Take over what `get_state` of a step with the same arguments returned."""
        names = {"columns", *self.fitted} if state else set()
        if set(state) != names:
            raise ValueError(f"the state of {self!r} must have {sorted(names)}, got {sorted(state)}")
        for name in self.fitted if state else ():
            setattr(self, name, np.array(state[name]))
        self.columns = int(state["columns"]) if state else None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write arguments and statistics to an `.npz` file that `steepest.preprocessing.load` reads.

        Parameters
        ----------
        path : str or path-like
            File, taken as it is; an existing one is replaced in one piece.
        """
        from steepest.preprocessing import files

        files.save(self, path)

    # Two steps with equal arguments may have seen different data.
    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Preprocessor):
            return NotImplemented
        mine, theirs = self.get_state(), other.get_state()
        same = mine.keys() == theirs.keys() and all(np.array_equal(mine[name], theirs[name]) for name in mine)
        return bool(super().__eq__(other)) and same

    __hash__ = Configurable.__hash__
