"""The error of difference quotients against the step: its slopes, what a wrong gradient does to it, the picture."""

import subprocess
import sys

import numpy as np
import pytest

import steepest as st
from steepest.gradcheck import step_curve
from tolerance import assert_within, eps


def cube(theta):
    return np.sum(theta**3), 3 * theta**2


def test_theta_cubed():
    curve = step_curve(cube, 1.0)
    assert curve.slope == 3.0
    clear = curve.steps >= 1e-4
    steps = curve.steps[clear]
    # Each of the two values is off by an ulp of its own, eps, and by 3 theta^2 times the half ulp by which 1 + step is
    # rounded; the difference, the quotient and what is subtracted from it are rounded once each, at about 3.
    value = (1 + 1.5 * (1 + steps) ** 2) * eps(np.float64)
    thrice = 3 * 0.5 * eps(np.float64) * (3 + 3 * steps + steps**2)
    assert_within(curve.one_sided[clear], 3 * steps + steps**2, 2 * value / steps + thrice)
    assert_within(curve.two_sided[clear], steps**2, 2 * value / (2 * steps) + thrice)
    assert curve.orders == (pytest.approx(1.0, abs=0.01), pytest.approx(2.0, abs=0.02))


def test_rounding_takes_over_below_the_best_step():
    curve = step_curve(cube, np.linspace(0.5, 2.0, 7))
    short = curve.steps < 1e-9
    for errors in (curve.one_sided, curve.two_sided):
        rounding = np.median(errors[short] * curve.steps[short]) / curve.noise
        assert 0.05 < rounding < 20
    # The check's steps are near the best ones: within a factor of a hundred of the least error.
    for errors, step in ((curve.two_sided, curve.step), (curve.one_sided, curve.step**1.5)):
        at = np.argmin(np.abs(np.log(curve.steps / step)))
        assert errors[at] < 100 * np.median(np.sort(errors)[:5])


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_of_a_model(activation, rng):
    model = st.Sequential([st.layers.Dense(8, activation=activation), st.layers.Dense(3)], seed=0)
    x, y = rng.normal(size=(10, 4)), rng.integers(3, size=10)
    curve = step_curve(model, x, y, loss="softmax_cross_entropy")
    one, two = curve.orders
    assert one == pytest.approx(1.0, abs=0.1)
    assert two == pytest.approx(2.0, abs=0.2)
    assert not model.built


def test_a_wrong_gradient_does_not_get_better():
    curve = step_curve(lambda theta: (theta**3, 3.003 * theta**2), 1.0)
    assert curve.orders == (pytest.approx(0.0, abs=0.2), pytest.approx(0.0, abs=0.01))
    assert np.median(curve.two_sided) == pytest.approx(0.003, rel=1e-3)


def test_steps_of_ones_own():
    curve = step_curve(cube, [1.0, -2.0], steps=[1e-2, 1e-4])
    assert curve.steps.tolist() == [1e-4, 1e-2]
    assert np.isnan(curve.orders).all()


@pytest.mark.parametrize("steps", [[], [0.0, 1e-3], [-1e-3], [np.nan]])
def test_steps_that_are_none(steps):
    with pytest.raises(ValueError, match="steps must be positive finite numbers"):
        step_curve(cube, 1.0, steps=steps)


def test_printed():
    lines = str(step_curve(cube, 1.0)).splitlines()
    assert lines[0].startswith("Error of difference quotients of function cube, slope 3")
    assert lines[1].startswith("one-sided: falls like eps^1.00, least ")
    assert lines[2].startswith("two-sided: falls like eps^2.00, least ")


def test_picture(tmp_path):
    pytest.importorskip("matplotlib")
    curve, path = step_curve(cube, 1.0), tmp_path / "steps.png"
    figure = curve.plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    drawn = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == len(curve.steps)]
    for errors in (curve.one_sided, curve.two_sided):
        assert any(np.array_equal(np.where(errors > 0, errors, np.nan), y, equal_nan=True) for y in drawn)
    assert curve.plot().axes  # no path: nothing is written
    assert list(tmp_path.iterdir()) == [path]


def test_picture_of_an_exact_gradient(tmp_path):
    pytest.importorskip("matplotlib")
    curve = step_curve(lambda x: (0.0 * float(np.sum(x)), np.zeros(2)), [1.0, 2.0])
    assert not curve.two_sided.any()
    curve.plot(tmp_path / "zero.svg")
    assert (tmp_path / "zero.svg").stat().st_size > 0


def test_matplotlib_comes_with_the_picture_only():
    script = "import sys; from steepest.gradcheck import step_curve; step_curve(lambda t: (t**3, 3 * t**2), 1.0)"
    subprocess.run([sys.executable, "-c", script + "; assert 'matplotlib' not in sys.modules"], check=True)
