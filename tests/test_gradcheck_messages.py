"""What the gradient check refuses, in words that name the argument and quote the value."""

import numpy as np
import pytest

from steepest import gradcheck
from steepest.gradcheck import check_function, check_pair


def cube(x):
    return np.sum(x**3), 3 * x**2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gradcheck(3.5, [1.0]), TypeError, "subject must be a model, a layer, a loss or a callable.*3.5"),
        (lambda: gradcheck(cube), TypeError, "X is missing"),
        (
            lambda: gradcheck(cube, [1.0], mode="quick"),
            ValueError,
            "mode must be one of 'auto', 'full', 'sampled', 'fast', got 'quick'",
        ),
        (
            lambda: gradcheck(cube, [1.0], method="three"),
            ValueError,
            "method must be one of 'two-sided', 'one-sided', got 'three'",
        ),
        (lambda: gradcheck(cube, [1.0], step=3.0), ValueError, "step must be in .*, got 3.0"),
        (lambda: gradcheck(cube, [1.0], max_entries=0), ValueError, "max_entries must be at least 1, got 0"),
        (lambda: gradcheck(cube, [1.0], samples=0), ValueError, "samples must be at least 1, got 0"),
        (lambda: gradcheck(cube, [1.0], directions=0), ValueError, "directions must be at least 1, got 0"),
        (lambda: gradcheck(cube, [1.0], burn_in=-1), ValueError, "burn_in must be at least 0, got -1"),
        (lambda: gradcheck(cube, [1.0, np.nan]), ValueError, r"x must be finite; x\[1\] is nan"),
        (lambda: check_function(cube, "abc"), TypeError, "x must be an array of numbers"),
        (lambda: check_function(lambda x: np.sum(x), [1.0]), TypeError, r"f must return \(value, gradient\)"),
        (lambda: check_function(lambda x: (x, x), [1.0, 2.0]), ValueError, r"scalar value, not one of shape \(2,\)"),
        (
            lambda: check_function(lambda x: (np.sum(x), np.ones(3)), [1.0]),
            ValueError,
            r"gradient of x has shape \(3,\)",
        ),
        (lambda: check_function(lambda x: (np.sum(x), [np.inf]), [1.0]), ValueError, r"gradient of x is inf at \(0,\)"),
        (
            lambda: check_function(lambda x: (np.nan, x), [1.0]),
            ValueError,
            "must be finite; function <lambda> gives nan",
        ),
        (lambda: check_pair(np.sin, np.cos), ValueError, "at least one array"),
        (
            lambda: check_pair(np.sin, np.cos, [1.0], names=["a", "b"]),
            ValueError,
            "names must name every input: 1 inputs",
        ),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_random_value_is_refused(rng):
    with pytest.raises(ValueError, match=r"different values for the same arguments.*hold its random numbers fixed"):
        check_function(lambda x: (np.sum(x) + rng.normal(), np.ones_like(x)), np.ones(3))


def test_single_precision_is_refused():
    def function(x):
        return float(np.sum(x.astype(np.float32) ** 2)), 2 * x

    with pytest.raises(ValueError, match="computes in single precision"):
        check_function(function, np.array([0.3, 0.7]))
