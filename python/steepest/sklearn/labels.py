"""Class labels of any type as the numbers that the network is trained on, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

Array = npt.NDArray[Any]


class Labels:
    """The classes of a classifier.

    Attributes
    ----------
    classes_ : ndarray
        Sorted labels, or the numbers of the columns of a label indicator.
    y_type_ : {"binary", "multiclass", "multilabel-indicator"}
        Like scikit-learn's `LabelBinarizer`; a single class counts as binary.
    """

    def __init__(self, y: Any) -> None:
        _refuse_mixed_types(y)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if "multioutput" in kind:
            raise ValueError(
                f"y is of type {kind!r}: a classifier takes one label per row, or a label indicator of zeros and ones"
            )
        self.sparse = sparse.issparse(y)
        self.classes_: Array = unique_labels(y)
        multilabel = kind.startswith("multilabel")
        self.y_type_ = "multilabel-indicator" if multilabel else "binary" if len(self.classes_) <= 2 else "multiclass"

    @property
    def outputs(self) -> int:
        """Number of the network's outputs."""
        return 1 if self.y_type_ == "binary" else len(self.classes_)

    def encode(self, y: Any) -> Array:
        """Return int32 class numbers `(N,)`, or truth values `(N, 1)` of two classes and `(N, K)` of an indicator."""
        if self.y_type_ == "multilabel-indicator":
            table = y.toarray() if sparse.issparse(y) else np.asarray(y)
            if table.ndim != 2 or table.shape[1] != len(self.classes_):
                raise ValueError(
                    f"y must have shape (rows, {len(self.classes_)}), a column per label, got {table.shape}"
                )
            return table.astype(bool)
        numbers: Array = np.searchsorted(self.classes_, np.asarray(y))
        if self.y_type_ == "binary":
            # Of a single class nothing is positive.
            positive: Array = numbers == 1
            return positive[:, np.newaxis]
        return numbers.astype(np.int32)

    def decode(self, outputs: Array) -> Any:
        """Return the labels of the network's outputs, logits `(N, K)`."""
        if self.y_type_ == "multilabel-indicator":
            table = (outputs > 0.0).astype(int)
            return sparse.csr_matrix(table) if self.sparse else table
        if self.y_type_ == "binary":
            return self.classes_[np.minimum(outputs[:, 0] > 0.0, len(self.classes_) - 1).astype(int)]
        return self.classes_[outputs.argmax(axis=1)]


def _refuse_mixed_types(y: Any) -> None:
    """Raise TypeError for labels that cannot be sorted, such as None among texts; scikit-learn's own says little."""
    if not isinstance(y, np.ndarray) or y.dtype.kind != "O" or y.ndim != 1:
        return
    kinds = sorted({type(label).__name__ for label in y})
    if len(kinds) > 1 and ("str" in kinds or "NoneType" in kinds):
        odd = next(i for i, label in enumerate(y) if type(label) is not type(y[0]))
        raise TypeError(
            f"y holds labels of different types, {', '.join(kinds)}: y[0] is {y[0]!r}, y[{odd}] is {y[odd]!r}. "
            "Make them all texts or all numbers, and leave out the rows without a label"
        )
