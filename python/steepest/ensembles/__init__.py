"""Several models instead of one: averages of predictions, of snapshots along one run, and of parameters.

Members that differ by their seed make different mistakes, so the average of their predictions is usually better than
any of them, and their disagreement says where the prediction is uncertain (Lakshminarayanan et al. 2017). Averages of
parameters along one training cost nothing at prediction: `ExponentialAverage`, `StochasticAverage`.
"""

from __future__ import annotations

from steepest.ensembles.augmented import predict_augmented
from steepest.ensembles.averages import ExponentialAverage, ParameterAverage, StochasticAverage
from steepest.ensembles.batch_norm import recompute_batch_norm
from steepest.ensembles.ensemble import Ensemble
from steepest.ensembles.seeds import seed_ensemble
from steepest.ensembles.snapshots import Snapshots
from steepest.ensembles.spread import Spread

__all__ = [
    "Ensemble",
    "ExponentialAverage",
    "ParameterAverage",
    "Snapshots",
    "Spread",
    "StochasticAverage",
    "predict_augmented",
    "recompute_batch_norm",
    "seed_ensemble",
]
