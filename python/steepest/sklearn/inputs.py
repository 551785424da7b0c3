"""What estimators are given: samples, row weights and validation data, checked by scikit-learn's own functions."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import validate_data

from steepest.data import check_sample_weight
from steepest.sklearn import frames

Array = npt.NDArray[Any]

# Like scikit-learn; but other numbers stay as they are, since the core converts while it gathers rows.
_CHECK = {"accept_sparse": "csr", "dtype": "numeric"}


def receive(estimator: Any, X: Any, y: Any, *, reset: bool, numeric: bool) -> tuple[Any, Array]:
    """Return samples and targets of a fit, checked; with `reset` the estimator learns the features' names.

    A table of mixed columns comes as the matrix that the estimator's `preprocessor_` makes of it.
    """
    if reset:
        estimator.preprocessor_ = frames.start(estimator.preprocessing, X)
    if uses_table(estimator):
        samples = frames.matrix(estimator, X, reset=reset)
        y = check_array(y, accept_sparse="csr", ensure_2d=False, dtype="numeric" if numeric else None, input_name="y")
        check_consistent_length(samples, y)
        return samples, y
    X, y = validate_data(estimator, X, y, multi_output=True, y_numeric=numeric, reset=reset, **_CHECK)
    return _readable(X), y


def receive_samples(estimator: Any, X: Any) -> Any:
    """Return the samples of a prediction, checked against those of the fit."""
    if uses_table(estimator):
        return frames.matrix(estimator, X, reset=False)
    return _readable(validate_data(estimator, X, reset=False, **_CHECK))


def uses_table(estimator: Any) -> bool:
    """Whether the samples go through a preprocessing of the estimator's own."""
    return getattr(estimator, "preprocessor_", None) is not None


def _readable(X: Any) -> Any:
    """Return the samples in a type that the core reads; float16 and the like become float64, as in scikit-learn."""
    if X.dtype.kind not in "fbiu" or X.dtype.itemsize > 8 or X.dtype == np.float16 or not X.dtype.isnative:
        return X.astype(np.float64)
    return X


def network_dtype(estimator: Any, X: Any) -> str:
    """Return the type the network computes in: asked for, or the one of the samples, float64 where they have none."""
    if estimator.dtype != "auto":
        return str(np.dtype(estimator.dtype))
    return "float32" if X.dtype == np.float32 else "float64"


def row_weights(sample_weight: Any, rows: int) -> npt.NDArray[np.float64] | None:
    """Return the weights of the rows, or None where all count alike."""
    if isinstance(sample_weight, Real):
        return None
    return check_sample_weight(None if sample_weight is None else np.asarray(sample_weight), rows)


def split_eval_set(eval_set: Any) -> tuple[Any, Any, Any]:
    """Return X, y and weights of the user's validation data."""
    if isinstance(eval_set, list) and len(eval_set) == 1:
        eval_set = eval_set[0]
    if not isinstance(eval_set, (tuple, list)) or len(eval_set) not in (2, 3):
        got = f"{len(eval_set)} things" if isinstance(eval_set, (tuple, list)) else type(eval_set).__name__
        raise TypeError(f"eval_set must be (X, y) or (X, y, sample_weight), got {got}")
    if isinstance(eval_set[0], tuple):
        raise TypeError(f"eval_set must be one validation set, (X, y) or (X, y, sample_weight), got {len(eval_set)}")
    X, y = eval_set[:2]
    return X, y, eval_set[2] if len(eval_set) == 3 else None


def copy_state(random_state: np.random.RandomState) -> np.random.RandomState:
    """Return a generator that draws what this one would draw, and leaves this one alone."""
    twin = np.random.RandomState()
    twin.set_state(random_state.get_state())
    return twin


class Order:
    """The order of the training rows, epoch by epoch, drawn as scikit-learn draws it.

    Parameters
    ----------
    rows : ndarray or None
        Training rows in scikit-learn's order; None: all.
    count : int
        How many.
    random_state : RandomState
        Drawn from once per epoch.
    shuffle : bool
        False takes the rows as they stand.
    index : ndarray or None
        Where a warm start goes on: what `index` was after the last epoch.
    """

    def __init__(
        self,
        rows: npt.NDArray[np.int64] | None,
        count: int,
        random_state: np.random.RandomState,
        shuffle: bool,
        index: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.rows = rows
        self.random_state = check_random_state(random_state)
        self.shuffle = shuffle
        self.index = index if index is not None and len(index) == count else np.arange(count, dtype=np.int64)

    def __call__(self, _rows: Any) -> npt.NDArray[np.int64]:
        """Return the row numbers of the next epoch."""
        if self.shuffle:
            # What sklearn.utils.shuffle does, without its checks, which take longer than a small epoch.
            order = np.arange(len(self.index))
            self.random_state.shuffle(order)
            self.index = self.index[order]
        return self.index if self.rows is None else self.rows[self.index]
