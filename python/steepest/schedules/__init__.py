"""Learning rates as functions of the optimiser's step, which counts its updates from 0.

Wherever an optimiser takes a learning rate it takes a number, one of these schedules, its configuration, or any
function of the step. t is the step throughout.
"""

from __future__ import annotations

from steepest.schedules.around import Restarts, Warmup
from steepest.schedules.base import Constant, LearningRate, Lost, Schedule, as_learning_rate, evaluate_rates
from steepest.schedules.cosine import Cosine, CosineRestarts, OneCycle
from steepest.schedules.decay import Exponential, InverseTime, Piecewise, Polynomial, Step
from steepest.schedules.plateau import ReduceOnPlateau

__all__ = [
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseTime",
    "LearningRate",
    "Lost",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "ReduceOnPlateau",
    "Restarts",
    "Schedule",
    "Step",
    "Warmup",
    "as_learning_rate",
    "evaluate_rates",
]
