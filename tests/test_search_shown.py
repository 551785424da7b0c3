"""What a search shows, and the one model that is watched closely."""

import csv
import re
from pathlib import Path

import pytest

import steepest as st
from searches import CE, classes, task
from steepest import search
from steepest.search.display import Live
from tolerance import assert_equal

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def data():
    return classes()


# -------------------------------------------------------------------------------------------------- tables and pictures
@pytest.fixture(scope="module")
def found(data):
    space = {
        "learning_rate": search.loguniform(1e-4, 1e2),
        "width": search.width(4, 32),
        "activation": search.activation("relu", "tanh"),
        "dropout": search.uniform(0.0, 0.5),
    }
    return task(data, space, epochs=4, seed=6).coarse_to_fine((12, 6), epochs=(1, 4))


def test_tables(found, tmp_path):
    table = found.table()
    assert len(table) == len(found) == 18
    assert list(table[0]) == [
        *("trial", "stage", "state", "value", "epochs", "seconds"),
        *("learning_rate", "width", "activation", "dropout", "message"),
    ]
    found.to_csv(tmp_path / "trials.csv")
    with open(tmp_path / "trials.csv", newline="") as file:
        read = list(csv.DictReader(file))
    assert [float(row["learning_rate"]) for row in read] == [trial.parameters.learning_rate for trial in found]
    assert [row["value"] for row in read] == ["" if t.value is None else repr(t.value) for t in found]
    pandas = pytest.importorskip("pandas")
    frame = found.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["width"].tolist() == [trial.parameters.width for trial in found]


def test_pictures(found, tmp_path):
    pytest.importorskip("matplotlib")
    assert any(trial.state == "stopped" for trial in found)
    figure = found.plot_parameters(tmp_path / "parameters.png")
    scales = [(axes.get_title(loc="left"), axes.get_xscale()) for axes in figure.axes if axes.get_visible()]
    assert scales == [("learning_rate", "log"), ("width", "log"), ("activation", "linear"), ("dropout", "linear")]
    drawn = sum(len(part.get_offsets()) for part in figure.axes[0].collections)
    assert drawn == len(found) + 1  # every trial, and the star
    parallel = found.plot_parallel(tmp_path / "parallel.png")
    labels = [label.get_text() for label in parallel.axes[0].get_xticklabels()]
    assert labels == ["learning_rate", "width", "activation", "dropout", "val_loss"]
    lines = [line for line in parallel.axes[0].lines if len(line.get_ydata()) == 5]
    assert len(lines) == sum(trial.state != "stopped" for trial in found) + 1
    for name in ("parameters", "parallel"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000


def test_nothing_to_draw(data):
    pytest.importorskip("matplotlib")
    result = task(data, {"learning_rate": [1e38]}, epochs=1).grid()
    with pytest.raises(ValueError, match="nothing to draw"):
        result.plot_parallel()


def test_what_is_shown(data, capsys):
    task(data, epochs=2, verbose=2).random(3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "random: 3 trials of 2 epochs, 1 at a time"
    assert [line.split()[0] for line in lines[1:4]] == ["1/3", "2/3", "3/3"]
    assert all("val_loss" in line and "learning_rate" in line for line in lines[1:5])
    assert lines[4].startswith("best:")


@pytest.mark.parametrize("jobs", [1, 2])
def test_bars_of_rich(data, capsys, monkeypatch, jobs):
    pytest.importorskip("rich")
    monkeypatch.setattr("steepest.search.search.make_display", lambda verbose: Live())
    task(data, epochs=3, jobs=jobs).halving(3)
    shown = capsys.readouterr().out
    assert "rung 1 of 2" in shown
    assert "best:" in shown


@pytest.mark.filterwarnings("ignore:the best:UserWarning")
def test_the_guide_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    guide = Path(__file__).resolve().parents[1] / "docs" / "searching.md"
    (code,) = re.findall(r"^```python\n(.*?)^```", guide.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, str(guide), "exec"), names)
    assert names["result"].best.value < 0.3
    made = {"digits.sqlite", "digits.sqlite.models", "parallel.png", "parameters.png", "trials.csv"}
    assert {file.name for file in tmp_path.iterdir()} == made


# ---------------------------------------------------------------------------------------------------------------- panda
def test_panda_goes_on_and_back(data):
    x, y = data

    def model():
        return st.Sequential([st.layers.Dense(8, "tanh"), st.layers.Dropout(0.1), st.layers.Dense(2)], seed=2)

    panda = search.Panda(model(), x, y, loss=CE, optimizer=st.optimizers.Adam(0.01), batch_size=24, verbose=0)
    panda.train(2)
    kept = panda.model.network.parameter_arena.copy()
    panda.train(2, learning_rate=0.1, batch_size=48)
    panda.undo()
    assert_equal(panda.model.network.parameter_arena, kept)
    assert panda.optimizer.rate() == 0.01
    panda.train(3)
    straight = model()
    straight.fit(x, y, loss=CE, optimizer=st.optimizers.Adam(0.01), batch_size=24, epochs=5, verbose=0)
    assert_equal(panda.model.network.parameter_arena, straight.network.parameter_arena)
    assert panda.history.epochs == 5
    assert [changes for changes, _ in panda.stretches] == [{}, {}]


def test_panda_keeps_what_was_before_an_error(data):
    panda = search.Panda(st.Sequential([st.layers.Dense(2)]), *data, loss=CE, optimizer="sgd", verbose=0)
    panda.train(1)
    kept = panda.model.network.parameter_arena.copy()
    with pytest.raises(ValueError, match="batch_size"):
        panda.train(1, learning_rate=0.5, batch_size=0)
    assert_equal(panda.model.network.parameter_arena, kept)
    assert panda.optimizer.rate() != 0.5
    history = panda.train(1, learning_rate=1e4)
    assert "passed the bound" in history.stopped
    panda.undo()
    panda.undo()
    assert panda.model.steps == 0
    with pytest.raises(ValueError, match="no stretch"):
        panda.undo()
