"""Batch norm's running statistics, taken anew for parameters that no step has ended with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import threads
from steepest.checks import check_int
from steepest.model import Model, check_model
from steepest.rng import shuffle_rows

if TYPE_CHECKING:
    from steepest.lowering.program import Op

Array = npt.NDArray[Any]


def trained_batch_norms(model: Model) -> list[Op]:
    """Operations whose running statistics belong to the present parameters: batch norms that are not frozen."""
    operations = model.network.running.operations
    return [op for op in operations if op.kind == "batch_norm" and not op.attributes["frozen"]]


def recompute_batch_norm(model: Model, X: npt.ArrayLike, *, batch_size: int = 256) -> None:
    """Set the running statistics of batch norm to the means over one pass of the data, in training mode.

    For parameters that are averages (`ExponentialAverage`, `StochasticAverage`) or were set by hand: the statistics of
    the training belong to other parameters. The mean and the unbiased variance of every batch count by its rows
    (Izmailov et al. 2018, section 3.2); dropout is active as in training; frozen batch norm keeps its statistics.

    Parameters
    ----------
    model : Model
        Changed in place; its parameters, counters and optimiser stay.
    X : array (N, D)
        Training samples; taken in an order that depends on the model's seed only.
    batch_size : int
        Rows of one batch, best as in the training; at least 2. A last batch of one row joins the one before.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.BatchNorm(), st.layers.Dense(1)], input_shape=1, dtype="float64")
    >>> st.ensembles.recompute_batch_norm(model, [[1.0], [2.0], [6.0]])
    >>> model.layers[0].running_mean.item(), model.layers[0].running_variance.item()
    (3.0, 7.0)
    """
    check_model(model)
    batch_size = check_int("batch_size", batch_size, 2)
    with model.guard.use():
        x, network = model.receive(X, minimum_rows=2)
        norms = trained_batch_norms(model)
        if not norms:
            return
        # Mean and variance of every channel, times the rows.
        totals = [np.zeros((2, op.attributes["channels"])) for op in norms]
        order = shuffle_rows(model.seed, model.epochs_seen, None, len(x))
        starts = list(range(0, max(len(x) - 1, 1), batch_size))
        for number, start in enumerate(starts):
            end = len(x) if start == starts[-1] else start + batch_size
            batch = np.ascontiguousarray(x[order[start:end]])
            values = network.core.forward(batch, True, model.steps + number, model.seed, threads.get_num_threads())
            for op, total in zip(norms, totals, strict=True):
                total += len(batch) * _moments(values[op.inputs[0]], op.attributes["channels"])
        names = [state.name for state in network.program.states]
        for op, total in zip(norms, totals, strict=True):
            for number, moment in zip(op.states, total / len(x), strict=True):
                network.states[names[number]][...] = moment


def _moments(value: Array, channels: int) -> Array:
    """Return the mean and the unbiased variance `(2, channels)` of a batch's channels."""
    columns = value.reshape(len(value), channels, -1).swapaxes(0, 1).reshape(channels, -1)
    return np.stack([columns.mean(axis=1, dtype=np.float64), columns.var(axis=1, ddof=1, dtype=np.float64)])
