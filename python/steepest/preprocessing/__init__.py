"""Preprocessing: fitted on the training set, used unchanged on every other set.

Every step has `fit`, `transform`, `fit_transform` and, where it exists, `inverse_transform`; `Pipeline` chains them,
`save` and `load` keep what was fitted. Statistics are taken in float64, a few thousand rows at a time; numbers that are
not finite are refused by row and column; a feature that is constant in the training set is never divided by zero.
"""

from __future__ import annotations

from steepest.preprocessing.affine import Affine
from steepest.preprocessing.base import Preprocessor
from steepest.preprocessing.files import load
from steepest.preprocessing.pipeline import Pipeline
from steepest.preprocessing.quantile_normal import QuantileNormal
from steepest.preprocessing.ranges import MinMax, Robust
from steepest.preprocessing.rotation import PCA, Whitening
from steepest.preprocessing.shift_and_scale import Center, Standardizer

__all__ = [
    "PCA",
    "Affine",
    "Center",
    "MinMax",
    "Pipeline",
    "Preprocessor",
    "QuantileNormal",
    "Robust",
    "Standardizer",
    "Whitening",
    "load",
]
