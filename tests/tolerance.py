"""The one tolerance policy: how far a result of `steepest` may lie from the float64 reference, and why.

Every bound is derived from the machine epsilon of the type and the number of operations; no test states a relative
tolerance of its own. u = eps / 2 is the unit roundoff.

1. Copies, conversions, masks, integer-valued sums below 2^24 (2^53): `assert_equal`, tolerance zero.
2. A sum over k terms a_i b_i: `sum_bound`. Each of the k additions (or fused multiply-adds) rounds a partial sum by at
   most u of its size. For terms without a common sign a partial sum stays near sqrt(k) |a| |b| and k independent
   roundings of it add up to u k |a| |b|; eps (k + 1) max|a| max|b| is twice that, with max in place of the typical
   size. Same shape as Higham, "Accuracy and stability of numerical algorithms", 3.1, but without its worst case's
   second factor k. c counts how many such sums follow on each other, c = 1 unless said.
3. Element-wise functions: `assert_ulp` with the number of units in the last place the kernel's header states; what was
   reached is printed.
4. Whole networks in float64: 1e-9 of the tensor's largest entry (`assert_network64`). A pass of depth 6 over widths up
   to 129 rounds about 1e3 u = 1e-13; the remaining four digits are for the conditioning of batch norm (1 /
   sqrt(epsilon) = 316 per layer).
5. Whole networks in float32: nothing simple bounds them, a ReLU may flip and Adam divides by the gradient. The
   tolerance is measured on the reference: its spread when every intermediate result is disturbed by what float32
   rounds (`Rounding`), a few times over, times `SPREAD_FACTOR`. What is ill-conditioned gets room, all else none.
   Networks with a pre-activation of a ReLU within `KINK_MARGIN` of its kink are drawn again: rounding may decide there.
"""

import numpy as np

EPS = {np.dtype(np.float32): 2.0**-23, np.dtype(np.float64): 2.0**-52}
NETWORK64_RELATIVE = 1e-9


def eps(dtype):
    """Machine epsilon: the distance from 1 to the next larger number."""
    return EPS[np.dtype(dtype)]


def largest(a):
    """max|a|, 0 for an empty array."""
    return float(np.max(np.abs(a), initial=0.0))


def sum_bound(dtype, k, a, b=1.0, c=1.0):
    """Absolute bound of a sum over k terms a_i b_i: c eps (k + 1) max|a| max|b|."""
    return c * eps(dtype) * (k + 1) * largest(a) * largest(b)


def assert_equal(actual, expected, what=""):
    """Tolerance zero; NaN is no answer to anything."""
    np.testing.assert_array_equal(
        np.asarray(actual), np.asarray(expected, dtype=np.asarray(actual).dtype), err_msg=what
    )
    assert not np.any(np.isnan(np.asarray(actual, dtype=np.float64))), f"{what}: NaN"


def assert_within(actual, expected, bound, what=""):
    """|actual - expected| <= bound, element by element; bound a number or an array like expected. Shapes must agree."""
    actual, expected = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    excess = np.abs(actual - expected) - bound
    if actual.size and not np.all(excess <= 0):
        worst = np.unravel_index(np.argmax(np.where(np.isnan(excess), np.inf, excess)), excess.shape)
        limit = np.broadcast_to(bound, expected.shape)[worst]
        raise AssertionError(
            f"{what}: {actual[worst]!r} at {tuple(map(int, worst))}, expected {expected[worst]!r} within {limit:.3g}; "
            f"{np.count_nonzero(~(excess <= 0))} of {excess.size} entries are off"
        )


def ulp_distance(actual, expected):
    """|actual - expected| in units of the last place; expected: float64 or wider."""
    kind = np.asarray(actual).dtype
    exact = np.asarray(expected, dtype=np.longdouble)
    with np.errstate(over="ignore"):
        unit = np.spacing(np.abs(exact.astype(kind))).astype(np.longdouble)
    same = np.asarray(actual) == exact.astype(kind)
    with np.errstate(invalid="ignore"):
        distance = np.abs(np.asarray(actual).astype(np.longdouble) - exact) / unit
    return np.where(same & ~np.isfinite(exact.astype(kind)), 0.0, distance).astype(np.float64)


def assert_ulp(actual, expected, bound, what, x=None):
    """At most `bound` units in the last place; prints what was reached (pytest -rP shows it)."""
    distance = ulp_distance(actual, expected)
    worst = int(np.argmax(np.where(np.isnan(distance), np.inf, distance))) if distance.size else 0
    reached = float(distance.flat[worst]) if distance.size else 0.0
    place = "" if x is None or not distance.size else f" at x = {np.asarray(x).flat[worst]!r}"
    print(f"{what}: {reached:.3f} ULP reached{place}, {bound} allowed, {distance.size} points")
    assert reached <= bound, f"{what}: {reached:.3f} ULP{place}, {bound} allowed"


def assert_network64(actual, expected, what="", scale=0.0):
    """|actual - expected| <= 1e-9 max|expected| + 1e4 eps scale.

    scale: the largest entry among all tensors of the same kind (all gradients, say). It matters only for a tensor that
    is zero but for rounding, such as the gradient of a bias in front of a batch norm: there the sum of terms of that
    size cancels.
    """
    expected = np.asarray(expected, dtype=np.float64)
    assert_within(actual, expected, NETWORK64_RELATIVE * largest(expected) + 1e4 * eps(np.float64) * scale, what)


class Rounding:
    """Noise of the size of float32's rounding, to be put between the operations of the reference network.

    Each entry is disturbed by a uniform share of eps (two units of roundoff), relatively, or relative to `unit` where
    it is a difference of numbers of that size. As much of `unit` again is common to all rows, as the rounding of a
    column's mean is. A sum of k terms of one sign rounds k partial sums that grow up to it, which makes sqrt(k) / 6 eps
    of it; the noise, of deviation eps / sqrt(3), is lengthened to that.
    """

    def __init__(self, seed, dtype=np.float32):
        self.rng, self.eps = np.random.default_rng(seed), eps(dtype)

    def __call__(self, array, unit=0.0, terms=1):
        """Return the disturbed array."""
        longer = max(1.0, np.sqrt(terms / 12.0))
        own = self.rng.uniform(-1, 1, size=np.shape(array)) * np.maximum(np.abs(array), unit)
        common = self.rng.uniform(-1, 1, size=np.shape(array)[1:]) * unit
        return array + self.eps * longer * (own + common)


# The largest of six disturbed runs estimates the deviation of one; eight of it is far beyond any chance, and still a
# tenth of what a wrong digit in the fifth place makes.
SPREAD_RUNS, SPREAD_FACTOR = 6, 8.0
KINK_MARGIN = 128 * 2.0**-23  # relative to the largest pre-activation: the rounding of sums over 129 terms


def assert_network32(actual, expected, spread, what=""):
    """|actual - expected| <= 8 spread + eps max|expected|, the last term for the rounding of the result itself."""
    bound = SPREAD_FACTOR * spread + eps(np.float32) * largest(expected)
    assert_within(actual, expected, bound, what)
