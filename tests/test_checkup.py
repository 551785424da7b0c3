"""The checkup's frame: its report, its registry, what it leaves untouched."""

import itertools
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import steepest as st
from steepest.checkup import Check, Report, fingerprint
from steepest.checkup.registry import rank


def small(rows=200, columns=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns)).astype("float32")
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def network(**options):
    return st.Sequential([st.layers.Dense(16, "relu"), st.layers.Dropout(0.1), st.layers.Dense(2)], **options)


def test_every_check_reports_with_name_and_threshold():
    X, y = small()
    report = st.checkup(network(), X, y, loss="softmax_cross_entropy")
    assert [check.name for check in report.checks] == [*st.checkup.names(), "model unchanged"]
    assert report.passed, str(report)
    for check in report:
        assert check.evidence
        assert check.family
        assert check.threshold or check.status == "skip", check.name


def test_the_order_does_not_depend_on_what_was_imported_first():
    code = "import steepest.checkup.activations, steepest as st; print(*st.checkup.names(), sep='\\n')"
    names = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")
    assert names[:-1] == st.checkup.names()
    assert names.index("feature scale") < names.index("activation scale") < names.index("learning rate")


@pytest.mark.parametrize("built", [False, True])
def test_nothing_is_changed(built):
    X, y = small()
    model = st.Sequential(
        [st.layers.Dense(8), st.layers.BatchNorm(), st.layers.Dropout(0.2), st.layers.Dense(2)], seed=3
    )
    optimizer = st.optimizers.Adam(1e-2)
    if built:
        model.fit(X, y, loss="softmax_cross_entropy", optimizer=optimizer, epochs=2, verbose=0)
    X0, y0, before = X.copy(), y.copy(), fingerprint(model, optimizer)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    report = st.checkup(model, X, y, loss="softmax_cross_entropy", optimizer=optimizer)
    assert report["model unchanged"].status == "pass"
    assert fingerprint(model, optimizer) == before
    assert model.built is built
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002
    np.testing.assert_array_equal(X, X0)
    np.testing.assert_array_equal(y, y0)


def test_fingerprint_sees_everything():
    X, y = small()
    model, optimizer = network(), st.optimizers.Adam()
    model.fit(X, y, loss="softmax_cross_entropy", optimizer=optimizer, epochs=1, verbose=0)
    prints = [fingerprint(model)]
    for change in (
        lambda: model.layers[0].weight.__setitem__((0, 0), 7.0),
        lambda: setattr(model, "steps", 5),
        lambda: optimizer.slots[0].__setitem__(3, 1.0),
        lambda: setattr(optimizer, "iterations", 9),
        lambda: setattr(optimizer, "learning_rate", 0.5),
        lambda: setattr(model.layers[0], "trainable", False),
    ):
        change()
        prints.append(fingerprint(model))
    assert len(set(prints)) == len(prints)


def test_the_same_twice(monkeypatch):
    """With a clock that counts how often it is asked: how much is sampled depends on the time there is."""
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: 1e-6 * next(ticks))
    X, y = small()
    first, second = (st.checkup(network(), X, y, loss="softmax_cross_entropy") for _ in range(2))
    assert [(c.name, c.status, c.evidence) for c in first] == [(c.name, c.status, c.evidence) for c in second]


def test_budget_is_respected():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4000, 300)).astype("float32"), rng.integers(10, size=4000)
    model = st.Sequential([st.layers.Dense(1024, "relu"), st.layers.Dense(1024, "relu"), st.layers.Dense(10)])
    report = st.checkup(model, X, y, budget=0.02)
    skipped = [check for check in report if check.status == "skip" and "no time left" in check.evidence]
    assert skipped
    # The check that was running when the time ran out is allowed to end.
    assert report.seconds < 10.0


@pytest.mark.data
def test_mnist_takes_less_than_30_seconds(data_dir):
    split = st.datasets.load_mnist(data_dir / "mnist")
    model = st.Sequential([st.layers.Dense(256, "relu"), st.layers.Dense(10)])
    X, Xv = (split.X_train / np.float32(255)), (split.X_test / np.float32(255))
    started = time.process_time()
    report = st.checkup(model, X, split.y_train, validation_data=(Xv, split.y_test), loss="softmax_cross_entropy")
    assert report.passed, str(report)
    # Of the processor: what other processes take on the side is not the checkup's.
    assert time.process_time() - started < 30.0


def test_some_checks_only():
    X, y = small()
    report = st.checkup(network(), X, y, checks=["feature scale", "targets"])
    assert sorted(check.name for check in report) == ["feature scale", "targets"]
    with pytest.raises(ValueError, match="got 'feature scales'"):
        st.checkup(network(), X, y, checks=["feature scales"])
    with pytest.raises(TypeError, match="the string"):
        st.checkup(network(), X, y, checks="targets")


def test_arguments():
    X, y = small()
    with pytest.raises(TypeError, match="unexpected argument 'validation'"):
        st.checkup(network(), X, y, validation=(X, y))
    with pytest.raises(TypeError, match="model must be"):
        st.checkup("model", X, y)
    with pytest.raises(ValueError, match="5 columns"):
        st.checkup(network(input_shape=6), X[:, :5], y)
    with pytest.raises(ValueError, match="budget"):
        st.checkup(network(), X, y, budget=0.0)
    st.checkup(network(), X, y, epochs=3, verbose=0, callbacks=[], validation_split=0.1, checks=["targets"])


@pytest.mark.parametrize(
    ("width", "targets", "loss"),
    [
        (3, np.arange(60) % 3, "softmax_cross_entropy"),
        (1, np.arange(60) % 2, "sigmoid_cross_entropy"),
        (3, np.eye(3)[np.arange(60) % 3], "softmax_cross_entropy"),
        (3, np.random.default_rng(0).integers(2, size=(60, 3)), "sigmoid_cross_entropy"),
        (1, np.linspace(0, 1, 60), "mse"),
    ],
)
def test_guessed_loss(width, targets, loss):
    X = np.random.default_rng(0).normal(size=(60, 4))
    report = st.checkup(st.Sequential([st.layers.Dense(width)]), X, targets, checks=["targets"])
    assert f"loss {loss} (guessed" in report.title


def check(name, status="fail"):
    return Check(name, status, "seen", "do")


def test_causes_come_first():
    found = rank([check("redundant bias", "warn"), check("loss at initialisation"), check("feature scale", "warn")])
    assert [c.name for c in found] == ["feature scale", "redundant bias", "loss at initialisation"]
    assert found[-1].explained_by == "feature scale"
    found = rank([check("redundant bias", "warn"), check("learning rate", "warn"), check("gradient check")])
    assert [c.name for c in found] == ["gradient check", "redundant bias", "learning rate"]


def test_report():
    checks = [check("a"), Check("b", "pass", "fine"), Check("c", "skip", "not now")]
    report = Report("a model", checks, checks[:1], 1.5)
    assert not report
    assert not report.passed
    assert report["b"].status == "pass"
    assert "c" in report
    assert len(report) == 3
    assert report.to_dict()["findings"] == ["a"]
    text = str(report)
    assert "look first at 'a'" in text
    assert "not now" in text
    with pytest.raises(KeyError, match="no check is called 'd'"):
        report["d"]
    with pytest.raises(ValueError, match="status must be one of"):
        Check("a", "passed", "")


def test_a_trained_model_is_not_blamed_for_having_learnt():
    X, y = small(400)
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    model = st.Sequential([st.layers.Dense(32, "relu"), st.layers.Dense(2)], seed=0)
    model.fit(X, y, loss="softmax_cross_entropy", optimizer=st.optimizers.Adam(0.01), epochs=300, verbose=0)
    report = st.checkup(model, X, y)
    assert report.passed, str(report)


def test_columns_are_called_by_their_names():
    X, y = small()
    X[:, 3] *= 1000
    names = ["age", "height", "weight", "income", "rooms", "floor"]
    report = st.checkup(network(), X, y, feature_names=names, checks=["finite features", "feature scale"])
    assert "column 'income'" in report["feature scale"].evidence
    with pytest.raises(ValueError, match="feature_names must hold 6 names, one a column of X, got 2"):
        st.checkup(network(), X, y, feature_names=["a", "b"])


def test_pictures_leave_frozen_encodings_out():
    """The pieces a number is cut into are at their ends by design: neither a finding nor a bar of a picture."""
    X, y = small()
    pieces = st.layers.Dense(12, "hard_sigmoid", initializer={"kind": "normal", "std": 50.0}, trainable=False)
    model = st.Sequential([pieces, st.layers.Dense(16, "tanh"), st.layers.Dense(2)], seed=0)
    checks = ["finite features", "targets", "symmetric initialisation", "activation scale", "saturated units"]
    report = st.checkup(model, X, y, checks=checks)
    assert report["saturated units"].data["layers"] == ["dense_2", "dense_3"]
    assert report["symmetric initialisation"].evidence.endswith("of 1")
    frozen = st.Sequential([st.layers.Dense(9, "tanh", trainable=False), st.layers.Dense(2, trainable=False)], seed=0)
    report = st.checkup(frozen, X, y, checks=checks)
    assert report["activation scale"].data["layers"] == ["dense_1", "dense_2"]
