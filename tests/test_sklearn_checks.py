"""scikit-learn's battery for estimators, nothing excluded."""

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from steepest.sklearn import MLPClassifier, MLPRegressor

# The battery's few epochs seldom converge, and it skips with a warning what does not apply.
pytestmark = pytest.mark.filterwarnings("default", "ignore::sklearn.exceptions.ConvergenceWarning")

# As small as the battery's demands on their scores allow.
BATTERY = parametrize_with_checks(
    [
        MLPClassifier(hidden_layer_sizes=(20,), max_iter=20, learning_rate_init=0.01),
        MLPRegressor(hidden_layer_sizes=(20,), max_iter=40, learning_rate_init=0.03),
    ]
)
NAMES, CASES = BATTERY.args


# Older versions give a generator, which pytest is about to refuse.
@pytest.mark.parametrize(NAMES, list(CASES), **BATTERY.kwargs)
def test_estimator(estimator, check):
    check(estimator)
