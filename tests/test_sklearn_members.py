"""Several networks behind one estimator: trained in one run, each to the bits that it gets alone."""

import signal
import threading
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.exceptions import ConvergenceWarning

import steepest as st
from steepest.sklearn import MLPClassifier, MLPRegressor, members

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X, Y = (X[:300] / 16.0).astype("float32"), Y[:300]
XR, YR = make_regression(200, 5, random_state=0)
YR = YR / YR.std()
WEIGHTS = np.random.default_rng(0).uniform(0.5, 2.0, size=len(X))
RECORDS = (
    *("n_iter_", "t_", "loss_", "best_loss_", "loss_curve_", "classes_", "n_features_in_", "n_layers_"),
    *("validation_scores_", "best_validation_score_", "validation_loss_curve_"),
)


def classifier(**settings):
    return MLPClassifier(**{"hidden_layer_sizes": (12,), "max_iter": 6, "random_state": 0, "n_members": 3, **settings})


def regressor(**settings):
    return MLPRegressor(**{"hidden_layer_sizes": (12,), "max_iter": 9, "random_state": 1, "n_members": 3, **settings})


@pytest.fixture
def together(monkeypatch):
    """How many networks each run trained."""
    sizes, train = [], members.train_members

    def counting(models, settings):
        sizes.append(len(models))
        return train(models, settings)

    monkeypatch.setattr(members, "train_members", counting)
    return sizes


def seeds(fitted):
    return [fitted.random_state, *(member.random_state for member in fitted._others)]


def one_by_one(fitted, calls):
    """Do the calls with an estimator of one network for each member."""
    singles = [clone(fitted).set_params(n_members=1, random_state=seed) for seed in seeds(fitted)]
    for single in singles:
        calls(single)
    return singles


def assert_same(fitted, singles):
    """The members are the single networks, to the bit, and have recorded the same."""
    assert len(fitted.ensemble_) == len(singles) == fitted.n_members
    for model, member, single in zip(fitted.ensemble_, [fitted, *fitted._others], singles, strict=True):
        assert model is member.model_
        assert model.network.parameter_arena.tobytes() == single.model_.network.parameter_arena.tobytes()
        assert model.network.state_arena.tobytes() == single.model_.network.state_arena.tobytes()
        for name in RECORDS:
            np.testing.assert_array_equal(getattr(member, name, None), getattr(single, name, None), err_msg=name)
        for name in single.history_:
            if name != "seconds":
                assert member.history_[name] == single.history_[name]
        assert (member.history_.stopped, member.history_.failure) == (single.history_.stopped, None)


CASES = {
    "plain": (classifier, {}, {}),
    "dropout and batch norm": (classifier, {"dropout": 0.3, "batch_norm": True}, {}),
    "other rules": (classifier, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1}, {}),
    "one order": (classifier, {"shuffle": False, "learning_rate": "cosine"}, {}),
    "held back": (classifier, {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 2, "tol": 0.01}, {}),
    "a scorer": (classifier, {"early_stopping": True, "validation_metric": "f1_macro"}, {}),
    "weights": (classifier, {"early_stopping": True, "class_weight": "balanced"}, {"sample_weight": WEIGHTS}),
    "eval_set": (classifier, {"label_smoothing": 0.1}, {"eval_set": (X[:50], Y[:50])}),
    "lbfgs": (classifier, {"solver": "lbfgs"}, {}),
    "lbfgs, weights": (regressor, {"solver": "lbfgs"}, {"sample_weight": WEIGHTS[:200]}),
    "numbers": (regressor, {"early_stopping": True, "dtype": "float32"}, {}),
    "scaled": (regressor, {"preprocessing": "standard"}, {"eval_set": (XR[:50], YR[:50])}),
    "warm": (classifier, {"warm_start": True, "early_stopping": True, "validation_metric": "loss"}, {}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("fits", [1, 2])
def test_members_have_the_bits_of_single_networks(case, fits, together):
    make, settings, arguments = CASES[case]
    samples, targets = (X, Y) if make is classifier else (XR, YR)

    def calls(estimator):
        for _ in range(fits):
            estimator.fit(samples, targets, **arguments)

    fitted = make(**settings)
    calls(fitted)
    assert together == [3] * fits
    assert_same(fitted, one_by_one(fitted, calls))


@pytest.mark.parametrize("make", [classifier, regressor])
def test_members_learn_in_parts(make, together):
    samples, targets = (X, Y) if make is classifier else (XR, YR)
    known = {"classes": range(10)} if make is classifier else {}

    def calls(estimator):
        estimator.partial_fit(samples[:90], targets[:90], **known)
        estimator.partial_fit(samples[90:], targets[90:])

    fitted = make(dropout=0.2)
    calls(fitted)
    assert together == [3, 3]
    assert_same(fitted, one_by_one(fitted, calls))


def test_sparse_samples_and_tables(together):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": XR[:, 0], "kind": np.where(XR[:, 1] > 0.0, "x", "y"), "b": XR[:, 2]})
    for samples in (sparse.csr_matrix(XR), table):
        fitted = regressor().fit(samples, YR)
        singles = one_by_one(fitted, lambda estimator, its=samples: estimator.fit(its, YR))
        assert_same(fitted, singles)
        np.testing.assert_array_equal(fitted._others[1].predict(samples), singles[2].predict(samples))
    assert together == [3, 3]


def test_the_number_of_members_may_change(together):
    fitted = classifier(warm_start=True, n_members=2).fit(X, Y)
    before = seeds(fitted)
    fitted.set_params(n_members=4).fit(X, Y)
    assert len(fitted.ensemble_) == 4
    assert seeds(fitted)[:2] == before  # drawn from the same place
    fitted.set_params(n_members=1).fit(X, Y)
    assert fitted.ensemble_ is None
    assert together == [2, 4]


# ------------------------------------------------------------------------------------------- one after the other, still
def test_callbacks_see_one_training_after_the_other(together):
    class Note(st.callbacks.Callback):
        def on_train_begin(self, run):
            seen.append("begin")

        def on_train_end(self, run):
            seen.append("end")

    seen = []
    fitted = classifier(callbacks=[Note()]).fit(X, Y)
    assert seen == ["begin", "end"] * 3
    assert not together
    assert_same(fitted, one_by_one(fitted, lambda estimator: estimator.set_params(callbacks=None).fit(X, Y)))


def test_printed_lines_stay_together(capsys, together):
    classifier(verbose=True, max_iter=2).fit(X, Y)
    printed = [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert printed == ["Iteration 1", "Iteration 2"] * 3
    assert not together


def test_each_member_has_its_share_of_the_time(together):
    fitted = classifier(max_time=0.3, max_iter=100_000, tol=0.0, n_iter_no_change=np.inf).fit(X, Y)
    assert [member.max_time for member in fitted._others] == [pytest.approx(0.1)] * 2
    assert all("max_time" in member.history_.stopped for member in [fitted, *fitted._others])
    assert not together


# --------------------------------------------------------------------------------------------------------- how they end
def test_a_new_fit_scores_its_own_network():
    """Early stopping once scored the members of the fit before, whose score stands still."""
    fitted = classifier(early_stopping=True, validation_metric="f1_macro", n_members=2)
    first, second = (list(fitted.fit(X, Y).validation_scores_) for _ in range(2))
    assert first == second
    assert len(set(first)) > 1


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="handlers need the main thread")
def test_ctrl_c_ends_all_members_and_keeps_what_they_learnt():
    calls = []

    def scorer(estimator, samples, targets):
        calls.append(estimator.random_state)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return estimator.score(samples, targets)

    fitted = classifier(early_stopping=True, validation_metric=scorer, max_iter=1000, n_iter_no_change=np.inf)
    with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
        fitted.fit(X, Y)
    assert len(caught) == 3
    assert all(warning.filename == __file__ for warning in caught)
    everyone = [fitted, *fitted._others]
    assert all(member.history_.interrupted for member in everyone)
    assert [len(member.loss_curve_) for member in everyone] == [member.n_iter_ for member in everyone]
    # The fifth epoch was being scored; each network may finish the one it was in, and one of them may be ahead.
    assert 4 <= sum(member.n_iter_ for member in everyone) <= 5 + len(everyone)
    assert np.isfinite(fitted.predict_proba(X)).all()
    fitted.set_params(warm_start=True, max_iter=3, validation_metric="loss").fit(X, Y)
    assert all(member.n_iter_ == 3 for member in everyone)


def test_a_member_that_diverges_is_an_error():
    fitted = regressor().fit(XR, YR)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        fitted.set_params(learning_rate_init=1e30, solver="sgd").fit(XR, YR)
    assert fitted.ensemble_ is None
    assert np.isfinite(fitted.predict(XR)).all()


def test_members_that_diverge_keep_their_best_weights():
    calls = {}

    def scorer(estimator, samples, targets):
        seed = estimator.random_state
        calls[seed] = calls.get(seed, 0) + 1
        if calls[seed] < 3:
            return estimator.score(samples, targets)
        estimator.model_.layers[0].weight[:] = np.nan
        return -1.0  # no best

    fitted = classifier(early_stopping=True, validation_metric=scorer)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        fitted.fit(X, Y)
    texts = [str(warning.message) for warning in caught if "best weights so far are kept" in str(warning.message)]
    assert len(texts) == 3
    assert all(warning.filename == __file__ for warning in caught)
    assert [np.isnan(member.loss_curve_[-1]) for member in [fitted, *fitted._others]] == [True] * 3
    assert np.isfinite(fitted.predict_proba(X)).all()
