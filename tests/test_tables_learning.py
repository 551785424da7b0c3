"""Tasks, divisions, scores, networks and recipes for tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import steepest as st
from steepest import tables
from steepest.tables import learning, network, scores
from steepest.tables.columns import make_column


def task_of(values, asked=None):
    task = tables.guess_task(make_column("y", values), asked)
    return task.kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"] * 5, "classification"),
        ([True, False] * 5, "classification"),
        ([0, 1] * 5, "classification"),
        ([-1.5, 2.5] * 5, "classification"),
        ([1, 2, 3] * 20, "classification"),
        ([1.0, 2.0, 3.0] * 20, "classification"),
        ([1.5, 2.0, 3.0] * 20, "regression"),
        (list(range(21)) * 50, "regression"),
        (list(range(10)), "regression"),
    ],
)
def test_guessed_tasks(values, kind):
    assert task_of(values) == kind
    other = "regression" if kind == "classification" else "classification"
    if not isinstance(values[0], str):
        # With as many classes as that, each has two rows at least.
        assert task_of(values * 2, other) == other


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            [1, None, 3, None],
            r"column 'y', row 1 has no value \(as 2 of 4 rows\), and it is the target: fill or leave out",
        ),
        ([3, 3, 3], "the same in every row"),
        ([f"name {i}" for i in range(10)], "10 different values in 10 rows, too many for classes"),
        (["2026-01-01", "2026-01-02"], "holds dates"),
        ([], "has no rows"),
    ],
)
def test_targets_that_cannot_be_learnt(values, words):
    with pytest.raises(ValueError, match=words):
        task_of(values)


def test_a_wrong_task():
    with pytest.raises(ValueError, match="row 0 holds 'a', which is no number"):
        task_of(["a", "b"], "regression")
    with pytest.raises(ValueError, match="task must be one of"):
        task_of([1, 2], "ranking")


@given(
    counts=some.lists(some.integers(1, 40), min_size=1, max_size=5),
    seed=some.integers(0, 99),
    shares=some.tuples(some.floats(0, 0.4), some.floats(0, 0.4)),
)
def test_divisions(counts, seed, shares):
    """Every row is in one part, every class in each in proportion, and the same seed gives the same parts."""
    codes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    if sum(max(round(share * len(codes)), share > 0) for share in shares) >= len(codes):
        return
    rows = tables.split_rows(len(codes), seed=seed, validation=shares[0], test=shares[1], classes=codes)
    again = tables.split_rows(len(codes), seed=seed, validation=shares[0], test=shares[1], classes=codes)
    for part, twin in zip(rows, again, strict=True):
        np.testing.assert_array_equal(part, twin)
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(len(codes)))
    assert set(codes[rows.train]) == set(codes)
    for part, share in ((rows.validation, shares[0]), (rows.test, shares[1])):
        for code, count in enumerate(counts):
            # Evenly spaced picks miss the share of a run by less than one on either side; the second pick is spaced
            # over what the first one left, and small parts are rounded as a whole.
            assert (codes[part] == code).sum() <= share * count + 3


def test_wrong_divisions():
    with pytest.raises(ValueError, match=r"validation=0\.5 and test=0\.5 leave no row of 10 to train on"):
        tables.split_rows(10, validation=0.5, test=0.5)
    with pytest.raises(ValueError, match=r"classes must have shape \(10,\)"):
        tables.split_rows(10, classes=[0, 1])
    assert not np.array_equal(tables.split_rows(100, seed=1).test, tables.split_rows(100, seed=2).test)


def test_scores_are_those_of_scikit_learn(rng):
    metrics = pytest.importorskip("sklearn.metrics")
    p = rng.dirichlet([1, 1], 200).round(1)  # with ties
    codes = rng.integers(0, 2, 200)
    found = scores.classification_scores(codes, p)
    assert found["accuracy"] == metrics.accuracy_score(codes, p.argmax(axis=1))
    np.testing.assert_allclose(found["area under ROC"], metrics.roc_auc_score(codes, p[:, 1]), rtol=1e-12)
    q = rng.dirichlet([1, 1, 1], 200)
    codes = rng.integers(0, 3, 200)
    np.testing.assert_allclose(
        scores.classification_scores(codes, q)["log loss"], metrics.log_loss(codes, q), rtol=1e-12
    )
    y, z = rng.normal(size=(2, 100))
    found = scores.regression_scores(y, z)
    np.testing.assert_allclose(found["R2"], metrics.r2_score(y, z), rtol=1e-12)
    np.testing.assert_allclose(found["MAE"], metrics.mean_absolute_error(y, z), rtol=1e-12)
    np.testing.assert_allclose(found["RMSE"] ** 2, metrics.mean_squared_error(y, z), rtol=1e-12)


def test_constants():
    train, held = np.array([0, 0, 0, 1]), np.array([0, 1])
    found = scores.constant_classification(train, held, 2)
    np.testing.assert_allclose(found["log loss"], -(np.log(0.75) + np.log(0.25)) / 2)
    assert (found["accuracy"], found["area under ROC"]) == (0.5, 0.5)
    assert np.isnan(scores.classification_scores(held[:1], np.array([[1.0, 0.0]]))["area under ROC"])
    assert scores.constant_regression(np.array([1.0, 3.0]), np.array([2.0, 4.0])) == {
        "RMSE": np.sqrt(2.0),
        "MAE": 1.0,
        "R2": -1.0,
    }


def pieces_of(values, dtype):
    """The cuts of one column of numbers, and the first layer of its network alone."""
    table = tables.TablePreprocessor(numerical=None, dtype=dtype).fit({"x": values})
    x = table.transform({"x": values})
    model = network.build_network(table, x, values, loss="mse", pieces=16, hidden=[4], dtype=dtype)
    weight, bias = (model.parameters()[f"columns_1.pieces_0.dense_1.{name}"] for name in ("weight", "bias"))
    made = [st.initializers.Values(tensor) for tensor in (weight, bias)]
    front = st.layers.Dense(weight.shape[1], "hard_sigmoid", initializer=made[0], bias_initializer=made[1])
    return network._cuts(x[:, 0], 16), st.Sequential([front], dtype=dtype, input_shape=1), weight[0], bias


def test_pieces_are_the_linear_interpolation(rng):
    """Between its cuts a piece is (x - a) / (b - a), elsewhere 0 or 1: the sum of steps that np.interp makes."""
    values = np.concatenate([np.zeros(500), rng.lognormal(0, 2, 500)])
    cuts, front, _, _ = pieces_of(values, "float64")
    assert 8 < len(cuts) <= 17
    assert (cuts > 0).sum() > 8  # also where half of the values are the same
    wide = cuts[1:] <= 64.0 * np.diff(cuts)  # narrow ones are tested below
    assert wide.sum() >= 8
    points = np.concatenate([cuts, (cuts[1:] + cuts[:-1]) / 2, [-1.0, 1e6]])
    expected = np.clip((points[:, np.newaxis] - cuts[:-1]) / np.diff(cuts), 0.0, 1.0)
    # The slopes are up to 1 / gap: rounding of x, bias and slope is magnified by the largest cut over the gap.
    slack = 8 * np.finfo(float).eps * (1.0 + np.abs(points).max() / np.diff(cuts).min())
    found = front.predict(points[:, np.newaxis])
    np.testing.assert_allclose(found[:, wide], expected[:, wide], rtol=0, atol=slack)


def test_narrow_pieces_round_nothing_that_another_library_would_round_otherwise():
    """Far from zero and close together: the products are exact, so only the sum and the activation round."""
    values = 100.0 + np.repeat([0.0, 0.001, 0.003, 0.01, 0.1, 1.0, 70.0], 20)
    cuts, front, weight, bias = pieces_of(values, "float32")
    assert len(cuts) == 7
    points = np.concatenate([cuts, (cuts[1:] + cuts[:-1]) / 2]).astype(np.float32)
    found = front.predict(points[:, np.newaxis])
    products = points[:, np.newaxis].astype(float) * weight
    np.testing.assert_array_equal((points[:, np.newaxis] * weight)[:, :5], products[:, :5])  # the last is wide
    exact = np.clip((products + bias) / 6.0 + 0.5, 0.0, 1.0)
    # Within the ramp the sum is below 3, so that it, its sixth and the half added round by epsilon / 2 of 3, 1/2 and 1.
    np.testing.assert_allclose(found, exact, rtol=0, atol=1.5 * np.finfo(np.float32).eps)
    # At the values themselves a piece is 0 or 1, but for the bias, which is rounded like any number of its size.
    steps = (points[:7, np.newaxis] > points[:6].reshape(1, -1)).astype(float)
    slack = np.finfo(np.float32).eps * np.abs(bias).max() / 6.0
    np.testing.assert_allclose(found[:7], steps, rtol=0, atol=slack)


def test_networks_for_any_columns():
    rows = 200
    frame = {"x": np.arange(rows) % 50, "many": [f"c{i % 60}" for i in range(rows)], "few": ["a", "b"] * 100}
    y = np.arange(rows) % 3
    for columns, expected in (
        (None, ["columns", "dense", "dropout", "dense"]),
        (["few"], ["dense", "dropout", "dense"]),
        (["many"], ["columns", "dense", "dropout", "dense"]),
    ):
        table = tables.TablePreprocessor(columns=columns).fit(frame)
        model = tables.build_network(
            table, table.transform(frame), y, loss="softmax_cross_entropy", hidden=[5], outputs=4
        )
        assert [layer.kind for layer in model.layers] == expected
        assert model.output_size == 4
        assert model.preprocessing is table
        assert st.gradcheck(
            model.astype("float64"), table.transform(frame)[:8], y[:8], loss="softmax_cross_entropy"
        ).passed
    plain = tables.build_network(
        tables.TablePreprocessor(columns=["x"]).fit(frame), np.zeros((3, 1)), [1.0, 2.0, 3.0], loss="mse", pieces=0
    )
    assert [layer.kind for layer in plain.layers] == ["dense", "dropout"] * 2 + ["dense"]
    np.testing.assert_allclose(plain.layers[-1].bias, [2.0])


def test_problems_use_the_training_rows_only():
    """Statistics do not change when values of validation and test rows do."""
    rng = np.random.default_rng(0)
    frame = {"x": rng.normal(size=100), "c": rng.choice(["a", "b"], 100).tolist(), "y": rng.normal(size=100)}
    first = tables.make_problem(frame, "y")
    held = np.setdiff1d(np.arange(100), tables.split_rows(100).train)
    other = {name: list(column) for name, column in frame.items()}
    for row in held:
        other["x"][row], other["c"][row], other["y"][row] = 1e6, "new", -1e6
    second = tables.make_problem(other, "y")
    assert second.table.to_config() == first.table.to_config()
    np.testing.assert_array_equal(second.train.x, first.train.x)
    np.testing.assert_array_equal(second.target.mean, first.target.mean)
    assert (len(first.train), len(first.validation), len(first.test)) == (70, 15, 15)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("value", ["abc", np.inf])
def test_errors_name_the_row_of_the_table(part, value):
    row = int(getattr(tables.split_rows(50), part)[3])
    frame = {"x": [i * 0.5 for i in range(50)], "y": [i * 0.3 for i in range(50)]}
    frame["x"][row] = value
    with pytest.raises(tables.ColumnError, match=f"column 'x', row {row} ") as caught:
        tables.make_problem(frame, "y")
    assert not caught.value.of_test


def test_errors_in_test_rows_of_their_own():
    frame = {"x": range(50), "y": ["a", "b"] * 25}
    for column, value in (("x", "abc"), ("y", "c"), ("y", None)):
        other = {name: list(values) for name, values in frame.items()}
        other[column][7] = value
        with pytest.raises(tables.ColumnError, match=f"column '{column}', row 7 ") as caught:
            tables.make_problem(frame, "y", test_frame=other)
        assert caught.value.of_test


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"x": range(5), "y": [0, 1, 0, 1, 0]}, "the table has 5 rows, at least 10 are needed"),
        ({"x": range(50)}, "the table has no column 'y', only 'x'"),
        ({"x": range(10), "y": [*"abcdefghii"]}, "the target 'y' has 9 different values in 10 rows, too many"),
    ],
)
def test_tables_that_cannot_be_divided(frame, words):
    with pytest.raises(ValueError, match=words):
        tables.make_problem(frame, "y")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target": 0}, "target must be the name of a column, a text, got 0"),
        ({"target": ["y"]}, r"target must be the name of a column, a text, got \['y'\]"),
        ({"columns": 3}, "columns must be a dictionary of kinds by name or a list of names, got 3"),
        ({"missing": None}, "missing must be a list of texts, got None"),
        ({"missing": "?"}, r"missing must be a list of texts, got '\?'"),
        ({"missing": [3]}, r"missing must be a list of texts, got \[3\]"),
    ],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(TypeError, match=words):
        tables.make_problem({"x": range(50), "y": ["a", "b"] * 25}, **{"target": "y", **arguments})


def test_predictions_need_a_model():
    with pytest.raises(TypeError, match=r"model must be a model of steepest, got 'net\.npz'"):
        tables.predict("net.npz", {"x": [1.0]})


def test_two_rows_of_a_class_are_enough():
    assert tables.make_problem({"x": range(10), "y": ["a", "b", "c", "d", "e"] * 2}, "y").outputs == 5


def test_recipes():
    assert tables.default_recipe(20).batch_size == 16
    assert tables.default_recipe(20_000).batch_size == 256
    assert tables.default_recipe(10**6).batch_size == 1024
    assert tables.default_recipe(10**6).epochs == 12
    assert tables.default_recipe(100, epochs=7, hidden=None, dropout=0.0) == tables.Recipe(
        dropout=0.0, epochs=7, batch_size=16, patience=5
    )
    steps = [tables.default_recipe(5000, outputs).epochs for outputs in (2, 10, 30)]
    assert steps[0] < steps[1] < steps[2]


def test_a_problem_from_beginning_to_end():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 600)
    group = rng.choice(["a", "b"], 600)
    frame = {"x": x, "group": group.tolist(), "y": np.where((x > 0.3) == (group == "a"), "in", "out").tolist()}
    problem = tables.make_problem(frame, "y")
    recipe = tables.default_recipe(len(problem.train), problem.outputs)
    model = recipe.model(problem, seed=0)
    history, stopping = recipe.fit(model, problem, verbose=0)
    assert stopping.best_epoch <= history.epochs <= recipe.epochs
    found, constant = learning.judge(model, problem, problem.test)
    assert found["accuracy"] > 0.95 > 0.75 > constant["accuracy"]
    predicted = tables.predict(model, {"x": [0.9, 0.9], "group": ["a", "b"]})
    assert predicted.values.tolist() == ["in", "out"]
    assert predicted.classes == ("in", "out")


def test_predictions_of_other_models():
    frame = {"x": [1.0, 2.0, 3.0, 4.0]}
    table = tables.TablePreprocessor(numerical=None).fit(frame)
    model = st.Sequential([st.layers.Dense(1, initializer=1.0)], input_shape=1)
    with pytest.raises(ValueError, match="the model has no preprocessing"):
        tables.predict(model, frame)
    model.preprocessing = table
    np.testing.assert_array_equal(tables.predict(model, frame).values, [1, 2, 3, 4])
    model.loss = st.losses.Poisson()
    np.testing.assert_allclose(tables.predict(model, frame).values, np.exp([1, 2, 3, 4]), rtol=1e-6)
    model.loss, model.target = st.losses.SigmoidCrossEntropy(), tables.ClassLabels().fit([False, True])
    found = tables.predict(model, {"x": [-1.0, 1.0]})
    assert found.values.tolist() == [False, True]
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0, rtol=1e-6)
