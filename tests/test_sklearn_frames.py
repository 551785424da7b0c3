"""Frames given to the estimators as they are: numbers as in scikit-learn, mixed columns preprocessed inside."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

import pandas as pd
from sklearn.model_selection import GridSearchCV, cross_val_score

import steepest as st
from steepest.sklearn import MLPClassifier, MLPRegressor
from steepest.tables import TablePreprocessor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

COLORS = ["red", "green", "blue"]


def table(rows=300, cities=3, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": rng.normal(50.0, 10.0, rows),
            "color": rng.choice(COLORS, rows),
            "city": [f"city {i}" for i in rng.integers(cities, size=rows)],
            "new": rng.random(rows) < 0.5,
        }
    )
    price = 1e4 * (frame["size"] / 10.0 + 2.0 * (frame["color"] == "red") + 3.0 * frame["new"])
    frame.loc[::17, "size"] = np.nan
    return frame, price.to_numpy()


def classifier(**settings):
    defaults = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.02, "max_iter": 30, "random_state": 0}
    return MLPClassifier(**{**defaults, **settings})


def regressor(**settings):
    defaults = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0}
    return MLPRegressor(**{**defaults, **settings})


def kinds_of_tables(frame):
    yield frame
    yield frame.to_dict("list")
    polars = pytest.importorskip("polars")
    yield polars.DataFrame(frame.to_dict("list"))
    pyarrow = pytest.importorskip("pyarrow")
    yield pyarrow.Table.from_pandas(frame)


def test_mixed_columns_are_handled_inside():
    frame, price = table()
    dear = np.where(price > np.median(price), "dear", "cheap")
    expected = None
    for samples in kinds_of_tables(frame):
        fitted = classifier().fit(samples, dear)
        assert fitted.preprocessor_.kinds["color"] == "categorical"
        assert fitted.n_features_in_ == 4
        predicted = fitted.predict(samples)
        assert np.mean(predicted == dear) > 0.9
        if expected is None:
            expected = fitted.predict_proba(samples)
            assert list(fitted.feature_names_in_) == ["size", "color", "city", "new"]
        np.testing.assert_allclose(fitted.predict_proba(samples), expected, atol=1e-6)


def test_numbers_of_a_table_are_standardised_and_prices_too():
    frame, price = table()
    fitted = regressor().fit(frame, price)
    assert fitted.score(frame, price) > 0.8  # the missing sizes cannot be known
    assert fitted.model_.target is fitted.target_scaler_
    assert abs(fitted.predict(frame).mean() / price.mean() - 1.0) < 0.1
    raw = regressor(scale_target=False).fit(frame, price)
    assert raw.target_scaler_ is None
    assert raw.score(frame, price) < 0.0


def test_unknown_categories_and_pickles():
    frame, price = table()
    fitted = pickle.loads(pickle.dumps(regressor(early_stopping=True).fit(frame, price)))
    strange = frame.head(3).assign(color="violet", city=None)
    assert np.isfinite(fitted.predict(strange)).all()
    loaded = st.Sequential.copy(fitted.model_)
    assert loaded.preprocessing is not None


def test_many_categories_get_an_embedding():
    frame, price = table(rows=800, cities=60)
    fitted = regressor(preprocessing=TablePreprocessor(max_one_hot=10)).fit(frame, price)
    assert [layer.kind for layer in fitted.model_.layers] == ["columns", "dense", "dense"]
    assert fitted.score(frame, price) > 0.7
    assert len(fitted.coefs_) == 2


def test_numbers_alone_are_taken_as_scikit_learn_takes_them():
    frame, price = table()
    numbers = frame[["size", "new"]].fillna(0.0)
    fitted = regressor(max_iter=2).fit(numbers, price)
    assert fitted.preprocessor_ is None
    array = regressor(max_iter=2).fit(numbers.to_numpy(dtype=float), price)
    np.testing.assert_array_equal(fitted.coefs_[0], array.coefs_[0])
    with pytest.raises(ValueError, match="NaN"):
        regressor().fit(frame[["size", "new"]], price)
    scaled = regressor(preprocessing="robust").fit(numbers.to_numpy(dtype=float), price)
    assert scaled.preprocessor_ is not None


def test_eval_set_partial_fit_and_search_on_tables():
    frame, price = table()
    fitted = regressor().fit(frame[:200], price[:200], eval_set=(frame[200:], price[200:]))
    assert fitted.best_validation_score_ > 0.5
    parts = regressor()
    for _ in range(3):
        parts.partial_fit(frame, price)
    assert parts.t_ == 900
    assert cross_val_score(regressor(), frame, price, cv=2).mean() > 0.5
    search = GridSearchCV(regressor(), {"preprocessing": ["standard", "quantile"]}, cv=2).fit(frame, price)
    assert search.best_score_ > 0.5


def test_wrong_columns_are_named():
    frame, price = table()
    fitted = regressor(max_iter=1).fit(frame, price)
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame.rename(columns={"city": "town"}))


@pytest.mark.data
def test_housing_as_it_comes(data_dir):
    frame = pd.read_csv(data_dir / "housing" / "housing.csv").sample(4000, random_state=0)
    price = frame.pop("median_house_value")
    fitted = regressor(hidden_layer_sizes=(50,), learning_rate_init=0.005)
    assert fitted.fit(frame[:3000], price[:3000]).score(frame[3000:], price[3000:]) > 0.7


def test_a_given_preprocessor_is_not_fitted_itself():
    """As scikit-learn's parameters: `fit` changes none of them."""
    given = TablePreprocessor()
    fitted = MLPRegressor(preprocessing=given, hidden_layer_sizes=(4,), max_iter=2).fit(
        {"x": [0.0, 1.0] * 9}, range(18)
    )
    assert fitted.preprocessor_.names == ("x",)
    assert given.names == ()
