"""What an object does not have cannot be set from outside: `adam.lr = 0.1` changed nothing, and said nothing."""

import copy
import dataclasses
import importlib
import inspect
import pickle

import numpy as np
import pytest

import members
import steepest as st

# How to make what is in no registry.
MAKERS = {
    "activations.Activation": st.activations.Activation,
    "activations.Custom": lambda: st.activations.Custom(np.tanh, np.cos),
    "activations.RowFunction": st.activations.RowFunction,
    "callbacks.CSVLogger": lambda: st.callbacks.CSVLogger("log.csv"),
    "callbacks.Callback": st.callbacks.Callback,
    "callbacks.EarlyStopping": st.callbacks.EarlyStopping,
    "callbacks.JSONLogger": lambda: st.callbacks.JSONLogger("log.json"),
    "callbacks.ModelCheckpoint": lambda: st.callbacks.ModelCheckpoint("net.npz"),
    "callbacks.Monitor": st.callbacks.Monitor,
    "callbacks.Recovery": st.callbacks.Recovery,
    "ensembles.Ensemble": lambda: st.ensembles.Ensemble([st.Sequential([st.layers.Dense(1)], input_shape=2)]),
    "ensembles.ExponentialAverage": st.ensembles.ExponentialAverage,
    "ensembles.ParameterAverage": st.ensembles.ParameterAverage,
    "ensembles.Snapshots": lambda: st.ensembles.Snapshots(2),
    "ensembles.StochasticAverage": lambda: st.ensembles.StochasticAverage(1),
    "initializers.Initializer": st.initializers.Initializer,
    "initializers.VarianceScaling": lambda: st.initializers.VarianceScaling(),
    "layers.Custom": st.layers.Custom,
    "layers.Layer": st.layers.Layer,
    "optimizers.Optimizer": lambda: st.optimizers.Optimizer(0.5),
    "preprocessing.Preprocessor": st.preprocessing.Preprocessor,
    "schedules.Lost": st.schedules.Lost,
    "schedules.Schedule": st.schedules.Schedule,
    "search.Choice": lambda: st.search.Choice(["relu", "tanh"]),
    "search.Integers": lambda: st.search.Integers(1, 5),
    "search.LossGuard": lambda: st.search.LossGuard(1.0),
    "search.Panda": lambda: st.search.Panda(st.Sequential([st.layers.Dense(2)]), [[1.0]], [0]),
    "search.Real": lambda: st.search.Real(0.0, 1.0),
    "search.Search": lambda: st.search.Search(
        st.search.perceptron(outputs=2),
        {"learning_rate": [0.1, 0.2]},
        np.eye(8),
        [0, 1] * 4,
        epochs=1,
        loss="softmax_cross_entropy",
        validation_split=0.5,
    ),
    "tables.ClassLabels": st.tables.ClassLabels,
    "tables.TablePreprocessor": st.tables.TablePreprocessor,
    "tables.TargetScaler": st.tables.TargetScaler,
    "transfer.GradualUnfreezing": lambda: st.transfer.GradualUnfreezing(1),
    "History": st.History,
    "Sequential": lambda: st.Sequential([st.layers.Dense(1)]),
}
# A search hands these out, and makes no second use of them; the last one's class sets all names of its dictionary.
HANDED_OUT = ("search.SearchResult", "search.Stage", "search.Trial", "search.Space")


def strict_classes():
    """Every class that a public module names and that anything could be set on, by what a user writes."""
    for module in (*st._MODULES, ""):
        whole = importlib.import_module(f"steepest.{module}") if module else st
        for name in getattr(whole, "__all__", ()):
            cls, full = getattr(whole, name), f"{module}.{name}".strip(".")
            if not inspect.isclass(cls) or inspect.isabstract(cls) or issubclass(cls, (tuple, dict, BaseException)):
                continue
            if dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen:
                continue
            # The estimators do as scikit-learn does, where anything can be set.
            if module != "sklearn" and full not in HANDED_OUT:
                yield full, cls


REGISTERED = {cls for _, cls in members.MEMBERS}
CLASSES = [
    pytest.param((lambda cls=cls: members.make(cls)) if cls in REGISTERED else MAKERS.get(name), id=name)
    for name, cls in strict_classes()
]


@pytest.mark.parametrize("make", CLASSES)
def test_an_unknown_name_is_refused(make):
    thing = make()
    before = dict(vars(thing))
    with pytest.raises(AttributeError, match=rf"^{type(thing).__name__} has no 'no_such_name' to set: there are "):
        thing.no_such_name = 1
    assert vars(thing).keys() == before.keys()
    thing._private = 1  # what begins so is between the object and whoever does it
    # What it has can be set to what it is, except where it says itself that it cannot be set.
    for name, value in before.items():
        if not name.startswith("_"):
            setattr(thing, name, value)


@pytest.mark.parametrize("make", CLASSES)
def test_copies_and_pickles_know_what_their_originals_know(make):
    thing = make()
    copies = [copy.copy(thing), copy.deepcopy(thing)]
    if not any(map(callable, vars(thing).values())) and not isinstance(thing, (st.search.Search, st.search.Panda)):
        copies.append(pickle.loads(pickle.dumps(thing)))
    for one in copies:
        with pytest.raises(AttributeError, match="has no 'no_such_name' to set"):
            one.no_such_name = 1


def test_the_packages_own_code_sets_what_it_needs():
    model = st.Sequential([st.layers.Dense(2, "relu"), st.layers.Dense(1)], seed=0)
    X = np.random.default_rng(0).normal(size=(40, 3))
    adam, scaler = st.optimizers.Adam(), st.preprocessing.Standardizer()
    model.fit(scaler.fit_transform(X), X[:, 0], loss="mse", optimizer=adam, epochs=2, verbose=0)
    assert adam.iterations == model.steps == 4
    assert scaler.columns == 3


@pytest.mark.parametrize(
    ("thing", "name", "meant"),
    [
        (st.optimizers.Adam(), "lr", "learning_rate"),
        (st.optimizers.Adam(), "eps", "epsilon"),
        (st.optimizers.Adam(), "beta_1", "beta1"),
        (st.optimizers.AdamW(), "wd", "weight_decay"),
        (st.optimizers.SGD(0.1), "clipnorm", "clip_norm"),
        (st.layers.Dense(2), "requires_grad", "trainable"),
        (st.layers.Dense(2), "kernel_initializer", "initializer"),
        (st.layers.Dense(2), "kernel", "weight"),
        (st.layers.Dropout(0.1), "p", "rate"),
        (st.activations.LeakyRelu(), "negative_slope", "alpha"),
        (st.callbacks.EarlyStopping(), "n_iter_no_change", "patience"),
        (st.preprocessing.PCA(2), "n_components", "components"),
        (st.Sequential([st.layers.Dense(2)]), "optimiser", "optimizer"),
    ],
)
def test_the_names_of_others(thing, name, meant):
    words = rf"has no '{name}' to set \(did you mean '{meant}'\?\): there are .*\b{meant}\b"
    with pytest.raises(AttributeError, match=words):
        setattr(thing, name, 0.5)


def test_what_the_class_alone_holds():
    for thing, name in ((st.activations.Relu(), "alpha"), (st.regularizers.L1(), "l2"), (st.optimizers.Adam(), "kind")):
        with pytest.raises(AttributeError, match=f"has no '{name}' to set"):
            setattr(thing, name, 0.5)
    # Methods may be put in the place of methods, as tests and traces do.
    model = st.Sequential([st.layers.Dense(2)])
    model.predict = lambda X: X
    assert model.predict(3) == 3


def test_what_a_callback_sees_of_the_training():
    class Keras(st.callbacks.Callback):
        def on_epoch_end(self, run):
            run.stop_training = True

    with pytest.raises(AttributeError, match="'Run' object has no attribute 'stop_training'"):
        st.Sequential([st.layers.Dense(1)]).fit([[1.0]], [1.0], loss="mse", epochs=2, verbose=0, callbacks=[Keras()])


class Counting(st.callbacks.Callback):
    def on_epoch_end(self, run):
        self.count = run.epoch


class Shifted(st.optimizers.Adam):
    def __init__(self, learning_rate=1e-3, *, shift=0.0):
        super().__init__(learning_rate)
        self.shift, self.remark = shift, "set in the constructor"


class Tracing(st.layers.Custom):
    def forward(self, x, parameters, training):
        self.seen = x.shape
        return x

    def backward(self, dy, x, y, parameters, training):
        return dy, {}


class Weighted(st.losses.MSE):
    pass


class Noted(st.Sequential):
    pass


def test_subclasses_of_users_are_free():
    counting, layer, loss, shifted = Counting(), Tracing(), Weighted(), Shifted(0.1, shift=2.0)
    loss.note = layer.note = "outside"
    shifted.lr = 0.1  # it may well have one
    model = Noted([layer, st.layers.Dense(1)], seed=0)
    model.note = "outside"
    model.fit([[1.0], [2.0]], [1.0, 2.0], loss=loss, optimizer=shifted, epochs=3, verbose=0, callbacks=[counting])
    assert (counting.count, layer.seen, shifted.remark) == (3, (2, 1), "set in the constructor")
    for thing in (counting, shifted, loss):
        twin = pickle.loads(pickle.dumps(thing))
        assert {name: value for name, value in vars(twin).items() if isinstance(value, (str, float))} == {
            name: value for name, value in vars(thing).items() if isinstance(value, (str, float))
        }
