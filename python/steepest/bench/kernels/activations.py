"""Activations as cases. Tolerances are what the kernels' roundings add up to."""

from __future__ import annotations

import math

import numpy as np

from steepest import _core, kernels
from steepest.bench.kernels import numpy_activations as theirs
from steepest.bench.kernels.case import Array, Case, Setup, double, worst
from steepest.bench.results import Verdict

ULPS = 6  # the longest chain: mish, see tests/test_kernels_elementwise.py


def _exactly(name: str, backward: bool, arrays: list[Array], out: Array) -> None:
    """NumPy in float64; where its formula is too coarse for that, the right error function."""
    if name == "gelu":
        x = arrays[0]
        distribution = 0.5 * np.vectorize(math.erfc)(-x * theirs.ROOT_HALF)
        density = theirs.DENSITY * np.exp(-0.5 * x * x)
        out[...] = arrays[1] * (distribution + x * density) if backward else x * distribution
    else:
        theirs.ACTIVATIONS[name][backward](*arrays, out)


def activation_forward(setup: Setup, name: str, n: int, d: int) -> Case:
    """`y = f(x)`."""
    x, out, other = setup.normal(n, d), setup.empty(n, d), setup.empty(n, d)
    function = theirs.ACTIVATIONS[name][0]

    def verify() -> Verdict:
        wanted = np.empty((n, d))
        _exactly(name, False, double(x), wanted)
        # x times what vanishes on the left is good to units of |x|.
        scale = np.maximum(np.abs(wanted), np.abs(x)) if name.startswith("gelu") else np.abs(wanted)
        return Verdict(worst((kernels.activation_forward(name, x), wanted, scale)), ULPS * setup.eps)

    return Case(
        f"{name} forward",
        f"{n}x{d}",
        verify,
        lambda: kernels.activation_forward(name, x, out=out),
        lambda: function(x, other),
        moved=setup.size(x, out),
        working_set=setup.size(x, out),
    )


def activation_backward(setup: Setup, name: str, n: int, d: int) -> Case:
    """`dx = dy f'`, f' from y or from x."""
    dy, out, other = setup.normal(n, d), setup.empty(n, d), setup.empty(n, d)
    saved = setup.normal(n, d)
    if _core.activation_needs(name) != "input":
        saved = kernels.activation_forward(name, saved)
    function = theirs.ACTIVATIONS[name][1]

    def verify() -> Verdict:
        wanted = np.empty((n, d))
        _exactly(name, True, double(saved, dy), wanted)
        # |f'| is hardly above 1, and 1 - y^2 may cancel: units of |dy|.
        got = kernels.activation_backward(name, saved, dy)
        return Verdict(worst((got, wanted, np.abs(double(dy)[0]))), ULPS * setup.eps)

    return Case(
        f"{name} backward",
        f"{n}x{d}",
        verify,
        lambda: kernels.activation_backward(name, saved, dy, out=out),
        lambda: function(saved, dy, other),
        moved=setup.size(saved, dy, out),
        working_set=setup.size(saved, dy, out),
    )
