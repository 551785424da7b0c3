"""From a frame through a trained model to labels or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.model import Model, check_model
from steepest.tables.targets import ClassLabels

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Prediction:
    """What a model says of the rows of a frame.

    Attributes
    ----------
    values : ndarray (N,) or (N, K)
        Labels as they stood in the training set, or numbers in the unit of the target.
    probabilities : ndarray (N, K) or None
        Of the classes.
    classes : tuple of str
        Their labels as texts.
    """

    values: Array
    probabilities: Array | None = None
    classes: tuple[str, ...] = ()


def predict(model: Model, frame: Any) -> Prediction:
    """Return what the model says of the rows of a frame, through its preprocessing and back through its target.

    Parameters
    ----------
    model : Model
        With `preprocessing`, and with `target` where the targets went through something.
    frame : frame
        Of any kind that the preprocessing takes.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> from steepest import tables
    >>> frame = {"x": [0.0, 1.0] * 20}
    >>> table, labels = tables.TablePreprocessor().fit(frame), tables.ClassLabels().fit(["no", "yes"])
    >>> X, y = table.transform(frame), labels.transform(["no", "yes"] * 20)
    >>> model = tables.build_network(table, X, y, loss="softmax_cross_entropy", hidden=[8])
    >>> history = model.fit(X, y, loss="softmax_cross_entropy", epochs=100, verbose=0)
    >>> model.target = labels
    >>> tables.predict(model, {"x": [1.0, 0.0, 1.0]}).values.tolist()
    ['yes', 'no', 'yes']
    """
    check_model(model)
    if model.preprocessing is None:
        raise ValueError("the model has no preprocessing: set model.preprocessing to what its inputs went through")
    x = model.preprocessing.transform(frame)
    if isinstance(model.target, ClassLabels):
        probabilities = model.predict_proba(x)
        if probabilities.shape[1] == 1:
            probabilities = np.column_stack([1.0 - probabilities, probabilities])
        return Prediction(model.target.inverse_transform(probabilities), probabilities, model.target.names)
    outputs = model.predict(x)
    # The link is the identity for the losses of a regression, but for Poisson the exponential.
    values = outputs if model.loss is None else model.loss.link(outputs)
    values = values if model.target is None else model.target.inverse_transform(values)
    return Prediction(values[:, 0] if values.shape[1] == 1 else values)
