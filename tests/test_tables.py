"""Mixed tables become matrices: the same from any frame, known by hand, and after a file."""

import datetime
import decimal
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import steepest as st
from steepest import tables
from steepest.tables import ColumnError, TablePreprocessor

DAYS = [datetime.date(2026, 1, 1), None, datetime.date(2026, 7, 2), datetime.date(2027, 1, 1)]
TABLE = {
    "age": [20, 30, None, 40],
    "city": ["Oslo", " Rome", "Rome", "Oslo"],
    "member": [True, False, None, True],
    "joined": DAYS,
    "grade": [1.5, -2.0, 0.25, math.nan],
}


def frame_of(make, table=TABLE):
    if make == "dict":
        return table
    if make == "rows":
        return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    if make == "pandas":
        return pytest.importorskip("pandas").DataFrame(table)
    if make == "pandas types":
        frame = pytest.importorskip("pandas").DataFrame(table)
        kinds = {"age": "Int64", "city": "category", "member": "boolean", "joined": "datetime64[s]", "grade": "Float32"}
        return frame.astype({name: kind for name, kind in kinds.items() if name in table})
    if make == "polars":
        return pytest.importorskip("polars").DataFrame(table)
    if make == "pyarrow":
        return pytest.importorskip("pyarrow").table(table)
    if make == "pyarrow dictionary":
        pyarrow = pytest.importorskip("pyarrow")
        made = pyarrow.table(table)
        at = made.column_names.index("city")
        return made.set_column(at, "city", made.column("city").dictionary_encode())
    names = [("age", "f8"), ("city", "U8"), ("member", "O"), ("joined", "M8[D]"), ("grade", "f4")]
    rows = zip(*table.values(), strict=True)
    return np.array([tuple(np.nan if v is None and i == 0 else v for i, v in enumerate(row)) for row in rows], names)


MAKES = ["dict", "rows", "pandas", "pandas types", "polars", "pyarrow", "pyarrow dictionary", "structured"]


@pytest.mark.parametrize("make", MAKES)
def test_every_frame_gives_the_same_matrix(make):
    expected = TablePreprocessor(min_count=1).fit(TABLE)
    frame = frame_of(make)
    table = TablePreprocessor(min_count=1).fit(frame)
    assert table.kinds == {
        "age": "numerical",
        "city": "categorical",
        "member": "categorical",
        "joined": "time",
        "grade": "numerical",
    }
    assert table.output_names == expected.output_names
    np.testing.assert_array_equal(table.transform(frame), expected.transform(TABLE))
    np.testing.assert_array_equal(expected.transform(frame), expected.transform(TABLE))


def test_the_matrix_by_hand():
    table = TablePreprocessor(numerical=None, min_count=1, dtype="float64").fit(TABLE)
    assert table.output_names == [
        "age",
        *(f"joined.{part}" for part in tables.encoders.TIME_PARTS),
        "grade",
        *("age (missing)", "joined (missing)", "grade (missing)"),
        *("city=Oslo", "city=Rome", "member=False", "member=True", "member=(missing)"),
    ]
    matrix = dict(zip(table.output_names, table.transform(TABLE).T, strict=True))
    for name, expected in {
        "age": [20, 30, 30, 40],
        "age (missing)": [0, 0, 1, 0],
        "grade": [1.5, -2, 0.25, 0.25],
        "joined.days": [20454, 20636, 20636, 20819],  # days from 1970-01-01; the median for the missing one
        "city=Oslo": [1, 0, 0, 1],
        "member=True": [1, 0, 0, 1],
        "member=(missing)": [0, 0, 1, 0],
    }.items():
        np.testing.assert_array_equal(matrix[name], expected, err_msg=name)
    # 2026-07-02 is day 182 of 365, a Thursday: day 3 of a week that begins on Monday; 1970-01-01 was one, too.
    year, week = 2 * math.pi * 182 / 365, 2 * math.pi * 3 / 7
    np.testing.assert_allclose(
        [matrix["joined.year_sin"][2], matrix["joined.year_cos"][2]], [np.sin(year), np.cos(year)]
    )
    np.testing.assert_allclose(
        [matrix["joined.week_sin"][2], matrix["joined.week_cos"][2]], [np.sin(week), np.cos(week)]
    )
    assert matrix["joined.year_cos"][0] == matrix["joined.day_cos"][0] == 1.0


@pytest.mark.parametrize(
    ("numerical", "step"),
    [
        ("standard", st.preprocessing.Standardizer()),
        ("quantile", st.preprocessing.QuantileNormal()),
        ("robust", st.preprocessing.Robust(smooth_clip=True)),
        (st.preprocessing.MinMax(-1, 1), st.preprocessing.MinMax(-1, 1)),
    ],
)
def test_scaling_is_the_step_of_preprocessing(rng, numerical, step):
    x = rng.normal(size=(50, 3)) ** 3
    matrix = TablePreprocessor(numerical, dtype="float64").fit_transform(x)
    np.testing.assert_array_equal(matrix, step.fit_transform(x))


def test_categories_unknown_rare_and_missing():
    train = {"c": ["a", "a", "b", "b", "c", None, "?"], "x": range(7)}
    table = TablePreprocessor(numerical=None).fit(train)
    assert table.output_names == ["x", "c=a", "c=b", "c=(other)", "c=(missing)"]
    new = {"c": ["a", "c", "never seen", "", np.nan], "x": [0] * 5}
    np.testing.assert_array_equal(
        table.transform(new)[:, 1:], [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    )
    # Without rare ones and gaps in training, there is no slot for what is unknown.
    plain = TablePreprocessor(numerical=None).fit({"c": ["a", "b"] * 3, "x": range(6)})
    np.testing.assert_array_equal(
        plain.transform({"c": ["b", "z", None], "x": [0] * 3})[:, 1:], [[0, 1], [0, 0], [0, 0]]
    )


def test_codes_for_embeddings():
    letters = [chr(97 + i % 20) for i in range(100)] + ["rare"]
    table = TablePreprocessor(max_one_hot=10, numerical=None).fit({"letter": letters, "x": range(101)})
    assert table.codes == {"letter": (1, 21)}
    matrix = table.transform({"letter": ["a", "t", "rare", "new"], "x": [0] * 4})
    np.testing.assert_array_equal(matrix[:, 1], [0, 19, 20, 20])
    # Of an unknown category without a slot the vector is zero.
    table = TablePreprocessor(categorical="codes").fit({"letter": letters[:100], "x": range(100)})
    column, slots = table.codes["letter"]
    code = table.transform({"letter": ["new"], "x": [1]})[:, [column]]
    assert code == slots == 20
    model = st.Sequential([st.layers.Embedding(slots, 3)], input_shape=1)
    assert not model.predict(code).any()
    assert TablePreprocessor(categorical="one_hot", max_one_hot=0).fit({"l": letters, "x": range(101)}).codes == {}


def test_numbers_and_booleans_as_categories():
    table = TablePreprocessor(columns={"x": "categorical", "b": "categorical"}, min_count=1)
    table.fit({"x": [10, 9, None, 9], "b": [True, False, True, True]})
    assert table.output_names == ["x=9", "x=10", "x=(missing)", "b=False", "b=True"]
    later = table.transform({"x": [9.0, "10", 11, None], "b": ["True", False, None, "x"]})
    np.testing.assert_array_equal(later[:, :3], [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(later[:, 3:], [[0, 1], [1, 0], [0, 0], [0, 0]])


def test_numbers_written_in_another_way():
    codes = ["0123", "0456"] * 5
    table = TablePreprocessor(columns={"zip": "categorical"}).fit({"zip": [123, 456] * 5})
    np.testing.assert_array_equal(table.transform({"zip": codes}), table.transform({"zip": [123.0, 456.0] * 5}))
    texts = TablePreprocessor().fit({"zip": codes})
    assert texts.output_names == ["zip=0123", "zip=0456"]
    np.testing.assert_array_equal(texts.transform({"zip": codes}), np.eye(2)[[0, 1] * 5])
    assert not texts.transform({"zip": ["123", "1e999", "infinity"]}).any()


def test_what_is_left_out_and_why():
    rows = 100
    table = {
        "x": np.arange(rows) % 7,
        "id": range(rows),
        "name": [f"person {i}" for i in range(rows)],
        "nothing": [None] * rows,
        "constant": [3.0] * rows,
        "same": ["a"] * rows,
        "half": [None, 2.0] * 50,
    }
    fitted = TablePreprocessor().fit(table)
    assert fitted.names == ("x", "half")
    assert fitted.dropped == {
        "id": "it only numbers the rows",
        "name": "it is a text that differs in most rows",
        "nothing": "it has no values",
        "constant": "it is the same in every row",
        "same": "it is the same in every row",
    }
    named = TablePreprocessor(columns={"id": "numerical", "x": "drop", "half": "categorical"}).fit(table)
    assert named.names == ("id", "half")
    assert named.dropped["x"] == "as asked for"
    assert TablePreprocessor(columns=["x"]).fit(table).names == ("x",)
    with pytest.raises(ValueError, match=r"no column is left to learn from \('same': it is the same in every row\)"):
        TablePreprocessor(columns=["same"]).fit(table)


def test_times_in_texts():
    texts = ["2026-01-01", "2026-01-02 12:30", "2026-01-03T06:00:30Z", ""]
    table = TablePreprocessor(numerical=None, dtype="float64").fit({"t": texts})
    days = table.transform({"t": texts})[:, 0]
    np.testing.assert_allclose(days[:3] - 20454, [0, 1 + 12.5 / 24, 2.25 + 30 / 86400], rtol=1e-9)
    with pytest.raises(ColumnError, match="row 1 holds 'soon', which is no date or time"):
        table.transform({"t": ["2026-01-01", "soon"]})


def test_zones_become_utc():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moments = [datetime.datetime(2026, 1, 1, 2, tzinfo=zone), datetime.datetime(2026, 1, 2, 2, tzinfo=zone)]
    expected = tables.make_column("t", ["2026-01-01", "2026-01-02"]).as_times()
    np.testing.assert_array_equal(tables.make_column("t", moments).as_times(), expected)
    for library in ("pandas", "polars"):
        series = pytest.importorskip(library).Series("t", moments) if library == "polars" else None
        series = pytest.importorskip(library).Series(moments) if series is None else series
        np.testing.assert_array_equal(tables.make_column("t", series).as_times(), expected)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            [1, 2, "abc", 4],
            r"column 'x', row 2 holds 'abc', but 75% of the column are numbers: correct it, count 'abc'",
        ),
        ([1.0, math.inf, 3.0], "column 'x', row 1 is inf, numbers must be finite"),
        ([1, 10**400, 3], "row 1 is inf"),
    ],
)
def test_values_that_do_not_fit(values, words):
    with pytest.raises(ColumnError, match=words):
        TablePreprocessor().fit({"x": values})


@pytest.mark.parametrize("values", [[[1], [2]], [1j, 2j], [b"a", b"b"], [datetime.date(2026, 1, 1), 3]])
def test_values_of_other_kinds(values):
    with pytest.raises(TypeError, match=r"column 'x' (must hold numbers, texts, booleans or dates|mixes dates)"):
        TablePreprocessor().fit({"x": values})


def test_a_mixture_can_be_named():
    table = {"x": [1, 2, "abc", 4, 1]}
    assert TablePreprocessor(columns={"x": "categorical"}, min_count=1).fit(table).output_columns == 4
    fitted = TablePreprocessor(missing=["abc"], numerical=None).fit(table)
    np.testing.assert_array_equal(fitted.transform(table), [[1, 0], [2, 0], [1.5, 1], [4, 0], [1, 0]])


def test_text_in_a_column_of_numbers_later():
    fitted = TablePreprocessor(numerical=None).fit({"x": [1, 2, 3]})
    np.testing.assert_array_equal(fitted.transform({"x": ["4", " 5.5 ", ""]}), [[4], [5.5], [2]])
    with pytest.raises(ColumnError, match="row 1 holds 'many', which is no number") as caught:
        fitted.transform({"x": ["4", "many"]})
    assert (caught.value.column, caught.value.row) == ("x", 1)


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        ({"y": [1.0]}, ValueError, "no column 'x', which the preprocessing was fitted with"),
        ({"x": [1], "y": [1, 2]}, ValueError, None),
        ([1, 2], TypeError, "an array of two dimensions"),
        (np.zeros(3), TypeError, r"got ndarray of shape \(3,\)"),
        ("x.csv", TypeError, "the table must be a frame"),
    ],
)
def test_frames_that_do_not_fit(frame, error, words):
    fitted = TablePreprocessor(numerical=None).fit({"x": [1, 2, 3]})
    if words is None:
        assert fitted.transform(frame).shape == (1, 1)  # further columns are ignored
        with pytest.raises(ValueError, match="column 'x' has 1 rows, column 'y' 2"):
            TablePreprocessor().fit(frame)
        return
    with pytest.raises(error, match=words):
        fitted.transform(frame)


def test_other_wrong_use():
    with pytest.raises(ValueError, match="not been fitted"):
        TablePreprocessor().transform({"x": [1]})
    with pytest.raises(ValueError, match="two columns named '1'"):
        TablePreprocessor().fit({1: [1], "1": [2]})
    with pytest.raises(ValueError, match="the table has no rows"):
        TablePreprocessor().fit({"x": []})
    with pytest.raises(ValueError, match="columns names 'z', the table has 'x'"):
        TablePreprocessor(columns={"z": "drop"}).fit({"x": [1]})
    with pytest.raises(ValueError, match=r"columns\['x'\] must be one of 'numerical', 'categorical'"):
        TablePreprocessor(columns={"x": "number"})
    with pytest.raises(ValueError, match="numerical must be one of 'standard', 'quantile', 'robust', got 'none'"):
        TablePreprocessor("none")
    scipy_sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="sparse"):
        TablePreprocessor().fit(scipy_sparse.csr_matrix(np.eye(3)))


def test_arrays_are_taken_by_position():
    fitted = TablePreprocessor(numerical=None).fit({"a": [1, 2], "b": [3.0, 4.0]})
    np.testing.assert_array_equal(fitted.transform(np.array([[5, 6]], dtype=object)), [[5, 6]])


def test_no_rows_give_no_rows():
    fitted = TablePreprocessor(min_count=1).fit(TABLE)
    empty = {name: [] for name in TABLE}
    assert fitted.transform(empty).shape == (0, fitted.output_columns)


def test_durations_are_seconds():
    column = tables.make_column("d", np.array([1500, "NaT", -2], "m8[ms]"))
    np.testing.assert_array_equal(column.as_numbers(), [1.5, np.nan, -0.002])


def test_a_date_that_no_calendar_has_is_text():
    assert tables.make_column("t", ["2026-02-30", "2026-01-02"]).kind == "text"


def test_what_no_column_can_hold():
    with pytest.raises(ValueError, match=r"column 'x' must have one dimension, got shape \(2, 2\)"):
        tables.make_column("x", np.eye(2))
    with pytest.raises(TypeError, match="column 'x' must hold numbers, texts, booleans or dates, got dtype complex128"):
        tables.make_column("x", np.array([1j]))


def test_decimals_and_numpy_scalars_are_numbers():
    column = tables.make_column("x", [decimal.Decimal("1.5"), np.float32(2), np.int8(3), True])
    np.testing.assert_array_equal(column.as_numbers(), [1.5, 2, 3, 1])


values = some.one_of(
    some.none(), some.booleans(), some.integers(-5, 5), some.floats(-1e6, 1e6), some.sampled_from(["a", "b ", "?", "7"])
)


@given(
    data=some.data(), rows=some.integers(1, 30), numerical=some.sampled_from(["standard", "quantile", "robust", None])
)
def test_any_table_survives_a_file(data, rows, numerical):
    """Whatever can be fitted gives finite numbers, and the same bits after its description went through JSON."""
    table = {name: data.draw(some.lists(values, min_size=rows, max_size=rows)) for name in "pq"}
    kinds = {"p": data.draw(some.sampled_from(["categorical", "drop"])), "q": "categorical", "r": "numerical"}
    numbers = some.one_of(some.none(), some.floats(-1e30, 1e30), some.integers(-9, 9), some.sampled_from(["1", "-3e4"]))
    table["r"] = data.draw(some.lists(numbers, min_size=rows, max_size=rows))
    fitted = TablePreprocessor(numerical, columns=kinds, max_one_hot=data.draw(some.integers(0, 6)), dtype="float64")
    matrix = fitted.fit_transform(table)
    assert np.isfinite(matrix).all()
    assert matrix.shape == (rows, fitted.output_columns)
    twin = TablePreprocessor.from_config(json.loads(json.dumps(fitted.to_config())), fitted.get_state())
    assert twin.output_names == fitted.output_names
    assert (twin.kinds, twin.dropped, twin.codes) == (fitted.kinds, fitted.dropped, fitted.codes)
    np.testing.assert_array_equal(twin.transform(table), matrix)
