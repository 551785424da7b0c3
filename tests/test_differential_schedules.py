"""Every registered schedule beside PyTorch's and JAX's, on random cases."""

import numpy as np
import pytest

from members import members_of
from steepest import schedules as rates
from steepest.registry import SCHEDULES
from tolerance import assert_within, eps

torch = pytest.importorskip("torch")
T = torch.optim
CASES = 8


def _others(make):
    """PyTorch's scheduler of an optimiser with rate `r`."""

    def of(rate):
        optimizer = T.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        scheduler, found = make(optimizer, T.lr_scheduler), []

        def at(t):
            while len(found) <= t:
                found.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                scheduler.step()
            return found[t]

        return at

    return of


def _constant(rng):
    r = rng.uniform()
    return rates.Constant(r), _others(lambda o, s: s.ConstantLR(o, factor=1.0))(r)


def _step(rng):
    r, every, factor = rng.uniform(), int(rng.integers(1, 20)), rng.uniform(0.3, 1)
    return rates.Step(r, every, factor), _others(lambda o, s: s.StepLR(o, every, factor))(r)


def _exponential(rng):
    r, steps, factor = rng.uniform(), int(rng.integers(1, 20)), rng.uniform(0.3, 1)
    return rates.Exponential(r, steps, factor), _others(lambda o, s: s.ExponentialLR(o, factor ** (1 / steps)))(r)


def _polynomial(rng):
    r, steps, power = rng.uniform(), int(rng.integers(20, 100)), rng.uniform(0.5, 3)
    return rates.Polynomial(r, steps, power=power), _others(lambda o, s: s.PolynomialLR(o, steps, power))(r)


def _piecewise(rng):
    r, factor = rng.uniform(), rng.uniform(0.1, 1)
    edges = sorted(int(edge) for edge in rng.choice(np.arange(1, 90), size=3, replace=False))
    return (
        rates.Piecewise(edges, [r * factor**i for i in range(4)]),
        _others(lambda o, s: s.MultiStepLR(o, edges, factor))(r),
    )


def _cosine(rng):
    r, steps, last = rng.uniform(), 100, rng.uniform(0, 0.1)
    return rates.Cosine(r, steps, last), _others(lambda o, s: s.CosineAnnealingLR(o, steps, last))(r)


def _cosine_after_warmup(rng):
    r, steps, rise = rng.uniform(), 100, int(rng.integers(2, 30))

    def make(o, s):
        before = s.LinearLR(o, start_factor=1 / rise, total_iters=rise - 1)
        after = s.CosineAnnealingLR(o, steps - rise, 0.0)
        return s.SequentialLR(o, [before, after], [rise])

    return rates.Cosine(r, steps, warmup=rise), _others(make)(r)


def _cosine_restarts(rng):
    r, steps, growth, last = rng.uniform(), int(rng.integers(2, 30)), int(rng.integers(1, 3)), rng.uniform(0, 0.1)
    return (
        rates.CosineRestarts(r, steps, last, growth),
        _others(lambda o, s: s.CosineAnnealingWarmRestarts(o, steps, growth, last))(r),
    )


def _restarts(rng):
    r, steps = rng.uniform(), int(rng.integers(2, 30))
    return (
        rates.Restarts(rates.Cosine(r, steps), steps),
        _others(lambda o, s: s.CosineAnnealingWarmRestarts(o, steps))(r),
    )


def _one_cycle(rng):
    r, rise, start, end = rng.uniform(), rng.uniform(0.1, 0.6), rng.uniform(2, 30), rng.uniform(10, 1e4)
    settings = {"pct_start": rise, "div_factor": start, "final_div_factor": end, "cycle_momentum": False}
    return rates.OneCycle(r, 100, rise, start, end), _others(lambda o, s: s.OneCycleLR(o, r, 100, **settings))(r)


def _warmup(rng):
    r, steps = rng.uniform(), int(rng.integers(2, 50))
    return (
        rates.Warmup(r, steps),
        _others(lambda o, s: s.LinearLR(o, start_factor=1 / steps, total_iters=steps - 1))(r),
    )


def _inverse_time(rng):
    r, decay = rng.uniform(), rng.uniform(0, 1)
    schedule = rates.InverseTime(r, decay)
    try:
        from jax.example_libraries.optimizers import inverse_time_decay
    except ImportError:
        return schedule, _others(lambda o, s: s.LambdaLR(o, lambda t: 1 / (1 + decay * t)))(r)
    return schedule, inverse_time_decay(r, 1.0, decay)


SCHEDULES_OF_OTHERS = {
    "constant": _constant,
    "step": _step,
    "exponential": _exponential,
    "polynomial": _polynomial,
    "piecewise": _piecewise,
    "cosine": _cosine,
    "cosine after warm-up": _cosine_after_warmup,
    "cosine restarts": _cosine_restarts,
    "restarts": _restarts,
    "one cycle": _one_cycle,
    "warm-up": _warmup,
    "1/t": _inverse_time,
}


@pytest.mark.filterwarnings("ignore::UserWarning:torch.*")
@pytest.mark.parametrize("name", SCHEDULES_OF_OTHERS)
@pytest.mark.parametrize("number", range(CASES))
def test_schedule(name, number):
    schedule, oracle = SCHEDULES_OF_OTHERS[name](np.random.default_rng([number, 14]))
    # PyTorch multiplies step by step and rounds once a step, of the rate it began with.
    steps = range(100)
    assert_within([schedule(t) for t in steps], [oracle(t) for t in steps], 100 * 4 * eps(np.float64), repr(schedule))


def test_nothing_registered_is_left_out():
    followed = {"reduce_on_plateau"}  # follows the losses: test_schedules.py has PyTorch's beside it
    rng = np.random.default_rng(0)
    assert {make(rng)[0].kind for make in SCHEDULES_OF_OTHERS.values()} | followed == {
        cls.kind for cls in members_of(SCHEDULES)
    }
