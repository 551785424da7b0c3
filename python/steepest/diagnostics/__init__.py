"""Looking into networks: what flows through the layers, forward and backward.

`activation_statistics` gives mean and deviation of every layer's activations and gradients, for a model and its data or
for an experiment of any initialiser, activation and depth; `linear_growth` is the linear network whose output grows or
dies as a power of its depth. Reports are objects with numbers, a verdict, `print` and `plot` (which needs matplotlib).
"""

from __future__ import annotations

from steepest.diagnostics.growth import GrowthReport, linear_growth
from steepest.diagnostics.report import ActivationReport, LayerStatistics
from steepest.diagnostics.statistics import activation_statistics

__all__ = ["ActivationReport", "GrowthReport", "LayerStatistics", "activation_statistics", "linear_growth"]
