"""The examples keep their promises: they run, what they say is so, and their pictures come out."""

import functools
import io
import runpy
import warnings
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
FOLDER = Path(__file__).resolve().parents[1] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@functools.cache
def run(name):
    """Run an example once, as the gallery does, and return its variables."""
    with warnings.catch_warnings():
        # That the best of a few trials lies at an edge is the search's to say and no fault of the example.
        warnings.filterwarnings("ignore", message="the best .* lies at the")
        return runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize("name", NAMES)
def test_example_runs_and_draws(name):
    pytest.importorskip("sklearn")
    pytest.importorskip("optuna")
    from matplotlib.figure import Figure

    figures = [value for value in run(name).values() if isinstance(value, Figure)]
    assert figures
    for figure in figures:
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=50)
        assert buffer.getvalue().startswith(b"\x89PNG")


def test_first_network_is_good_and_stays_itself():
    variables = run("first_network")
    assert variables["history"]["val_accuracy"][-1] > 0.95
    assert variables["report"].passed
    assert (variables["again"].predict(variables["X_test"]) == variables["model"].predict(variables["X_test"])).all()


def test_the_gradient_check_finds_the_planted_mistake():
    variables = run("gradient_check")
    assert variables["right"].passed
    assert not variables["wrong"].passed
    assert variables["wrong"].worst[0].index == (0, 1)


@pytest.mark.parametrize("place", ["Saddle", "Plateau"])
def test_gradient_descent_crawls_where_others_do_not(place):
    landscape = run("plateau_and_saddle")
    problem = landscape[place]
    needed = {
        name: landscape["steps_needed"](problem, losses)
        for (which, name), (_, losses) in landscape["runs"].items()
        if which is problem
    }
    crawl = needed.pop("gradient descent")
    assert all(5 * steps < crawl for steps in needed.values()), (crawl, needed)
    assert crawl <= problem.steps  # it gets there in the end: it is no local minimum


def test_the_saddle_is_one():
    """At the origin the gradient is zero and the loss falls one way and rises the other."""
    landscape = run("plateau_and_saddle")
    saddle = landscape["Saddle"]
    value, gradients = saddle.model(0.0, 0.0).loss_and_gradients(saddle.x, saddle.y, loss="mse")
    assert value == 1.0
    assert not any(gradient.any() for gradient in gradients.values())
    along, across = landscape["loss_at"](saddle, [(0.1, 0.1), (0.1, -0.1)])
    assert along < 1.0 < across


def test_initialisation_shows_what_it_says():
    verdicts = {report.verdict for report in run("initialisation")["reports"]}
    assert verdicts == {"vanishing", "saturating", "healthy"}


def test_the_watching_schedule_falls():
    history = run("schedules")["history"]
    assert history["learning_rate"][0] == 0.1
    assert history["learning_rate"][-1] < 1e-3


def test_the_checkup_sees_the_scale_and_its_advice_helps():
    pytest.importorskip("sklearn")
    variables = run("checkup")
    assert variables["before"].findings[0].name == "feature scale"
    assert variables["after"]["feature scale"].status == "pass"


def test_a_table_is_learnt_better_than_its_most_frequent_class():
    variables = run("tables")
    assert variables["scores"]["accuracy"] > variables["constant"] + 0.05


def test_together_they_are_better_than_alone():
    variables = run("ensembles")
    assert variables["together"] > sum(variables["alone"]) / len(variables["alone"])
    deviation, grid = variables["spread"].deviation[:, 0], variables["grid"][:, 0]
    where_data_is = (abs(grid) > 1.0) & (abs(grid) < 3.0)
    assert deviation[abs(grid) > 3.8].mean() > 2 * deviation[where_data_is].mean()


def test_exports_are_near():
    reports = run("export")["reports"]
    assert [report.format for report in reports] == ["ONNX", "C99", "NumPy"]
    assert all(not report.largest_difference > 1e-5 for report in reports)


def test_the_search_finds_something_good():
    pytest.importorskip("optuna")
    variables = run("search")
    assert len(variables["result"].trials) == 62
    assert variables["accuracy"] > 0.93


def test_many_networks_find_a_rate_between_too_small_and_too_large():
    variables = run("many_networks")
    losses = [history["val_loss"][-1] if "val_loss" in history else float("inf") for history in variables["histories"]]
    assert losses[variables["best"]] < 0.2 < min(losses[0], losses[-1])
    assert variables["result"].mean["accuracy"] > 0.9


def test_the_monitor_names_rate_and_over_fitting():
    variables = run("monitor")
    assert variables["hasty"].findings[0].name == "learning rate too high"
    assert "over-fitting" in [finding.name for finding in variables["monitor"].findings]
