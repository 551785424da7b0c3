"""Numbers as people write them: named where they are found, and read where pandas is told how."""

import bz2
import gzip
import lzma

import numpy as np
import pytest

import steepest as st
from steepest import cli, tables
from steepest.commands import reading
from steepest.tables.columns import make_column
from steepest.tables.spelling import spelling_of, unread

COLUMNS = {
    "thousands": (["1,234", "12,500.75", "900", "1,000,000"], "1,234", r"thousands=','"),
    "blanks": (["1 234", "12 500", "1 000 000", "999"], "1 234", r"thousands=' '"),
    "comma": (["0,5", "12,25", "1.234,5", "7"], "0,5", r"decimal=','"),
    "percent": (["12%", "3.5 %", "-4%", "100%"], "12%", "take the sign away"),
    "dates": (["21/11/2026", "1/2/2026", "13/05/26 08:30", "21.11.2026"], "21/11/2026", "pandas.to_datetime"),
    "money": (["$1,200", "3 \u20ac", "\u00a312.50", "-$5"], "$1,200", "take the sign away"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_fit_warns_by_name_value_and_remedy(case):
    values, value, remedy = COLUMNS[case]
    frame = {"x": values * 5, "z": range(20)}
    words = rf"column 'x' holds '{value}', .* and is taken for a text: .*{remedy}.*columns=\{{'x': 'categorical'\}}"
    with pytest.warns(UserWarning, match=words.replace("$", r"\$")):
        table = tables.TablePreprocessor().fit(frame)
    assert table.unread == {"x": value}
    # Who says what it is, is believed.
    table = tables.TablePreprocessor(columns={"x": "categorical"}).fit(frame)
    assert table.unread == {}


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b", "c", "1,234"],  # most are texts
        ["12/05", "13/06", "1/2", "3/4"],
        ["1.2.3", "10.0.11", "4-5-6", "1/2/3/4"],
        ["555-1234", "555-9999", "1.2.3", "192.168.0.1"],
        ["1,23", "x", "10 kg", "1,2,3"],
        ["<5%", "5-10%", ">10%", "10 % off"],
        ["%", "$", ",", " "],
    ],
)
def test_texts_are_left_alone(values):
    assert unread(make_column("x", values)) == ""


def test_what_is_read_is_no_finding():
    assert [spelling_of(text) for text in ("1", "-2.5", "1e5", "+3", "007", "nan", "")] == [""] * 7


def test_one_decimal_comma_tells_what_the_others_are():
    assert unread(make_column("x", ["1,234", "1,250", "0,5"])) == "0,5"


def test_a_mixture_says_what_it_is():
    with pytest.raises(tables.ColumnError, match=r"'1,234', a number with signs between its thousands, but 75% of"):
        tables.TablePreprocessor().fit({"x": ["900", "800", "700", "1,234"] * 3, "y": range(12)})


def test_a_target_of_such_numbers_is_refused():
    frame = {"x": range(60), "y": ["12%", "30%", "45%"] * 20}
    words = r"column 'y', row 0 holds '12%', a number with a percent sign, which is a text here: take the sign away"
    with pytest.raises(tables.ColumnError, match=words):
        tables.make_problem(frame, "y")
    assert tables.make_problem(frame, "y", task="classification").outputs == 3


# ------------------------------------------------------------------------------------------------------ command line
def make_file(path, target="y"):
    rng = np.random.default_rng(0)
    prices = [f'"{int(price):,}"' for price in rng.uniform(900, 9e5, 80)]
    shares = [f"{share}%" for share in rng.integers(1, 5, 80)]
    lines = [f"{a},{b},{y:.3f}\n" for a, b, y in zip(prices, shares, rng.normal(size=80), strict=True)]
    path.write_text("price,share,y\n" + "".join(lines))
    return [int(price.strip('"').replace(",", "")) for price in prices]


def test_the_command_line_names_the_option(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    prices = make_file(tmp_path / "t.csv")
    arguments = ["t.csv", "--target", "y", "--epochs", "1", "--quiet", "--no-checkup"]
    assert cli.main(["train", *arguments]) == 0
    out = capsys.readouterr().out
    assert "a number with signs between its thousands, and is taken for a text: give --thousands ','" in out
    assert "warning: share holds '" in out
    assert cli.main(["train", *arguments, "--thousands", ",", "--drop", "share", "-o", "read"]) == 0
    assert "warning" not in capsys.readouterr().out
    table = st.load("read/model.npz").preprocessing
    assert table.kinds["price"] == "numerical"
    frame = reading.read_table("t.csv", reading.Form(thousands=","))
    assert frame["price"].tolist() == prices
    assert cli.main(["predict", "read", "t.csv", "--thousands", ","]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 81
    assert cli.main(["predict", "read", "t.csv"]) == 2
    assert "which is no number: give --thousands ','" in capsys.readouterr().err
    assert cli.main(["train", "t.csv", "--target", "share"]) == 2
    assert "which is a text here: take the sign away, or give --task classification" in capsys.readouterr().err
    assert cli.main(["train", *arguments, "--thousands", "."]) == 2
    assert "--thousands and --decimal are both '.'" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------- compressed files
PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("ending", PACKERS)
def test_memory_is_that_of_the_unpacked_file(ending, tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    content = b"a,y\n" + b"0.123456,1\n" * 200_000
    path = tmp_path / f"t.csv{ending}"
    path.write_bytes(PACKERS[ending](content))
    assert path.stat().st_size * 100 < len(content)
    assert reading.unpacked_size(str(path)) == len(content)
    # Where all of the packed bytes fit into the reader's buffer, the rest is counted too.
    monkeypatch.setattr(reading, "_SAMPLE", len(content) // 4)
    assert reading.unpacked_size(str(path)) == len(content)
    monkeypatch.setattr(reading, "available_memory", lambda: len(content))
    with pytest.raises(reading.FileError, match=r"has 0\.0 GB, unpacked about 0\.0 GB, which takes .*give --rows N"):
        reading.read_table(str(path), reading.Form())
    assert len(reading.read_table(str(path), reading.Form(), rows=10)) == 10


@pytest.mark.parametrize("ending", [".gz", ".xz"])  # bz2 packs blocks of 900 kB, of which a sample holds one
def test_the_estimate_is_good_to_a_tenth(ending, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    content = "".join(f"{number:.6f}\n" for number in rng.normal(size=300_000)).encode()
    path = tmp_path / f"t.csv{ending}"
    path.write_bytes(PACKERS[ending](content))
    monkeypatch.setattr(reading, "_SAMPLE", 1 << 20)
    assert reading.unpacked_size(str(path)) == pytest.approx(len(content), rel=0.1)


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_compressed_files(ending, damage, tmp_path, capsys):
    pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    content = "a,y\n" + "".join(f"{a:.6f},{y:.6f}\n" for a, y in rng.normal(size=(4000, 2)))
    packed = bytearray(PACKERS[ending](content.encode()))
    middle = len(packed) // 2
    if damage == "cut":
        packed = packed[:middle]
    else:
        packed[middle : middle + 20] = bytes(20)
    path = tmp_path / f"t.csv{ending}"
    path.write_bytes(packed)
    assert cli.main(["train", str(path), "--target", "y"]) == 2
    error = capsys.readouterr().err
    assert f"t.csv{ending} is no proper CSV file" in error
    assert len(error.splitlines()) == 1
