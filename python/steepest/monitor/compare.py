"""What simple predictors know of the targets, and what the network does: it tells a small network from noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from steepest import threads
from steepest.diagnostics import dependence
from steepest.diagnostics.dependence import standard

if TYPE_CHECKING:
    from steepest.training.run import Run

Floats = npt.NDArray[np.float64]

# Rows that are compared, and numbers in them: about a tenth of a second.
_ROWS, _NUMBERS = 1500, 600_000
# Standard errors from which on a predictor knows anything.
_SIGNAL = 3.0


def compare(run: Run) -> tuple[float, float]:
    """Return the share of the targets' variance that ridge regression or neighbours explain, and the network.

    The predictors are asked about rows they were not fitted to, the network about some that it was trained on, so it
    has the better of it. Of classes it is the variance of the columns of a one-hot code.
    """
    data, network = run.data, run.model.network
    used = np.arange(len(data)) if data.rows is None else data.rows
    some = min(len(used), _ROWS, _NUMBERS // network.program.input_width + 100)
    rows = used[np.linspace(0, len(used) - 1, some).astype(np.int64)]
    x, y = np.ascontiguousarray(data.x[rows]), data.y[rows]
    outputs = network.core.forward(x, False, run.model.steps, run.model.seed, threads.get_num_threads())
    known = np.asarray(run.loss.link(outputs[network.program.output]), dtype=np.float64)
    goals = np.asarray(np.eye(network.program.output_width)[y] if y.ndim == 1 else y, dtype=np.float64)
    varying = goals.std(axis=0) > 0.0
    features = dependence.design(x, {})
    # A loss of the user's own may take other outputs than there are targets.
    if known.shape != goals.shape or not varying.any() or not features.shape[1]:
        return 0.0, 0.0
    goals = standard(goals[:, varying])
    gains = dependence.gains(features, goals, np.random.default_rng(0)).values()
    best = max(gains, key=dependence.signal)
    simple = float(best.mean()) / goals.shape[1] if dependence.signal(best) >= _SIGNAL else 0.0
    agreement = (standard(known[:, varying]) * goals).mean(axis=0)
    return simple, float(np.mean(agreement**2))
