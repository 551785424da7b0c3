"""Optimisers: their numbers and their state; the arithmetic is in the core.

An optimiser object carries its own state, so the same object continues where it stopped and a new one starts afresh. It
belongs to the model it first trained. p is a parameter, g its gradient, lr the learning rate throughout.
"""

from __future__ import annotations

from steepest.optimizers.adam import Adam, AdamW, Nadam
from steepest.optimizers.adaptive import Adagrad, RMSprop
from steepest.optimizers.base import Optimizer
from steepest.optimizers.lbfgs import LBFGS
from steepest.optimizers.sgd import SGD

__all__ = ["LBFGS", "SGD", "Adagrad", "Adam", "AdamW", "Nadam", "Optimizer", "RMSprop"]
