"""The estimators beside scikit-learn's own: with one random_state the same networks, records and decisions."""

import re

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import neural_network
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

from steepest.sklearn import MLPClassifier, MLPRegressor
from steepest.sklearn.messages import diagnose

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # Older versions of scikit-learn with a newer SciPy.
    "ignore:scipy.optimize. The .disp. and .iprint.:DeprecationWarning",
)

X_DIGITS, Y_DIGITS = load_digits(return_X_y=True)
X_DIGITS, Y_DIGITS = X_DIGITS[:700] / 16.0, Y_DIGITS[:700]
RECORDS = ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "_no_improvement_count")

CLASSIFIERS = {
    "default": {},
    "short last batch": {"batch_size": 64},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "sgd without Nesterov": {"solver": "sgd", "learning_rate_init": 0.1, "nesterovs_momentum": False},
    "sgd without momentum": {"solver": "sgd", "learning_rate_init": 0.3, "momentum": 0.0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.3},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.2, "tol": 0.05,
                 "n_iter_no_change": 2},
    "logistic, strong alpha": {"activation": "logistic", "alpha": 10.0},
    "tanh, three layers": {"activation": "tanh", "hidden_layer_sizes": (30, 20, 10)},
    "identity": {"activation": "identity", "hidden_layer_sizes": 20},
    "no shuffle": {"shuffle": False},
    "no hidden layer": {"hidden_layer_sizes": (), "activation": "logistic"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3, "tol": 0.01},
    "large epsilon": {"epsilon": 1e-2, "beta_1": 0.5, "beta_2": 0.9},
    "stops by tol": {"tol": 0.2, "n_iter_no_change": 2},
}  # fmt: skip


def both(ours, theirs, X, y, **settings):
    return ours(random_state=5, **settings).fit(X, y), theirs(random_state=5, **settings).fit(X, y)


def assert_same(ours, theirs, tolerance=1e-9):
    for name in RECORDS:
        assert getattr(ours, name) == getattr(theirs, name), name
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-3)
    for name in ("coefs_", "intercepts_"):
        for mine, yours in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(mine, yours, rtol=0, atol=tolerance, err_msg=name)
    for name in ("validation_scores_", "best_validation_score_"):
        mine, yours = getattr(ours, name), getattr(theirs, name)
        assert (mine is None) == (yours is None), name
        if mine is not None:
            np.testing.assert_allclose(mine, yours, err_msg=name)
    assert (ours.best_loss_ is None) == (theirs.best_loss_ is None)


@pytest.mark.parametrize("settings", CLASSIFIERS.values(), ids=CLASSIFIERS)
@pytest.mark.parametrize("classes", [2, 10])
def test_classifier(classes, settings):
    rows = np.isin(Y_DIGITS, range(classes))
    settings = {"max_iter": 6, **settings}
    ours, theirs = both(MLPClassifier, neural_network.MLPClassifier, X_DIGITS[rows], Y_DIGITS[rows], **settings)
    assert_same(ours, theirs)
    np.testing.assert_array_equal(ours.predict(X_DIGITS), theirs.predict(X_DIGITS))
    np.testing.assert_allclose(ours.predict_proba(X_DIGITS), theirs.predict_proba(X_DIGITS), atol=1e-9)


def test_multilabel():
    X, y = make_multilabel_classification(120, random_state=0)
    ours, theirs = both(MLPClassifier, neural_network.MLPClassifier, X, y, max_iter=10, batch_size=50)
    assert_same(ours, theirs)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(
    "settings",
    [{}, {"solver": "sgd", "learning_rate_init": 0.01, "alpha": 3.0}, {"early_stopping": True, "batch_size": 32}],
    ids=["adam", "sgd", "early stopping"],
)
def test_regressor(outputs, settings):
    X, y = make_regression(200, 8, n_targets=outputs, random_state=0)
    ours, theirs = both(MLPRegressor, neural_network.MLPRegressor, X, y / 100.0, max_iter=8, **settings)
    assert_same(ours, theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-9)


def test_float32():
    X = X_DIGITS.astype("float32")
    ours, theirs = both(MLPClassifier, neural_network.MLPClassifier, X, Y_DIGITS, max_iter=3)
    assert ours.coefs_[0].dtype == np.float32
    # Rounding grows where gradients vanish and Adam divides by their size.
    assert_same(ours, theirs, tolerance=1e-4)


def test_lbfgs_reaches_the_same_minimum():
    X, y = make_regression(150, 5, noise=5.0, random_state=1)
    settings = {"solver": "lbfgs", "hidden_layer_sizes": (1,), "activation": "identity", "alpha": 0.0, "tol": 1e-8}
    ours, theirs = both(MLPRegressor, neural_network.MLPRegressor, X, y / 50.0, max_iter=500, **settings)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-5)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-6)


def test_warm_start_continues_bit_by_bit():
    settings = {"random_state": 0, "batch_size": 64, "tol": 0.0, "hidden_layer_sizes": (20,)}
    whole = MLPClassifier(max_iter=6, **settings).fit(X_DIGITS, Y_DIGITS)
    parts = MLPClassifier(max_iter=2, warm_start=True, **settings)
    for _ in range(3):
        parts.fit(X_DIGITS, Y_DIGITS)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.n_iter_ == 2
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])


def test_message_names_cause_and_cure():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(5\) reached.*still falls.*Cure: raise max_iter"):
        MLPClassifier(max_iter=5, random_state=0).fit(X_DIGITS, Y_DIGITS)


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ([1.0, 0.5], "few epochs"),
        ([1.0, 0.9, 0.8, 0.7, 0.6], r"still falls, by 17%.*raise max_iter"),
        ([1.0, 0.9, 1.1, 0.8, 0.9, 0.7], r"jumps up and down \(2 of the last 5.*'cosine'"),
        ([0.5] * 9 + [0.4, 0.6], r"rises \(0.5 to 0.6.*lower learning_rate_init=0.1"),
    ],
)
def test_diagnosis_by_the_curve(curve, words):
    estimator = MLPClassifier(learning_rate_init=0.1)
    estimator.loss_curve_ = curve
    assert re.search(words, diagnose(estimator))


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_no_word_where_the_rate_ends_with_the_epochs():
    MLPClassifier(max_iter=5, learning_rate="cosine", random_state=0).fit(X_DIGITS, Y_DIGITS)
