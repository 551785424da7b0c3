"""Steps that are affine functions of a row, so that they can become part of a dense layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Affine(NamedTuple):
    """The function `(x - center) @ matrix + shift` of rows x `(N, D)`, in float64.

    The centre stands by itself because means may be large beside deviations: what is subtracted first loses no digits.

    Attributes
    ----------
    center : ndarray (D,)
        Subtracted.
    matrix : ndarray (D, K) or (D,)
        A matrix; or what each column is multiplied by, where columns do not mix.
    shift : ndarray (K,)
        Added.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.preprocessing import PCA
    >>> X = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> step = PCA(1).fit(X)
    >>> function = step.affine()
    >>> np.allclose((X - function.center) @ function.matrix + function.shift, step.transform(X))
    True
    """

    center: Array
    matrix: Array
    shift: Array

    @property
    def diagonal(self) -> bool:
        """Whether every column is treated by itself."""
        return self.matrix.ndim == 1

    def then(self, after: Affine) -> Affine:
        """Return this function followed by another one."""
        between = self.shift - after.center
        if after.diagonal:
            return Affine(self.center, self.matrix * after.matrix, between * after.matrix + after.shift)
        matrix = self.matrix[:, np.newaxis] * after.matrix if self.diagonal else self.matrix @ after.matrix
        return Affine(self.center, matrix, between @ after.matrix + after.shift)


def affine_of(step: Any) -> Affine | None:
    """Return the function of a fitted step; None if it is not affine, or if a subclass transforms in its own way.

    A class that writes `forward` anew says by writing `affine` anew that it is still affine.
    """
    for owner in type(step).__mro__:
        if "affine" in vars(owner):
            function: Affine | None = step.affine()
            return function
        if vars(owner).keys() & {"forward", "transform", "transform_as"}:
            return None
    return None
