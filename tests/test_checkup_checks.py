"""What single checks must not mind, what they must say, and where their borders lie."""

import numpy as np
import pytest

import steepest as st
from steepest.checkup import baseline, copies
from steepest.checkup.case import Case
from zoo.sources import blobs, dense, surface

layers = st.layers


def look(name, X, y, model=None, **options):
    """One check, with those it needs."""
    from steepest.checkup.registry import CHECKS

    st.checkup.names()
    model = model or dense(16, int(np.max(y)) + 1)
    return st.checkup(model, X, y, checks=[*CHECKS[name].needs, name], **options)[name]


# ------------------------------------------------------------------------------------------------------------- features
def one_hot(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(30, size=rows), rng.integers(4, size=rows)
    return np.concatenate([np.eye(40)[a], np.eye(4)[b]], axis=1), (a % 2 ^ (b > 1)).astype(int)


def test_empty_categories_and_border_pixels_are_natural():
    X, y = one_hot()
    check = look("constant features", X, y)
    assert check.status == "pass"
    assert "10 of 44 columns are constant" in check.evidence
    X, _ = blobs()
    X[:, 2] = 0.0
    assert look("constant features", X, X[:, 0] > 0).status == "warn"


@pytest.mark.parametrize(
    ("factor", "status"), [(1e-3, "fail"), (0.1, "pass"), (1, "pass"), (11, "warn"), (1e3, "fail")]
)
def test_scale(factor, status):
    X, y = blobs()
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    assert look("feature scale", X * factor, y).status == status


def test_scale_is_that_of_the_first_dense_layer():
    X, y = blobs()
    X = 1000 * X + 5000
    assert look("feature scale", X, y).status == "fail"
    for first in (layers.BatchNorm(), layers.Standardize(X.mean(axis=0), X.std(axis=0))):
        model = st.Sequential([first, layers.Dense(16, "relu"), layers.Dense(3)])
        assert look("feature scale", X, y, model).status == "pass"


def test_sparse_and_heavy_tailed_columns_have_a_sane_scale():
    X, y = one_hot()
    assert look("feature scale", X, y).status == "pass"
    heavy = np.exp(2 * np.random.default_rng(0).normal(size=(500, 5)))
    heavy = (heavy - heavy.mean(axis=0)) / heavy.std(axis=0)
    assert look("feature scale", heavy, heavy[:, 0] > 0).status == "pass"


def test_columns_are_called_by_their_names():
    pandas = pytest.importorskip("pandas")
    X, y = blobs(columns=3)
    frame = pandas.DataFrame(X * [1, 1000, 1], columns=["age", "income", "height"])
    assert "column 'income'" in look("feature scale", frame, y).evidence


def test_codes_of_two_values_may_agree():
    X, y = one_hot()
    assert look("duplicate features", np.column_stack([X, X[:, 0]]), y).status == "pass"
    X, y = blobs()
    check = look("duplicate features", np.column_stack([X, 5 - 2 * X[:, 3]]), y)
    assert check.status == "warn"
    assert "10 is 3" in check.evidence


@pytest.mark.parametrize("spread", [1.0, 3.0, 8.0])
def test_classes_far_apart_do_not_leak(spread):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    X = rng.normal(size=(400, 2)) + spread * y[:, None]
    assert look("leaking features", X, y).status == "pass"


def test_an_autoencoder_does_not_leak():
    X, _ = blobs()
    assert look("leaking features", X, X, dense(16, 10), loss="mse").status == "pass"


# -------------------------------------------------------------------------------------------------------------- targets
@pytest.mark.parametrize(
    ("shift", "advice"), [(1, "the labels are off by 1: subtract 1"), (-1, "add 1 to the labels"), (0, "")]
)
def test_labels_off_by_one(shift, advice):
    X, y = blobs()
    assert look("targets", X, y + shift, dense(8, 3), loss="softmax_cross_entropy").advice == advice


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        ((0, 1, 7), "give the network 8 outputs, or number the 3 classes 0..2"),
        ((-5, 0, 9), "number the classes 0..2: np.unique(y, return_inverse=True)"),
    ],
)
def test_labels_with_gaps(names, advice):
    X, y = blobs()
    assert look("targets", X, np.array(names)[y], dense(8, 3), loss="softmax_cross_entropy").advice == advice


@pytest.mark.parametrize(("share", "status"), [(0.3, "pass"), (0.05, "pass"), (0.005, "warn")])
def test_balance(share, status):
    X = np.random.default_rng(0).normal(size=(2000, 3))
    y = (np.arange(2000) < share * 2000).astype(int)
    assert look("class balance", X, y, dense(8, 2)).status == status
    weighted = look("class balance", X, y, dense(8, 2), class_weight="balanced", loss="softmax_cross_entropy")
    assert weighted.status == "pass"


def test_few_rows_say_nothing_about_labels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 5)), rng.integers(2, size=40)
    assert look("labels and features", X, y).status == "pass"
    X, y = rng.normal(size=(600, 5)), rng.integers(2, size=600)
    assert look("labels and features", X, y).status == "warn"


@pytest.mark.parametrize(("rows", "columns", "share"), [(3000, 10, 0.05), (3000, 50, 0.1), (1000, 10, 0.15)])
def test_a_faint_interaction_is_a_signal(rows, columns, share):
    rng = np.random.default_rng(rows + columns)
    X = rng.normal(size=(rows, columns))
    product = X[:, 0] * X[:, 1]
    y = np.sqrt(share) * product + np.sqrt(1.0 - share) * rng.normal(size=rows)
    found = look("labels and features", X, y, dense(8, 1), loss="mse")
    assert found.status == "pass"
    assert "pairs of columns" in found.evidence
    wrong = rng.random(rows) < 0.5 - 0.5 * np.sqrt(2.0 * share)  # the product itself tells less of its sign
    assert look("labels and features", X, ((product > 0) ^ wrong).astype(int)).status == "pass"


@pytest.mark.parametrize("seed", range(4))
def test_what_is_too_faint_to_be_seen_does_not_fail(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(2000, 20))
    y = 0.1 * X[:, 0] * X[:, 1] * X[:, 2] + rng.normal(size=2000)
    found = look("labels and features", X, y, dense(8, 1), loss="mse")
    assert found.status in ("pass", "warn")
    assert "if they do, the signal is faint" in found.advice


@pytest.mark.parametrize("make", ["wide", "rare", "heavy"])
def test_pairs_of_chance_are_no_signal(make):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, y = {
            "wide": lambda rng: (rng.normal(size=(700, 150)), rng.integers(3, size=700)),
            "rare": lambda rng: ((rng.random((1500, 40)) < 0.01).astype(float), (rng.random(1500) < 0.05).astype(int)),
            "heavy": lambda rng: (rng.standard_t(2, size=(800, 20)), rng.integers(2, size=800)),
        }[make](rng)
        assert look("labels and features", X, y, dense(8, 3)).status == "warn"


@pytest.mark.parametrize("kind", ["ring", "product", "tail", "waves"])
def test_dependence_of_any_form_is_seen(kind):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 3))
    y = {
        "ring": np.hypot(X[:, 0], X[:, 1]) > 1.2,
        "product": X[:, 0] * X[:, 1] > 0,
        "tail": np.exp(2 * X[:, 0]) + rng.normal(size=500) > 8,
        "waves": np.sin(4 * X[:, 0]) > 0,
    }[kind].astype(int)
    assert look("labels and features", X, y).status == "pass"


@pytest.mark.parametrize(("scale", "status"), [(1.0, "pass"), (20.0, "pass"), (100.0, "warn"), (1e5, "fail")])
def test_target_scale(scale, status):
    X, y = surface()
    assert look("target scale", X, scale * y, dense(8, 1), loss="mse").status == status


# ------------------------------------------------------------------------------------------------------------- baseline
@pytest.mark.parametrize(
    ("loss", "y", "zero", "constant", "perfect"),
    [
        ("softmax_cross_entropy", np.array([0, 0, 0, 1]), np.log(2), 0.5623351446, 0.0),
        ("sigmoid_cross_entropy", np.array([0.0, 0.0, 0.0, 1.0]), np.log(2), 0.5623351446, 0.0),
        ("mse", np.array([1.0, 3.0]), 5.0, 1.0, 0.0),
        ("mae", np.array([1.0, 1.0, 4.0]), 2.0, 1.0, 0.0),
        ("poisson", np.array([2.0, 2.0]), 1.0, 2 - 2 * np.log(2), 2 - 2 * np.log(2)),
    ],
)
def test_baselines(loss, y, zero, constant, perfect):
    model = st.Sequential([layers.Dense(2 if loss.startswith("softmax") else 1)], input_shape=1)
    options = {"seed": 0, "budget": 1.0, "batch_size": 2, "epochs": None, "shuffle": True, "loss": loss}
    options |= dict.fromkeys(
        ("optimizer", "augment", "feature_names", "class_weight", "sample_weight", "validation_data")
    )
    case = Case(model, np.ones((len(y), 1)), y, options)
    assert baseline.zero_loss(case, case.data) == pytest.approx(zero)
    assert baseline.constant_loss(case, case.data) == pytest.approx(constant)
    assert baseline.perfect_loss(case, case.data) == pytest.approx(perfect)


def test_plain_copy_has_no_noise_and_no_penalty():
    chain = [layers.GaussianNoise(0.5), layers.Dense(8, "relu", max_norm=1.0), layers.Dropout(0.5)]
    model = st.Sequential([*chain, layers.Dense(2)], regularizer=st.regularizers.L2(0.1), input_shape=4)
    twin = copies.plain(model)
    X, y = np.ones((3, 4)), np.array([0, 1, 1])
    first, second = (twin.loss_and_gradients(X, y, loss="softmax_cross_entropy", dropout_step=i)[0] for i in (1, 2))
    assert first == second
    assert twin.network.penalty() == 0.0
    assert model.network.penalty() > 0.0
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


# ------------------------------------------------------------------------------------------------------------- network
def test_a_zero_output_layer_is_a_good_start():
    X, y = blobs()
    model = st.Sequential([layers.Dense(16, "relu"), layers.Dense(3, initializer="zeros")])
    report = st.checkup(model, X, y, loss="softmax_cross_entropy")
    assert report.passed, str(report)


def test_a_trained_model_is_no_fresh_one():
    X, y = blobs()
    model = dense(16, 3)
    model.fit(X, y, loss="softmax_cross_entropy", epochs=5, verbose=0)
    report = st.checkup(model, X, y)
    assert report.passed, str(report)
    assert report["loss at initialisation"].status == "skip"


def test_own_layers_that_are_right():
    class Square(layers.Custom):
        def forward(self, x, parameters, training):
            return np.tanh(x) ** 2

        def backward(self, dy, x, y, parameters, training):
            return 2 * dy * np.tanh(x) * (1 - np.tanh(x) ** 2), {}

    X, y = blobs()
    model = st.Sequential([layers.Dense(16), Square(), layers.Dense(3)])
    report = st.checkup(model, X, y, loss="softmax_cross_entropy", augment=lambda batch, rng: batch)
    assert report.passed, str(report)
    assert report["own code"].status == "pass"
    assert report["save and load"].status == "skip"


@pytest.mark.parametrize(
    ("optimizer", "status"),
    [
        (st.optimizers.SGD(0.1), "pass"),
        (st.optimizers.Adam(1e-3), "pass"),
        (st.optimizers.Adam(st.schedules.Cosine(1e-2, 200, warmup=20)), "pass"),
        (st.optimizers.SGD(1e-6), "fail"),
        (st.optimizers.SGD(1e3), "fail"),
        (st.optimizers.LBFGS(), "skip"),
    ],
)
def test_rates(optimizer, status):
    X, y = blobs()
    assert look("learning rate", X, y, loss="softmax_cross_entropy", optimizer=optimizer).status == status


def test_range_test_says_what_it_measured():
    X, y = blobs()
    data = look("learning rate", X, y, loss="softmax_cross_entropy", optimizer=st.optimizers.SGD(0.1)).data
    assert len(data["rates"]) == len(data["losses"])
    assert data["low"] <= data["suggested"] <= data["high"]
    # The suggested rate is one that trains.
    model = dense(16, 3)
    history = model.fit(
        X, y, loss="softmax_cross_entropy", optimizer=st.optimizers.SGD(data["suggested"]), epochs=20, verbose=0
    )
    assert history["loss"][-1] < 0.5 * np.log(3)


@pytest.mark.parametrize(
    ("optimizer", "complaint"),
    [
        (st.optimizers.SGD(0.01, momentum=0.999), "momentum 0.999 remembers 1000 steps"),
        (st.optimizers.Adam(1e-3, beta1=0.99, beta2=0.9), "beta1 0.99 is above beta2 0.9: exchanged?"),
        (st.optimizers.Adam(1e-3, epsilon=1.0), "epsilon 1 outweighs most gradients"),
    ],
)
def test_unusual_settings_of_an_optimiser(optimizer, complaint):
    check = look("optimiser settings", *blobs(), optimizer=optimizer)
    assert (check.status, check.evidence) == ("warn", complaint)


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_very_few_rows(rows):
    X, y = blobs(rows, classes=2)
    report = st.checkup(dense(8, 2), X, y, loss="softmax_cross_entropy")
    assert not [check.name for check in report if "the check raised" in check.evidence]


# ------------------------------------------------------------------------------------- one column, one row, one number
@pytest.mark.parametrize(("flipped", "status"), [(0.0, "warn"), (0.004, "warn"), (0.2, "pass")])
def test_a_column_that_sorts_the_classes_leaks(flipped, status):
    X, y = blobs(rows=2000, classes=5, spread=2.0)
    order = np.argsort(np.where(np.random.default_rng(1).random(len(y)) < flipped, 4 - y, y), kind="stable")
    X, y = np.column_stack([X[order], np.linspace(0.0, 1.0, len(y)) ** 3]), y[order]
    check = look("leaking features", X, y)
    assert check.status == status
    assert (check.evidence.startswith("column 10:")) == (status == "warn")


def held(X, y, column=None, scale=1.0, rows=300):
    Xv = X[-rows:].copy()
    if column is not None:
        Xv[:, column] *= scale
    return X[:-rows], y[:-rows], (Xv, y[-rows:])


@pytest.mark.parametrize(("scale", "status"), [(1.0, "pass"), (2.0, "pass"), (100.0, "warn"), (0.01, "warn")])
def test_a_single_column_of_validation_data_in_other_units(scale, status):
    X, y = surface(rows=1500)
    X, y, validation = held(X, y, 2, scale)
    check = look("validation scale", X, y, dense(8, 1), loss="mse", validation_data=validation)
    assert check.status == status
    assert status == "pass" or "column 2" in check.evidence


@pytest.mark.parametrize("seed", range(5))
def test_rare_values_and_heavy_tails_of_two_samples_of_one_thing(seed):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.random(1000) < 0.1, rng.poisson(0.1, 1000), np.exp(2 * rng.normal(size=(1000, 20)))])
    X, y, validation = held(X, rng.integers(2, size=1000), rows=60)
    assert look("validation scale", X, y, validation_data=validation).status == "pass"


@pytest.mark.parametrize(("rows", "count", "status"), [(1000, 6, "warn"), (1000, 30, "pass"), (100, 10, "pass")])
def test_too_few_validation_rows(rows, count, status):
    X, y = blobs(rows=rows + count)
    X, y, validation = held(X, y, rows=count)
    assert look("validation data", X, y, validation_data=validation).status == status


def test_one_wild_row_is_found_wherever_it_is():
    X, y = surface(rows=20_000)
    model = dense(8, 1)
    assert look("outliers", X, y, model, loss="mse").status == "pass"
    wild = X.copy()
    wild[12_345, 3] = -4000.0
    check = look("outliers", wild, y, model, loss="mse")
    assert check.status == "warn"
    assert "column 3 of row 12345 is -4000" in check.evidence
    targets = y.copy()
    targets[777] = 1e4
    assert "the target of row 777 is 1e+04" in look("outliers", X, targets, model, loss="mse").evidence
    assert look("outliers", X, targets, model, loss="huber").status == "pass"


def test_heavy_tails_and_rare_values_are_no_outliers():
    rng = np.random.default_rng(0)
    heavy = np.exp(rng.normal(size=(20_000, 3)))
    rare = np.where(rng.random((20_000, 3)) < 0.01, 500.0 * rng.random((20_000, 3)), 0.0)
    X = np.column_stack([heavy, rare])
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    assert look("outliers", X, heavy[:, 0], dense(8, 1), loss="mse").status == "pass"


@pytest.mark.parametrize(("ending", "status"), [("identity", "warn"), ("softmax", "pass"), ("sigmoid", "pass")])
def test_one_hot_rows_under_a_loss_of_numbers(ending, status):
    X, y = blobs()
    model = st.Sequential([layers.Dense(8, "relu"), layers.Dense(3, ending)])
    assert look("loss and targets", X, np.eye(3)[y], model, loss="mse").status == status


@pytest.mark.parametrize(("units", "rate", "status"), [(16, 0.7, "warn"), (16, 0.5, "pass"), (64, 0.7, "pass")])
def test_dropout_that_leaves_fewer_units_than_classes(units, rate, status):
    X, y = blobs(classes=8)
    model = st.Sequential([layers.Dense(units, "relu"), layers.Dropout(rate), layers.Dense(8)])
    assert look("dropout", X, y, model).status == status


def test_numbers_that_are_not_finite_are_counted():
    X = np.zeros((50, 4))
    X[7, 2], X[7, 3], X[31, 2] = np.nan, np.inf, 1e39
    model = st.Sequential([layers.Dense(1)], seed=0)
    check = st.checkup(model, X, np.arange(50.0), loss="mse", checks=["finite features"])["finite features"]
    assert check.status == "fail"
    assert check.evidence.startswith("3 numbers in 2 rows of X are not finite in float32, in columns 2, 3; ")
    assert check.evidence.endswith("the first is X[7, 2] = nan")
