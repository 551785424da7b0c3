"""Hyper-parameter search: random, grid, TPE, coarse to fine, successive halving; or one model watched closely.

`Search` trains many networks side by side on the cores of the machine (Optuna draws, keeps and goes on: extra
`search`); `Panda` trains one, and goes on or back as you say.
"""

from __future__ import annotations

from steepest.search.panda import Panda
from steepest.search.parameters import Choice, Integers, Parameter, Real
from steepest.search.perceptron import perceptron
from steepest.search.result import SearchResult, Stage
from steepest.search.search import Search
from steepest.search.space import Space, activation, choice, depth, integers, loguniform, uniform, width
from steepest.search.training import LossGuard
from steepest.search.trial import Parameters, Trial

__all__ = [
    "Choice",
    "Integers",
    "LossGuard",
    "Panda",
    "Parameter",
    "Parameters",
    "Real",
    "Search",
    "SearchResult",
    "Space",
    "Stage",
    "Trial",
    "activation",
    "choice",
    "depth",
    "integers",
    "loguniform",
    "perceptron",
    "uniform",
    "width",
]
