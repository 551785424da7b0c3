"""What the estimators have beyond scikit-learn's."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

import steepest as st
from steepest.registry import ACTIVATIONS
from steepest.sklearn import MLPClassifier, MLPRegressor
from steepest.sklearn.solver import rate_names

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X, Y = (X[:500] / 16.0).astype("float32"), Y[:500]
XR, YR = make_regression(300, 6, random_state=0)
YR = YR / YR.std()


def classifier(**settings):
    defaults = {"hidden_layer_sizes": (32,), "learning_rate_init": 0.01, "max_iter": 8, "random_state": 0}
    return MLPClassifier(**{**defaults, **settings})


def regressor(**settings):
    defaults = {"hidden_layer_sizes": (32,), "learning_rate_init": 0.01, "max_iter": 30, "random_state": 0}
    return MLPRegressor(**{**defaults, **settings})


# -------------------------------------------------------------------------------------------------------- the network
@pytest.mark.parametrize("kind", [kind for kind in ACTIVATIONS.names() if kind not in ("step", "hardmax")])
def test_every_activation_learns(kind):
    if not kind.startswith("test_"):
        assert classifier(activation=kind, max_iter=25).fit(X, Y).score(X, Y) > 0.6


def test_one_activation_per_layer():
    fitted = classifier(hidden_layer_sizes=(16, 12), activation=["logistic", st.activations.LeakyRelu(0.1)]).fit(X, Y)
    kinds = [layer.activation.kind for layer in fitted.model_.layers]
    assert kinds == ["sigmoid", "leaky_relu", "identity"]


def test_batch_norm_and_dropout():
    fitted = classifier(hidden_layer_sizes=(32, 16), batch_norm=True, dropout=[0.3, 0.0], max_iter=20).fit(X, Y)
    kinds = [layer.kind for layer in fitted.model_.layers]
    assert kinds == ["dense", "batch_norm", "activation", "dropout", "dense", "batch_norm", "activation", "dense"]
    assert fitted.score(X, Y) > 0.9
    # The plain network of coefs_ and intercepts_ predicts the same.
    value = X
    for i, (coef, intercept) in enumerate(zip(fitted.coefs_, fitted.intercepts_, strict=True)):
        value = value @ coef + intercept
        value = np.maximum(value, 0.0) if i < 2 else value
    np.testing.assert_allclose(value, fitted.model_.predict(X), atol=1e-4)
    assert not fitted.coefs_[0].flags.writeable


def test_writing_into_coefs_changes_the_model():
    fitted = classifier().fit(X, Y)
    coefs, intercepts = fitted.coefs_, fitted.intercepts_
    coefs[-1][...] = 0.0
    intercepts[-1] = np.arange(10.0)
    np.testing.assert_array_equal(fitted.predict(X), np.full(500, 9))
    # The list stays the one that the user holds, and the array that was put in has become the network's.
    intercepts[-1] = -np.arange(10.0)
    np.testing.assert_array_equal(fitted.predict(X), np.zeros(500))
    intercepts[-1][5] = 1.0
    np.testing.assert_array_equal(fitted.predict(X), np.full(500, 5))
    fitted.coefs_[0] = np.zeros((3, 3))
    with pytest.raises(ValueError, match="shape"):
        fitted.predict(X)


# ---------------------------------------------------------------------------------------------------------- the losses
@pytest.mark.parametrize(
    ("loss", "worst"),
    [("huber", 0.9), ("mae", 0.85), ("absolute_error", 0.85), ("squared_error", 0.9), (st.losses.Huber(0.5), 0.9)],
)
def test_regression_losses(loss, worst):
    fitted = regressor(loss=loss, max_iter=100).fit(XR, YR)
    assert fitted.score(XR, YR) > worst


def test_quantiles_bracket():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(1000, 1))
    y = x[:, 0] + rng.normal(scale=0.3, size=1000)
    low, high = (regressor(loss="quantile", quantile=q, max_iter=60).fit(x, y).predict(x) for q in (0.1, 0.9))
    assert np.mean(y < low) == pytest.approx(0.1, abs=0.04)
    assert np.mean(y < high) == pytest.approx(0.9, abs=0.04)


def test_class_weight_and_sample_weight_are_one():
    weights = np.where(Y == 3, 5.0, 1.0)
    by_class = classifier(class_weight={3: 5.0}).fit(X, Y)
    np.testing.assert_array_equal(by_class.coefs_[0], classifier().fit(X, Y, sample_weight=weights).coefs_[0])
    classifier(class_weight="balanced").fit(X, Y)
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows"):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=range(10))


@pytest.mark.parametrize("classes", [2, 10])
def test_label_smoothing_bounds_the_confidence(classes):
    rows = np.isin(Y, range(classes))
    sure, smooth = (
        classifier(label_smoothing=e, max_iter=60).fit(X[rows], Y[rows]).predict_proba(X[rows]).max() for e in (0, 0.2)
    )
    assert smooth < 0.97 < sure


# --------------------------------------------------------------------------------------------------- solvers and rates
@pytest.mark.parametrize("solver", ["adamw", "nadam", "rmsprop", "adagrad", st.optimizers.Adam(0.01), "lbfgs"])
def test_solvers(solver):
    assert classifier(solver=solver, max_iter=30, clip_norm=5.0).fit(X, Y).score(X, Y) > 0.85


@pytest.mark.parametrize("solver", ["adam", "sgd", "adamw"])
@pytest.mark.parametrize("rate", [*rate_names(), {"kind": "cosine"}, lambda step: 0.01 / (1 + step)])
def test_learning_rates(rate, solver):
    fitted = classifier(learning_rate=rate, solver=solver, max_iter=4).fit(X, Y)
    rates = fitted.history_["learning_rate"]
    if rate in ("cosine", "linear", "one_cycle", "exponential", "warmup_cosine"):
        assert rates[-1] < 0.2 * max(rates)
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]


def test_a_named_schedule_goes_on_and_begins_anew():
    fitted = classifier(learning_rate="cosine", solver="sgd", warm_start=True, max_iter=4).fit(X, Y)
    first = fitted.history_["learning_rate"]
    assert fitted.fit(X, Y).history_["learning_rate"] == first
    fitted.set_params(max_iter=2).fit(X, Y)
    assert fitted.history_["learning_rate"][0] > 0.004


def test_new_rate_keeps_the_optimiser_state():
    fitted = classifier(warm_start=True).fit(X, Y)
    optimizer = fitted.model_.optimizer
    fitted.set_params(learning_rate_init=0.002).fit(X, Y)
    assert fitted.model_.optimizer is optimizer
    assert optimizer.learning_rate == 0.002
    assert fitted.set_params(solver="sgd").fit(X, Y).model_.optimizer is not optimizer


def test_gradient_clipping_is_handed_on():
    core = classifier(clip_norm=0.5, clip_value=0.1).fit(X, Y).model_.optimizer.to_core()
    assert (core["clip_norm"], core["clip_value"]) == (0.5, 0.1)


def test_max_time_ends_the_schedule_with_the_budget():
    endless = {"max_iter": 1_000_000, "tol": 0.0, "n_iter_no_change": np.inf}
    fitted = classifier(max_time=0.5, solver="sgd", **endless).fit(X, Y)
    rates = fitted.history_["learning_rate"]
    assert fitted.history_.stopped == "max_time=0.5 s is over"
    assert sorted(rates, reverse=True) == rates
    assert rates[-1] < 0.4 * rates[0]
    assert sum(fitted.history_["seconds"]) < 2.0


# ----------------------------------------------------------------------------------------------------------- validation
def test_eval_set_keeps_the_best_weights():
    fitted = classifier(max_iter=30, learning_rate_init=0.2).fit(X[:300], Y[:300], eval_set=(X[300:], Y[300:]))
    assert len(fitted.validation_scores_) == len(fitted.validation_loss_curve_) == fitted.n_iter_
    assert fitted.best_validation_score_ == max(fitted.validation_scores_)
    assert fitted.score(X[300:], Y[300:]) == pytest.approx(fitted.best_validation_score_)
    assert fitted.best_loss_ is not None


@pytest.mark.parametrize("metric", ["score", "loss", "balanced_accuracy", "neg_log_loss"])
def test_metric_of_choice(metric):
    fitted = classifier(validation_metric=metric).fit(X[:300], Y[:300], eval_set=(X[300:], Y[300:]))
    scores = fitted.validation_scores_
    if metric in ("loss", "neg_log_loss"):
        np.testing.assert_allclose(scores, -np.array(fitted.validation_loss_curve_), rtol=1e-5)
    assert fitted.best_validation_score_ == max(scores)


def test_of_equal_scores_the_first_is_kept():
    settings = {"validation_metric": lambda estimator, X, y: 1.0, "n_iter_no_change": 100}
    first = classifier(max_iter=1, **settings).fit(X, Y, eval_set=(X, Y))
    fifth = classifier(max_iter=5, **settings).fit(X, Y, eval_set=(X, Y))
    np.testing.assert_array_equal(fifth.coefs_[0], first.coefs_[0])


def test_a_warm_start_holds_the_same_rows_back(monkeypatch):
    """Else the second fit would be scored on rows that the first was trained on."""
    from sklearn.model_selection import train_test_split

    from steepest.sklearn import base

    held = []

    def divide(*arrays, **settings):
        parts = train_test_split(*arrays, **settings)
        held.append(parts[1])
        return parts

    monkeypatch.setattr(base, "train_test_split", divide)
    fitted = classifier(warm_start=True, early_stopping=True, max_iter=2).fit(X, Y).fit(X, Y)
    assert fitted.t_ == 4 * 450
    np.testing.assert_array_equal(held[0], held[1])


def test_smoothed_targets_of_two_classes():
    fitted = classifier(label_smoothing=0.1, max_iter=1).fit(X, Y > 4)
    np.testing.assert_allclose(fitted._smooth(np.array([[0.0], [1.0]])), [[0.05], [0.95]], rtol=1e-15)


def test_a_single_class_is_all_there_is_to_predict():
    fitted = classifier(max_iter=1).fit(X, np.full(len(X), "only"))
    fitted.intercepts_[-1][:] = 9.0  # whatever the network says
    assert set(fitted.predict(X)) == {"only"}


def test_own_scorer_sees_the_estimator_and_the_labels():
    names = np.array([f"digit {i}" for i in range(10)])
    seen = []

    def scorer(estimator, samples, labels):
        seen.append((estimator.n_iter_, labels[0]))
        return float(np.mean(estimator.predict(samples) == labels))

    fitted = classifier(validation_metric=scorer, early_stopping=True, max_iter=3).fit(X, names[Y])
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert seen[0][1] in names
    assert 0.0 < fitted.best_validation_score_ <= 1.0


@pytest.mark.parametrize("metric", ["score", "loss"])
def test_warm_start_does_not_lose_the_best(metric):
    """The second fit, at a rate that ruins the network, ends with the weights that the first one found."""
    fitted = classifier(warm_start=True, early_stopping=True, validation_metric=metric, max_iter=15).fit(X, Y)
    best, weights = fitted.best_validation_score_, fitted.coefs_[0].copy()
    fitted.set_params(learning_rate_init=5.0, max_iter=2).fit(X, Y)
    assert fitted.best_validation_score_ == best
    np.testing.assert_array_equal(fitted.coefs_[0], weights)
    fitted.set_params(early_stopping=False, learning_rate_init=0.01).fit(X, Y)
    assert fitted.best_loss_ == min(fitted.loss_curve_[-2:])


def test_ctrl_c_keeps_what_was_learnt():
    class Impatient(st.callbacks.Callback):
        def on_epoch_end(self, run):
            if run.epoch == 3:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        fitted = classifier(callbacks=[Impatient()]).fit(X, Y)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 3
    assert fitted.score(X, Y) > 0.5


def test_weighted_early_stopping():
    weights = np.random.default_rng(0).uniform(0.5, 2.0, size=len(X))
    fitted = classifier(early_stopping=True).fit(X, Y, sample_weight=weights)
    assert len(fitted.validation_scores_) == fitted.n_iter_


def test_callbacks_see_the_run_and_the_estimator_keeps_the_history():
    class Stop(st.callbacks.Callback):
        def on_epoch_end(self, run):
            if run.epoch == 3:
                run.stop("third")

    fitted = classifier(callbacks=[Stop()]).fit(X, Y)
    assert (fitted.n_iter_, fitted.history_.stopped) == (3, "third")


def test_quiet_by_default(capsys):
    classifier().fit(X, Y)
    assert capsys.readouterr() == ("", "")
    classifier(verbose=2, early_stopping=True).fit(X, Y)
    text = capsys.readouterr().out
    assert text.startswith("Iteration 1, loss = ")
    assert "Validation score: " in text
    assert "Validation loss: " in text


def test_divergence_keeps_the_best_weights():
    with pytest.warns(ConvergenceWarning, match=r"diverged.*(?i:lower) the learning rate.*best weights so far are"):
        fitted = regressor(solver="sgd", learning_rate_init=2.0, early_stopping=True, activation="identity").fit(XR, YR)
    assert np.isnan(fitted.validation_scores_[-1])
    assert np.isfinite(fitted.predict(XR)).all()
    with pytest.raises(ValueError, match=r"non-finite parameter weights.*(?i:lower) the learning rate"):
        regressor(solver="sgd", learning_rate_init=2.0, activation="identity").fit(XR, YR)


# ------------------------------------------------------------------------------------------------------------ the data
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}, {"batch_norm": True}])
def test_sparse_is_the_same_as_dense(settings):
    dense = classifier(**settings).fit(X, Y)
    for kind in (sparse.csr_matrix, sparse.csr_array, sparse.csc_array):
        twin = classifier(**settings).fit(kind(X), Y)
        np.testing.assert_array_equal(twin.predict_proba(kind(X)), dense.predict_proba(X))


def test_string_labels_and_sparse_indicators():
    names = np.array(list("abcdefghij"), dtype=object)
    fitted = classifier(max_iter=30).fit(X, names[Y])
    assert list(fitted.classes_) == list("abcdefghij")
    assert fitted.score(X, names[Y]) > 0.9
    x, y = make_multilabel_classification(100, random_state=0)
    predicted = classifier(max_iter=60).fit(x, sparse.csr_matrix(y)).predict(x)
    assert sparse.issparse(predicted)
    assert (predicted.toarray() == y).mean() > 0.8


@pytest.mark.parametrize("kind", ["u1", "i8", "f2", "?", ">f8"])
def test_other_types_are_not_copied_to_float64_first(kind):
    samples = (X * 16).astype(kind)
    fitted = classifier().fit(samples, Y)
    plain = samples.astype("float64")
    np.testing.assert_array_equal(fitted.coefs_[0], classifier().fit(plain, Y).coefs_[0])
    np.testing.assert_array_equal(fitted.predict(samples), fitted.predict(plain))


def test_dtype_is_of_choice():
    assert classifier(dtype="float32").fit(X.astype("float64"), Y).coefs_[0].dtype == np.float32
    assert classifier(dtype="float64").fit(X, Y).predict_proba(X).dtype == np.float64


def test_members_are_averaged():
    fitted = classifier(n_members=3).fit(X, Y)
    assert len(fitted.ensemble_) == 3
    alone = classifier().fit(X, Y)
    np.testing.assert_array_equal(fitted.coefs_[0], alone.coefs_[0])
    mean = np.mean([model.predict_proba(X) for model in fitted.ensemble_], axis=0)
    np.testing.assert_allclose(fitted.predict_proba(X), mean, atol=1e-6)
    numbers = regressor(n_members=2).fit(XR, YR)
    np.testing.assert_allclose(numbers.predict(XR), np.mean([m.predict(XR)[:, 0] for m in numbers.ensemble_], axis=0))
    quick = classifier(n_members=2, max_time=0.3, max_iter=100_000, tol=0.0, n_iter_no_change=np.inf).fit(X, Y)
    assert quick._others[0].max_time == 0.15
    parts = classifier(n_members=2)
    for _ in range(3):
        parts.partial_fit(X, Y, classes=range(10))
    assert len(parts.ensemble_) == 2


def test_checkup_warns_of_what_it_finds():
    with pytest.warns(UserWarning, match="checkup: "):
        fitted = classifier(checkup=True, max_iter=2).fit(X * 1e4, Y)
    assert fitted.checkup_.findings


@pytest.mark.parametrize("loss", ["poisson", st.losses.Poisson()])
def test_counts_of_a_table_are_not_standardised(loss):
    """A rate is an exponential: standardised counts would be negative for half of the rows."""
    table = {"kind": ["a", "b"] * 100, "x": np.linspace(-1.0, 1.0, 200)}
    counts = np.where(np.arange(200) % 2, 9.0, 1.0)
    fitted = regressor(loss=loss, max_iter=100, learning_rate_init=0.05).fit(table, counts)
    assert fitted.target_scaler_ is None
    # Standardised counts of 1 and 9 are -1 and 1, and no rate is near -1: whatever was learnt would be far from them.
    # 0.2 is under half of what the best constant, the mean of 5, misses the 9 by (4/9); the 1 it misses by 4.
    np.testing.assert_allclose(fitted.predict(table), counts, rtol=0.2)
