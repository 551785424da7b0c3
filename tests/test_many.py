"""Many networks in one run: each has the bits and the history it has alone."""

import numpy as np
import pytest

import steepest as st
from many_networks import LOSS, ROWS, L, assert_alike, build, problem, tensors
from steepest.training import trainer as trainer_module


@pytest.fixture(scope="module")
def data():
    return problem()


@pytest.fixture(params=[1, 2, 4])
def workers(request):
    st.set_num_threads(request.param)
    yield request.param
    st.set_num_threads(None)


# Everything in which members may differ.
MEMBERS = [
    {"model": {"seed": 1}, "optimizer": lambda: st.optimizers.Adam(1e-3)},
    {"model": {"seed": 2}, "optimizer": lambda: st.optimizers.Adam(3e-2)},
    {"model": {"seed": 1, "rate": 0.5}, "optimizer": lambda: st.optimizers.SGD(0.1, momentum=0.9, nesterov=True)},
    {"model": {"seed": 3, "rate": 0.0}, "optimizer": lambda: st.optimizers.AdamW(1e-2, weight_decay=0.1)},
    {"model": {"seed": 4, "regularizer": st.regularizers.L2(1e-3)}, "optimizer": lambda: st.optimizers.RMSprop(1e-3)},
    {"model": {"seed": 5, "width": 17}, "optimizer": lambda: st.optimizers.SGD(st.schedules.Cosine(0.1, steps=30))},
    {"model": {"seed": 6, "dtype": "float64"}, "optimizer": lambda: st.optimizers.Adam(1e-3, clip_norm=0.1)},
]


@pytest.fixture(scope="module")
def alone(data):
    """Every member trained by `fit`, with validation, on one thread."""
    st.set_num_threads(1)
    pairs = []
    for member in MEMBERS:
        model = build(**member["model"])
        history = model.fit(
            *data, loss=LOSS, optimizer=member["optimizer"](), epochs=4, batch_size=32,
            validation_data=(data[0][:90], data[1][:90]), verbose=0,
        )  # fmt: skip
        pairs.append((model, history))
    st.set_num_threads(None)
    return pairs


def test_members_of_all_kinds_have_the_bits_they_have_alone(data, alone, workers):
    models = [build(**member["model"]) for member in MEMBERS]
    optimizers = [member["optimizer"]() for member in MEMBERS]
    histories = st.train_many(
        models, *data, loss=LOSS, optimizers=optimizers, epochs=4, batch_size=32,
        validation_data=(data[0][:90], data[1][:90]), verbose=0,
    )  # fmt: skip
    assert_alike(models, histories, alone)
    assert [model.optimizer for model in models] == optimizers


def test_slices_of_any_length_train_alike(data, monkeypatch):
    """One step a slice: members are interrupted everywhere, and some have no turn."""
    settings = {"loss": LOSS, "epochs": 2, "batch_size": 111, "validation_data": data, "verbose": 0}
    whole, sliced = ([build(seed) for seed in range(5)] for _ in range(2))
    expected = st.train_many(whole, *data, optimizers="adam", **settings)
    monkeypatch.setattr(trainer_module, "SLICE_SECONDS", 0.0)
    histories = st.train_many(sliced, *data, optimizers="adam", **settings)
    assert_alike(sliced, histories, zip(whole, expected, strict=True))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_members_than_workers(data, alone, count):
    """A crew for each: their steps are large enough for several workers."""
    st.set_num_threads(7)
    try:
        models = [build(**member["model"]) for member in MEMBERS[:count]]
        histories = st.train_many(
            models, *data, loss=LOSS, optimizers=[member["optimizer"]() for member in MEMBERS[:count]], epochs=4,
            batch_size=32, validation_data=(data[0][:90], data[1][:90]), verbose=0,
        )  # fmt: skip
    finally:
        st.set_num_threads(None)
    assert_alike(models, histories, alone[:count])


def test_wide_members_share_the_workers_between_crews(rng):
    """Large steps, so that crews of several workers really take part: see useful_workers in cpp/engine."""
    x, y = rng.normal(size=(256, 60)).astype("float32"), rng.integers(3, size=256)

    def wide(seed):
        return st.Sequential([L.Dense(192, "relu"), L.BatchNorm(), L.Dense(3)], seed=seed)

    settings = {"loss": LOSS, "epochs": 2, "batch_size": 128, "verbose": 0}
    single = [wide(seed) for seed in range(3)]
    expected = [(model, model.fit(x, y, optimizer="adam", **settings)) for model in single]
    for workers in (2, 6, 8):
        st.set_num_threads(workers)
        try:
            models = [wide(seed) for seed in range(3)]
            histories = st.train_many(models, x, y, optimizers="adam", **settings)
        finally:
            st.set_num_threads(None)
        assert_alike(models, histories, expected)


@pytest.mark.parametrize("threads", [2, 5])
def test_large_members_take_turns_with_all_workers(rng, threads):
    """Steps of more than 2e8 operations, for which crews of both kinds are tried: the bits must not see which."""
    x, y = rng.normal(size=(2048, 260)).astype("float32"), rng.integers(3, size=2048)

    def large(seed):
        return st.Sequential([L.Dense(256, "relu"), L.Dense(256, "relu"), L.Dropout(0.2), L.Dense(3)], seed=seed)

    assert 512 * 4 * 256 * (260 + 256) > 2e8  # the first layer needs no gradient of its input
    settings = {"loss": LOSS, "epochs": 6, "batch_size": 512, "validation_data": (x[:300], y[:300]), "verbose": 0}
    expected = []
    for seed in range(5):
        model = large(seed)
        expected.append((model, model.fit(x, y, optimizer="adam", **settings)))
    st.set_num_threads(threads)
    try:
        models = [large(seed) for seed in range(5)]
        histories = st.train_many(models, x, y, optimizers="adam", **settings)
    finally:
        st.set_num_threads(None)
    assert_alike(models, histories, expected)


def test_folds_are_fits_to_their_rows(data, workers):
    x, y = data
    weight = np.linspace(0.5, 2, ROWS)
    folds = [(np.setdiff1d(np.arange(ROWS), held), held) for held in np.array_split(np.arange(ROWS), 3)]
    folds.append((np.arange(ROWS) % 2 == 0, None))
    folds.append(None)
    models = [build(seed) for seed in range(5)]
    settings = {"loss": LOSS, "epochs": 3, "batch_size": 25, "class_weight": "balanced", "verbose": 0}
    histories = st.train_many(models, x, y, folds=folds, optimizers="adam", sample_weight=weight, **settings)
    alone = []
    for seed, fold in enumerate(folds):
        rows, held = (np.ones(ROWS, bool), None) if fold is None else fold
        validation = None if held is None else (x[held], y[held], weight[held])
        twin = build(seed)
        history = twin.fit(
            x[rows], y[rows], sample_weight=weight[rows], optimizer="adam", validation_data=validation, **settings
        )
        alone.append((twin, history))
    assert_alike(models, histories, alone)
    assert ["val_loss" in history for history in histories] == [True, True, True, False, False]


def test_training_goes_on(data):
    """Two runs of `train_many`, or one behind a fit, are one run."""
    once = [build(seed) for seed in range(3)]
    st.train_many(once, *data, loss=LOSS, optimizers=st.optimizers.Adam(0.01), epochs=3, verbose=0)
    twice = [build(seed) for seed in range(3)]
    twice[2].fit(*data, loss=LOSS, optimizer=st.optimizers.Adam(0.01), epochs=1, verbose=0)
    st.train_many(twice[:2], *data, loss=LOSS, optimizers=st.optimizers.Adam(0.01), epochs=1, verbose=0)
    st.train_many(twice, *data, epochs=2, verbose=0)
    assert [tensors(model) for model in once] == [tensors(model) for model in twice]


def test_different_epochs_and_batch_sizes(data):
    models = [build(seed) for seed in range(3)]
    histories = st.train_many(
        models, *data, loss=LOSS, optimizers="adam", epochs=[1, 5, 0], batch_size=[16, 33, 5], verbose=0
    )
    alone = []
    for seed, (epochs, batch_size) in enumerate([(1, 16), (5, 33), (0, 5)]):
        twin = build(seed)
        history = twin.fit(*data, loss=LOSS, optimizer="adam", epochs=epochs, batch_size=batch_size, verbose=0)
        alone.append((twin, history))
    assert_alike(models, histories, alone)
    assert [history.epochs for history in histories] == [1, 5, 0]
