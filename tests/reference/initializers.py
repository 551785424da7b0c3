"""What the entries of a freshly drawn weight (n_in, n_out) must look like: standard deviation and bounds.

Sources: LeCun et al. 1998 (variance 1 / n_in), Glorot and Bengio 2010 (2 / (n_in + n_out)), He et al. 2015 (2 / n_in).
"""

import math

VARIANCES = {
    "lecun": lambda n_in, n_out: 1.0 / n_in,
    "xavier": lambda n_in, n_out: 2.0 / (n_in + n_out),
    "glorot": lambda n_in, n_out: 2.0 / (n_in + n_out),
    "xavier_fan_in": lambda n_in, n_out: 1.0 / n_in,
    "he": lambda n_in, n_out: 2.0 / n_in,
}


def deviation(rule, n_in, n_out, gain=1.0):
    """The standard deviation the rule asks for."""
    return gain * math.sqrt(VARIANCES[rule](n_in, n_out))


def uniform_bound(rule, n_in, n_out, gain=1.0):
    """The bound b of the uniform form: U(-b, b) has the standard deviation b / sqrt(3)."""
    return deviation(rule, n_in, n_out, gain) * math.sqrt(3.0)


def deviation_bounds(expected, count, excess_kurtosis, sigmas=6.0):
    """Interval that the measured deviation of `count` draws stays in but for chances of `sigmas` standard errors.

    The variance of the sample variance is about variance^2 (2 + excess kurtosis) / count; half of it, relatively, for
    the root. Excess kurtosis: 0 for a normal, -1.2 for a uniform distribution.
    """
    error = expected * 0.5 * math.sqrt((2.0 + excess_kurtosis) / count)
    return expected - sigmas * error, expected + sigmas * error


def mean_bound(expected, count, sigmas=6.0):
    """Bound of the absolute mean of `count` draws with the standard deviation `expected`."""
    return sigmas * expected / math.sqrt(count)
