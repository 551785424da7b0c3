"""What is wrong with a file is said in one line; exit code 2; nothing is left behind."""

import os
import random

import numpy as np
import pytest

from steepest import cli
from steepest.commands import output, reading

pandas = pytest.importorskip("pandas")


def lines_of(rows=60):
    draw = random.Random(0)
    return ["a,b,y", *(f"{draw.random():.3f},{draw.choice('pq')},{draw.choice(['no', 'yes'])}" for _ in range(rows))]


GOOD = "\n".join(lines_of()) + "\n"


def changed(line, old, new):
    lines = lines_of()
    lines[line] = lines[line].replace(old, new) if old else new
    return "\n".join(lines) + "\n"


BAD = {
    "semicolons": (
        GOOD.replace(",", ";"),
        "has one column where ',' is the delimiter: give --delimiter ';', which makes 3",
    ),
    "tabulators": (GOOD.replace(",", "\t"), r"give --delimiter '\t', which makes 3 columns of it"),
    "empty": ("", "t.csv is empty"),
    "blank": ("\n\n\n", "t.csv has nothing but empty lines"),
    "header": ("a,b,y\n", "t.csv has a header line and no rows"),
    "text": (changed(30, "0.", "abc"), "t.csv, line 31: column 'a' holds 'abc"),
    "text after quoted lines": (
        "a,b,y\n" + "".join(f'{i},"{i % 2}\n\nq",{"no" if i % 2 else "yes"}\n' for i in range(30)) + "abc,p,no\n",
        "t.csv, line 92: column 'a' holds 'abc', but 96% of",
    ),
    "text after empty lines": ("\n\n" + changed(30, "0.", "\n\nabc"), "t.csv, line 35: column 'a' holds 'abc"),
    "one text of many": ("a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(1000)) + "x,1\n", "but 99% of the column"),
    "text in the target": (
        "a,y\n" + "".join(f"{i % 7},{i}.5\n" for i in range(50)) + "1,n/k\n",
        "line 52: column 'y' holds 'n/k', but 98% of the column are numbers: correct it, or give --missing n/k "
        "--drop-missing-target, or --task classification",
    ),
    "doubled": (GOOD.replace("a,b", "a,a", 1), "t.csv has 2 columns named 'a'"),
    "junk": (random.Random(1).randbytes(5000), "t.csv is no text file: byte 1"),
    "latin": (GOOD.replace("p", "é").encode("latin-1"), "t.csv is no text in utf-8 (byte 0xe9): give --encoding"),
    "utf-16": (GOOD.encode("utf-16"), "t.csv is UTF-16 text: give --encoding utf-16"),
    "long row": (changed(25, None, "1,2,3,4"), "Expected 3 fields in line 26, saw 4"),
    "short row": (changed(5, None, "1"), "line 6 of t.csv has 1 fields, its header has 3"),
    "quote": (changed(4, "0.", '"0.'), "has 1 fields, its header has 3: is a quote not closed?"),
    "one class": (GOOD.replace("yes", "no"), "the target 'y' is the same in every row"),
    "gap": (
        changed(12, None, "0.5,p,"),
        "t.csv, line 13: column 'y' has no value, and it is the target: fill such gaps",
    ),
    "infinite": (changed(10, None, "inf,p,no"), "t.csv, line 11: column 'a' is inf, numbers must be finite"),
    "one column": ("y\n" + "1\n2\n" * 30, "t.csv has the column 'y' only"),
    "few rows": ("a,y\n1,2\n3,4\n", "the table has 2 rows, at least 10 are needed"),
    "one row": ("a,y\n1,2\n", "the table has 1 row, at least 10 are needed"),
    "all classes": ("a,y\n" + "".join(f"{i % 7},name {i}\n" for i in range(50)), "50 different values in 50 rows"),
    "dates": ("a,y\n" + "".join(f"{i % 7},2026-01-{i % 28 + 1:02}\n" for i in range(50)), "the target 'y' holds dates"),
    "excel": (b"PK\x03\x04" + b"x" * 50, "t.csv is a zip archive or an Excel file"),
    "other target": (GOOD.replace("y\n", "Y\n", 1), "--target: t.csv has no column 'y'; did you mean 'Y'?"),
    "no such target": (GOOD.replace("y\n", "other\n", 1), "t.csv has no column 'y', it has 'a', 'b', 'other'"),
}


def fails(capsys, *arguments):
    """Run, and return the one line that is said."""
    before = sorted(os.listdir())
    assert cli.main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"steepest {arguments[0]}: ")
    assert captured.err.count("\n") == 1
    assert captured.err.endswith("\n")
    assert sorted(os.listdir()) == before
    return captured.err


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", BAD)
def test_bad_tables(place, capsys, case):
    content, words = BAD[case]
    (place / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert words in fails(capsys, "train", "t.csv", "--target", "y")


def test_places_that_are_no_tables(place, capsys):
    (place / "folder.csv").mkdir()
    (place / "fake.parquet").write_bytes(b"PAR1 junk")
    (place / "fake.csv.gz").write_bytes(b"not packed")
    for name, words in (
        ("none.csv", "there is no file none.csv"),
        ("folder.csv", "folder.csv is a directory, not a table"),
        ("fake.csv.gz", "fake.csv.gz is no proper CSV file"),
        ("fake.parquet", "fake.parquet is no Parquet file, or is damaged"),
    ):
        if name.endswith("parquet"):
            pytest.importorskip("pyarrow")
        assert words in fails(capsys, "train", name, "--target", "y")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(place, capsys):
    (place / "t.csv").write_text(GOOD)
    (place / "t.csv").chmod(0)
    assert "t.csv cannot be read: Permission denied" in fails(capsys, "train", "t.csv", "--target", "y")


def test_ten_gigabytes(place, capsys, monkeypatch):
    (place / "t.csv").write_text(GOOD)
    os.truncate("t.csv", 10 * 10**9)  # takes no room on the disk
    monkeypatch.setattr(reading, "available_memory", lambda: 8 * 10**9)
    words = "t.csv has 10.0 GB, which takes about 40 GB of memory, and 8.0 GB are free: give --rows N"
    assert words in fails(capsys, "train", "t.csv", "--target", "y")
    monkeypatch.setattr(reading, "available_memory", lambda: None)
    assert "t.csv is no text file: byte 6" in fails(capsys, "train", "t.csv", "--target", "y")


def test_the_first_rows_of_a_file_too_large(place, capsys, monkeypatch):
    (place / "t.csv").write_text(GOOD)
    monkeypatch.setattr(reading, "available_memory", lambda: 100)
    arguments = ["--target", "y", "--rows", "40", "--epochs", "1", "--quiet", "--no-checkup"]
    assert cli.main(["train", "t.csv", *arguments]) == 0
    assert "t.csv: 40 rows" in capsys.readouterr().out


def test_where_memory_begins_to_suffice(place, monkeypatch):
    (place / "t.csv").write_text(GOOD)
    needed = len(GOOD) * reading._CSV_FACTOR
    monkeypatch.setattr(reading, "available_memory", lambda: needed)
    assert len(reading.read_table("t.csv", reading.Form())) == 60
    monkeypatch.setattr(reading, "available_memory", lambda: needed - 1)
    with pytest.raises(reading.FileError, match=r"give --rows N"):
        reading.read_table("t.csv", reading.Form())


def test_available_memory_is_some():
    free = reading.available_memory()
    assert free is None or 2**20 < free < 2**50


@pytest.fixture
def model(place):
    (place / "good.csv").write_text(GOOD)
    arguments = ["--epochs", "1", "--hidden", "4", "--quiet", "--no-checkup"]
    assert cli.main(["train", "good.csv", "--target", "y", "-o", "model", *arguments]) == 0
    return "model"


def test_predicting_what_does_not_fit(model, place, capsys, monkeypatch):
    capsys.readouterr()
    (place / "lacking.csv").write_text("a,y\n1,no\n")
    (place / "text.csv").write_text(changed(30, "0.", "abc"))
    monkeypatch.setattr(reading, "CHUNK", 8)  # the line is counted from the beginning of the file
    for name, words in (
        ("lacking.csv", "lacking.csv has no column 'b', it has 'a', 'y'; the model needs it"),
        ("text.csv", "text.csv, line 31: column 'a' holds 'abc"),
        ("none.csv", "there is no file none.csv"),
    ):
        assert words in fails(capsys, "predict", model, name, "-o", "out.csv")
    assert "there is no model none" in fails(capsys, "predict", "none", "good.csv")
    assert "good.csv is not a steepest model file" in fails(capsys, "predict", "good.csv", "good.csv")
    assert "there is no folder none to write to" in fails(capsys, "predict", model, "good.csv", "-o", "none/out.csv")
    assert "model is a directory: give --output a file" in fails(capsys, "predict", model, "good.csv", "-o", "model")


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_kept_columns_that_change_their_type(model, place, capsys, monkeypatch):
    """Parquet has one type for a column, and a file read in pieces shows only the first one in time."""
    pytest.importorskip("pyarrow")
    rows = [f"0.5,p,{i},{'' if i > 12 else i}" for i in range(20)]
    (place / "gaps.csv").write_text("\n".join(["a,b,number,gaps", *rows]) + "\n")
    (place / "text.csv").write_text("\n".join(["a,b,number,gaps", *rows, "0.5,p,none,"]) + "\n")
    monkeypatch.setattr(reading, "CHUNK", 8)
    assert cli.main(["predict", model, "gaps.csv", "-o", "gaps.parquet", "--keep"]) == 0
    kept = pandas.read_parquet("gaps.parquet")
    assert list(kept["number"]) == list(range(20))
    assert list(kept["gaps"][:13]) == list(range(13))
    assert kept["gaps"][13:].isna().all()
    capsys.readouterr()
    words = "--keep: column 'number' begins with int64 and goes on with "
    assert words in fails(capsys, "predict", model, "text.csv", "-o", "text.parquet", "--keep")


def test_a_model_without_preprocessing(place, capsys):
    import steepest as st

    st.Sequential([st.layers.Dense(1)], input_shape=2).save("net.npz")
    (place / "good.csv").write_text(GOOD)
    assert "net.npz has no preprocessing for tables" in fails(capsys, "predict", "net.npz", "good.csv")


def test_outputs_that_cannot_be(place, capsys):
    (place / "good.csv").write_text(GOOD)
    for folder, words in (
        ("none/model", "there is no folder none to write to"),
        ("good.csv", "good.csv is a file: give --output another folder"),
    ):
        assert words in fails(capsys, "train", "good.csv", "--target", "y", "-o", folder)


@pytest.mark.parametrize("command", ["train", "predict"])
def test_a_full_disk(model, place, capsys, monkeypatch, command):
    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    capsys.readouterr()
    arguments = ["good.csv", "--target", "y", "-o", "other", "--epochs", "1", "--quiet", "--no-checkup"]
    monkeypatch.setattr(np, "savez", full)
    monkeypatch.setattr(pandas.DataFrame, "to_csv", full)
    if command == "predict":
        arguments = [model, "good.csv", "-o", "other"]
    before = sorted(os.listdir())
    assert cli.main([command, *arguments]) == 2
    assert capsys.readouterr().err == f"steepest {command}: other could not be written: No space left on device\n"
    assert sorted(os.listdir()) == before


def test_wrong_options(place, capsys):
    (place / "good.csv").write_text(GOOD)
    for option, value, words in (
        ("--encoding", "klingon", "there is no encoding 'klingon'"),
        ("--delimiter", "ab", "--delimiter must be one sign, got 'ab'"),
        ("--drop", "z", "--drop: good.csv has no column 'z'"),
        ("--categorical", "y", "'y' is the target: use --task"),
        ("--task", "regression", "good.csv, line 2: column 'y' holds 'no', which is no number"),
    ):
        assert words in fails(capsys, "train", "good.csv", "--target", "y", option, value)
    for option, value in (("--hidden", "8,x"), ("--dropout", "1"), ("--learning-rate", "-1"), ("--rows", "0")):
        with pytest.raises(SystemExit) as end:
            cli.main(["train", "good.csv", "--target", "y", option, value])
        assert end.value.code == 2


def test_a_diverging_training_is_a_failure(place, capsys):
    (place / "good.csv").write_text(GOOD)
    arguments = ["--target", "y", "--learning-rate", "1e30", "--no-checkup", "--quiet", "--epochs", "3"]
    assert cli.main(["train", "good.csv", *arguments]) == 1
    assert "Lower the learning rate" in capsys.readouterr().err
    assert os.listdir() == ["good.csv"]


def test_a_folder_appears_whole_or_not_at_all(place):
    def interrupted():
        with output.writing_folder(place / "new") as folder:
            (folder / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not os.listdir()
    with output.writing_folder(place / "new") as folder:
        (folder / "whole").write_text("x")
    assert os.listdir("new") == ["whole"]
