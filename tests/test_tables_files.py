"""Preprocessing in model files, and what is done to targets."""

import json

import numpy as np
import pytest

import steepest as st
from steepest import archive, saving
from steepest.tables import ClassLabels, ColumnError, TablePreprocessor, TargetScaler

TABLE = {
    "age": [20, 30, None, 40] * 5,
    "city": ["Oslo", "Rome", "Rome", "Bergen"] * 5,
    "code": [f"c{i % 10}" for i in range(20)],
    "joined": ["2026-01-01", "2026-02-03 12:00", "", "2026-05-06"] * 5,
}
NEW = {
    "code": ["c3", "never", None],
    "city": [None, "Paris", "Oslo"],
    "age": [None, 1e3, 25],
    "joined": ["2030-01-01", "", "2025-12-24"],
}


def trained(preprocessing, target=None):
    x = preprocessing.fit_transform(TABLE if isinstance(preprocessing, TablePreprocessor) else np.eye(20, 4))
    model = st.Sequential([st.layers.Dense(8, "tanh"), st.layers.BatchNorm(), st.layers.Dense(1)], seed=1)
    model.fit(x, np.arange(20.0), loss="mse", epochs=2, verbose=0)
    model.preprocessing, model.target = preprocessing, target
    return model


@pytest.mark.parametrize("numerical", ["standard", "quantile", "robust", None, st.preprocessing.MinMax()])
def test_a_loaded_model_predicts_the_same_from_a_raw_frame(tmp_path, numerical):
    model = trained(TablePreprocessor(numerical, max_one_hot=5), TargetScaler().fit(np.arange(20.0) * 1e5))
    model.save(tmp_path / "net.npz")
    twin = st.load(tmp_path / "net.npz")
    for frame in (TABLE, NEW):
        outputs = model.predict(model.preprocessing.transform(frame))
        expected = model.target.inverse_transform(outputs)
        twins = twin.target.inverse_transform(twin.predict(twin.preprocessing.transform(frame)))
        np.testing.assert_array_equal(twins, expected)
    assert twin.preprocessing.codes == model.preprocessing.codes != {}


@pytest.mark.parametrize(
    "step",
    [
        st.preprocessing.Standardizer(),
        st.preprocessing.Pipeline([st.preprocessing.Robust(), st.preprocessing.PCA(2)]),
    ],
    ids=lambda step: type(step).__name__,
)
def test_steps_of_preprocessing_are_kept_too(tmp_path, step, rng):
    model = trained(step, ClassLabels().fit(["a", "b"]))
    model.save(tmp_path / "net.npz")
    twin = st.load(tmp_path / "net.npz")
    assert twin.preprocessing == step
    x = rng.normal(size=(5, 4))
    np.testing.assert_array_equal(twin.predict(twin.preprocessing.transform(x)), model.predict(step.transform(x)))
    assert twin.target.inverse_transform([1, 0]).tolist() == ["b", "a"]


def test_the_version_of_the_file_is_the_lowest_that_can_hold_it():
    model = trained(TablePreprocessor())
    versions = []
    for _ in range(2):
        header, _ = saving.collect(model)
        versions.append(header["version"])
        model.preprocessing = None
    assert versions == [2, 1]
    assert saving.loads(saving.dumps(model)).preprocessing is None


def test_copies_keep_it():
    model = trained(TablePreprocessor(), TargetScaler().fit([1.0, 2.0]))
    for twin in (model.copy(), model.astype("float64"), model.folded()):
        assert twin.preprocessing is model.preprocessing
        assert twin.target is model.target
    scaling = st.preprocessing.Standardizer().fit(np.random.default_rng(0).normal(size=(9, model.input_size)))
    assert model.folded(scaling).preprocessing is None


def test_what_no_file_can_hold(tmp_path):
    model = trained(TablePreprocessor())
    model.preprocessing = np.log1p
    with pytest.raises(ValueError, match="ufunc cannot be saved"):
        model.save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["state", "config"])
def test_damaged_preprocessing(tmp_path, damage):
    header, arrays = saving.collect(trained(TablePreprocessor()))
    if damage == "state":
        arrays.pop("preprocessing/mean")
    else:
        header["preprocessing"]["encoders"][0]["kind"] = "unheard-of"
    archive.write(tmp_path / "net.npz", archive.pack(header, arrays))
    with pytest.raises(ValueError, match=r"net\.npz is damaged"):
        st.load(tmp_path / "net.npz")


def test_a_file_of_its_own(tmp_path):
    table = TablePreprocessor(max_one_hot=5).fit(TABLE)
    table.save(tmp_path / "table.npz")
    np.testing.assert_array_equal(st.preprocessing.load(tmp_path / "table.npz").transform(NEW), table.transform(NEW))


def test_target_scaler(rng):
    y = rng.normal(5e5, 1e5, (100, 2))
    y[:, 1] = 7.0
    scaler = TargetScaler().fit(y)
    z = scaler.transform(y)
    np.testing.assert_allclose([z[:, 0].mean(), z[:, 0].std()], [0, 1], atol=1e-12)
    assert not z[:, 1].any()
    np.testing.assert_allclose(scaler.inverse_transform(z), y, rtol=1e-14)
    assert scaler.transform(y[:0]).shape == (0, 2)
    for wrong in ([1.0, np.nan], [np.inf]):
        with pytest.raises(ValueError, match="y must be finite"):
            TargetScaler().fit(wrong)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["b", "a", "b"], ["a", "b"]),
        ([3, 1, 2, 10], [1, 2, 3, 10]),
        ([True, False], [False, True]),
        (np.array([1.0, -2.0]), [-2, 1]),
        ([0.5, 1.0], [0.5, 1.0]),
        (["x", "1", "x"], ["1", "x"]),
    ],
)
def test_class_labels(y, classes):
    labels = ClassLabels().fit(y)
    assert labels.classes.tolist() == classes
    codes = labels.transform(y)
    assert [classes[code] for code in codes] == labels.inverse_transform(codes).tolist()
    assert list(labels.names) == [str(label).removesuffix(".0") for label in classes]
    twin = ClassLabels.from_config(json.loads(json.dumps(labels.to_config())), {})
    assert twin.classes.dtype == labels.classes.dtype
    assert twin.classes.tolist() == classes
    scores = np.eye(len(classes))[codes]
    np.testing.assert_array_equal(labels.inverse_transform(scores), labels.inverse_transform(codes))


def test_labels_that_do_not_fit():
    labels = ClassLabels().fit(["a", "b"])
    with pytest.raises(ColumnError, match="row 1 holds 'c', which is none of the 2 classes"):
        labels.transform(["a", "c"])
    with pytest.raises(ColumnError, match="row 2 has no label"):
        ClassLabels().fit(["a", "b", None])
    assert labels.transform([]).shape == (0,)
