"""`MLPClassifier` and `MLPRegressor`: change one import, keep the contract of `sklearn.neural_network`, and have more.

The parameters, their defaults and the fitted attributes are scikit-learn's, with scikit-learn's meaning; further
parameters follow by keyword. With the same `random_state` the initial weights, the validation rows and the order of the
rows are scikit-learn's too, so that the two networks agree up to rounding until it grows.
"""

from __future__ import annotations

try:
    import sklearn
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "steepest.sklearn needs scikit-learn 1.6 or newer: pip install 'steepest[sklearn]'", name="sklearn"
    ) from error

if tuple(int(part) for part in sklearn.__version__.split(".")[:2]) < (1, 6):
    raise ImportError(
        f"steepest.sklearn needs scikit-learn 1.6 or newer, {sklearn.__version__} is installed: "
        "pip install 'steepest[sklearn]'"
    )

from steepest.sklearn.classifier import MLPClassifier
from steepest.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
