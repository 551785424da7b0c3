"""Several preprocessing steps as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.checks import check_items
from steepest.preprocessing.affine import Affine, affine_of
from steepest.preprocessing.base import Array, Preprocessor
from steepest.registry import PREPROCESSORS


@PREPROCESSORS.register("pipeline")
class Pipeline(Preprocessor):
    """Steps one after the other, each fitted on what the ones before make of the training set.

    Parameters
    ----------
    steps : iterable of Preprocessor
        At least one; names (`"standardizer"`) and configurations will do.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.preprocessing import PCA, Pipeline, Standardizer
    >>> X = np.random.default_rng(0).normal(3, 2, size=(100, 4))
    >>> pipeline = Pipeline([Standardizer(), PCA(2)])
    >>> pipeline.fit_transform(X).shape
    (100, 2)
    """

    def __init__(self, steps: Iterable[Any]) -> None:
        super().__init__()
        self.steps = [PREPROCESSORS.create(step, "steps") for step in check_items("steps", steps, "a list of steps")]
        if not self.steps:
            raise ValueError("steps must hold at least one preprocessing step")
        # A pipeline has an inverse where all of its steps have one; shadows the class's answer.
        self.invertible = all(step.invertible for step in self.steps)  # type: ignore[misc]

    def fit(self, X: npt.ArrayLike) -> Pipeline:
        """Fit every step, and return the object; `X (N, D)` as for each of them."""
        result: Any = X
        for step in self.steps[:-1]:
            result = step.fit(result).transform_as(result, "float64")
        self.steps[-1].fit(result)
        self.columns = self.steps[0].columns
        return self

    def transform(self, X: npt.ArrayLike) -> Array:
        """Return the rows after all steps, in the dtype of the last one; between them they are in float64."""
        self._columns()
        double = data.as_array("X", X).dtype == np.float64
        return self.transform_as(X, self.steps[-1].dtype or ("float64" if double else "float32"))

    def transform_as(self, X: npt.ArrayLike, dtype: str | None) -> Array:
        """Transform into another dtype than the last step's own; for steps made of steps."""
        result: Any = X
        for step in self.steps[:-1]:
            result = step.transform_as(result, "float64")
        last: Array = self.steps[-1].transform_as(result, dtype)
        return last

    def inverse_transform(self, X: npt.ArrayLike) -> Array:
        """Return the rows that `transform` takes to these; ValueError where a step has no inverse."""
        self._columns()
        result: Any = X
        for step in reversed(self.steps):
            result = step.inverse_transform(result)
        return result  # type: ignore[no-any-return]

    def affine(self) -> Affine | None:
        """Return the fitted steps together as `(x - center) @ matrix + shift`; None where one is no such function."""
        rest, function = self.split()
        return function if rest is None else None

    def split(self) -> tuple[Preprocessor | None, Affine | None]:
        """Return the first of the fitted steps, up to the last that is not affine, and the others as one function.

        None where there are no such steps.
        """
        self._columns()
        flat = _flat(self)
        functions: list[Affine] = []
        while flat and (last := affine_of(flat[-1])) is not None:
            functions.append(last)
            flat.pop()
        if not functions:
            return self, None
        function = functions.pop()
        while functions:
            function = function.then(functions.pop())
        if len(flat) < 2:
            return (flat[0] if flat else None), function
        first = Pipeline(flat)
        first.columns = self.columns
        return first, function

    @property
    def output_columns(self) -> int:
        """Number of columns of the last step's result."""
        count: int = self.steps[-1].output_columns
        return count

    def get_state(self) -> dict[str, Array]:
        """Return what `fit` learned: the steps' states, with their number before each name."""
        return {f"{i}.{name}": array for i, step in enumerate(self.steps) for name, array in step.get_state().items()}

    def set_state(self, state: dict[str, Array]) -> None:
        """Take over what `get_state` of a pipeline of the same steps returned."""
        for i, step in enumerate(self.steps):
            prefix = f"{i}."
            step.set_state({name[len(prefix) :]: array for name, array in state.items() if name.startswith(prefix)})
        self.columns = self.steps[0].columns


def _flat(pipeline: Pipeline) -> list[Preprocessor]:
    """Return the steps, with those of pipelines in the pipeline."""
    return [inner for step in pipeline.steps for inner in (_flat(step) if type(step) is Pipeline else [step])]
