"""Computes the polynomial coefficients of cpp/simd/math_constants.hpp and prints them as C++.

Each polynomial interpolates its function at Chebyshev nodes in 60-digit arithmetic, which is within a small factor of
the best possible; the coefficients are then rounded to the target type and the error that is left is printed beside
them. Needs mpmath. Usage: python cpp/simd/math_coefficients.py
"""

from collections.abc import Callable

import mpmath as mp
import numpy as np

mp.mp.dps = 60


def interpolate(function: Callable[[mp.mpf], mp.mpf], low: mp.mpf, high: mp.mpf, degree: int) -> list[mp.mpf]:
    """Coefficients, constant first, of the polynomial through `function` at the Chebyshev nodes of [low, high]."""
    nodes = [mp.cos(mp.pi * (2 * i + 1) / (2 * degree + 2)) for i in range(degree + 1)]
    points = [(low + high) / 2 + (high - low) / 2 * node for node in nodes]
    matrix = mp.matrix([[point**j for j in range(degree + 1)] for point in points])
    values = mp.matrix([function(point) for point in points])
    return list(mp.lu_solve(matrix, values))


def rounded(value: mp.mpf, dtype: type) -> mp.mpf:
    """`value` rounded once to float32 or float64."""
    digits = 24 if dtype is np.float32 else 53
    with mp.workprec(digits):
        return +value


def report(name: str, function: Callable[[mp.mpf], mp.mpf], low: float, high: float, degree: int, dtype: type) -> None:
    """Print the C++ array of one polynomial and its largest error."""
    low_mp, high_mp = mp.mpf(low), mp.mpf(high)
    coefficients = [rounded(c, dtype) for c in interpolate(function, low_mp, high_mp, degree)]
    worst = mp.mpf(0)
    for i in range(400):
        x = low_mp + (high_mp - low_mp) * (mp.mpf(i) + mp.mpf("0.37")) / 400
        exact = function(x)
        worst = max(worst, abs(mp.polyval(coefficients[::-1], x) - exact))
    suffix = "f" if dtype is np.float32 else ""
    digits = 9 if dtype is np.float32 else 17
    # Through float, so that the text is the shortest that reads back as the same number.
    text = ", ".join(f"{float(c):.{digits}g}{suffix}" for c in coefficients)
    print(f"    // error {float(worst):.1e}\n    static constexpr T {name}[] = {{{text}}};")


def exp_rest(r: mp.mpf) -> mp.mpf:
    """E in exp(r) = 1 + r + r^2 E(r)."""
    return (mp.expm1(r) - r) / r**2 if abs(r) > mp.mpf(10) ** -40 else mp.mpf(1) / 2


def log_rest(z: mp.mpf) -> mp.mpf:
    """L in log((1 + s) / (1 - s)) = 2 s + s z L(z), z = s^2."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / (s * z)


def erf_small(z: mp.mpf) -> mp.mpf:
    """P in erf(x) = x + x P(x^2); leaving 1 out of the constant gives three more bits of 2 / sqrt(pi)."""
    return mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1


def erfcx_at(t: mp.mpf) -> mp.mpf:
    """exp(x^2) erfc(x) at t = (x - 2) / (x + 2)."""
    x = 2 * (1 + t) / (1 - t)
    return mp.exp(x**2) * mp.erfc(x)


def report_tanh(step: float) -> None:
    """Print tanh at 32 points, and c0 and c1 in tanh(h) = h + h^3 (c0 + c1 h^2) for what is between them.

    Of steps near 9.02 / 31, 1 / 4096 apart, this one rounds its points best. tanh(h) / h errs by z = h^2 times what
    the interpolation errs by, so its nodes and 0 are the three of Chebyshev.
    """
    points = ", ".join(f"{float(rounded(mp.tanh(i * mp.mpf(step)), np.float32)):#.9g}f" for i in range(32))
    root, top = mp.sqrt(3) / 2, (mp.mpf(step) / 2) ** 2
    nodes = [top * (root + x) / (root + 1) for x in (0, root)]
    left, right = [(mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z for z in nodes]
    c1 = (right - left) / (nodes[1] - nodes[0])
    rest = [f"{float(rounded(c, np.float32)):.9g}f" for c in (left - c1 * nodes[0], c1)]
    print(f"    static constexpr T tanh_step = {step}f, tanh_rest[] = {{{', '.join(rest)}}};")
    print(f"    static constexpr T tanh_table[32] = {{{points}}};")


def main() -> None:
    """Print both sets."""
    half_ln2 = float(mp.log(2) / 2) * 1.0001
    s_max = (2**0.5 - 1) / (2**0.5 + 1)
    for dtype, degrees, reach, bits in ((np.float32, (4, 3, 8, 7), 4.0, 16), (np.float64, (9, 7, 16, 19), 6.0, 42)):
        high = mp.floor(mp.log(2) * 2**bits) / 2**bits
        low = mp.nstr(mp.log(2) - high, 20)
        print(f"{dtype.__name__}\n    static constexpr T ln2_high = {float(high):.17g}, ln2_low = {low};")
        if dtype is np.float32:
            report_tanh(1204 / 4096)
        report("exp_rest", exp_rest, -half_ln2, half_ln2, degrees[0], dtype)
        report("log_rest", log_rest, 1e-30, s_max**2 * 1.0001, degrees[1], dtype)
        report("erf_small", erf_small, 1e-30, 1.0, degrees[2], dtype)
        report("erfcx", erfcx_at, -1 / 3, (reach - 2) / (reach + 2), degrees[3], dtype)


if __name__ == "__main__":
    main()
