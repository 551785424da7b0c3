"""Optimiser rules, five steps each, against the reference."""

import numpy as np
import pytest

from layouts import DTYPES, LAYOUTS, Frame
from reference import optimizers
from steepest import kernels
from tolerance import assert_equal, assert_within, eps

SIZES = (1, 3, 4, 5, 8, 9, 15, 16, 17, 21, 33, 64, 67, 130)
SETTINGS = {
    "sgd": {},
    "momentum": {"beta1": 0.9},
    "nesterov": {"beta1": 0.75},
    "rmsprop": {"beta2": 0.9, "epsilon": 1e-6},
    "adam": {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6},
    "adamw": {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6, "weight_decay": 0.1},
    "adagrad": {"epsilon": 1e-6},
    "nadam": {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6},
}
NAMES = {"beta1": {"momentum": "mu", "nesterov": "mu"}, "beta2": {"rmsprop": "rho"}}


def keywords(name):
    """The settings by the names of the kernel's arguments."""
    return {NAMES.get(key, {}).get(name, key): value for key, value in SETTINGS[name].items()}


def step(name, parameter, gradient, states, t, l2, **more):
    extra = {"t": t} if name in ("adam", "adamw", "nadam") else {}
    getattr(kernels, name)(parameter, gradient, *states, learning_rate=0.05, l2=l2, **extra, **keywords(name), **more)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", optimizers.KERNELS)
def test_five_steps(isa, name, dtype, layout, rng):
    for size in SIZES:
        frames = [Frame((3, size), dtype, layout) for _ in range(1 + optimizers.STATE_SLOTS[name])]
        parameter, *states = (frame.view for frame in frames)
        parameter[...] = rng.normal(size=(3, size))
        for state in states:
            state[...] = 0.0
        exact, exact_state = parameter.astype(np.float64), {}
        settings = {key: float(dtype(value)) for key, value in SETTINGS[name].items()}
        for t in range(1, 6):
            gradient = (rng.normal(size=(3, size)) + 0.1).astype(dtype)
            step(name, parameter, gradient, states, t, 0.125)
            slope = gradient.astype(np.float64) + 0.125 * exact
            exact = optimizers.update(name, exact, slope, exact_state, t, float(dtype(0.05)), **settings)
        # Per step a dozen roundings of numbers of the size of the parameter, or of lr times the direction, which for
        # the adaptive rules is g / |g|.
        bound = 5 * 12 * eps(dtype) * (np.abs(exact) + 1.0)
        what = f"{name} {isa} {size} {layout}"
        assert_within(parameter, exact, bound, what)
        for frame in frames:
            frame.assert_edges(what)
        for key, state in zip(
            ("m", "s") if len(states) == 2 else ("s",) if name in ("rmsprop", "adagrad") else ("v",),
            states,
            strict=False,
        ):
            assert_within(
                state, exact_state[key], 5 * 12 * eps(dtype) * (1 + np.abs(exact_state[key])), f"{key} of {what}"
            )


@pytest.mark.parametrize("name", optimizers.KERNELS)
def test_exact_on_powers_of_two(isa, name):
    """Rates and decays of powers of two on small integers: the first update of each rule rounds nothing."""
    for dtype in DTYPES:
        parameter, gradient = np.arange(1, 20, dtype=dtype), np.full(19, 4, dtype=dtype)
        states = [np.zeros(19, dtype) for _ in range(optimizers.STATE_SLOTS[name])]
        extra = (
            {"t": 1, "bias_correction": True, "epsilon": 0.0, "beta1": 0.5, "beta2": 0.75}
            if name in ("adam", "adamw")
            else {}
        )
        extra |= {"weight_decay": 0.5} if name == "adamw" else {}
        extra |= {"mu": 0.5} if name in ("momentum", "nesterov") else {}
        extra |= {"epsilon": 0.0} if name == "adagrad" else {}
        extra |= {"t": 1, "epsilon": 0.0, "beta1": 0.5, "beta2": 0.75} if name == "nadam" else {}
        extra |= {"rho": 0.75, "epsilon": 0.0} if name == "rmsprop" else {}
        getattr(kernels, name)(parameter, gradient, *states, learning_rate=0.25, **extra)
        before = np.arange(1, 20)
        expected = {
            "sgd": before - 1.0,
            "momentum": before - 1.0,
            "nesterov": before - 1.5,  # g + mu v = 4 + 2
            "rmsprop": before - 0.5,  # s = 16 / 4, root 2
            "adam": before - 0.25,
            "adamw": before * 0.875 - 0.25,
            "adagrad": before - 0.25,  # s = 16, root 4
        }.get(name)
        if name == "nadam":  # m = 2, m^ = 0.5 * 2 / 0.75 + 0.5 * 4 / 0.5 = 16 / 3, and s^ = 16
            assert_within(parameter, before - 1 / 3, 4 * eps(dtype) * before, name)
            continue
        assert_equal(parameter, expected.astype(dtype), name)


@pytest.mark.parametrize("name", optimizers.KERNELS)
def test_bits_do_not_depend_on_the_place(isa, name, rng):
    for dtype in DTYPES:
        parameter, gradient = rng.normal(size=(2, 70)).astype(dtype)
        states = [np.abs(rng.normal(size=70)).astype(dtype) for _ in range(optimizers.STATE_SLOTS[name])]
        whole, whole_states = parameter.copy(), [state.copy() for state in states]
        step(name, whole, gradient, whole_states, 3, 0.25)
        for begin, end in ((0, 1), (3, 20), (15, 33), (1, 70)):
            part, part_states = parameter[begin:end].copy(), [state[begin:end].copy() for state in states]
            step(name, part, gradient[begin:end], part_states, 3, 0.25)
            assert_equal(part, whole[begin:end])
            for a, b in zip(part_states, whole_states, strict=True):
                assert_equal(a, b[begin:end])


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw", "adagrad", "nadam"])
def test_zero_gradient_moves_nothing_but_by_decay(isa, name):
    for dtype in DTYPES:
        parameter = np.linspace(-1, 1, 21).astype(dtype)
        states = [np.zeros(21, dtype) for _ in range(optimizers.STATE_SLOTS[name])]
        before = parameter.copy()
        step(name, parameter, np.zeros(21, dtype), states, 1, 0.0)
        factor = 1 - 0.05 * 0.1 if name == "adamw" else 1.0
        assert_within(parameter, factor * before.astype(np.float64), eps(dtype) * (factor != 1.0))


def test_adam_without_bias_correction(isa, rng):
    p, g = rng.normal(size=(2, 20))
    expected = optimizers.update("adam", p, g, {}, 1, 0.1, bias_correction=False)
    kernels.adam(p, g, np.zeros(20), np.zeros(20), 0.1, t=1, bias_correction=False)
    assert_within(p, expected, 8 * eps(np.float64) * 10, "adam")


@pytest.mark.parametrize("name", ["adagrad", "nadam"])
def test_like_pytorch(isa, name, rng, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch, "get_default_dtype", lambda: torch.float64)  # or NAdam counts its decays in float32
    start, gradients = rng.normal(size=30), rng.normal(size=(7, 30))
    weights = torch.tensor(start, requires_grad=True)
    if name == "adagrad":
        theirs = torch.optim.Adagrad([weights], lr=0.1, eps=1e-7)
    else:  # beta1 grows towards its value by momentum_decay: a huge one keeps it constant
        theirs = torch.optim.NAdam([weights], lr=0.1, betas=(0.9, 0.99), eps=1e-7, momentum_decay=1e9)
    parameter, states = start.copy(), [np.zeros(30) for _ in range(optimizers.STATE_SLOTS[name])]
    for t, gradient in enumerate(gradients, 1):
        weights.grad = torch.tensor(gradient)
        theirs.step()
        if name == "adagrad":
            kernels.adagrad(parameter, gradient, *states, learning_rate=0.1, epsilon=1e-7)
        else:
            kernels.nadam(parameter, gradient, *states, learning_rate=0.1, t=t, beta2=0.99, epsilon=1e-7)
    assert_within(parameter, weights.detach().numpy(), 7 * 12 * eps(np.float64) * (1 + np.abs(start)), name)
