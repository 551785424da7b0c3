"""What people try first, with the words they bring from elsewhere: each is taken, or refused with what to do."""

import numpy as np
import pytest

import steepest as st

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 3)), rng.integers(2, size=40)


def fit(X=X, y=y, **settings):
    model = st.Sequential([st.layers.Dense(2)], seed=0)
    return model.fit(X, y, **{"loss": "softmax_cross_entropy", "epochs": 1, "verbose": 0, **settings})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"y": None}, r"y must be an array, got None"),
        ({"X": (row for row in X)}, r"X must be an array, got generator: put what it yields into one"),
        ({"X": X.astype("M8[D]")}, r"X must hold .*, got dtype datetime64\[D\]: make such numbers of it first"),
        ({"X": X + 1j}, r"got dtype complex128: make such numbers of it first"),
        ({"X": np.full((40, 2), "a")}, r"X holds strings: .* steepest.tables.TablePreprocessor"),
        ({"y": np.full(40, "a")}, r"y holds strings: .* steepest.sklearn.MLPClassifier"),
        ({"callbacks": [st.callbacks.EarlyStopping]}, r"write EarlyStopping\(\.\.\.\)"),
    ],
)
def test_what_is_no_array(settings, words):
    with pytest.raises(TypeError, match=words):
        fit(**settings)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("binary_crossentropy", "sigmoid_cross_entropy"),
        ("BCEWithLogitsLoss", "sigmoid_cross_entropy"),
        ("sparse_categorical_crossentropy", "softmax_cross_entropy"),
        ("CrossEntropy", "softmax_cross_entropy"),
        ("log_loss", "softmax_cross_entropy"),
        ("squared_error", "mse"),
        ("MSELoss", "mse"),
        ("L1Loss", "mae"),
        ("absolute_error", "mae"),
        ("Huber", "huber"),
    ],
)
def test_losses_by_the_names_of_others(word, meant):
    with pytest.raises(ValueError, match=rf"did you mean '{meant}'"):
        fit(loss=word)


@pytest.mark.parametrize(
    ("word", "meant"),
    [("ReLU", "relu"), ("LeakyReLU", "leaky_relu"), ("linear", "identity"), ("logistic", "sigmoid"), ("GELU", "gelu")],
)
def test_activations_by_the_names_of_others(word, meant):
    with pytest.raises(ValueError, match=rf"did you mean '{meant}'"):
        st.layers.Dense(3, word)


def test_a_word_of_another_family_is_no_hint():
    with pytest.raises(ValueError, match=r"got 'binary_crossentropy'$"):
        st.layers.Dense(3, "binary_crossentropy")


def test_verbose_may_be_a_boolean(capsys):
    silent = fit(verbose=False)
    assert capsys.readouterr().out == ""
    assert fit(verbose=True)["loss"] == silent["loss"]
    assert "epoch 1/1" in "".join(capsys.readouterr())
    with pytest.raises(ValueError, match=r"verbose must be in 0\.\.2, got 3"):
        fit(verbose=3)


def test_places_where_no_file_can_be(tmp_path):
    model = st.Sequential([st.layers.Dense(2)], input_shape=3)
    with pytest.raises(FileNotFoundError, match=r"there is no such folder: .*nowhere"):
        model.save(tmp_path / "nowhere" / "net.npz")
    with pytest.raises(IsADirectoryError) as error:
        model.save(tmp_path)
    assert ".tmp" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_models(tmp_path):
    (tmp_path / "junk.npz").write_bytes(b"junk")
    np.savez(tmp_path / "other.npz", a=1)
    st.Sequential([st.layers.Dense(2)], input_shape=3).save(tmp_path / "net.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "net.npz").read_bytes()[:700])
    for name, words in (
        ("junk", r"it is no npz archive, or only a part of one$"),
        ("cut", r"it is no npz archive, or only a part of one$"),
        ("other", r"the archive has no header$"),
    ):
        with pytest.raises(ValueError, match=words):
            st.load(tmp_path / f"{name}.npz")
