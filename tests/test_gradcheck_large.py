"""More than 1e5 parameters, one small tensor of them wrong: every mode must find it."""

import numpy as np
import pytest

import steepest as st
from steepest.gradcheck import Problem, check_problem
from steepest.gradcheck.subjects import from_model

L = st.layers


def tampered(problem, change):
    def gradients():
        found = {name: value.copy() for name, value in problem.gradients().items()}
        change(found)
        return found

    return Problem(problem.what, problem.tensors, problem.value, gradients)


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(0)
    layers = [L.Dense(400, activation="tanh"), L.BatchNorm(), L.Dense(240, activation="relu"), L.Dense(3)]
    x, y = rng.normal(size=(8, 40)), rng.integers(3, size=8)
    settings = {"sample_weight": None, "training": True, "inputs": True, "burn_in": 0}
    problem = from_model(st.Sequential(layers, seed=0), x, y, loss="softmax_cross_entropy", **settings)
    assert sum(tensor.size for tensor in problem.tensors.values()) > 100_000
    return problem


@pytest.mark.parametrize("mode", ["auto", "fast"])
def test_right_gradients_pass(large, mode):
    report = check_problem(large, mode=mode, samples=60, directions=2)
    assert report.mode == {"auto": "sampled", "fast": "fast"}[mode]
    assert report.passed, str(report)


@pytest.mark.parametrize(("name", "factor"), [("dense_3.bias", 1.01), ("batch_norm_1.gamma", 0.0)])
@pytest.mark.parametrize("mode", ["sampled", "fast"])
def test_one_small_tensor_wrong(large, name, mode, factor):
    problem = tampered(large, lambda found: found.update({name: factor * found[name]}))
    report = check_problem(problem, mode=mode, samples=60, directions=2)
    assert {entry.name for entry in report.wrong} == {name}, str(report)
    assert report.worst[0].name == name
    assert not report.passed


def bag_of_words(rng, words=1000, hidden=100):
    """The value of tanh(sum of the vectors of some words + b) V; the text is short, so that 1e5 values are quick."""
    text = rng.choice(words, size=5, replace=False)
    table, bias = rng.normal(size=(words, hidden)) / 2, rng.normal(size=hidden)
    out = rng.normal(size=hidden) / np.sqrt(hidden)

    def hidden_layer():
        return np.tanh(np.add.reduce(table[text]) + bias)

    def gradients():
        h = hidden_layer()
        d_bias = out * (1 - h**2)
        d_table = np.zeros_like(table)
        d_table[text] = d_bias
        return {"table": d_table, "bias": d_bias, "out": h}

    tensors = {"table": table, "bias": bias, "out": out}
    return Problem("bag of words", tensors, lambda: float(hidden_layer() @ out), gradients)


def test_one_entry_of_a_small_tensor_wrong_in_a_full_check(rng):
    problem = tampered(bag_of_words(rng), lambda found: np.multiply.at(found["bias"], 7, 1.001))
    report = check_problem(problem, mode="full", method="one-sided")
    assert [(entry.name, entry.index) for entry in report.wrong] == [("bias", (7,))]
    assert sum(summary.checked for summary in report.summaries) == 100_200


class Scale(L.Custom):
    """`y = factor x`, whose backward pass does `fault` to the gradient of its few factors."""

    def __init__(self, fault=None, **settings):
        super().__init__(**settings)
        self.fault = fault

    def parameters(self, width):
        return {"factor": ((width,), 1.0)}

    def forward(self, x, parameters, training):
        return x * parameters["factor"]

    def backward(self, dy, x, y, parameters, training):
        slope = (dy * x).sum(axis=0)
        if self.fault is not None:
            slope = self.fault(slope)
        return dy * parameters["factor"], {"factor": slope}


def one_entry(slope):
    slope[len(slope) // 2] *= 1.05
    return slope


FAULTS = {
    "one entry by 5 %": one_entry,
    "all by 1 %": lambda slope: 1.01 * slope,
    "of another column": lambda slope: slope[::-1].copy(),
    "none": lambda slope: 0 * slope,
}
# Mode asked for, width of the hidden layers, mode that is taken: every one there is.
MODES = [
    ("full", 40, "full"),
    ("auto", 40, "full"),
    ("auto", 320, "sampled"),
    ("sampled", 320, "sampled"),
    ("fast", 320, "fast"),
]


def check_with(fault, mode, width, method, activation="tanh"):
    """Check a network with all that a gradient check has to hold fixed, and a small layer of the user's."""
    rng = np.random.default_rng(1)
    layers = [
        L.Dense(width, activation),
        L.BatchNorm(),
        L.Dropout(0.3),
        L.Dense(width, "gelu"),
        L.Dense(7),
        Scale(fault, name="scale"),
        L.Dense(3, "tanh"),
        L.Dense(3),
    ]
    model = st.Sequential(layers, seed=0, regularizer=st.regularizers.L1L2(1e-5, 1e-3))
    x, labels = rng.normal(size=(8, 10)), rng.integers(3, size=8)
    options = {"burn_in": 2} if method == "two-sided" else {}
    report = st.gradcheck(
        model, x, labels, loss="softmax_cross_entropy", mode=mode, method=method, samples=80, directions=3, **options
    )
    assert sum(np.prod(summary.shape) for summary in report.summaries) > (100_000 if width > 300 else 2_000)
    return report


@pytest.mark.parametrize("method", ["two-sided", "one-sided"])
@pytest.mark.parametrize(("mode", "width", "taken"), MODES)
def test_a_right_network_passes_in_every_mode(mode, width, taken, method):
    report = check_with(None, mode, width, method)
    assert report.mode == taken
    assert report.method == method
    assert report.passed, str(report)
    assert list(report.tensors)[-1] == "input"


@pytest.mark.parametrize(
    ("fault", "method"), [*((fault, "two-sided") for fault in FAULTS), ("one entry by 5 %", "one-sided")]
)
@pytest.mark.parametrize(("mode", "width", "taken"), MODES)
def test_a_planted_fault_is_found_in_every_mode(fault, mode, width, taken, method):
    """Seven numbers among 2,500 or 100,000, in a layer that the user wrote."""
    report = check_with(FAULTS[fault], mode, width, method)
    assert report.mode == taken
    assert {entry.name for entry in report.wrong} == {"scale.factor"}, str(report)
    assert not report.passed
    assert report.verdict == "almost surely a bug"
    assert report.worst[0].name == "scale.factor"
    assert "scale.factor" in str(report)
    if fault == "one entry by 5 %" and mode != "fast":
        assert (3,) in {entry.index for entry in report.wrong}


@pytest.mark.parametrize(("mode", "width", "taken"), MODES)
def test_a_planted_fault_beside_kinks(mode, width, taken):
    report = check_with(FAULTS["all by 1 %"], mode, width, "two-sided", activation="relu")
    assert {entry.name for entry in report.wrong} == {"scale.factor"}, str(report)


@pytest.mark.parametrize("method", ["two-sided", "one-sided"])
@pytest.mark.parametrize(("offset", "size", "l1"), [(20.0, 1e-4, 3e-6), (100.0, 1e-4, 1e-5), (20.0, 1e-3, 1e-5)])
def test_kinks_too_weak_to_show_are_no_fault(offset, size, l1, method):
    """L1 bends the value wherever a weight changes its sign: of 40,000 some do within every step of a direction."""
    for seed in range(2):
        rng = np.random.default_rng(seed)
        weights, slopes = 0.03 * rng.normal(size=40_000), size * rng.normal(size=40_000)

        def value(weights=weights, slopes=slopes):
            return offset + float(np.sum(slopes * np.sin(weights)) + l1 * np.sum(np.abs(weights)))

        def gradients(weights=weights, slopes=slopes):
            return {"weights": slopes * np.cos(weights) + l1 * np.sign(weights)}

        fault = 0.01 * size * rng.normal(size=40_000)

        def wrong(gradients=gradients, fault=fault):
            return {"weights": gradients()["weights"] + fault}

        tensors = {"weights": weights}
        report = check_problem(Problem("L1", tensors, value, gradients), mode="fast", method=method, directions=40)
        assert not report.wrong, str(report)
        assert check_problem(Problem("L1", tensors, value, wrong), mode="fast", method=method, directions=40).wrong
