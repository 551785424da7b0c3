"""The vector functions of simd/math.hpp against a wider type: the bounds its header and the docstrings state."""

import math

import numpy as np
import pytest

from steepest import _core, kernels
from tolerance import assert_ulp

DTYPES = (np.float32, np.float64)
# name -> (bound in ULP, reference in a wider type, arguments of the sweep)
BOUNDS = {"exp": 1.5, "expm1": 2.5, "log": 1.0, "log1p": 1.0, "tanh": 3.0, "sigmoid": 2.5, "softplus": 2.0, "erf": 2.0}
KERNELS = {name: getattr(kernels, name) for name in BOUNDS}


def reference(name, x):
    """The function in the next wider type: float64 for float32, long double (63 bits or more) for float64."""
    if x.dtype == np.float32:
        wide = x.astype(np.float64)
    else:
        if np.finfo(np.longdouble).nmant < 62:
            pytest.skip("long double is no wider than float64 here")
        wide = x.astype(np.longdouble)
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            small = np.exp(-np.abs(wide))
            return np.where(wide < 0, small, 1) / (1 + small)
        if name == "softplus":
            return np.maximum(wide, 0) + np.log1p(np.exp(-np.abs(wide)))
        if name == "erf":
            return np.array([math.erf(v) for v in wide])
        return getattr(np, name)(wide)


def sweep(name, dtype, rng):
    """Every magnitude the type has, both signs, dense where the function bends."""
    info = np.finfo(dtype)
    count = 300 if name == "erf" else 40_000
    exponents = rng.uniform(np.log2(float(info.smallest_subnormal)), np.log2(float(info.max)), count)
    x = np.concatenate(
        [np.exp2(exponents), rng.uniform(0, 2, count), rng.uniform(0, 120 if dtype == np.float32 else 760, count)]
    )
    if name in ("log", "log1p"):
        extra = -rng.uniform(0, 1, count) if name == "log1p" else 1 + rng.normal(size=count) * 1e-4
        x = np.concatenate([x, extra])
    else:
        x = np.concatenate([x, -x])
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BOUNDS)
def test_bound(isa, name, dtype, rng):
    x = sweep(name, dtype, rng)
    with np.errstate(over="ignore"):  # the reference's own cast to the narrow type
        assert_ulp(KERNELS[name](x), reference(name, x), BOUNDS[name], f"{name} {isa} {np.dtype(dtype)}", x)


LIMITS = {
    "exp": [(np.inf, np.inf), (-np.inf, 0.0), (0.0, 1.0), (-0.0, 1.0), (1e30, np.inf), (-1e30, 0.0)],
    "expm1": [(np.inf, np.inf), (-np.inf, -1.0), (0.0, 0.0), (-0.0, -0.0), (-1e30, -1.0)],
    "log": [(np.inf, np.inf), (0.0, -np.inf), (-0.0, -np.inf), (1.0, 0.0), (-1.0, np.nan), (-np.inf, np.nan)],
    "log1p": [(np.inf, np.inf), (-1.0, -np.inf), (0.0, 0.0), (-0.0, -0.0), (-2.0, np.nan), (-np.inf, np.nan)],
    "tanh": [(np.inf, 1.0), (-np.inf, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e4, 1.0)],
    "sigmoid": [(np.inf, 1.0), (-np.inf, 0.0), (0.0, 0.5), (1e4, 1.0), (-1e4, 0.0)],
    "softplus": [(np.inf, np.inf), (-np.inf, 0.0), (1e4, 1e4), (-1e4, 0.0)],
    "erf": [(np.inf, 1.0), (-np.inf, -1.0), (0.0, 0.0), (-0.0, -0.0)],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LIMITS)
def test_limits(isa, name, dtype):
    x, expected = np.array([*LIMITS[name], (np.nan, np.nan)], dtype=dtype).T
    actual = KERNELS[name](x)
    np.testing.assert_array_equal(actual, expected)
    finite = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(actual[finite]), np.signbit(expected[finite]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_at_the_edges_of_its_range(isa, dtype):
    info = np.finfo(dtype)
    highest, lowest = np.log(info.max), np.log(np.longdouble(info.smallest_subnormal)).astype(dtype)
    x = np.concatenate(
        [highest + np.arange(-50, 50) * np.spacing(highest), lowest + np.arange(-60, 60) * np.spacing(lowest)]
    )
    x = x.astype(dtype)
    actual = kernels.exp(x)
    with np.errstate(over="ignore", under="ignore"):
        exact = np.exp(x.astype(np.longdouble))
        nearest = exact.astype(dtype)
    # Where the exact value rounds to infinity it lies within the bound of the largest number.
    overflows = np.isinf(actual) != np.isinf(nearest)
    assert np.all(np.abs(exact[overflows] / info.max - 1) <= BOUNDS["exp"] * info.eps)
    rest = ~overflows
    with np.errstate(over="ignore"):
        assert_ulp(actual[rest], exact[rest], BOUNDS["exp"], f"exp edges {isa}", x[rest])


@pytest.mark.parametrize("dtype", DTYPES)
def test_denormals_are_kept(isa, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.array([tiny, 3 * tiny, -tiny], dtype=dtype)
    for name in ("expm1", "log1p", "tanh"):
        np.testing.assert_array_equal(KERNELS[name](x), x, err_msg=name)
    np.testing.assert_allclose(
        kernels.log(x[:2]), np.log(x[:2].astype(np.longdouble)).astype(dtype), rtol=2 * np.finfo(dtype).eps
    )
    assert kernels.exp(np.array([np.log(float(tiny)) + 1], dtype=dtype))[0] > 0


def test_every_function_of_the_core_is_tested():
    for name in BOUNDS:
        out = np.empty(1)
        _core.kernel_math(name, np.ones(1), out, 1)
    with pytest.raises(ValueError, match="cosine"):
        _core.kernel_math("cosine", np.ones(1), np.ones(1), 1)
