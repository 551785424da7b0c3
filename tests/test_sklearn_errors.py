"""What the estimators say when they are given something else than they take."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_digits, make_regression

import steepest as st
from steepest.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X, Y = (X[:200] / 16.0).astype("float32"), Y[:200]
XR, YR = make_regression(200, 6, random_state=0)


def classifier(**settings):
    return MLPClassifier(**{"hidden_layer_sizes": (32,), "max_iter": 3, "random_state": 0, **settings})


def regressor(**settings):
    return MLPRegressor(**{"hidden_layer_sizes": (32,), "max_iter": 3, "random_state": 0, **settings})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alpha": -1.0}, r"MLPClassifier: alpha must be in \[0, inf\), got -1.0"),
        ({"activation": "rely"}, "activation must be one of 'logistic', 'identity'.*got 'rely'"),
        ({"activation": ["relu", "tanh"]}, "activation must be one for all hidden layers or one for each of the 1"),
        ({"solver": "adm"}, "solver must be"),
        ({"hidden_layer_sizes": (10, 0)}, r"hidden_layer_sizes must be > 0, got \(10, 0\)"),
        ({"hidden_layer_sizes": np.array(2.5)}, r"hidden_layer_sizes must be an integer.*got array\(2\.5\)"),
        ({"hidden_layer_sizes": b"ten"}, "hidden_layer_sizes must be an integer.*got b'ten'"),
        ({"hidden_layer_sizes": {8, 16}}, r"hidden_layer_sizes must be an integer.*got \{8, 16\}"),
        ({"hidden_layer_sizes": 10**30}, r"units must be in 1\.\.2147483648, got 10+$"),
        ({"dropout": np.array("a")}, r"dropout must be a number, got array\('a'"),
        ({"hidden_layer_sizes": "ten"}, "hidden_layer_sizes must be an integer or a sequence of integers, got 'ten'"),
        ({"batch_size": "all"}, "batch_size must be 'auto' or an integer, got 'all'"),
        ({"learning_rate": "cosin"}, "learning_rate must be one of 'constant'.*got 'cosin'"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"shuffle": 1}, "shuffle must be True or False, got 1"),
        ({"max_time": 0.0}, "max_time must be"),
        ({"n_members": 0}, "n_members must be at least 1, got 0"),
        ({"preprocessing": "scale"}, "preprocessing must be 'auto'.*got 'scale'"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
        ({"callbacks": ["stop"]}, r"callbacks must hold objects.*got 'stop' in \['stop'\]"),
        ({"callbacks": st.callbacks.Callback()}, "callbacks must be None or a list of objects.*got <steepest"),
        ({"callbacks": 0}, "callbacks must be None or a list of objects.*got 0"),
        ({"random_state": -1}, r"MLPClassifier: random_state must be None, an integer in 0\.\.2\*\*32 - 1.*got -1"),
        ({"random_state": "zero"}, "random_state must be None.*got 'zero'"),
        ({"class_weight": [1, 2]}, r"class_weight must be None, 'balanced' or a dictionary.*got \[1, 2\]"),
        ({"class_weight": {0: -1.0}}, r"class_weight\[0\] must be in \[0, inf\), got -1\.0"),
        ({"validation_metric": "accurate"}, "validation_metric must be 'score', 'loss'.*got 'accurate'"),
        ({"validation_metric": 3}, "validation_metric must be a name or a scorer, got 3"),
        ({"label_smoothing": 1.5}, "label_smoothing must be"),
        ({"initializer": "hee"}, "initializer must be"),
    ],
)
def test_wrong_parameters(settings, words):
    with pytest.raises(ValueError, match=words):
        classifier(**settings).fit(X, Y)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scale_target": "yes"}, "MLPRegressor: scale_target must be True, False or 'auto', got 'yes'"),
        ({"scale_target": 1}, "scale_target must be True, False or 'auto', got 1"),
        ({"scale_target": True, "loss": "poisson"}, "scale_target=True has no meaning for loss='poisson'"),
        ({"scale_target": True, "loss": st.losses.Poisson()}, "scale_target=True has no meaning for loss=Poisson"),
        ({"loss": "hubr"}, "loss must be one of 'squared_error'.*got 'hubr'"),
        ({"quantile": 0.0}, r"quantile must be in \(0, 1\), got 0.0"),
    ],
)
def test_wrong_parameters_of_the_regressor(settings, words):
    with pytest.raises(ValueError, match=words):
        regressor(**settings).fit(XR, YR)


@pytest.mark.parametrize(
    ("eval_set", "words"),
    [
        (X, "eval_set must be.*got ndarray"),
        ((X,), r"eval_set must be \(X, y\) or \(X, y, sample_weight\), got 1 things"),
        ([(X, Y), (X, Y)], "eval_set must be one validation set.*got 2"),
        ((X[:, :5], Y), "eval_set: X has 5 features"),
        ((X, Y[:3]), r"eval_set: Found input variables with inconsistent numbers of samples: \[200, 3\]"),
        ((X, Y + 20), "eval_set: `y` has classes not in"),
        ((X, Y, -np.ones(200)), r"eval_set: sample_weight\[0\] is -1\.0"),
    ],
)
def test_wrong_eval_sets(eval_set, words):
    with pytest.raises((TypeError, ValueError), match=words):
        classifier().fit(X, Y, eval_set=eval_set)


@pytest.mark.parametrize("warm_start", [False, True])
def test_an_eval_set_need_not_hold_all_classes(warm_start):
    some = Y < 3
    fitted = classifier(warm_start=warm_start).fit(X, Y, eval_set=(X[some], Y[some]))
    assert len(fitted.validation_scores_) == 3


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a", None], r"labels of different types, NoneType, str: y\[0\] is 'a', y\[1\] is None"),
        (["a", 2], r"labels of different types, int, str: y\[0\] is 'a', y\[1\] is 2"),
    ],
)
def test_labels_of_several_types(labels, words):
    with pytest.raises(TypeError, match=words):
        classifier().fit(X, np.array(labels * 100, dtype=object))


def test_warm_start_with_other_layers():
    fitted = classifier(warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"layers of \[32, 10\] units and cannot go on with \[8, 10\]"):
        fitted.set_params(hidden_layer_sizes=(8,)).fit(X, Y)


def test_missing_scikit_learn_is_named():
    code = "import sys; sys.modules['sklearn'] = None; import steepest.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "steepest.sklearn needs scikit-learn 1.6 or newer: pip install 'steepest[sklearn]'" in done.stderr
