"""The estimators inside scikit-learn's machinery, and in other processes."""

import pickle

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris, make_regression
from sklearn.ensemble import BaggingClassifier, StackingClassifier, StackingRegressor, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from steepest.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # Older versions of scikit-learn with a newer SciPy.
    "ignore:scipy.optimize. The .disp. and .iprint.:DeprecationWarning",
)

X, Y = load_iris(return_X_y=True)


def classifier(**settings):
    return MLPClassifier(
        **{"hidden_layer_sizes": (16,), "learning_rate_init": 0.02, "max_iter": 30, "random_state": 0, **settings}
    )


def regressor(**settings):
    return MLPRegressor(
        **{"hidden_layer_sizes": (16,), "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0, **settings}
    )


def test_pipeline():
    pipeline = make_pipeline(StandardScaler(), classifier(max_iter=100)).fit(X, Y)
    assert pipeline.score(X, Y) > 0.9
    assert is_classifier(pipeline)
    assert is_regressor(make_pipeline(StandardScaler(), regressor()))


def test_set_output():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    pipeline = make_pipeline(StandardScaler(), classifier()).set_output(transform="pandas").fit(frame, Y)
    assert list(pipeline[-1].feature_names_in_) == list("abcd")
    pipeline.predict(frame)
    with pytest.raises(ValueError, match="feature names"):
        pipeline[-1].predict(frame[["b", "a", "c", "d"]])


def test_text_stays_sparse():
    texts, labels = ["red green", "green green", "blue", "blue red red"] * 10, ["a", "a", "b", "b"] * 10
    pipeline = make_pipeline(CountVectorizer(), classifier()).fit(texts, labels)
    assert list(pipeline.predict(["green", "blue"])) == ["a", "b"]


def test_grid_search():
    grid = {"hidden_layer_sizes": [(4,), (16,)], "activation": ["tanh", "gelu"], "dropout": [0.0, 0.1]}
    search = GridSearchCV(classifier(max_iter=10), grid, cv=3).fit(X, Y)
    assert set(search.best_params_) == set(grid)
    assert search.best_score_ > 0.7


def test_halving_search():
    choices = {"alpha": [1e-5, 1e-3, 1e-1], "learning_rate_init": [0.001, 0.01, 0.05]}
    search = HalvingRandomSearchCV(
        classifier(), choices, resource="max_iter", max_resources=27, min_resources=3, cv=2, random_state=0
    ).fit(X, Y)
    assert search.score(X, Y) > 0.8


def test_calibration():
    calibrated = CalibratedClassifierCV(classifier(), cv=3).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1.0)


def test_voting_stacking_bagging():
    members = [("mlp", classifier()), ("logistic", make_pipeline(StandardScaler(), LogisticRegression()))]
    for whole in (
        VotingClassifier(members, voting="soft"),
        StackingClassifier(members, cv=3),
        BaggingClassifier(classifier(), n_estimators=3, random_state=0),
    ):
        assert whole.fit(X, Y).score(X, Y) > 0.85
    Xr, yr = make_regression(100, 4, random_state=0)
    stack = StackingRegressor([("mlp", TransformedTargetRegressor(regressor(), transformer=StandardScaler()))], Ridge())
    assert stack.fit(Xr, yr).score(Xr, yr) > 0.9


def test_chains_of_columns_and_importance():
    chain = ClassifierChain(classifier()).fit(X, np.c_[Y > 0, Y > 1].astype(int))
    assert chain.predict(X).shape == (150, 2)
    first = make_column_transformer((FunctionTransformer(), [0]))
    fitted = make_pipeline(first, classifier()).fit(X, Y)
    importance = permutation_importance(fitted, X, Y, n_repeats=2, random_state=0)
    np.testing.assert_array_equal(importance.importances_mean[1:], 0.0)


def test_clone_is_unfitted_and_equal():
    fitted = classifier(activation=["tanh"], callbacks=[]).fit(X, Y)
    twin = clone(fitted)
    assert twin.get_params() == fitted.get_params()
    assert not hasattr(twin, "coefs_")
    np.testing.assert_array_equal(twin.fit(X, Y).coefs_[0], fitted.coefs_[0])


def test_metadata_routing():
    weights = np.where(Y == 0, 1.0, 0.25)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(routed, {"alpha": [1e-4]}, cv=2).fit(X, Y, sample_weight=weights)
        scores = cross_val_score(routed, X, Y, cv=2, params={"sample_weight": weights})
    plain = classifier().fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(search.best_estimator_.coefs_[0], plain.coefs_[0])
    assert scores.shape == (2,)


@pytest.mark.parametrize("settings", [{}, {"batch_norm": True}, {"n_members": 2}, {"early_stopping": True}])
def test_pickle_predicts_and_goes_on(settings):
    fitted = classifier(warm_start=True, dropout=0.2, max_iter=5, **settings).fit(X, Y)
    twin = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(twin.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(twin.fit(X, Y).predict_proba(X), fitted.fit(X, Y).predict_proba(X))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_joblib(backend):
    alone = cross_val_predict(classifier(), X, Y, cv=3, method="predict_proba")
    with joblib.parallel_backend(backend, n_jobs=2):
        np.testing.assert_array_equal(cross_val_predict(classifier(), X, Y, cv=3, method="predict_proba"), alone)


def test_threads_share_a_fitted_estimator():
    fitted = classifier().fit(X, Y)
    expected = fitted.predict_proba(X)
    found = joblib.Parallel(2, backend="threading")(joblib.delayed(fitted.predict_proba)(X) for _ in range(20))
    for one in found:
        np.testing.assert_array_equal(one, expected)


def small_search():
    return GridSearchCV(classifier(max_iter=5), {"alpha": [1e-4, 1e-2]}, cv=2)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("processes", [False, True])
def test_dask(processes):
    distributed = pytest.importorskip("distributed")
    alone = small_search().fit(X, Y)
    with (
        distributed.LocalCluster(2, threads_per_worker=1, processes=processes, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_backend("dask"),
    ):
        search = small_search().fit(X, Y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(search.best_estimator_.coefs_[0], alone.best_estimator_.coefs_[0])


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_ray():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    register_ray()
    alone = small_search().fit(X, Y)
    ray.init(num_cpus=2, include_dashboard=False)
    try:
        with joblib.parallel_backend("ray", n_jobs=2):
            search = small_search().fit(X, Y)
    finally:
        ray.shutdown()
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(search.best_estimator_.coefs_[0], alone.best_estimator_.coefs_[0])


def test_skl2onnx():
    """A converter that reads `coefs_` and `intercepts_` takes our class for scikit-learn's."""
    skl2onnx = pytest.importorskip("skl2onnx")
    runtime = pytest.importorskip("onnxruntime")
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
    from skl2onnx.operator_converters.multilayer_perceptron import (
        convert_sklearn_mlp_classifier,
        convert_sklearn_mlp_regressor,
    )

    options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}
    skl2onnx.update_registered_converter(
        MLPClassifier, "SteepestMLPClassifier", calculate_linear_classifier_output_shapes,
        convert_sklearn_mlp_classifier, options=options,
    )  # fmt: skip
    skl2onnx.update_registered_converter(
        MLPRegressor,
        "SteepestMLPRegressor",
        calculate_linear_regressor_output_shapes,
        convert_sklearn_mlp_regressor,
    )
    x = X.astype(np.float32)
    # Batch norm is folded into coefs_, so that even such a network converts right.
    for estimator in (classifier(), classifier(batch_norm=True), regressor(activation="tanh")):
        estimator.fit(x, Y)
        model = skl2onnx.to_onnx(estimator, x[:1])
        outputs = runtime.InferenceSession(model.SerializeToString()).run(None, {"X": x})
        if is_classifier(estimator):
            np.testing.assert_array_equal(outputs[0], estimator.predict(x))
            probabilities = np.array([list(row.values()) for row in outputs[1]])
            np.testing.assert_allclose(probabilities, estimator.predict_proba(x), atol=1e-5)
        else:
            np.testing.assert_allclose(outputs[0][:, 0], estimator.predict(x), atol=1e-5)
