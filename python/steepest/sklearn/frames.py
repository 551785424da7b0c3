"""Tables of mixed columns given to an estimator: detected, turned into a matrix, and their numbers scaled."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils.validation import validate_data

from steepest.sklearn.solver import counts
from steepest.tables import TablePreprocessor, TargetScaler

Array = npt.NDArray[Any]

_SCALINGS = ("standard", "quantile", "robust")


def check_preprocessing(spec: Any) -> None:
    """Raise unless this is what the parameter `preprocessing` takes."""
    known = isinstance(spec, str) and spec in ("auto", *_SCALINGS)
    if spec is None or known or isinstance(spec, TablePreprocessor):
        return
    raise ValueError(
        f"preprocessing must be 'auto', {', '.join(map(repr, _SCALINGS))}, None or a TablePreprocessor, got {spec!r}"
    )


def is_mixed(X: Any) -> bool:
    """Whether this is a frame with columns that are no numbers, a table of pyarrow, or a dictionary of columns."""
    if isinstance(X, Mapping) or (hasattr(X, "schema") and hasattr(X, "column_names")):
        return True
    if isinstance(X, np.ndarray) or sparse.issparse(X) or not hasattr(X, "columns") or not hasattr(X, "dtypes"):
        return False
    return not all(_numeric(X[name], dtype) for name, dtype in zip(X.columns, X.dtypes, strict=True))


def _numeric(column: Any, dtype: Any) -> bool:
    if hasattr(dtype, "is_numeric"):  # polars
        return bool(dtype.is_numeric()) or str(dtype) == "Boolean"
    kind = getattr(dtype, "kind", "O")
    if kind != "O":
        return kind in "biuf"
    try:
        np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return not hasattr(dtype, "categories")


def start(spec: Any, X: Any) -> TablePreprocessor | None:
    """Return the preprocessing that the first fit learns, or None where the samples are numbers and stay so."""
    if spec is None or (isinstance(spec, str) and spec == "auto" and not is_mixed(X)):
        return None
    if isinstance(spec, TablePreprocessor):
        return copy.deepcopy(spec)
    return TablePreprocessor("standard" if spec == "auto" else spec)


def matrix(estimator: Any, X: Any, *, reset: bool) -> Array:
    """Return the table as a matrix; with `reset` the preprocessing learns it, and the estimator the features' names."""
    table: TablePreprocessor = estimator.preprocessor_
    frame = X if hasattr(X, "shape") else _shaped(X)
    validate_data(estimator, frame, reset=reset, skip_check_array=True)
    return table.fit_transform(X) if reset else table.transform(X)


class _shaped:  # noqa: N801 - stands for a frame only where scikit-learn counts columns
    def __init__(self, X: Any) -> None:
        names = list(X) if isinstance(X, Mapping) else list(X.column_names)
        self.shape = (len(next(iter(X.values()))) if isinstance(X, Mapping) else X.num_rows, len(names))


def scale_targets(estimator: Any, targets: Array, *, first: bool) -> Array:
    """Return the targets of a regression as the network learns them: standardised if it is asked for."""
    if first:
        wanted = estimator.scale_target
        if isinstance(wanted, str):
            wanted = estimator.preprocessor_ is not None and not counts(estimator.loss)
        estimator.target_scaler_ = TargetScaler().fit(targets) if wanted else None
    scaler: TargetScaler | None = estimator.target_scaler_
    return targets if scaler is None else scaler.transform(targets)
