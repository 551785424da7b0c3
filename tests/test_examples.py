"""The examples keep their promises: what they show is so, and their pictures come out."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def landscape():
    return load("plateau_and_saddle")


@pytest.mark.parametrize("place", ["Saddle", "Plateau"])
def test_gradient_descent_crawls_where_others_do_not(landscape, place):
    problem = getattr(landscape, place)
    needed = {
        name: landscape.steps_needed(problem, landscape.descend(problem, make)[1])
        for name, make in landscape.OPTIMIZERS.items()
    }
    crawl = needed.pop("gradient descent")
    assert all(5 * steps < crawl for steps in needed.values()), (crawl, needed)
    assert crawl <= problem.steps  # it gets there in the end: it is no local minimum


def test_the_saddle_is_one(landscape):
    """At the origin the gradient is zero and the loss falls one way and rises the other."""
    model = landscape.Saddle.model(0.0, 0.0)
    value, gradients = model.loss_and_gradients(landscape.Saddle.x, landscape.Saddle.y, loss="mse")
    assert value == 1.0
    assert not any(gradient.any() for gradient in gradients.values())
    along, across = landscape.loss_at(landscape.Saddle, [(0.1, 0.1), (0.1, -0.1)])
    assert along < 1.0 < across


def test_initialisation_shows_what_it_says():
    example = load("initialisation")
    verdicts = {str(experiment): example.look(*experiment).verdict for experiment in example.EXPERIMENTS}
    assert {"vanishing", "saturating", "healthy"} == set(verdicts.values())


def test_the_watching_schedule_falls():
    history = load("schedules").train()
    assert history["learning_rate"][0] == 0.1
    assert history["learning_rate"][-1] < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sorted(path.stem for path in FOLDER.glob("*.py") if "def draw(path)" in path.read_text())
)
def test_pictures(name, tmp_path):
    pytest.importorskip("matplotlib")
    load(name).draw(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 20_000
