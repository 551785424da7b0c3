"""Tables of numbers, categories, booleans, dates and gaps: from a frame to a network and back to labels.

`TablePreprocessor` turns frames of pandas, polars or pyarrow, or plain dictionaries of columns, into matrices;
`TargetScaler` and `ClassLabels` do so with the targets; `build_network` makes a network for such a table. Given to a
model as `model.preprocessing` and `model.target`, they are part of its file.
"""

from __future__ import annotations

from steepest.tables.columns import MISSING, Column, ColumnError, make_column
from steepest.tables.learning import Problem, Recipe, default_recipe, make_problem
from steepest.tables.network import build_network
from steepest.tables.prediction import Prediction, predict
from steepest.tables.preprocessor import TablePreprocessor
from steepest.tables.splitting import Rows, split_rows
from steepest.tables.targets import ClassLabels, TargetScaler
from steepest.tables.tasks import Task, guess_task

__all__ = [
    "MISSING",
    "ClassLabels",
    "Column",
    "ColumnError",
    "Prediction",
    "Problem",
    "Recipe",
    "Rows",
    "TablePreprocessor",
    "TargetScaler",
    "Task",
    "build_network",
    "default_recipe",
    "guess_task",
    "make_column",
    "make_problem",
    "predict",
    "split_rows",
]
