"""Callbacks, history and progress display."""

import csv
import json
import math

import numpy as np
import pytest

import steepest as st
from steepest import callbacks, layers
from steepest.history import History

LOSS = "softmax_cross_entropy"


def make(**options):
    return st.Sequential([layers.Dense(12, "relu"), layers.BatchNorm(), layers.Dense(3)], **options)


@pytest.fixture
def data(rng):
    x = rng.normal(size=(120, 6)).astype("float32")
    return x, np.argmax(x[:, :3], axis=1)


def tensors(model):
    return np.concatenate([array.ravel() for array in [*model.parameters().values(), *model.states().values()]])


class Recorder(callbacks.Callback):
    def __init__(self):
        self.calls = []

    def on_train_begin(self, run):
        self.calls.append("train begin")

    def on_epoch_begin(self, run):
        self.calls.append(f"epoch {run.epoch} begin")

    def on_slice_end(self, run):
        assert 0 < run.step <= run.steps_per_epoch
        assert {"loss", "accuracy", "learning_rate"} == set(run.logs)
        self.calls.append("slice")

    def on_epoch_end(self, run):
        assert run.history.epochs == run.epoch
        assert run.history["loss"][-1] == run.logs["loss"]
        self.calls.append(f"epoch {run.epoch} end")

    def on_train_end(self, run):
        self.calls.append("train end")


def test_hooks_come_in_order(data):
    recorder = Recorder()
    make().fit(*data, loss=LOSS, epochs=2, verbose=0, callbacks=recorder)
    calls = [call for call in recorder.calls if call != "slice"]
    assert calls == ["train begin", "epoch 1 begin", "epoch 1 end", "epoch 2 begin", "epoch 2 end", "train end"]
    assert recorder.calls[2] == "slice"


def test_training_ends_for_callbacks_also_after_errors(data):
    class Broken(callbacks.Callback):
        def on_epoch_end(self, run):
            raise OSError("disk full")

    recorder = Recorder()
    with pytest.raises(OSError, match="disk full"):
        make().fit(*data, loss=LOSS, epochs=2, verbose=0, callbacks=[Broken(), recorder])
    assert recorder.calls[-1] == "train end"


def test_stopping_after_a_slice(data):
    class Stop(callbacks.Callback):
        def on_slice_end(self, run):
            run.stop("seen enough")

    history = make().fit(*data, loss=LOSS, epochs=9, verbose=0, callbacks=[Stop()])
    assert history.stopped == "seen enough"
    assert history.epochs <= 1
    assert not history.interrupted


def test_own_numbers_are_recorded(data):
    class Norm(callbacks.Callback):
        def on_epoch_end(self, run):
            if run.epoch > 1:
                run.log("norm", np.linalg.norm(run.model.layers[0].weight))

    model = make()
    history = model.fit(*data, loss=LOSS, epochs=3, verbose=0, callbacks=[Norm()])
    assert math.isnan(history["norm"][0])
    assert history["norm"][2] == pytest.approx(np.linalg.norm(model.layers[0].weight))


class Worsen(callbacks.Callback):
    """Spoils the model after a given epoch and keeps what it was before."""

    def __init__(self, after):
        self.after = after
        self.best = None

    def on_epoch_end(self, run):
        if run.epoch == self.after:
            self.best = tensors(run.model)
            run.optimizer.learning_rate = 2.0


@pytest.mark.parametrize("epochs", [4, 30])
def test_early_stopping_restores_the_best(data, epochs):
    # Both ways out: patience runs out, or the epochs do before it.
    model, worsen = make(), Worsen(3)
    stopping = callbacks.EarlyStopping(patience=4, monitor="val_loss")
    history = model.fit(
        *data,
        loss=LOSS,
        optimizer=st.optimizers.SGD(0.05, momentum=0.9),
        epochs=epochs,
        validation_data=data,
        callbacks=[worsen],
        early_stopping=stopping,
        verbose=0,
    )
    best = int(np.argmin(history["val_loss"])) + 1
    assert stopping.best_epoch == best
    assert stopping.best == min(history["val_loss"])
    assert model.evaluate(*data)["loss"] == stopping.best
    if best == 3:
        np.testing.assert_array_equal(tensors(model), worsen.best)
    if epochs == 30:
        assert history.epochs == best + 4
        assert history.stopped == "val_loss has not improved for 4 epochs"
    else:
        assert history.stopped is None


def test_early_stopping_by_accuracy_and_difference(data):
    stopping = callbacks.EarlyStopping(patience=2, monitor="accuracy", min_delta=1.0)
    history = make().fit(*data, loss=LOSS, epochs=9, verbose=0, early_stopping=stopping)
    assert history.epochs == 3
    assert stopping.best == history["accuracy"][0]


def test_early_stopping_by_a_number_of_epochs(data):
    # At a rate of zero no epoch improves on the first.
    still = st.optimizers.SGD(0.0)
    model = st.Sequential([layers.Dense(3)])
    history = model.fit(*data, loss=LOSS, optimizer=still, epochs=9, validation_data=data, early_stopping=2, verbose=0)
    assert history.epochs == 3


def test_early_stopping_can_be_used_again(data):
    stopping = callbacks.EarlyStopping(patience=2, monitor="loss")
    for model in (make(seed=1), make(seed=2)):
        history = model.fit(*data, loss=LOSS, epochs=3, verbose=0, callbacks=[stopping])
        assert stopping.best == min(history["loss"])


def test_unknown_monitor(data):
    with pytest.raises(ValueError, match=r"monitors 'f1', the training records loss, accuracy"):
        make().fit(*data, loss=LOSS, epochs=1, verbose=0, callbacks=[callbacks.EarlyStopping(monitor="f1")])


def test_checkpoint_continues_exactly(data, tmp_path):
    whole, broken = make(), make()
    options = {"loss": LOSS, "batch_size": 16, "verbose": 0}
    whole.fit(*data, optimizer=st.optimizers.Adam(0.01), epochs=5, **options)
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "at-{epoch}.npz", every=2)
    broken.fit(*data, optimizer=st.optimizers.Adam(0.01), epochs=5, callbacks=[checkpoint], **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["at-2.npz", "at-4.npz"]
    resumed = st.load(tmp_path / "at-2.npz")
    resumed.fit(*data, epochs=3, batch_size=16, verbose=0)
    np.testing.assert_array_equal(tensors(resumed), tensors(whole))
    assert resumed.optimizer.iterations == whole.optimizer.iterations


def test_checkpoint_of_the_best(data, tmp_path):
    path = tmp_path / "best.npz"
    worsen = Worsen(3)
    saver = callbacks.ModelCheckpoint(path, monitor="val_loss")
    model = make()
    history = model.fit(*data, loss=LOSS, epochs=6, validation_data=data, callbacks=[worsen, saver], verbose=0)
    assert saver.best == min(history["val_loss"])
    assert st.load(path).evaluate(*data)["loss"] == saver.best


def test_csv_log(data, tmp_path):
    path = tmp_path / "log.csv"
    model = make(regularizer="l2")
    for append in (False, True):
        history = model.fit(*data, loss=LOSS, epochs=2, callbacks=[callbacks.CSVLogger(path, append)], verbose=0)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "1", "2"]
    assert [float(row["loss"]) for row in rows[2:]] == history["loss"]
    assert "penalty" in rows[0]


def test_json_log(data, tmp_path):
    path = tmp_path / "log.jsonl"
    history = make().fit(*data, loss=LOSS, epochs=2, callbacks=[callbacks.JSONLogger(path)], verbose=0)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["loss"] for row in rows] == history["loss"]


@pytest.mark.parametrize("logger", [callbacks.CSVLogger, callbacks.JSONLogger])
def test_logs_are_complete_while_the_training_runs(data, tmp_path, logger):
    path, sizes = tmp_path / "log", []

    class Look(callbacks.Callback):
        def on_epoch_end(self, run):
            sizes.append(len(path.read_text().splitlines()))

    make().fit(*data, loss=LOSS, epochs=3, callbacks=[logger(path), Look()], verbose=0)
    assert np.diff(sizes).tolist() == [1, 1]


def test_history_as_json(tmp_path):
    history = History()
    history.append({"loss": 1.0, "val_loss": math.nan})
    history.append({"loss": 0.5})
    history.to_json(tmp_path / "h.json")
    read = json.loads((tmp_path / "h.json").read_text())
    assert read == {"history": {"loss": [1.0, 0.5], "val_loss": [None, None]}, "interrupted": False, "stopped": None}
    assert history.keys() == list(history) == ["loss", "val_loss"]
    assert "loss" in history
    with pytest.raises(KeyError, match="'lost' was not recorded, only 'loss', 'val_loss'"):
        history["lost"]


def test_history_in_words():
    history = History()
    assert repr(history) == "<History: 0 epochs>"
    history.append({"loss": 0.123456, "seconds": 1.0})
    history.interrupted = True
    assert repr(history) == "<History: 1 epoch, loss 0.1235, interrupted>"


def test_quiet(data, capsys):
    make().fit(*data, loss=LOSS, epochs=2, verbose=0)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize("verbose", [1, 2])
def test_lines(data, capsys, verbose):
    make().fit(*data, loss=LOSS, epochs=12, validation_split=0.2, verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[0].startswith("epoch  1/12  ")
    assert all(word in lines[-1] for word in ("epoch 12/12", "loss", "accuracy", "val loss", "val accuracy"))


def test_the_time_of_an_epoch_is_readable_however_short():
    from steepest.training.progress import duration

    assert [duration(t) for t in (0.00042, 0.0125, 0.99994, 0.99995, 1.0, 73.456)] == [
        "0.4 ms", "12.5 ms", "999.9 ms", "1.00 s", "1.00 s", "73.46 s",
    ]  # fmt: skip


def test_lines_of_many_short_epochs_end_with_the_last(data, capsys):
    make().fit(*data, loss=LOSS, epochs=300, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch   1/300")
    assert lines[-1].startswith("epoch 300/300")
    assert len(lines) < 300


def test_bar(data, capsys, monkeypatch):
    pytest.importorskip("rich")
    from steepest.training import progress

    monkeypatch.setattr(progress, "make_progress", None)
    monkeypatch.setattr("steepest.training.fit.make_progress", lambda verbose: progress.Bar())
    make().fit(*data, loss=LOSS, epochs=2, verbose=1)
    out = capsys.readouterr().out
    assert "epoch 1/2" in out
    assert "epoch 2/2" in out
