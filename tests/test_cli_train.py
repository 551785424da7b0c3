"""`steepest train`, `predict` and `checkup` as a new user would call them."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import steepest as st
from steepest import cli, tables
from steepest.callbacks import Callback
from steepest.commands import problem, train

pandas = pytest.importorskip("pandas")

FAST = ["--epochs", "3", "--hidden", "8", "--quiet", "--no-checkup"]


def make_frame(rows=120, seed=0):
    rng = np.random.default_rng(seed)
    frame = pandas.DataFrame(
        {
            "size": rng.normal(100, 20, rows).round(2),
            "town": rng.choice(["Oslo", "Rome", "Bergen"], rows),
            "rooms": rng.integers(1, 6, rows),
        }
    )
    price = 3 * frame["size"] + 50 * (frame["town"] == "Rome") + rng.normal(0, 1, rows)
    frame["price"] = price.round(1)
    frame["dear"] = np.where(price > 320, "yes", "no")
    frame.loc[5, "size"] = np.nan
    frame.loc[7, "town"] = None
    return frame


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with houses.csv, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    make_frame().to_csv("houses.csv", index=False)
    return tmp_path


def run(*arguments):
    try:
        return cli.main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code


def test_from_table_to_predictions(place, capsys):
    assert run("train", "houses.csv", "--target", "dear", "--drop", "price", *FAST) == 0
    out = capsys.readouterr().out
    for words in (
        "houses.csv: 120 rows, 5 columns",
        "task: classification of dear, since it holds texts (--task regression overrides)",
        "columns: 2 numerical, 1 categorical",
        "price is left out: as asked for",
        "rows: 84 for training, 18 for validation, 18 for test",
        "test",
        "constant",
        "saved in houses-model: history.csv, history.json, scores.json, report.html, model.npz",
    ):
        assert words in out
    assert sorted(os.listdir("houses-model")) == sorted(train.FILES)
    record = json.loads((place / "houses-model/scores.json").read_text())
    assert record["rows"] == {"train": 84, "validation": 18, "test": 18}
    with open("houses-model/history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    history = json.loads((place / "houses-model/history.json").read_text())["history"]
    assert [float(row["val_loss"]) for row in rows] == history["val_loss"]

    assert run("predict", "houses-model", "houses.csv", "-o", "out.csv") == 0
    found = pandas.read_csv("out.csv")
    assert list(found.columns) == ["prediction", "probability of no", "probability of yes"]
    model = st.load("houses-model/model.npz")
    expected = tables.predict(model, make_frame())
    assert found["prediction"].tolist() == expected.values.tolist()
    np.testing.assert_array_equal(found.iloc[:, 1:].to_numpy("float32"), expected.probabilities)
    # The scores that were printed are those of this model on these rows.
    split = tables.split_rows(
        120, seed=0, classes=tables.ClassLabels().fit(make_frame()["dear"]).transform(make_frame()["dear"])
    )
    hits = found["prediction"].to_numpy()[split.test] == make_frame()["dear"].to_numpy()[split.test]
    assert record["scores"]["test"]["accuracy"] == hits.mean()


def test_the_same_command_gives_the_same_model(place):
    for name in ("one", "two"):
        assert run("train", "houses.csv", "--target", "price", *FAST, "-o", name, "--threads", len(name) - 2) == 0
    st.set_num_threads(None)
    one, two = st.load("one/model.npz"), st.load("two/model.npz")
    for name, array in one.parameters().items():
        np.testing.assert_array_equal(array, two.parameters()[name])
    assert run("train", "houses.csv", "--target", "price", *FAST, "-o", "three", "--seed", "1") == 0
    assert not np.array_equal(
        st.load("three/model.npz").predict(np.ones((1, one.input_size))), one.predict(np.ones((1, one.input_size)))
    )


def test_regression_learns(place, capsys):
    assert run("train", "houses.csv", "--target", "price", "--drop", "dear", "--quiet", "--no-checkup") == 0
    out = capsys.readouterr().out
    assert "task: regression of price, since it holds numbers with decimals" in out
    assert "no better than the constant" not in out
    scores = json.loads((place / "houses-model/scores.json").read_text())["scores"]
    assert scores["test"]["RMSE"] < 0.3 * scores["constant"]["RMSE"]
    assert run("predict", "houses-model", "houses.csv", "--keep") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "size,town,rooms,price,dear,prediction"
    assert len(printed) == 121
    assert abs(float(printed[1].split(",")[-1]) - make_frame()["price"][0]) < 60


def test_a_model_that_learnt_nothing_is_called_so(place, capsys):
    frame = pandas.DataFrame({"x": np.arange(60) % 7, "y": np.random.default_rng(0).normal(size=60)})
    frame.to_csv("noise.csv", index=False)
    assert run("train", "noise.csv", "--target", "y", "--quiet", "--no-checkup", "--learning-rate", "0.1") == 0
    scores = json.loads((place / "noise-model/scores.json").read_text())["scores"]
    said = "by RMSE the model is no better than the constant" in capsys.readouterr().out
    assert said == (scores["test"]["RMSE"] >= scores["constant"]["RMSE"])


def test_the_pieces_of_numbers_are_no_finding(place, capsys):
    """They are 0 or 1 nearly everywhere by design, and nothing has to learn through them."""
    assert run("train", "houses.csv", "--target", "price", "--drop", "dear", "--epochs", "4", "--quiet") == 0
    assert "saturat" not in capsys.readouterr().out
    problem = tables.make_problem(make_frame().drop(columns="dear"), "price")
    model = tables.default_recipe(84).model(problem, seed=0)
    sure = st.checkup(
        model, problem.train.x, problem.train.y, loss="mse", checks=["finite features", "targets", "saturated units"]
    )
    assert [check.status for check in sure.checks if check.name == "saturated units"] == ["skip"]
    for layer in model.layers[0].children().values():
        layer.trainable = True
    sure = st.checkup(
        model, problem.train.x, problem.train.y, loss="mse", checks=["finite features", "targets", "saturated units"]
    )
    assert [check.status for check in sure.checks if check.name == "saturated units"] == ["fail"]


def test_parquet_and_other_forms_of_csv(place):
    pytest.importorskip("pyarrow")
    frame = make_frame()
    frame.to_parquet("houses.parquet")
    frame.to_csv("semicolons.csv", sep=";", decimal=",", encoding="latin-1", index=False, na_rep="unknown")
    frame.to_csv("packed.csv.gz", index=False)
    assert run("train", "houses.csv", "--target", "price", *FAST, "-o", "csv") == 0
    assert run("train", "houses.parquet", "--target", "price", *FAST, "-o", "parquet") == 0
    assert run("train", "packed.csv.gz", "--target", "price", *FAST) == 0
    forms = ["--delimiter", ";", "--decimal", ",", "--encoding", "latin-1", "--missing", "unknown"]
    assert run("train", "semicolons.csv", "--target", "price", *FAST, *forms) == 0
    expected = tables.predict(st.load("csv/model.npz"), frame).values
    for folder in ("parquet", "packed-model", "semicolons-model"):
        np.testing.assert_array_equal(tables.predict(st.load(f"{folder}/model.npz"), frame).values, expected)
    assert run("predict", "csv", "houses.parquet", "-o", "out.parquet") == 0
    np.testing.assert_array_equal(pandas.read_parquet("out.parquet")["prediction"], expected.astype("float32"))


def test_pieces_of_a_file_give_the_same_predictions(place, monkeypatch):
    assert run("train", "houses.csv", "--target", "dear", *FAST) == 0
    assert run("predict", "houses-model", "houses.csv", "-o", "whole.csv") == 0
    monkeypatch.setattr("steepest.commands.reading.CHUNK", 7)
    assert run("predict", "houses-model", "houses.csv", "-o", "pieces.csv") == 0
    assert (place / "pieces.csv").read_bytes() == (place / "whole.csv").read_bytes()


def test_results_are_not_overwritten(place, capsys):
    for _ in range(2):
        assert run("train", "houses.csv", "--target", "price", *FAST) == 0
    assert {"houses-model", "houses-model-2"} <= set(os.listdir())
    before = (place / "houses-model/model.npz").read_bytes()
    assert run("train", "houses.csv", "--target", "dear", *FAST, "-o", "houses-model") == 2
    assert "holds a history.csv already" in capsys.readouterr().err
    assert (place / "houses-model/model.npz").read_bytes() == before
    (place / "houses-model/notes.txt").write_text("mine")
    assert run("train", "houses.csv", "--target", "dear", *FAST, "-o", "houses-model", "--force") == 0
    assert st.load("houses-model/model.npz").target.names == ("no", "yes")
    assert (place / "houses-model/notes.txt").read_text() == "mine"


def test_test_rows_of_their_own(place, capsys):
    make_frame(50, seed=1).to_csv("later.csv", index=False)
    assert run("train", "houses.csv", "--target", "dear", "--drop", "price", *FAST, "--test", "later.csv") == 0
    assert "rows: 102 for training, 18 for validation, 50 for test" in capsys.readouterr().out


def test_gaps_in_the_target_can_be_left_out(place, capsys):
    frame = make_frame()
    frame.loc[[3, 40], "dear"] = None
    frame.to_csv("gaps.csv", index=False)
    assert run("train", "gaps.csv", "--target", "dear", *FAST) == 2
    words = "gaps.csv, line 5: column 'dear' has no value (as 2 of 120 rows), and it is the target: "
    assert words + "fill such gaps, or give --drop-missing-target\n" in capsys.readouterr().err
    assert run("train", "gaps.csv", "--target", "dear", *FAST, "--drop-missing-target") == 0
    assert "rows: 82 for training, 18 for validation, 18 for test" in capsys.readouterr().out


def test_checkup_before_and_alone(place, capsys):
    assert run("train", "houses.csv", "--target", "dear", "--drop", "price", "--epochs", "2", "--quiet") == 0
    assert re.search(r"checkup of \d+ points: ", capsys.readouterr().out)
    code = run("checkup", "houses.csv", "--target", "dear", "--html", "look.html")
    assert code in (0, 1)
    assert "report in look.html" in capsys.readouterr().out
    assert "<html" in (place / "look.html").read_text()


@pytest.mark.parametrize(("reading", "left"), [(4.0, 6.0), (9.0, 5.0)])
def test_the_budget_of_a_checkup_counts_the_reading(place, monkeypatch, reading, left):
    clock = iter([100.0, 100.0 + reading])
    monkeypatch.setattr("steepest.commands.checkup.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    budgets = []
    report = SimpleNamespace(checks=[])
    monkeypatch.setattr(st, "checkup", lambda *a, budget, **k: budgets.append(budget) or report)
    assert run("checkup", "houses.csv", "--target", "dear", "--budget", "10") == 0
    assert budgets == [left]


def test_many_columns_are_left_out_in_one_line():
    dropped = {f"pixel {i}": "it is the same in every row" for i in range(110)} | {"id": "it numbers the rows"}
    assert problem.left_out(dropped) == [
        "110 columns are left out (pixel 0, pixel 1, pixel 2, pixel 3, pixel 4 and 105 more): "
        "it is the same in every row",
        "id is left out: it numbers the rows",
    ]


@pytest.mark.parametrize(("status", "code"), [("pass", 0), ("warn", 0), ("fail", 1)])
def test_a_check_that_fails_is_an_exit_code(place, capsys, monkeypatch, status, code):
    found = st.checkup.Check("planted", status, "evidence of it")
    report = st.checkup.Report("a title", [found], [found], 0.0)
    monkeypatch.setattr(st, "checkup", lambda *arguments, **keywords: report, raising=False)
    assert run("checkup", "houses.csv", "--target", "dear") == code
    assert "planted" in capsys.readouterr().out


class Interrupt(Callback):
    def on_epoch_end(self, run):
        if run.epoch == 3:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_the_best_model(place, capsys, monkeypatch):
    real = tables.Recipe.fit
    monkeypatch.setattr(tables.Recipe, "fit", lambda *a, **k: real(*a, **{**k, "callbacks": [Interrupt()]}))
    assert run("train", "houses.csv", "--target", "price", "--quiet", "--no-checkup") == 130
    assert re.search(r"stopped by Ctrl-C: the model is that of epoch \d, the best so far", capsys.readouterr().out)
    record = json.loads((place / "houses-model/scores.json").read_text())
    assert record["interrupted"]
    assert record["best_epoch"] <= 3
    assert st.load("houses-model/model.npz").preprocessing is not None


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way")
def test_ctrl_c_for_real(place):
    command = [sys.executable, "-m", "steepest", "train", "houses.csv", "--target", "price", "--no-checkup"]
    process = subprocess.Popen(
        [*command, "--epochs", "1000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stdout:
            if line.startswith("epoch"):
                break
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "")
    assert "the best so far" in out
    assert sorted(os.listdir()) == ["houses-model", "houses.csv"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "target", "score", "bound"),
    [
        ("adult/adult.data", "classification", "accuracy", 0.855),
        ("housing/housing.csv", "median_house_value", "R2", 0.80),
    ],
)
def test_real_tables_with_one_command(data_dir, tmp_path, file, target, score, bound):
    folder = tmp_path / "model"
    assert run("train", data_dir / file, "--target", target, "-o", folder, "--no-checkup", "--quiet") == 0
    assert json.loads((folder / "scores.json").read_text())["scores"]["test"][score] >= bound


@pytest.mark.parametrize(
    ("kind", "file"), [("onnx", "houses-model.onnx"), ("numpy", "net.py"), ("safetensors", "x.bin")]
)
def test_exports(place, capsys, kind, file):
    assert run("train", "houses.csv", "--target", "dear", "--drop", "price", *FAST) == 0
    arguments = ["--output", file] if kind != "onnx" else []
    arguments += ["--format", kind] if not file.endswith(".py") else []  # the ending says it
    assert run("export", "houses-model", *arguments) == 0
    assert re.search(r"largest difference (0|\S+e-0[6-9]) over 64 sample rows", capsys.readouterr().out)
    assert (place / file).stat().st_size > 1000
    assert run("export", "houses-model", *arguments) == 2
    assert f"steepest export: {file} exists already" in capsys.readouterr().err
    assert run("export", "houses-model/model.npz", "--force", "-o", file, *arguments[2:]) == 0
    if kind == "numpy":
        made = {}
        exec((place / file).read_text(), made)
        table = {name: make_frame()[name].tolist() for name in ("size", "town", "rooms")}
        expected = tables.predict(st.load("houses-model/model.npz"), make_frame()).probabilities
        np.testing.assert_allclose(made["predict"](made["encode"](table)), expected, atol=1e-5)


def test_exports_that_cannot_be(place, capsys):
    assert run("export", "none") == 2
    assert "there is no model none" in capsys.readouterr().err
    assert run("export", "houses.csv") == 2
    assert "is not a steepest model file" in capsys.readouterr().err
