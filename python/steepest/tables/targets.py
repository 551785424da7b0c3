"""What a network learns instead of the targets people have, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.preprocessing import Standardizer
from steepest.registry import Attributes
from steepest.tables.columns import Column, ColumnError, make_column, number_name

Array = npt.NDArray[Any]


class TargetScaler(Attributes):
    """Standardises the targets of a regression: `z = (y - mean) / scale`, each column by itself.

    A network whose initial weights give outputs of size 1 then starts near the answer, and one learning rate does for
    dollars and for thousandths. A constant column is only centred.

    Attributes
    ----------
    mean, scale : ndarray (K,)
        In float64, after `fit`.

    Examples
    --------
    >>> from steepest.tables import TargetScaler
    >>> scaler = TargetScaler().fit([100.0, 300.0])
    >>> scaler.transform([100.0, 400.0])
    array([-1.,  2.])
    >>> scaler.inverse_transform([[-1.0], [2.0]])
    array([[100.],
           [400.]])
    """

    kind = "target_scaler"

    def __init__(self) -> None:
        self._step = Standardizer(dtype="float64")

    @property
    def mean(self) -> Array:
        """Mean of the training targets `(K,)`."""
        return np.asarray(self._step.mean)

    @property
    def scale(self) -> Array:
        """Their standard deviation `(K,)`."""
        return np.asarray(self._step.scale)

    def fit(self, y: npt.ArrayLike) -> TargetScaler:
        """Take mean and deviation of the targets `(N,)` or `(N, K)`, which must be finite, and return the object."""
        self._step.fit(_matrix(y))
        return self

    def transform(self, y: npt.ArrayLike) -> Array:
        """Return the standardised targets in float64, in the shape of `y`."""
        return self._step.transform(_matrix(y)).reshape(np.shape(y))

    def inverse_transform(self, z: npt.ArrayLike) -> Array:
        """Return outputs of the network `(N,)` or `(N, K)` in the unit of the targets, in float64."""
        return self._step.inverse_transform(_matrix(z)).reshape(np.shape(z))

    def to_config(self) -> dict[str, Any]:
        """Return what JSON can hold; the rest is in `get_state`."""
        return {"kind": self.kind}

    def get_state(self) -> dict[str, Array]:
        """Return what `fit` learnt, by name."""
        return self._step.get_state()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], arrays: Mapping[str, Array]) -> TargetScaler:
        """Return the scaler that `to_config` and `get_state` described."""
        scaler = cls()
        scaler._step.set_state(dict(arrays))
        return scaler


def _matrix(y: npt.ArrayLike) -> Array:
    array = data.as_array("y", y)
    data.check_finite("y", array)
    return array[:, np.newaxis] if array.ndim == 1 else array


class ClassLabels(Attributes):
    """Numbers the classes of a classification 0, 1, ... in sorted order, and gives their own names back.

    Attributes
    ----------
    classes : ndarray (K,)
        The labels: numbers, booleans or texts.

    Examples
    --------
    >>> from steepest.tables import ClassLabels
    >>> labels = ClassLabels().fit(["yes", "no", "yes"])
    >>> labels.transform(["no", "yes"])
    array([0, 1])
    >>> labels.inverse_transform([1, 0]).tolist()
    ['yes', 'no']
    """

    kind = "class_labels"

    def __init__(self) -> None:
        self.classes: Array = np.empty(0, dtype=object)
        self._names: tuple[str, ...] = ()

    def fit(self, y: Any) -> ClassLabels:
        """Find the classes of the targets `(N,)`, none of them missing, and return the object."""
        _, values = _labels(y)
        self._set(values)
        return self

    def _set(self, values: Array) -> None:
        self.classes = values
        self._names = tuple(_label_name(value) for value in values.tolist())

    def transform(self, y: Any) -> npt.NDArray[np.int64]:
        """Return the numbers of the classes `(N,)`; ColumnError at a label that `fit` did not see."""
        names, _ = _labels(y)
        column = y.name if isinstance(y, Column) else "y"
        known = {name: number for number, name in enumerate(self._names)}
        found, codes = np.unique(names, return_inverse=True)
        table = [known.get(name, -1) for name in found.tolist()]
        result = np.array(table, dtype=np.int64)[codes.reshape(-1)] if len(table) else np.empty(0, np.int64)
        if (result < 0).any():
            row = int(np.flatnonzero(result < 0)[0])
            name = str(names[row])
            problem = f"holds {name!r}, which is none of the {len(self._names)} classes"
            raise ColumnError(column, row, problem, value=name)
        return result

    def inverse_transform(self, codes: npt.ArrayLike) -> Array:
        """Return the labels of class numbers `(N,)`, or of the largest score per row `(N, K)`."""
        array = np.asarray(codes)
        labels: Array = self.classes[array.argmax(axis=1) if array.ndim == 2 else array]
        return labels

    @property
    def names(self) -> tuple[str, ...]:
        """The labels as texts."""
        return self._names

    def to_config(self) -> dict[str, Any]:
        """Return what JSON can hold, which is all."""
        return {"kind": self.kind, "classes": self.classes.tolist()}

    def get_state(self) -> dict[str, Array]:
        """Return nothing: the labels are in the configuration."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], arrays: Mapping[str, Array]) -> ClassLabels:
        """Return the labels that `to_config` described."""
        labels = cls()
        labels._set(np.array(config["classes"]))
        return labels


def _label_name(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return value if isinstance(value, str) else number_name(float(value))


def _labels(y: Any) -> tuple[Array, Array]:
    """Return the name of every label, and the different labels in sorted order."""
    column = make_column("y", y, missing=("",))
    absent = column.missing
    if absent.any():
        raise ColumnError(column.name, int(np.flatnonzero(absent)[0]), "has no label")
    if column.kind == "time":
        raise TypeError("y must hold numbers, texts or booleans, got dates")
    if column.numbers is not None:
        column.as_numbers()  # finite, or an error
        values, codes = np.unique(column.numbers, return_inverse=True)
        whole = bool((values == np.floor(values)).all())
        names = np.array([number_name(value) for value in values])
        return names[codes.reshape(-1)], values.astype(np.int64) if whole else values
    assert column.codes is not None
    names = np.array(column.levels)[column.codes]
    present = np.unique(names)
    return names, present == "True" if column.kind == "boolean" else present
