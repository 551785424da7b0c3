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
    for callback in (st.callbacks.Monitor, st.callbacks.Recovery):
        assert (callback(verbose=0).verbose, callback(verbose=1).verbose) == (False, True)
        with pytest.raises(ValueError, match=r"verbose must be in 0\.\.2, got 3"):
            callback(verbose=3)


@pytest.mark.parametrize(
    ("optimizer", "name", "value", "words"),
    [
        (st.optimizers.Adam(), "beta1", 5, r"beta1 must be in \[0, 1\), got 5"),
        (st.optimizers.Adam(), "epsilon", -1, r"epsilon must be"),
        (st.optimizers.SGD(0.1), "clip_norm", -3, r"clip_norm must be"),
        (st.optimizers.SGD(0.1), "learning_rate", "high", r"learning_rate must be a number"),
        (st.optimizers.AdamW(), "weight_decay", np.nan, r"weight_decay must be"),
    ],
)
def test_an_optimiser_checks_what_is_assigned(optimizer, name, value, words):
    shown = repr(optimizer)
    with pytest.raises((TypeError, ValueError), match=words):
        setattr(optimizer, name, value)
    assert repr(optimizer) == shown
    setattr(optimizer, name, getattr(optimizer, name))


def test_what_a_model_has_to_keep():
    model = st.Sequential([st.layers.Dense(2)], input_shape=3)
    for name, value in (("layers", [st.layers.Dense(3)]), ("dtype", "float64")):
        with pytest.raises(AttributeError, match=name):
            setattr(model, name, value)
    with pytest.raises(TypeError, match=r"seed must be an integer, got 'a'"):
        model.seed = "a"
    model.seed = 7
    assert repr(model).count("seed=7") == 1
    with pytest.raises(TypeError, match=r"out must be an array, got \[1\]"):
        model.predict(X, out=[1])


def test_a_callback_that_is_never_called_is_named():
    with pytest.warns(
        UserWarning, match=r"Late.on_batch_end is never called: there are on_train_begin, on_epoch_begin"
    ):

        class Late(st.callbacks.Callback):
            def on_batch_end(self, run):
                """As in Keras."""


def test_checkpoints_by_the_names_of_numbers(tmp_path):
    history = fit(epochs=2, callbacks=[st.callbacks.ModelCheckpoint(tmp_path / "net-{epoch:03d}-{loss:.4f}.npz")])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"net-{epoch:03d}-{loss:.4f}.npz" for epoch, loss in enumerate(history["loss"], 1)
    ]
    with pytest.raises(ValueError, match=r"names 'val_acc', the training records epoch, loss, accuracy"):
        fit(callbacks=[st.callbacks.ModelCheckpoint(tmp_path / "{val_acc}.npz")])


def test_a_checkpoint_without_a_folder_stops_nothing_that_has_begun(tmp_path):
    model = st.Sequential([st.layers.Dense(2)], seed=0)
    checkpoint = st.callbacks.ModelCheckpoint(tmp_path / "none" / "net.npz")
    with pytest.raises(FileNotFoundError, match=r"there is no such folder: .*none"):
        model.fit(X, y, loss="softmax_cross_entropy", epochs=3, callbacks=[checkpoint], verbose=0)
    assert model.epochs_seen == 0


@pytest.mark.parametrize("thing", ["relu", st.activations.Relu()])
def test_an_activation_between_layers(thing):
    with pytest.raises(TypeError, match=r"write Activation\("):
        st.Sequential([st.layers.Dense(2), thing])


def test_a_schedule_of_words():
    with pytest.raises(TypeError, match=r"the schedule must return a number, got 'fast' at step 0"):
        fit(optimizer=st.optimizers.SGD(lambda step: "fast"))


def test_an_ensemble_wants_a_function():
    with pytest.raises(TypeError, match=r"build must be a function of the seed .* got Sequential"):
        st.ensembles.seed_ensemble(st.Sequential([st.layers.Dense(1)]), X, y, loss="mse", epochs=1)


def test_an_ensemble_that_was_interrupted_says_so():
    class Stop(st.callbacks.Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                raise KeyboardInterrupt

    def build(seed):
        return st.Sequential([st.layers.Dense(2)], seed=seed)

    settings = {"loss": "softmax_cross_entropy", "epochs": 500, "verbose": 0, "callbacks": [[Stop()], []]}
    with pytest.warns(UserWarning, match=r"stopped by Ctrl-C: the members have \d+, \d+ epochs behind them"):
        ensemble = st.ensembles.seed_ensemble(build, X, y, members=2, **settings)
    assert ensemble.predict(X).shape == (40, 2)


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


LAYERS = [st.layers.Dense(1)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: st.Sequential(None), r"layers must be a list of layers, got None"),
        (lambda: st.Sequential(st.layers.Dense(1)), r"layers must be a list of layers, got Dense\(units=1\)"),
        (lambda: st.Sequential(LAYERS).save(3), r"path must be the name of a file, got 3"),
        (lambda: st.callbacks.ModelCheckpoint(None), r"path must be the name of a file, got None"),
        (lambda: st.callbacks.CSVLogger(1.5), r"path must be the name of a file, got 1\.5"),
        # A number is a file that is open already: this one closed the output of the program.
        (lambda: st.datasets.load_idx(True), r"path must be the name of a file, got True"),
        (lambda: st.datasets.load_mnist(None), r"directory must be the name of a file, got None"),
        (lambda: st.schedules.Piecewise(3, [0.1]), r"boundaries must be a list of steps, got 3"),
        (lambda: st.schedules.Piecewise([3], None), r"rates must be a list of rates, got None"),
        (lambda: st.schedules.Warmup("fast", 3), r"after must be a number, got 'fast'"),
        (lambda: st.preprocessing.Pipeline("pca"), r"steps must be a list of steps, got 'pca'"),
        (lambda: st.layers.PReLU("a"), r"initial must be a number, got 'a'"),
        (lambda: st.search.Choice("relu"), r"options must be a list of what to choose from, got 'relu'"),
        (lambda: st.transfer.freeze(X), r"model must be a model of steepest, got array"),
        (lambda: st.transfer.layer_rates(None, 0.5), r"model must be a model of steepest, got None"),
        (lambda: st.ensembles.recompute_batch_norm("net.npz", X), r"model must be a model of steepest, got 'net.npz'"),
        (lambda: st.search.Panda(LAYERS, X, y), r"model must be a model of steepest, got \[Dense"),
        (
            lambda: st.ensembles.seed_ensemble(lambda s: None, X, y, loss="mse", epochs=1),
            r"models must be .*, got None",
        ),
        (
            lambda: st.ensembles.seed_ensemble(len, X, y, members=2.5, loss="mse", epochs=1),
            r"members must be .*, got 2\.5",
        ),
        (
            lambda: st.train_many(st.Sequential(LAYERS), X, y, loss="mse", epochs=1, folds=2),
            r"folds must be a list .*, got 2",
        ),
    ],
)
def test_what_is_of_another_kind(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_values_that_are_no_numbers():
    for values in ("abc", {"a": 1}, [1, "a"], object()):
        with pytest.raises(ValueError, match=r"values must be finite numbers, got"):
            st.initializers.Values(values)
