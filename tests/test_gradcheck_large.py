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
