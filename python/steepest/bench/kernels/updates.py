"""Update rules of the optimisers on one array of parameters.

NumPy's side works in blocks that stay in the cache between its elementary operations, as in `numpy_network`. An element
goes through at most 8 roundings.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from steepest import kernels
from steepest.bench.kernels.case import Array, Case, Setup, double, worst
from steepest.bench.numpy_network import BLOCK
from steepest.bench.results import Verdict

RATE, BETA1, BETA2, EPSILON, DECAY, T = 1e-3, 0.9, 0.999, 1e-8, 0.01, 10
STATES = {"sgd": 0, "momentum": 1, "nesterov": 1, "rmsprop": 1, "adam": 2, "adamw": 2, "adagrad": 1, "nadam": 2}


def _sgd(scratch: Array, p: Array, g: Array) -> None:
    p -= np.multiply(g, RATE, out=scratch)


def _momentum(scratch: Array, p: Array, g: Array, v: Array) -> None:
    v *= BETA1
    v += g
    p -= np.multiply(v, RATE, out=scratch)


def _nesterov(scratch: Array, p: Array, g: Array, v: Array) -> None:
    v *= BETA1
    v += g
    np.multiply(v, BETA1, out=scratch)
    scratch += g
    scratch *= RATE
    p -= scratch


def _rmsprop(scratch: Array, p: Array, g: Array, s: Array) -> None:
    s *= BETA1
    np.multiply(g, g, out=scratch)
    scratch *= 1 - BETA1
    s += scratch
    np.sqrt(s, out=scratch)
    scratch += EPSILON
    np.divide(g, scratch, out=scratch)
    scratch *= RATE
    p -= scratch


def _adam(scratch: Array, p: Array, g: Array, m: Array, s: Array) -> None:
    m *= BETA1
    m += np.multiply(g, 1 - BETA1, out=scratch)
    s *= BETA2
    np.multiply(g, g, out=scratch)
    scratch *= 1 - BETA2
    s += scratch
    np.sqrt(s, out=scratch)
    root = float(np.sqrt(1 - BETA2**T))
    scratch += EPSILON * root
    np.divide(m, scratch, out=scratch)
    scratch *= RATE * root / (1 - BETA1**T)
    p -= scratch


def _adamw(scratch: Array, p: Array, g: Array, m: Array, s: Array) -> None:
    p *= 1 - RATE * DECAY
    _adam(scratch, p, g, m, s)


def _adagrad(scratch: Array, p: Array, g: Array, s: Array) -> None:
    np.multiply(g, g, out=scratch)
    s += scratch
    np.sqrt(s, out=scratch)
    scratch += EPSILON
    np.divide(g, scratch, out=scratch)
    scratch *= RATE
    p -= scratch


def _nadam(scratch: Array, p: Array, g: Array, m: Array, s: Array) -> None:
    m *= BETA1
    m += np.multiply(g, 1 - BETA1, out=scratch)
    s *= BETA2
    np.multiply(g, g, out=scratch)
    scratch *= 1 - BETA2
    s += scratch
    root = np.sqrt(s / (1 - BETA2**T))
    root += EPSILON
    np.multiply(m, RATE * BETA1 / (1 - BETA1 ** (T + 1)), out=scratch)
    scratch += g * (RATE * (1 - BETA1) / (1 - BETA1**T))
    scratch /= root
    p -= scratch


RULES: dict[str, Callable[..., None]] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
    "adagrad": _adagrad,
    "nadam": _nadam,
}


def _ours(rule: str, p: Array, g: Array, state: list[Array]) -> None:
    if rule == "sgd":
        kernels.sgd(p, g, RATE)
    elif rule == "momentum":
        kernels.momentum(p, g, state[0], RATE, BETA1)
    elif rule == "nesterov":
        kernels.nesterov(p, g, state[0], RATE, BETA1)
    elif rule == "rmsprop":
        kernels.rmsprop(p, g, state[0], RATE, BETA1, EPSILON)
    elif rule == "adagrad":
        kernels.adagrad(p, g, state[0], RATE, EPSILON)
    elif rule == "nadam":
        kernels.nadam(p, g, state[0], state[1], RATE, T, BETA1, BETA2, EPSILON)
    elif rule == "adam":
        kernels.adam(p, g, state[0], state[1], RATE, T, BETA1, BETA2, EPSILON)
    else:
        kernels.adamw(p, g, state[0], state[1], RATE, T, BETA1, BETA2, EPSILON, DECAY)


def update(setup: Setup, rule: str, size: int) -> Case:
    """One update of `size` parameters."""
    squares = rule in ("rmsprop", "adam", "adamw", "adagrad", "nadam")

    def arrays() -> list[Array]:
        # Gradient and first moment have one sign, so that no sum of theirs cancels; a second moment is a square.
        parameter, *others = (setup.normal(size) for _ in range(2 + STATES[rule]))
        others = [np.abs(array) for array in others]
        if squares:
            others[-1] = others[-1] ** 2 + setup.dtype.type(1e-6)
        return [parameter, *others]

    ours, theirs = arrays(), arrays()
    scratch = setup.empty(min(size, BLOCK))

    def verify() -> Verdict:
        got = arrays()
        wanted = double(*got)
        before = [np.abs(array) for array in wanted]
        _ours(rule, got[0], got[1], got[2:])
        RULES[rule](np.empty(size), *wanted)
        sizes = [before[0] + np.abs(wanted[0]), *(state + before[1] for state in before[2:])]
        if squares:
            sizes[-1] = before[-1] + before[1] ** 2
        comparisons = zip([got[0], *got[2:]], [wanted[0], *wanted[2:]], sizes, strict=True)
        return Verdict(worst(*comparisons), 8 * setup.eps)

    def numpy() -> None:
        for begin in range(0, size, BLOCK):
            parts = [array[begin : begin + BLOCK] for array in theirs]
            RULES[rule](scratch[: len(parts[0])], *parts)

    everything = setup.size(*ours)
    return Case(
        f"{rule} update",
        f"{size}",
        verify,
        lambda: _ours(rule, ours[0], ours[1], ours[2:]),
        numpy,
        # All but the gradient are read and written.
        moved=2 * everything - ours[1].nbytes,
        working_set=everything,
    )
