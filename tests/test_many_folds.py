"""Cross-validation: the folds, what each member sees, and the scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn.model_selection import GroupKFold, RepeatedKFold, TimeSeriesSplit

import steepest as st
from steepest.many import CrossValidation, k_fold

L = st.layers
LOSS = "softmax_cross_entropy"


@pytest.fixture
def data(rng):
    x = rng.normal(2.0, 3.0, size=(157, 5))
    return x, np.argmax(x[:, :3], axis=1)


def build(seed=0, outputs=3):
    return st.Sequential([L.Dense(10, "relu"), L.Dropout(0.1), L.Dense(outputs)], seed=seed)


# ---------------------------------------------------------------------------------------------------------------- folds
@given(some.integers(2, 40), some.data(), some.booleans(), some.integers(0, 5))
def test_every_row_is_held_back_once(folds, draw, stratified, seed):
    rows = draw.draw(some.integers(folds, 200))
    labels = np.arange(rows) % min(3, rows // folds) if stratified else None
    pairs = k_fold(rows, folds, labels=labels, seed=seed)
    assert len(pairs) == folds
    assert sorted(np.concatenate([held for _, held in pairs])) == list(range(rows))
    for train, held in pairs:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, held])), np.arange(rows))
        assert rows // folds <= len(held) <= -(-rows // folds)
        if labels is not None:
            for label in set(labels):
                whole, part = np.sum(labels == label), np.sum(labels[held] == label)
                assert whole // folds <= part <= -(-whole // folds)


def test_the_seed_decides_the_folds():
    first, same, other = (k_fold(50, 5, seed=seed) for seed in (1, 1, 2))
    held = [[part.tolist() for _, part in pairs] for pairs in (first, same, other)]
    assert held[0] == held[1] != held[2]
    assert held[0][0] != sorted(range(10))


def test_a_rare_label_is_warned_of():
    with pytest.warns(UserWarning, match="the rarest label has 2 rows, fewer than the 3 folds"):
        k_fold(9, 3, labels=[0, 0, 0, 0, 1, 1, 1, 2, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((3, 4), "folds must be at most"), ((3, 1), "folds must be at least 2"), ((0, 2), "rows must be at least 1")],
)
def test_impossible_folds(arguments, message):
    with pytest.raises(ValueError, match=message):
        k_fold(*arguments)


# ------------------------------------------------------------------------------------------------------- cross-validate
def test_it_is_a_fit_for_each_fold(data):
    x, y = data
    weight = np.linspace(1, 2, len(y))
    settings = {"loss": LOSS, "epochs": 3, "batch_size": 16}
    result = st.cross_validate(
        build, x, y, folds=4, seed=3, optimizer=st.optimizers.Adam(0.01), sample_weight=weight, verbose=0, **settings,
        metrics={"error": lambda truth, outputs: np.mean(outputs.argmax(axis=1) != truth)},
    )  # fmt: skip
    folds = k_fold(len(y), 4, labels=y, seed=3)
    outputs = np.full((len(y), 3), np.nan, "float32")
    for number, (train, held) in enumerate(folds):
        model = build(number)
        history = model.fit(
            x[train], y[train], sample_weight=weight[train], optimizer=st.optimizers.Adam(0.01),
            validation_data=(x[held], y[held], weight[held]), verbose=0, **settings,
        )  # fmt: skip
        assert result.histories[number]["loss"] == history["loss"]
        assert result.histories[number]["val_loss"] == history["val_loss"]
        scores = model.evaluate(x[held], y[held], sample_weight=weight[held])
        assert result.scores["loss"][number] == scores["loss"] == history["val_loss"][-1]
        assert result.scores["accuracy"][number] == scores["accuracy"]
        outputs[held] = model.predict(x[held])
        assert result.scores["error"][number] == np.mean(outputs[held].argmax(axis=1) != y[held])
    np.testing.assert_array_equal(result.predictions, outputs)
    assert result.mean["loss"] == np.mean(result.scores["loss"])
    assert result.deviation["accuracy"] == np.std(result.scores["accuracy"], ddof=1)
    assert str(result).startswith(f"4 folds: loss {result.mean['loss']:.4g} +- ")


def test_a_model_is_copied_for_every_fold(data):
    model = build(seed=7)
    result = st.cross_validate(model, *data, folds=3, loss=LOSS, epochs=2, verbose=0)
    assert not model.built
    assert len({id(one) for one in result.models}) == 3
    assert all(one.seed == 7 for one in result.models)


def test_preprocessing_sees_the_training_rows_alone(data):
    x, y = data
    result = st.cross_validate(
        build, x, y, folds=3, loss=LOSS, epochs=1, verbose=0, preprocessing=st.preprocessing.Standardizer()
    )
    for model, (train, held) in zip(result.models, result.folds, strict=True):
        np.testing.assert_array_equal(model.preprocessing.mean, st.preprocessing.Standardizer().fit(x[train]).mean)
        expected = model.predict(model.preprocessing.transform(x[held]))
        np.testing.assert_array_equal(result.predictions[held], expected)


def test_a_table_goes_through_its_preprocessor(data):
    x, _ = data
    frame = {"a": x[:, 0], "b": x[:, 1], "kind": np.where(x[:, 2] > 2, "up", "down")}
    result = st.cross_validate(
        lambda fold: st.Sequential([L.Dense(1)], seed=fold), frame, x[:, 0], folds=3, loss="mse", epochs=1, verbose=0,
        preprocessing=st.tables.TablePreprocessor(),
    )  # fmt: skip
    assert result.predictions.shape == (157, 1)
    assert all(model.input_size == 4 for model in result.models)


def test_regression_folds_are_not_stratified(data):
    x, _ = data
    result = st.cross_validate(build(outputs=1), x, x[:, 0], folds=3, loss="mse", epochs=1, verbose=0)
    assert set(result.scores) == {"loss"}
    for (train, held), (same, other) in zip(result.folds, k_fold(157, 3), strict=True):
        np.testing.assert_array_equal(train, same)
        np.testing.assert_array_equal(held, other)


@pytest.mark.parametrize("splitter", [TimeSeriesSplit(3), RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)])
def test_splitters_of_scikit_learn(data, splitter):
    x, y = data
    result = st.cross_validate(build, x, y, folds=splitter, loss=LOSS, epochs=1, verbose=0)
    expected = list(splitter.split(x, y))
    assert len(result.folds) == len(expected)
    held = np.zeros(len(y))
    total = np.zeros((len(y), 3))
    for model, (_, rows) in zip(result.models, expected, strict=True):
        held[rows] += 1
        total[rows] += model.predict(x[rows])
    assert np.isnan(result.predictions[held == 0]).all()
    seen = held > 0
    np.testing.assert_allclose(result.predictions[seen], total[seen] / held[seen, None], rtol=1e-5, atol=1e-6)


def test_groups(data):
    groups = np.arange(157) // 10
    folds = list(GroupKFold(4).split(*data, groups))
    result = st.cross_validate(build, *data, folds=folds, loss=LOSS, epochs=1, verbose=0)
    for train, held in result.folds:
        assert not set(groups[train]) & set(groups[held])


def test_early_stopping_watches_rows_of_the_training_part(data):
    x, y = data
    settings = {"loss": LOSS, "epochs": 20, "optimizer": st.optimizers.Adam(0.1), "verbose": 0}
    with pytest.raises(ValueError, match="early_stopping would choose the epoch by the rows that are held back"):
        st.cross_validate(build, x, y, early_stopping=2, **settings)
    result = st.cross_validate(build, x, y, folds=3, early_stopping=2, validation_split=0.2, **settings)
    for number, (train, held) in enumerate(result.folds):
        model = build(number)
        settings["optimizer"] = st.optimizers.Adam(0.1)
        history = model.fit(x[train], y[train], early_stopping=2, validation_split=0.2, **settings)
        assert history["val_loss"] == result.histories[number]["val_loss"]
        assert result.scores["loss"][number] == model.evaluate(x[held], y[held])["loss"]


def test_a_fold_that_diverges_is_told(data):
    x, y = data

    def explode(batch, generator):
        return batch * (np.nan if batch.max() > 1e3 else 1.0)

    x[3] = 1e4  # in the training rows of all folds but one
    result = st.cross_validate(build, x, y, folds=3, loss=LOSS, epochs=1, batch_size=200, augment=explode, verbose=0)
    without = next(number for number, (_, held) in enumerate(result.folds) if 3 in held)
    assert [np.isnan(score) for score in result.scores["loss"]] == [number != without for number in range(3)]
    assert np.isnan(result.mean["loss"])
    assert str(result).count("diverged in epoch 1") == 2
    held = np.isfinite(result.predictions).all(axis=1)
    assert set(np.flatnonzero(held)) <= set(result.folds[without][1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folds": 1}, "folds must be at least 2"),
        ({"folds": [([0, 1], [1, 2]), ([0], [1])]}, r"folds\[0\] trains on row 1 and holds it back"),
        ({"folds": [([0, 1], None)]}, r"folds\[0\] has no held rows"),
        ({"folds": [([0, 1], [2])]}, "folds must be at least 2, got 1"),
        ({"folds": 2.5}, "folds must be a number, pairs"),
        ({"model": "net"}, "model must be a model or a function"),
        ({"preprocessing": "standardizer"}, "preprocessing must be a step of.*got 'standardizer'"),
        ({"metrics": ["accuracy"]}, r"metrics must be a dictionary of functions.*got \['accuracy'\]"),
        ({"metrics": {"accuracy": "accuracy"}}, "metrics must be a dictionary of functions"),
        ({"stratified": 0}, "stratified must be True or False, got 0"),
        ({"stratified": True, "y": np.zeros((157, 3)), "loss": "mse"}, "stratified folds need one label per row"),
    ],
)
def test_wrong_arguments(data, change, message):
    arguments = {"model": build, "X": data[0], "y": data[1], "loss": LOSS, "epochs": 1, "verbose": 0, **change}
    with pytest.raises((ValueError, TypeError), match=message):
        st.cross_validate(**arguments)


def test_the_result_is_a_record(data):
    result = st.cross_validate(build, *data, folds=2, loss=LOSS, epochs=1, verbose=0)
    assert isinstance(result, CrossValidation)
    assert [history.epochs for history in result.histories] == [1, 1]
