"""The gradient check itself: what it must find, what it must not mind, what it says."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from reference import network
from reference.model import Model
from steepest import gradcheck
from steepest.gradcheck import check_function, check_pair
from steepest.gradcheck.report import verdict_of


def cube(x):
    return np.sum(x**3), 3 * x**2


def relu_sum(x):
    return np.sum(np.maximum(x, 0)), (x > 0).astype(float)


def reference_model(
    rng, tamper=None, widths=(4, 6, 5, 3), activation="tanh", dropout=0.3, loss="softmax_cross_entropy"
):
    layers = []
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        layers.append(network.Dense(rng.normal(size=(n_in, n_out)) / np.sqrt(n_in), np.zeros(n_out), l2=1e-3))
        if i < len(widths) - 2:
            layers.append(network.BatchNorm(np.ones(n_out), np.zeros(n_out), np.zeros(n_out), np.ones(n_out)))
            layers.append(network.Activation(activation))
            layers.append(network.Dropout(dropout, i))
    return Model(network.Network(layers, loss), tamper=tamper)


def data(rng, rows=10, features=4, classes=3):
    return rng.normal(size=(rows, features)), rng.integers(classes, size=rows)


# -------------------------------------------------------------------------------------------------------- what is right
def test_cube_two_sided_beats_one_sided():
    x = np.linspace(0.5, 2, 7)
    two, one = check_function(cube, x), check_function(cube, x, method="one-sided")
    assert two.passed
    assert two.verdict == "excellent"
    assert two.relative_error < 1e-9
    assert one.passed
    assert two.relative_error < one.relative_error < 1e-6


@pytest.mark.parametrize("power", [2, 3, 4])
def test_error_falls_as_theory_says(power):
    # f = theta^3 at theta = 1: one-sided error 3 h, two-sided h^2
    h = 10.0**-power
    from steepest.gradcheck.differences import difference

    def line(t):
        return (1 + t) ** 3, t

    assert difference(line, 1.0, h, "one-sided") - 3 == pytest.approx(3 * h + h * h, rel=1e-6)
    assert difference(line, 1.0, h, "two-sided") - 3 == pytest.approx(h * h, rel=1e-3)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_scale_of_the_value_does_not_matter(scale, rng):
    weights = rng.normal(size=10)
    report = check_function(
        lambda x: (scale * np.sum(np.sin(weights * x)), scale * weights * np.cos(weights * x)), rng.normal(size=10)
    )
    assert report.passed
    assert report.verdict == "excellent"


def test_steep_function_needs_shorter_steps(rng):
    # Features of size 1e3: the default step is far too long, the truncation is seen and removed.
    slope = 1e3 * rng.normal(size=8)
    report = check_function(
        lambda x: (np.sum(np.tanh(slope * x)), slope / np.cosh(slope * x) ** 2), 1e-3 * rng.normal(size=8)
    )
    assert report.passed
    assert report.relative_error < 1e-5


def test_noisy_value_lengthens_the_step(rng):
    # 1e6 + small: all of the value's digits but ten are noise for the gradient
    report = check_function(lambda x: (1e6 + np.sum(x**2), 2 * x), rng.normal(size=5))
    assert report.passed
    assert report.noise > 1e-11


@pytest.mark.parametrize("mode", ["full", "sampled", "fast"])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "mse", "sigmoid_cross_entropy"])
@pytest.mark.parametrize("training", [True, False])
def test_reference_network_passes(mode, loss, training, rng):
    model = reference_model(rng, loss=loss)
    x, labels = data(rng)
    y = labels if loss == "softmax_cross_entropy" else rng.uniform(size=(10, 3))
    report = gradcheck(
        model, x, y, loss=loss, training=training, mode=mode, samples=100, sample_weight=rng.uniform(size=10)
    )
    assert report.passed, str(report)
    assert report.verdict == "excellent"
    assert list(report.tensors) == [*model.parameters(), "input"]
    assert not report.wrong


# -------------------------------------------------------------------------------------------------------- what is wrong
def break_entry(name, index, factor):
    def tamper(gradients):
        gradients[name] = gradients[name].copy()
        gradients[name][index] *= factor

    return tamper


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("layer_0.weight", (3, 5)),
        ("layer_4.weight", (0, 0)),
        ("layer_8.bias", (2,)),
        ("layer_5.gamma", (4,)),
        ("input", (9, 2)),
    ],
)
@pytest.mark.parametrize("factor", [1.0005, 0.0, -1.0])
def test_one_wrong_entry_is_named(name, index, factor, rng):
    model = reference_model(rng, break_entry(name, index, factor), dropout=0.0)
    report = gradcheck(model, *data(rng))
    assert not report.passed
    assert report.verdict == "almost surely a bug"
    assert [(entry.name, entry.index) for entry in report.wrong] == [(name, index)]
    first = report.worst[0]
    assert (first.name, first.index) == (name, index)
    assert first.analytic == pytest.approx(factor * first.numeric, rel=1e-5, abs=1e-9)
    assert f"{name}[{', '.join(map(str, index))}]" in str(report)
    assert max(report.tensors, key=report.tensors.get) == name


@pytest.mark.parametrize("factor", [1.0005, 0.0])
def test_one_wrong_entry_beside_relu_kinks(factor, rng):
    x = rng.normal(size=(30, 4))
    x[:10] *= 1e-7  # rows whose pre-activations lie within a step of the kink at zero
    model = reference_model(rng, activation="relu", dropout=0.0)
    model.network.layers = [layer for layer in model.network.layers if not isinstance(layer, network.BatchNorm)]
    y = rng.integers(3, size=30)
    report = gradcheck(model, x, y)
    assert report.passed, str(report)
    assert report.kinks > 0
    assert f"{report.kinks} entries have a kink" in str(report)
    model.tamper = break_entry("layer_0.weight", (2, 3), factor)
    wrong = gradcheck(model, x, y).wrong
    assert [(entry.name, entry.index) for entry in wrong] == [("layer_0.weight", (2, 3))]


@pytest.mark.parametrize("name", ["layer_0.weight", "layer_1.beta", "layer_4.bias", "layer_8.weight", "input"])
@pytest.mark.parametrize("mode", ["sampled", "fast"])
def test_fast_modes_catch_one_wrong_tensor(name, mode, rng):
    def tamper(gradients):
        gradients[name] = gradients[name] * 1.001 + 1e-3 * (
            name == "layer_4.bias"
        )  # its gradient is zero: batch norm follows

    model = reference_model(rng, tamper)
    report = gradcheck(model, *data(rng), mode=mode, samples=60)
    assert not report.passed
    assert {entry.name for entry in report.wrong} == {name}


def test_one_entry_among_many_by_directions(rng):
    weights = rng.normal(size=50_000)

    def function(x):
        gradient = weights * np.cos(x)
        gradient[31_234] = 0.0
        return np.sum(weights * np.sin(x)), gradient

    report = check_function(function, rng.normal(size=50_000), mode="fast")
    assert not report.passed
    assert report.worst[0].index is None


@settings(max_examples=60)
@given(data=some.data())
def test_any_wrong_entry_of_any_smooth_function_is_found(data):
    size = data.draw(some.integers(1, 12))
    rng = np.random.default_rng(data.draw(some.integers(0, 2**32)))
    scale = 10.0 ** data.draw(some.integers(-4, 4))
    # Slopes within a factor of e of each other, so that no entry drowns in the rounding of the sum.
    weights, frequencies = np.exp(rng.uniform(-1, 1, size=(2, size)))
    point = rng.uniform(-0.5, 0.5, size=size)

    def function(x, factor=None):
        gradient = scale * weights * frequencies * np.cos(frequencies * x)
        return scale * np.sum(weights * np.sin(frequencies * x)), gradient * (1.0 if factor is None else factor)

    assert check_function(function, point).verdict == "excellent"
    wrong = data.draw(some.integers(0, size - 1))
    factor = np.ones(size)
    factor[wrong] = data.draw(some.sampled_from([1.0005, 0.9995, 0.0, -1.0, 3.0]))
    report = check_function(lambda x: function(x, factor), point)
    assert [entry.index for entry in report.wrong] == [(wrong,)]


def test_transposed_and_rescaled_gradients_fail(rng):
    a = rng.normal(size=(4, 4))

    def value(x):
        return np.sum(np.sin(a @ x))

    def right(x):
        return a.T @ np.cos(a @ x)

    x = rng.normal(size=(4, 4))
    assert check_function(lambda x: (value(x), right(x)), x).passed
    for wrong in (lambda x: right(x).T, lambda x: 2 * right(x), lambda x: right(x) + 1e-4, lambda x: 0 * x):
        report = check_function(lambda x, wrong=wrong: (value(x), wrong(x)), x)
        assert not report.passed
        assert not report


def test_gradient_without_penalty_fails(rng):
    model = reference_model(rng)
    x, y = data(rng)

    def forget_penalty(gradients):
        gradients["layer_0.weight"] = gradients["layer_0.weight"] - 1e-3 * model.network.layers[0].weight

    assert gradcheck(model, x, y).passed
    model.tamper = forget_penalty
    assert not gradcheck(model, x, y).passed


# ---------------------------------------------------------------------------------------------------------------- kinks
@pytest.mark.parametrize("distance", [0.0, 1e-12, 1e-9, 1e-7, 1e-6, 3e-6, 5e-6, -1e-9, -2e-6])
def test_kink_within_the_step_is_counted(distance):
    report = check_function(relu_sum, np.array([distance, 1.0, -1.0]))
    assert report.passed, str(report)
    assert report.kinks == 1
    assert report.kink_entries[0].index == (0,)


@pytest.mark.parametrize("distance", [1e-7, 1e-6, 3e-6, -2e-6])
def test_wrong_gradient_beside_a_kink_is_wrong(distance):
    report = check_function(lambda x: (relu_sum(x)[0], relu_sum(x)[1] + 0.0005), np.array([distance]))
    assert [entry.index for entry in report.wrong] == [(0,)]


def test_no_kink_in_a_smooth_function(rng):
    assert check_function(cube, rng.normal(size=100)).kinks == 0


# ---------------------------------------------------------------------------------------------------------- its manners
def test_model_is_left_as_it_was(rng):
    model = reference_model(rng)
    before = {name: value.copy() for name, value in model.parameters().items()}
    statistics = model.network.layers[1].running_mean.copy()
    gradcheck(model, *data(rng), burn_in=3)
    for name, value in model.parameters().items():
        assert np.array_equal(value, before[name]), name
    assert np.array_equal(statistics, model.network.layers[1].running_mean)
    assert (model.step, model.network.updates) == (0, 0)


def test_burn_in_checks_elsewhere(rng):
    x, y = data(rng)
    model = reference_model(rng)
    assert gradcheck(model, x, y).value != gradcheck(model, x, y, burn_in=5).value
    assert gradcheck(model, x, y, burn_in=5).passed


def test_burn_in_shows_what_zero_weights_hide(rng):
    # With weights of zero the first layer's gradient is zero, and so is any multiple of it.
    model = reference_model(rng, lambda g: g.update({"layer_0.weight": 3 * g["layer_0.weight"]}), dropout=0.0)
    model.network.layers = [layer for layer in model.network.layers if not isinstance(layer, network.BatchNorm)]
    for layer in model.network.layers:
        if isinstance(layer, network.Dense):
            layer.weight[...] = 0.0
    model.network.layers[-1].weight[...] = 0.0
    x, y = data(rng)
    assert gradcheck(model, x, y, inputs=False).passed
    for layer in model.network.layers:
        if isinstance(layer, network.Dense):
            layer.weight += 0.01 * rng.normal(size=layer.weight.shape)
    assert not gradcheck(model, x, y, inputs=False, burn_in=2).passed


def test_every_tensor_is_sampled(rng):
    model = reference_model(rng)
    report = gradcheck(model, *data(rng), max_entries=20, samples=20)
    assert report.mode == "sampled"
    for summary in report.summaries:
        assert summary.checked >= min(10, int(np.prod(summary.shape)))
        assert summary.directions == 4


def test_input_is_left_out_on_request(rng):
    report = gradcheck(reference_model(rng), *data(rng), inputs=False)
    assert "input" not in report.tensors


def test_pair_with_labels_that_have_no_gradient(rng):
    labels = rng.integers(3, size=5)

    def forward(z, labels):
        return np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(5), labels.astype(int)]

    def backward(dy, z, labels):
        soft = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
        return dy[:, None] * (soft - np.eye(3)[labels.astype(int)]), None

    report = check_pair(forward, backward, rng.normal(size=(5, 3)), labels, names=["logits", "labels"])
    assert report.passed
    assert list(report.tensors) == ["logits"]


def test_matrix_of_no_entries():
    assert check_function(lambda x: (0.0, x), np.zeros((0, 3))).passed


def test_table_is_laid_out(rng):
    text = str(gradcheck(reference_model(rng), *data(rng)))
    lines = text.splitlines()
    assert lines[0] == "Gradient check of Model: passed, excellent"
    assert lines[3].split() == ["tensor", "shape", "compared", "relative", "error", "norm", "wrong", "kinks", "verdict"]
    rows = [line for line in lines[5:] if line]
    assert len(rows) >= 11
    end = lines[3].index("shape") + len("shape")
    assert all(line[end - 1] != " " and line[end] == " " for line in rows[:11])
    assert all(len(line) <= 120 for line in lines)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.0, "excellent"),
        (1e-7, "excellent"),
        (2e-7, "look closer"),
        (1e-5, "look closer"),
        (2e-5, "probably a bug"),
        (1e-3, "almost surely a bug"),
    ],
)
def test_verdicts(error, words):
    assert verdict_of(error) == words
