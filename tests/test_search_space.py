"""Spaces and the arguments of a search."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

import steepest as st
from searches import classes, task
from steepest import search
from steepest.search.staged import SHARE, WIDE, make_passes

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def data():
    return classes()


# --------------------------------------------------------------------------------------------------------------- spaces
def test_scales():
    # Rounding to an integer moves it the most, as a share of the logarithmic range, where 2.5 becomes 2: rounding up
    # begins at 2.5 with 3, and log(3 / 2.5) is less.
    rounding = math.log(2.5 / 2) / math.log(300 / 2)
    for parameter, bound in (
        (search.loguniform(1e-4, 10.0), 1e-12),
        (search.uniform(-3.0, 4.0), 1e-12),
        (search.integers(2, 300, log=True), rounding),
    ):
        ends = parameter.grid(2)
        assert ends == [parameter.low, parameter.high]
        assert [parameter.unit(end) for end in ends] == [0.0, 1.0]
        units = [parameter.unit(value) for value in parameter.grid(9)]
        np.testing.assert_allclose(units, np.linspace(0, 1, 9), atol=bound, rtol=0)
    assert search.integers(1, 3).grid(9) == [1, 2, 3]
    assert search.choice("a", "b", None).grid(1) == ["a", "b", None]


def test_grids_of_a_space():
    space = search.Space({"a": search.uniform(0.0, 1.0), "b": search.choice([True, False]), "c": [7]})
    assert space.grid({"a": 2}) == [{"a": a, "b": b, "c": 7} for a in (0.0, 1.0) for b in (True, False)]
    assert len(space.grid(4)) == 8
    with pytest.raises(ValueError, match="'d' is not in the space"):
        space.grid({"d": 3})


def test_edges_and_what_lies_beyond():
    space = search.Space(
        {
            "rate": search.loguniform(1e-4, 1e-1),
            "dropout": search.uniform(0.0, 0.5, limits=(0.0, 0.9)),
            "depth": search.depth(1, 4),
            "width": search.width(16, 128),
            "kind": search.choice("a", "b"),
        }
    )
    inside = {"rate": 1e-3, "dropout": 0.2, "depth": 2, "width": 50, "kind": "a"}
    assert space.edges(inside) == {}
    assert space.edges({**inside, "dropout": 0.001, "depth": 1}) == {}  # nothing lies beyond
    low = {"rate": 1.2e-4, "dropout": 0.49, "depth": 4, "width": 17, "kind": "b"}
    sides = space.edges(low)
    assert sides == {"rate": "low", "dropout": "high", "depth": "high", "width": "low"}
    wider = space.widened(sides, 0.5)
    assert wider["rate"].low == pytest.approx(10**-5.5)
    assert wider["rate"].high == 1e-1
    assert wider["dropout"].high == pytest.approx(0.75)
    assert wider.widened({"dropout": "high"}, 5.0)["dropout"].high == 0.9
    assert wider["depth"].high == 6
    assert (wider["width"].low, wider["width"].high) == (5, 128)
    assert wider.widened({"width": "low"}, 50.0)["width"].low == 1
    assert wider["kind"] is space["kind"]


def test_narrowed_to_the_good():
    space = search.Space(
        {"rate": search.loguniform(1e-6, 1.0), "size": search.integers(1, 100), "kind": [3, "x", None]}
    )
    good = [{"rate": 1e-3, "size": 20, "kind": "x"}, {"rate": 1e-2, "size": 30, "kind": None}]
    part = space.narrowed(good, 0.1, space)
    assert part["rate"].low == pytest.approx(10**-3.6)
    assert part["rate"].high == pytest.approx(10**-1.4)
    assert (part["size"].low, part["size"].high) == (10, 40)
    assert part["kind"].options == ["x", None]
    again = part.narrowed([{"rate": 1.0, "size": 1, "kind": None}], 1.0, space)  # may leave the part, not the whole
    assert (again["rate"].high, again["size"].low) == (1.0, 1)
    assert again["kind"].options == [None]
    # Up to the nearest that was tried and is not good, or to the end where nobody has been.
    tried = [*good, {"rate": 1e-5, "size": 3, "kind": 3}, {"rate": 1e-6, "size": 31, "kind": 3}]
    known = space.narrowed(good, 0.0, space, tried)
    assert (known["rate"].low, known["rate"].high) == (pytest.approx(1e-5), 1.0)
    assert (known["size"].low, known["size"].high) == (3, 31)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: search.loguniform(0.0, 1.0), "low must be"),
        (lambda: search.uniform(2.0, 1.0), "high must be"),
        (lambda: search.uniform(0.0, 1.0, limits=(0.5, 1.0)), "limits"),
        (lambda: search.uniform(0.0, 1.0, limits=2.0), r"limits must be a pair \(lowest, highest\), got 2\.0"),
        (lambda: search.uniform(0.0, 1.0, limits=(0.0, None)), r"limits must be a pair.*got \(0\.0, None\)"),
        (lambda: search.integers(1, 9, limits=(2, None)), r"limits=\(2, None\) must include the range from 1 to 9"),
        (lambda: search.integers(1, 9, limits="19"), "limits must be a pair.*got '19'"),
        (lambda: search.depth(-1, 3), "low must be at least 0, got -1"),
        (lambda: search.integers(3, 2), "high must be"),
        (lambda: search.integers(0, 2, log=True), "low must be"),
        (lambda: search.integers(1.5, 2), "low must be an integer"),
        (lambda: search.choice(), "at least one option"),
        (lambda: search.choice("a", "a"), "look different"),
        (lambda: search.activation("rely"), "relu"),
        (lambda: search.Space({}), "space must be a dictionary"),
        (lambda: search.Space({"a": 3}), r"space\['a'\]"),
        (lambda: search.perceptron(3, breadth=4), "'breadth'"),
        (lambda: search.perceptron(3)(search.Parameters(rate=1.0)), "'rate'"),
    ],
)
def test_wrong_spaces(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


# ----------------------------------------------------------------------------------------------------------- arguments
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_split": 0.0}, "needs a validation set"),
        ({"validation_data": (np.ones((2, 3)), [0, 1])}, "not both"),
        ({"objective": lambda model, history: 0.0}, "mode must be 'min' or 'max'"),
        ({"objective": 3}, "objective must be"),
        ({"mode": "most"}, "mode must be one of"),
        ({"epochs": 0}, "epochs must be"),
        ({"jobs": 0}, "jobs must be"),
        ({"stop_factor": 1.0}, "stop_factor"),
        ({"build": "relu"}, "build must be a function"),
        ({"callbacks": [st.callbacks.Callback()]}, "callbacks must be a function"),
        ({"fit": {"epochs": 3}}, "give epochs to the search"),
        ({"fit": 0}, "fit must be a dictionary of arguments of fit, got 0"),
        ({"name": 7}, "name must be a text, got 7"),
        ({"storage": 0}, "storage must be the name of a file, got 0"),
    ],
)
def test_wrong_arguments(data, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        task(data, **options)


def test_an_objective_that_is_not_recorded_is_said_after_one_epoch(data):
    with pytest.warns(UserWarning, match="every trial failed, the first with ValueError: objective='val_acuracy'"):
        result = task(data, objective="val_acuracy", epochs=50).random(2)
    for trial in result.trials:
        assert trial.epochs == 1
        assert "objective='val_acuracy' is not recorded, only 'loss'" in trial.message


def test_any_seed_will_do(data):
    assert task(data, seed=2**63, epochs=1).random(1).best.epochs == 1


def test_wrong_passes(data):
    with pytest.raises(ValueError, match="too few for 3 passes"):
        task(data, epochs=3).coarse_to_fine((4, 4, 4))
    with pytest.raises(ValueError, match="must not fall and be as many as the 2 passes"):
        task(data).coarse_to_fine((4, 4), (3, 2))
    with pytest.raises(ValueError, match="must not fall and be as many as the 2 passes"):
        task(data).coarse_to_fine((4, 4), (3,))
    with pytest.raises(ValueError, match="must not fall and be at least one"):
        task(data).coarse_to_fine(epochs=())
    with pytest.raises(ValueError, match="some in the first"):
        task(data).coarse_to_fine((0, 4))
    with pytest.raises(TypeError, match="trials must be a sequence of integers, one for each pass, got 40"):
        task(data).coarse_to_fine(40)
    with pytest.raises(ValueError, match=r"carry must hold one number less than there are passes, 2, got \(1, 1\)"):
        task(data).coarse_to_fine((4, 4), (1, 3), carry=(1, 1))
    with pytest.raises(ValueError, match="early_stopping"):
        task(data, fit={"early_stopping": 3}).halving(9)


def test_the_passes_cost_less_than_a_third_of_the_random_search():
    for epochs in (*range(1, 130), 1000):
        passes = make_passes(epochs, None, None, None)
        assert [p.epochs for p in passes[-2:]] == [epochs, epochs]
        assert all(p.carry <= q.carry for p, q in itertools.pairwise(reversed(passes[:-1])))
        going = [0, *(p.carry for p in passes)]
        before = [0, *(p.epochs for p in passes)]
        spent = sum(p.new * p.epochs + n * (p.epochs - e) for p, n, e in zip(passes, going, before, strict=False))
        # With one epoch the share is spent before the first pass, which has one trial all the same.
        assert spent <= SHARE * WIDE * epochs + (epochs == 1)
        assert passes[0].new == WIDE or epochs < 9
        # Nobody goes on who is not there.
        assert all(p.carry <= n + p.new for p, n in zip(passes, going, strict=False))


def test_the_extra_is_named(monkeypatch, data):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"steepest\[search\]"):
        task(data)


def test_optuna_is_imported_late():
    code = "import sys, steepest as st; st.search.Search; print(any('optuna' in m for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"], capture_output=True
    )
    assert done.stdout.split() == [b"False"], done.stderr
