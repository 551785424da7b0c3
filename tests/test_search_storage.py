"""A search that ended before its end goes on where it was."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import steepest as st
from searches import classes, rows
from steepest import search
from tolerance import assert_equal

optuna = pytest.importorskip("optuna")

CALLS = {
    "random": lambda it: it.random(8),
    "tpe": lambda it: it.tpe(14),
    "grid": lambda it: it.grid(5),
    "coarse_to_fine": lambda it: it.coarse_to_fine((6, 0, 4), epochs=(1, 4, 4), carry=(3, 0)),
    "halving": lambda it: it.halving(8),
}


@pytest.fixture(scope="module")
def data():
    return classes()


def build(p):
    if 0.2 < p.learning_rate < 0.3:
        raise RuntimeError("a crash")
    model, fit = search.perceptron(2, batch_size=16, dropout=0.1)(p)
    # A schedule with a state, and one that no file can hold would be the same: it comes from here.
    fit["optimizer"].learning_rate = st.schedules.ReduceOnPlateau(p.learning_rate, patience=1, monitor="loss")
    return model, fit


def task(data, storage=None, **options):
    rate = search.loguniform(1e-3, 50.0, limits=(1e-3, 50.0))
    space = {"learning_rate": rate, "activation": search.activation("relu", "tanh")}
    options = {"epochs": 4, "validation_split": 0.25, "verbose": 0, "jobs": 1, "build": build, **options}
    make = options.pop("build")
    return search.Search(make, space, *data, loss="softmax_cross_entropy", storage=storage, **options)


class Interrupt(st.callbacks.Callback):
    """Ctrl-C in the middle of a trial's training; once, because a second one would end everything at once."""

    pressed = False

    def on_epoch_end(self, run):
        if not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)


def interrupting(after):
    """Return callbacks that press Ctrl-C in the training that follows so many others."""
    begun = []

    def callbacks(trial):
        begun.append(trial.number)
        return [Interrupt()] if len(begun) == after + 1 else []

    return callbacks


@pytest.mark.parametrize(
    ("method", "jobs"), [("random", 1), ("random", 2), ("tpe", 1), ("grid", 1), ("coarse_to_fine", 1), ("halving", 2)]
)
def test_interrupted_it_goes_on_where_it_was(data, tmp_path, method, jobs):
    whole = CALLS[method](task(data))
    storage, begun = tmp_path / "study.sqlite", []
    parts = CALLS[method](task(data, storage, callbacks=interrupting(4), jobs=jobs))
    assert parts.interrupted
    assert len([trial for trial in parts if trial.state != "running"]) < len(whole)

    def counting(p):
        begun.append(p)
        return build(p)

    result = CALLS[method](task(data, storage, build=counting, jobs=jobs))
    assert not result.interrupted
    assert rows(result) == rows(whole)
    assert result.best.number == whole.best.number
    assert_equal(result.model.network.parameter_arena, whole.model.network.parameter_arena)
    # What was done was not done again.
    assert len(begun) <= len(whole) - 4 + jobs
    assert "stopped" in {trial.state for trial in whole}
    # Once more there is nothing left to do, and the best model comes from the file.
    begun.clear()
    again = CALLS[method](task(data, storage, build=counting))
    assert not begun
    assert rows(again) == rows(whole)
    assert_equal(again.model.network.parameter_arena, whole.model.network.parameter_arena)


PROGRAM = """
import sys
sys.path[:0] = {path!r}
import test_search_storage as module
import numpy as np
x = np.random.default_rng(0).normal(size=(500, 3)).astype("float32")
module.task((x, (x[:, 0] > 0).astype(int)), {storage!r}, epochs=40, jobs=2, verbose=2).random(12)
"""


def test_killed_it_goes_on_where_it_was(tmp_path):
    """A process that is killed cannot tidy up: what was done is in the file all the same."""
    storage = str(tmp_path / "study.sqlite")
    code = PROGRAM.format(path=[os.path.dirname(__file__), *sys.path], storage=storage)
    with subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "4/12" in line:
                process.kill()
                break
    x = np.random.default_rng(0).normal(size=(500, 3)).astype("float32")
    data = x, (x[:, 0] > 0).astype(int)
    begun = []

    def counting(p):
        begun.append(p)
        return build(p)

    result = task(data, storage, epochs=40, build=counting).random(12)
    assert rows(result) == rows(task(data, epochs=40).random(12))
    assert len(begun) <= 8


def test_ctrl_c_without_a_file_keeps_the_trials(data):
    result = task(data, callbacks=interrupting(4)).random(8)
    assert result.interrupted
    assert [trial.state for trial in result].count("running") == 1
    assert result.best is not None
    assert result.model is not None
    assert "interrupted" in str(result)


def test_more_trials_may_be_asked_for(data, tmp_path):
    short = task(data, tmp_path / "study").random(3)
    longer = task(data, tmp_path / "study").random(6)
    assert rows(longer)[:3] == rows(short)
    assert rows(longer) == rows(task(data).random(6))


def test_one_file_holds_several_searches(data, tmp_path):
    path = tmp_path / "study with spaces & signs.sqlite"
    for name in ("first", "second"):
        for method in ("random", "halving"):
            getattr(task(data, path, name=name, epochs=2), method)(2)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    names = optuna.study.get_all_study_names(storage)
    storage.remove_session()
    storage.engine.dispose()  # an open connection is a warning since Python 3.13, in whatever test comes next
    assert sorted(names) == ["first.halving", "first.random", "second.halving", "second.random"]


def test_another_search_is_refused(data, tmp_path):
    path = tmp_path / "study.sqlite"
    task(data, path).random(2)
    for options, word in (({"stop_factor": 9.0}, "stop_factor"), ({"epochs": 5}, "epochs"), ({"seed": 1}, "data")):
        with pytest.raises(ValueError, match=f"with {word}"):
            task(data, path, **options).random(2)
    with pytest.raises(ValueError, match="with data"):
        task((data[0], 1 - data[1]), path).random(2)
    task(data, path).halving(2)
    with pytest.raises(ValueError, match="with trials"):
        task(data, path).halving(3)


def test_two_searches_do_not_do_the_same_trials(data, tmp_path):
    path, refused = tmp_path / "study.sqlite", []

    def callbacks(trial):
        if trial.number == 1:
            with pytest.raises(ValueError, match=r"another search is at work on 'search\.random'"):
                task(data, path).random(3)
            refused.append(task(data, path, name="other", epochs=1).random(2))  # another name may
        return []

    result = task(data, path, callbacks=callbacks).random(3)
    assert [trial.state for trial in result][1] != "failed", result
    assert len(refused) == 1
    assert rows(task(data, path).random(3)) == rows(result)


def test_files_that_are_no_study_are_refused(data, tmp_path):
    (tmp_path / "text").write_text("no database at all, whatever its length may be" * 100)
    with pytest.raises(ValueError, match="cannot be opened"):
        task(data, tmp_path / "text").random(2)
    assert (tmp_path / "text").read_text().startswith("no database")
    path = tmp_path / "foreign.sqlite"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(storage=storage, study_name="search.random")
    study.tell(study.ask(), 1.0)
    storage.engine.dispose()
    with pytest.raises(ValueError, match="steepest did not begin"):
        task(data, path).random(2)


def test_only_the_best_model_stays_beside_the_file(data, tmp_path):
    path = tmp_path / "study.sqlite"
    result = task(data, path).halving(4)
    files = [file.name for file in (tmp_path / "study.sqlite.models" / "search.halving").iterdir()]
    assert files == [f"best_{result.best.number}.npz"]


def test_a_model_that_no_file_holds_is_trained_again(data, tmp_path):
    class Shift(st.layers.Layer):
        def lower(self, builder, value):
            return value

    def unsaved(p):
        _, fit = build(p)
        return st.Sequential([Shift(), st.layers.Dense(5, p.activation), st.layers.Dense(2)]), fit

    whole = task(data, build=unsaved).halving(6)
    path = tmp_path / "study.sqlite"
    assert task(data, path, build=unsaved, callbacks=interrupting(6)).halving(6).interrupted
    result = task(data, path, build=unsaved).halving(6)
    assert rows(result) == rows(whole)
    assert task(data, path, build=unsaved).halving(6).model is None
