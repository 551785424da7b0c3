"""Statistics of activations and gradients: against NumPy, the theory of initialisation, and what pictures need."""

import numpy as np
import pytest

import steepest as st
from steepest import diagnostics
from steepest.diagnostics import activation_statistics, linear_growth
from steepest.diagnostics.backward import cut, value_gradient
from steepest.registry import LOSSES
from tolerance import assert_within


def forward(model, x):
    """Outputs of every dense layer of a chain of tanh layers with a linear end, in NumPy."""
    values = []
    for layer in model.layers:
        x = x @ layer.weight + layer.bias
        x = np.tanh(x) if layer.activation.kind == "tanh" else x
        values.append(x)
    return values


@pytest.fixture
def model():
    chain = [st.layers.Dense(7, "tanh"), st.layers.Dense(5, "tanh"), st.layers.Dense(3)]
    return st.Sequential(chain, seed=1, dtype="float64", input_shape=4)


def test_numbers_of_a_model(model, rng):
    x, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 3))
    report = activation_statistics(model, x, y, loss="mse")
    assert [layer.name for layer in report.layers] == ["dense_1", "dense_2", "dense_3"]
    assert [layer.function for layer in report.layers] == ["tanh", "tanh", "identity"]
    values = forward(model, x)
    towards = 2 * (values[-1] - y) / y.size
    for number in (2, 1, 0):
        layer = report.layers[number]
        assert_within([layer.mean, layer.std], [values[number].mean(), values[number].std()], 1e-14)
        assert_within([layer.gradient_mean, layer.gradient_std], [towards.mean(), towards.std()], 1e-14)
        assert layer.counts.sum() == values[number].size
        if number:
            slope = 1 - values[number] ** 2 if number < 2 else 1.0
            towards = (towards * slope) @ model.layers[number].weight.T
    assert report.input.std == pytest.approx(x.std())
    assert report.hidden == report.layers[:2]


def test_the_model_is_left_as_it_is(model, rng):
    x, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
    model.fit(x, y, loss="mse", epochs=1, verbose=0)
    before, steps = model.network.parameter_arena.copy(), model.steps
    activation_statistics(model, x, y)
    np.testing.assert_array_equal(model.network.parameter_arena, before)
    assert model.steps == steps


def test_gradients_of_values_agree_with_differences(rng):
    """Through batch norm in training mode and a softmax loss, where nothing is written down by hand."""
    chain = [st.layers.Dense(6, "tanh"), st.layers.BatchNorm(), st.layers.Dropout(0.3), st.layers.Dense(3)]
    model = st.Sequential(chain, seed=3, dtype="float64", input_shape=4)
    x, y = rng.normal(size=(9, 4)), rng.integers(3, size=9)
    loss = LOSSES.create("softmax_cross_entropy")
    targets = loss.check_targets(y, 9, 3)
    values = model.network.core.forward(x, True, 0, model.seed, 1)
    for number, value in enumerate(values):
        gradient = value_gradient(model, number, value, targets, loss, True)
        part = type(model.network)(cut(model.network.program, number), "float64")
        part.copy_from(model.network)
        for index in [(0, 0), (4, 1), (8, 2)]:
            sides = []
            for step in (1e-5, -1e-5):
                moved = value.copy()
                moved[index] += step
                flat = np.zeros_like(part.parameter_arena)
                sides.append(
                    part.core.loss_and_gradients(moved, targets, None, loss.to_core(), True, flat, None, 0, 3, 1)[0]
                )
            assert gradient[index] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-9)
    _, gradients = model.loss_and_gradients(x, y, loss=loss, input_gradient=True)
    np.testing.assert_allclose(value_gradient(model, 0, values[0], targets, loss, True), gradients["input"], rtol=1e-12)


@pytest.mark.parametrize(
    ("activation", "initializer", "forwards", "backwards"),
    [
        ("tanh", "small_normal", "vanishing", "vanishing"),
        ("tanh", {"kind": "normal", "std": 1.0}, "saturating", "exploding"),
        ("tanh", "glorot", "healthy", "healthy"),
        ("sigmoid", {"kind": "normal", "std": 1.0}, "saturating", "healthy"),
        ("relu", "small_normal", "vanishing", "vanishing"),
        ("relu", "glorot", "vanishing", "vanishing"),
        ("relu", "he", "healthy", "healthy"),
        ("relu", {"kind": "normal", "std": 1.0}, "exploding", "exploding"),
        ("relu", "auto", "healthy", "healthy"),
        ("identity", "lecun", "healthy", "healthy"),
        ("identity", {"kind": "orthogonal", "gain": 1.5}, "exploding", "exploding"),
        ("tanh", "zeros", "vanishing", "vanishing"),
    ],
)
def test_the_lecture(activation, initializer, forwards, backwards):
    report = activation_statistics(activation=activation, initializer=initializer, width=128, rows=256)
    assert (report.verdict, report.gradient_verdict) == (forwards, backwards)
    assert f"activations {forwards}" in str(report)
    assert len(report.layers) == 10


def test_deviations_are_those_of_the_theory():
    # He keeps E x^2 before ReLU; Glorot at ReLU halves it in every layer; orthogonal matrices keep it exactly. Of a sum
    # z that is normal with variance v, E relu(z)^2 = v / 2 and E relu(z)^4 = 3 v^2 / 2, so its square has a variance of
    # 5 / 4 v^2: five times its squared mean. The mean square of one row over 512 units strays by sqrt(5 / 512) in a
    # layer and by sqrt(5 l / 512) in l layers. Rows share the weights but lie apart, so their mean strays by less: half
    # as much after 5 layers, two thirds after 8 (60 networks of NumPy's). What is allowed is the deviation of one row.
    def strays(layers):
        return np.sqrt(5 * np.arange(1, layers + 1) / 512)

    he = activation_statistics(initializer="he", depth=5, width=512)
    square = [layer.mean**2 + layer.std**2 for layer in he.layers]
    assert_within(square, np.ones(5), strays(5))
    glorot = activation_statistics(initializer="glorot", depth=8, width=512)
    square = np.array([layer.mean**2 + layer.std**2 for layer in glorot.layers])
    expected = 0.5 ** np.arange(1, 9)
    assert_within(square, expected, expected * strays(8))
    kept = activation_statistics(activation="identity", initializer="orthogonal", depth=5)
    square = np.array([layer.mean**2 + layer.std**2 for layer in kept.layers])
    np.testing.assert_allclose(square, kept.input.mean**2 + kept.input.std**2, rtol=1e-4)


def test_dead_and_saturated_units_are_counted(rng):
    model = st.Sequential([st.layers.Dense(4, "relu"), st.layers.Dense(2, "sigmoid")], input_shape=3)
    model.layers[0].bias[...] = [-1e6, -1e6, -1e6, 1e6]
    model.layers[1].weight[...] = 0
    model.layers[1].bias[...] = [0.0, 10.0]
    first, second = activation_statistics(model, rng.normal(size=(30, 3))).layers
    assert (first.dead, first.zero, first.saturated) == (0.75, 0.75, 0.0)
    assert (second.dead, second.saturated) == (0.0, 0.5)


def test_numbers_that_overflow():
    report = activation_statistics(initializer={"kind": "normal", "std": 1e20}, depth=6, width=16)
    assert report.verdict == "exploding"
    assert "exploding" in str(report)


def test_linear_growth():
    report = linear_growth((0.5, 1.0, 1.5), depth=30)
    layers = np.arange(31)
    for factor in (0.5, 1.0, 1.5):
        np.testing.assert_allclose(report.outputs[factor], factor**layers, rtol=1e-12)
        np.testing.assert_allclose(report.gradients[factor], factor ** (30 - layers), rtol=1e-12)


def test_wrong_use(model, rng):
    with pytest.raises(ValueError, match="X must be given"):
        activation_statistics(model)
    with pytest.raises(ValueError, match="go with a model"):
        activation_statistics(X=rng.normal(size=(3, 4)))
    with pytest.raises(ValueError, match="loss must be given"):
        activation_statistics(model, rng.normal(size=(3, 4)), rng.normal(size=(3, 3)))
    x = rng.normal(size=(3, 4))
    x[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"X\[1, 2\] is nan"):
        activation_statistics(model, x)
    for name in ("depth", "width"):
        with pytest.raises(ValueError, match=name):
            activation_statistics(**{name: 0})
    with pytest.raises(ValueError, match="factors"):
        linear_growth([0.0])


def test_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    for initializer in ("he", "zeros", {"kind": "normal", "std": 1e20}):
        report = activation_statistics(initializer=initializer, depth=14, width=16, rows=32)
        figure = report.plot(tmp_path / "report.png")
        assert len(figure.subfigs[0].axes) == 3
        assert len(figure.subfigs[1].axes) == 12
        assert (tmp_path / "report.png").stat().st_size > 10_000
    linear_growth(depth=5).plot(tmp_path / "growth.svg")
    assert (tmp_path / "growth.svg").read_text().count("<svg") == 1


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"steepest\[plot\]"):
        diagnostics.linear_growth(depth=2).plot()
