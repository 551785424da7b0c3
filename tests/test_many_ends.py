"""Many networks in one run: callbacks of each, and every way one or all of them may end."""

import signal
import threading

import numpy as np
import pytest

import steepest as st
from many_networks import CLASSES, FEATURES, LOSS, ROWS, L, assert_alike, build, problem, tensors
from steepest.callbacks import Callback, EarlyStopping
from steepest.many import loop
from steepest.training import trainer as trainer_module


@pytest.fixture(scope="module")
def data():
    return problem()


@pytest.fixture(params=[1, 2, 4])
def workers(request):
    st.set_num_threads(request.param)
    yield request.param
    st.set_num_threads(None)


class Spy(Callback):
    def __init__(self):
        self.seen, self.threads = [], set()

    def on_train_begin(self, run):
        self.note("begin", run)

    def on_epoch_begin(self, run):
        self.note("epoch begin", run)

    def on_epoch_end(self, run):
        self.note("epoch end", run)

    def on_train_end(self, run):
        self.note("end", run)

    def note(self, what, run):
        self.seen.append((what, run.epoch))
        self.threads.add(threading.get_ident())
        self.model = run.model


def test_every_member_has_callbacks_of_its_own(data):
    models, spies = [build(seed) for seed in range(3)], [Spy() for _ in range(3)]
    st.train_many(models, *data, loss=LOSS, epochs=2, callbacks=[[spy] for spy in spies], verbose=0)
    for model, spy in zip(models, spies, strict=True):
        assert spy.model is model
        assert spy.threads == {threading.get_ident()}
        epochs = [(what, epoch) for epoch in (1, 2) for what in ("epoch begin", "epoch end")]
        assert spy.seen == [("begin", 0), *epochs, ("end", 2)]


def test_early_stopping_of_each(data, workers):
    x, y = data
    settings = {"loss": LOSS, "epochs": 30, "validation_data": (x[:60], (y[:60] + 1) % CLASSES), "verbose": 0}
    pattern = EarlyStopping(patience=2)
    models = [build(seed, rate=0.1) for seed in range(4)]
    histories = st.train_many(models, x, y, optimizers=st.optimizers.Adam(0.01), early_stopping=pattern, **settings)
    alone = []
    for seed in range(4):
        twin = build(seed, rate=0.1)
        history = twin.fit(x, y, optimizer=st.optimizers.Adam(0.01), early_stopping=EarlyStopping(2), **settings)
        alone.append((twin, history))
    assert_alike(models, histories, alone)
    assert all(history.stopped and history.epochs < 30 for history in histories)
    assert np.isnan(pattern.best)


def test_a_member_that_diverges_stops_alone(data, workers):
    optimizers = [st.optimizers.SGD(rate) for rate in (0.05, 1e30, 0.1)]
    models = [build(seed) for seed in range(3)]
    histories = st.train_many(models, *data, loss=LOSS, optimizers=optimizers, epochs=3, verbose=0)
    fresh = build(1)
    fresh.build(FEATURES)
    assert [history.epochs for history in histories] == [3, 0, 3]
    assert histories[1].stopped == "diverged in epoch 1"
    assert isinstance(histories[1].failure, st.TrainingDiverged)
    assert histories[0].failure is None
    assert tensors(models[1]) == tensors(fresh)
    assert (models[1].steps, optimizers[1].iterations) == (0, 0)
    for seed, rate in ((0, 0.05), (2, 0.1)):
        twin = build(seed)
        twin.fit(*data, loss=LOSS, optimizer=st.optimizers.SGD(rate), epochs=3, verbose=0)
        assert tensors(models[seed]) == tensors(twin)


def test_wrong_data_are_an_error_of_all(data):
    x = data[0].copy()
    x[5, 3] = np.nan
    with pytest.raises(ValueError, match=r"X\[5, 3\] is nan"):
        st.train_many([build(0), build(1)], x, data[1], loss=LOSS, epochs=1, verbose=0)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_keeps_all(data, monkeypatch, times):
    monkeypatch.setattr(trainer_module, "SLICE_SECONDS", 0.0)

    class CtrlC(Callback):
        def on_slice_end(self, run):
            if run.epoch == 2 and run.step == 1:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)

    models, spies = [build(seed) for seed in range(4)], [Spy() for _ in range(4)]
    hooks = [[spy] for spy in spies]
    hooks[2].append(CtrlC())
    handler = signal.getsignal(signal.SIGINT)
    histories = st.train_many(models, *data, loss=LOSS, epochs=9, batch_size=111, callbacks=hooks, verbose=0)
    assert signal.getsignal(signal.SIGINT) is handler
    assert all(history.interrupted and "Ctrl-C" in history.stopped for history in histories)
    assert all(spy.seen[-1][0] == "end" for spy in spies)
    # Counters and parameters agree: every member goes on where it stands.
    for model, history in zip(models, histories, strict=True):
        assert model.epochs_seen == history.epochs
        assert 0 < model.steps < 9 * 3
        assert model.optimizer.iterations == model.steps
        assert np.isfinite(model.parameters()["dense_1.weight"]).all()
    st.train_many(models, *data, epochs=1, verbose=0)


def test_ctrl_c_between_the_members_keeps_all(data, monkeypatch):
    """The second one comes at once, wherever Python is: here before results of the core are taken."""
    models, spies = [build(seed) for seed in range(3)], [Spy() for _ in range(3)]
    done_before = []

    def interrupted(self, done):
        if spies[1].seen and spies[1].seen[-1][0] == "end":
            done_before.extend(member.run.step for member in done)
            raise KeyboardInterrupt
        return turn(self, done)

    turn = loop.Loops.turn
    monkeypatch.setattr(loop.Loops, "turn", interrupted)
    histories = st.train_many(models, *data, loss=LOSS, epochs=[9, 1, 9], callbacks=[[spy] for spy in spies], verbose=0)
    assert done_before  # tasks were done whose results nobody had taken
    assert [history.interrupted for history in histories] == [True, False, True]
    assert all(spy.seen[-1][0] == "end" for spy in spies)
    assert [model.epochs_seen for model in models] == [history.epochs for history in histories]
    assert [model.optimizer.iterations for model in models] == [model.steps for model in models]
    st.train_many(models, *data, epochs=1, verbose=0)


def test_an_error_in_a_callback_ends_all_and_is_raised(data):
    class Fail(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                raise RuntimeError("mine")

        def on_train_end(self, run):
            raise RuntimeError("and at the end")

    models, spies = [build(seed) for seed in range(3)], [Spy() for _ in range(3)]
    with pytest.raises(RuntimeError, match="and at the end") as caught:
        st.train_many(models, *data, loss=LOSS, epochs=5, callbacks=[[spies[0]], [spies[1], Fail()], [spies[2]]])
    assert str(caught.value.__context__) == "mine"
    assert all(spy.seen[-1][0] == "end" for spy in spies)
    models[1].fit(*data, epochs=1, verbose=0)  # free again


def test_functions_in_python_are_called_for_their_member(data):
    """Augmentation, a layer and a loss in NumPy, by several workers at once."""

    def jitter(batch, generator):
        return batch + generator.normal(0, 0.1, batch.shape)

    settings = {"loss": LOSS, "epochs": 2, "batch_size": 50, "augment": jitter, "verbose": 0}
    models, alone = [build(seed) for seed in range(3)], []
    histories = st.train_many(models, *data, optimizers="adam", **settings)
    for seed in range(3):
        twin = build(seed)
        alone.append((twin, twin.fit(*data, optimizer="adam", **settings)))
    assert_alike(models, histories, alone)

    def broken(batch, generator):
        raise ZeroDivisionError("in the function")

    with pytest.raises(ZeroDivisionError, match="in the function"):
        st.train_many([build(0), build(1)], *data, loss=LOSS, epochs=1, augment=broken, verbose=0)


def test_full_batch_members(data):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    models = [st.Sequential([L.Dense(5, "tanh"), L.Dense(1)], seed=seed, dtype="float64") for seed in range(2)]
    twins = [model.copy() for model in models]
    optimizers = [st.optimizers.LBFGS(), st.optimizers.Adam(0.01)]
    histories = st.train_many(models, x, x[:, 0], loss="mse", optimizers=optimizers, epochs=5, verbose=0)
    alone = [
        (twin, twin.fit(x, x[:, 0], loss="mse", optimizer=optimizer, epochs=5, verbose=0))
        for twin, optimizer in zip(twins, [st.optimizers.LBFGS(), st.optimizers.Adam(0.01)], strict=True)
    ]
    assert_alike(models, histories, alone)


def test_progress(data, capsys):
    optimizers = [st.optimizers.SGD(rate) for rate in (0.05, 1e30, 0.1)]
    st.set_num_threads(1)  # of two workers one may be through with its member before the other has done an epoch
    try:
        st.train_many([build(seed) for seed in range(3)], *data, loss=LOSS, optimizers=optimizers, epochs=2)
    finally:
        st.set_num_threads(None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a member ended after 0 epochs: diverged in epoch 1"
    assert lines[1].startswith("epoch 1/2  2 networks  loss 1.")


def test_outside_the_main_thread(data):
    result = []

    def work():
        result.extend(st.train_many([build(0), build(1)], *data, loss=LOSS, epochs=1, verbose=0))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [history.epochs for history in result] == [1, 1]


# ------------------------------------------------------------------------------------------------------------ arguments
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": []}, "models must hold at least one model"),
        ({"models": ["a"]}, "models must be models"),
        ({"models": 3}, "models must be a list of models, got 3"),
        ({"callbacks": ""}, "callbacks must be a sequence of callbacks for each of the 2 models, got ''"),
        ({"optimizers": ["adam"]}, "optimizers has 1 entries, there are 2 models"),
        ({"optimizers": [st.optimizers.SGD(0.1)] * 2}, "optimizers holds one object twice"),
        ({"epochs": [1, 2, 3]}, "epochs has 3 entries"),
        ({"folds": [None]}, "folds has 1 entries"),
        ({"folds": [([0], [1]), 5]}, r"folds\[1\] must be None or \(training rows"),
        ({"folds": [([0], [1]), ([], [1])]}, r"folds\[1\]\[0\] has no rows"),
        ({"folds": [([0], [1]), ([0], [ROWS])]}, rf"folds\[1\]\[1\] holds the row {ROWS}"),
        ({"folds": [([True], [1]), None]}, r"folds\[0\]\[0\] is a mask of shape \(1,\)"),
        ({"folds": [([0.5], [1]), None]}, r"folds\[0\]\[0\] must be row numbers or a mask"),
        (
            {"folds": [([0], [1]), None], "validation_data": ([[0.0]], [0])},
            "give validation_data, valid",
        ),
        ({"callbacks": [Spy(), Spy()]}, "callbacks must be a sequence of callbacks for each of the 2 models"),
        ({"validation_data": [None]}, "validation_data has 1 entries"),
    ],
)
def test_wrong_arguments(data, change, message):
    models = change.pop("models", None)
    models = [build(0), build(1)] if models is None else models
    members = models if isinstance(models, list) else []
    with pytest.raises((ValueError, TypeError), match=message):
        st.train_many(models, *data, **{"loss": LOSS, "epochs": 1, "verbose": 0, **change})
    assert all(model.steps == 0 for model in members if isinstance(model, st.Sequential))


def test_one_model_cannot_be_two_members(data):
    model = build()
    with pytest.raises(ValueError, match="one object twice"):
        st.train_many([model, model], *data, loss=LOSS, epochs=1)


def test_an_optimizer_with_state_is_no_pattern(data):
    optimizer = st.optimizers.Adam()
    build().fit(*data, loss=LOSS, optimizer=optimizer, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="carries the state of a model"):
        st.train_many([build(1)], *data, loss=LOSS, optimizers=optimizer, epochs=1, verbose=0)
