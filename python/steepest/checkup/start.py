"""The network before its first step: loss, gradients, and what flows through the layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.diagnostics import ActivationReport, activation_statistics
from steepest.model import Model
from steepest.training.training_set import DataSet

from .case import Case
from .copies import plain

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_ROWS = 512
_MOST_VALUES = 4_000_000


@dataclass(frozen=True)
class Start:
    """What one batch says about the model as it stands, without dropout and penalty.

    Attributes
    ----------
    model : Model
        Without dropout, noise and regularisation.
    part : DataSet
        The batch.
    loss : float
        As training computes it, batch norm by the batch.
    gradients : dict of str to ndarray
        By parameter.
    values : list of ndarray
        Every value of the program.
    report : ActivationReport
        By layer.
    """

    model: Model
    part: DataSet
    loss: float
    gradients: dict[str, Array]
    values: list[Array]
    report: ActivationReport

    def signal(self, value: int) -> float:
        """Return the deviation of a value from row to row: root of the mean variance of its columns."""
        return float(np.sqrt(np.mean(np.var(self.values[value].astype(np.float64), axis=0))))


def start(case: Case) -> Start:
    """Look at one batch; done once per checkup."""
    if case.start is None:
        widths = sum(case.network.program.widths)
        part = case.part(case.draw(max(min(_ROWS, _MOST_VALUES // widths), 16), 5))
        model = plain(case.model)
        y = case.raw_targets(part)
        loss, gradients = model.loss_and_gradients(part.x, y, loss=case.loss, sample_weight=part.weight)
        values = case.forward(model, part.x, training=True)
        report = activation_statistics(model, part.x, y, loss=case.loss)
        case.start = Start(model, part, loss, gradients, values, report)
    found: Start = case.start
    return found
