"""Losses: values against formulas, gradients, targets, links, smoothing, the user's own."""

import numpy as np
import pytest

import steepest as st
from reference import layers as reference
from steepest.registry import LOSSES

L, losses = st.layers, st.losses
OBJECTS = {
    "mse": losses.MSE(),
    "mae": losses.MAE(),
    "huber": losses.Huber(0.7),
    "poisson": losses.Poisson(),
    "quantile": losses.Quantile(0.8),
    "hinge": losses.Hinge(),
}
SETTINGS = {"huber": {"delta": 0.7}, "quantile": {"q": 0.8}}


def outputs_as_they_are(dtype="float64"):
    return st.Sequential([L.Activation("identity")], dtype=dtype)


def targets(rng, name, shape):
    if name == "poisson":
        return rng.poisson(2.0, size=shape).astype(float)
    return rng.choice([-1.0, 1.0], size=shape) if name == "hinge" else rng.normal(size=shape)


def test_every_loss_is_tested():
    assert {*OBJECTS, "softmax_cross_entropy", "sigmoid_cross_entropy"} == {
        name for name in LOSSES.names() if not name.startswith("test_")
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OBJECTS)
def test_values(name, weighted, dtype, rng):
    z = rng.normal(0.0, 2.0, size=(19, 3)).astype(dtype)
    y = targets(rng, name, z.shape).astype(dtype)
    weights = rng.uniform(0.0, 2.0, size=19) if weighted else None
    rows = reference.LOSSES[name](z.astype(float), y.astype(float), **SETTINGS.get(name, {}))
    found = outputs_as_they_are(dtype).evaluate(z, y, loss=OBJECTS[name], sample_weight=weights)
    assert found["loss"] == pytest.approx(np.average(rows, weights=weights), rel=50 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OBJECTS)
def test_gradients(name, weighted, rng):
    z = rng.normal(size=(9, 3))
    weights = rng.uniform(0.1, 2.0, size=9) if weighted else None
    report = st.gradcheck(OBJECTS[name], z, targets(rng, name, z.shape), sample_weight=weights)
    assert report.passed, str(report)


@pytest.mark.parametrize("classes", [2, 5])
def test_multiclass_hinge(classes, rng):
    z, labels = rng.normal(0, 2, size=(30, classes)), rng.integers(classes, size=30)
    found = outputs_as_they_are().evaluate(z, labels, loss="hinge")
    assert found["loss"] == pytest.approx(reference.multiclass_hinge(z, labels).mean(), rel=1e-13)
    assert found["accuracy"] == np.mean(z.argmax(axis=1) == labels)
    assert st.gradcheck("hinge", z, labels).passed


@pytest.mark.parametrize("soft", [False, True])
def test_label_smoothing(soft, rng):
    z = rng.normal(0, 2, size=(12, 4))
    labels = rng.integers(4, size=12)
    y = rng.dirichlet(np.ones(4), size=12) if soft else labels
    loss = losses.SoftmaxCrossEntropy(label_smoothing=0.1)
    expected = reference.smoothed_cross_entropy(z, y if soft else np.eye(4)[labels], 0.1).mean()
    assert outputs_as_they_are().evaluate(z, y, loss=loss)["loss"] == pytest.approx(expected, rel=1e-13)
    assert st.gradcheck(loss, z, y).passed
    assert loss.get_config() == {"kind": "softmax_cross_entropy", "label_smoothing": 0.1}


def test_the_pinball_loss_finds_the_quantile(rng):
    y = rng.exponential(size=4000)
    model = st.Sequential([L.Dense(1, initializer="zeros")], dtype="float64")
    adam = st.optimizers.Adam(st.schedules.Cosine(0.05, steps=2000))
    model.fit(np.zeros((4000, 1)), y, loss=losses.Quantile(0.9), optimizer=adam, epochs=100, batch_size=200, verbose=0)
    assert model.predict([[0.0]])[0, 0] == pytest.approx(np.quantile(y, 0.9), rel=0.02)


def test_links(rng):
    z = rng.normal(size=(4, 3)).astype("float32")
    model = outputs_as_they_are("float32")
    np.testing.assert_allclose(model.predict_proba(z, loss="softmax_cross_entropy").sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(losses.Poisson().link(z), np.exp(z))
    np.testing.assert_array_equal(losses.MAE().link(z), z)
    for name in ("poisson", "hinge", "mae"):
        with pytest.raises(ValueError, match=f"probabilities.*'{name}'"):
            model.predict_proba(z, loss=name)


@pytest.mark.parametrize("kind", ["int64", "bool", "float32"])
def test_hinge_takes_zeros_and_ones(kind, rng):
    z = rng.normal(size=(8, 1))
    y = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    model = outputs_as_they_are()
    found = model.evaluate(z, y.astype(kind), loss="hinge")
    assert found == model.evaluate(z, 2.0 * y - 1, loss="hinge")
    assert found["accuracy"] == np.mean((z[:, 0] > 0) == (y == 1))


@pytest.mark.parametrize(
    ("loss", "y", "words"),
    [
        ("poisson", [[0.0], [-1.0]], r"y\[1, 0\] is -1.0.*not be negative"),
        ("hinge", [[0.5], [1.0]], r"y\[0, 0\] is 0.5.*-1 and 1"),
        ("hinge", [[0, -1], [1, 0]], r"-1, 0 and 1"),
        ("mae", [[np.nan], [1.0]], "finite"),
        ("quantile", [1.0, 2.0, 3.0], "y has 3 rows, X has 2"),
    ],
)
def test_wrong_targets(loss, y, words):
    width = np.shape(y)[1] if np.ndim(y) > 1 else 1
    with pytest.raises(ValueError, match=words):
        outputs_as_they_are().evaluate(np.zeros((2, width)), y, loss=loss)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: losses.Huber(0.0), "delta.*0"),
        (lambda: losses.Quantile(1.0), r"q must be in \(0, 1\), got 1.0"),
        (lambda: losses.SoftmaxCrossEntropy(1.0), r"label_smoothing must be in \[0, 1\), got 1.0"),
    ],
)
def test_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_a_loss_goes_on_from_a_file(name, rng, tmp_path):
    x = rng.normal(size=(30, 3))
    y = targets(rng, name, (30, 2))
    model = st.Sequential([L.Dense(2)], dtype="float64")
    model.fit(x, y, loss=OBJECTS[name], epochs=1, verbose=0)
    model.save(tmp_path / "model.npz")
    twin = st.load(tmp_path / "model.npz")
    assert twin.loss == OBJECTS[name]
    assert twin.evaluate(x, y) == model.evaluate(x, y)


# ---------------------------------------------------------------------------------------------------------- user's own
def log_cosh(z, y):
    d = z - y
    return np.log(np.cosh(d)).mean(axis=1), np.tanh(d) / z.shape[1]


@LOSSES.register("test_log_cosh")
class LogCosh(losses.Custom):
    """For the tests."""

    def __init__(self):
        super().__init__(log_cosh)


def test_custom_loss_trains_like_its_built_in_twin(rng):
    def mse(z, y):
        return ((z - y) ** 2).mean(axis=1), 2 * (z - y) / z.shape[1]

    x, y, weights = rng.normal(size=(50, 3)), rng.normal(size=(50, 2)), rng.uniform(0.1, 2, size=50)
    found = []
    for loss in ("mse", losses.Custom(mse)):
        model = st.Sequential([L.Dense(8, "tanh"), L.Dense(2)], dtype="float64", seed=4)
        history = model.fit(x, y, loss=loss, sample_weight=weights, epochs=3, batch_size=16, verbose=0)
        found.append((model.predict(x), history["loss"]))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12)


def test_custom_loss_of_labels(rng):
    def cross_entropy(z, labels):
        rows, columns = np.arange(len(z)), labels[:, 0].astype(int)
        log_p = reference.log_softmax(z)
        return -log_p[rows, columns], np.exp(log_p) - np.eye(z.shape[1])[columns]

    z, labels = rng.normal(size=(11, 4)), rng.integers(4, size=11)
    custom = losses.Custom(cross_entropy, labels=True)
    model = outputs_as_they_are()
    expected = model.evaluate(z, labels, loss="softmax_cross_entropy")["loss"]
    assert model.evaluate(z, labels, loss=custom)["loss"] == pytest.approx(expected, rel=1e-13)
    assert st.gradcheck(custom, z, labels).passed


def test_custom_loss_is_checked_and_saved(rng, tmp_path):
    z, y = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    assert st.gradcheck("test_log_cosh", z, y, sample_weight=np.arange(1.0, 7.0)).passed
    assert not st.gradcheck(losses.Custom(lambda a, b: (log_cosh(a, b)[0], a - b)), z, y).passed
    model = st.Sequential([L.Dense(2)])
    model.fit(z, y, loss="test_log_cosh", epochs=1, verbose=0)
    model.save(tmp_path / "model.npz")
    assert isinstance(st.load(tmp_path / "model.npz").loss, LogCosh)
    model.fit(z, y, loss=losses.Custom(log_cosh), epochs=1, verbose=0)
    with pytest.raises(ValueError, match="cannot be saved: register it"):
        model.save(tmp_path / "never.npz")


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda z, y: z, TypeError, r"must return \(losses, gradient\)"),
        (lambda z, y: (z, z), ValueError, r"losses of shape \(3,\)"),
        (lambda z, y: (z[:, 0], z[:, :1]), ValueError, r"gradient of shape \(3, 2\), got"),
        (lambda z, y: 1 / 0, ZeroDivisionError, "division"),
    ],
)
def test_what_a_custom_loss_does_wrong_is_said(function, error, words):
    with pytest.raises(error, match=words):
        outputs_as_they_are().evaluate(np.zeros((3, 2)), np.zeros((3, 2)), loss=losses.Custom(function))
