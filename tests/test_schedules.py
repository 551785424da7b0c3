"""Schedules against their formulas and PyTorch's, the one that follows the training, and what files keep of them."""

import json
import math

import numpy as np
import pytest

import steepest as st
from steepest import schedules as rates
from steepest.optimizers import SGD, Adam
from tolerance import assert_within

STEPS = range(130)
FORMULAS = {
    "constant": (rates.Constant(0.3), lambda t: 0.3),
    "step": (rates.Step(0.3, 20, 0.5), lambda t: 0.3 * 0.5 ** (t // 20)),
    "exponential": (rates.Exponential(0.3, 50, 0.1), lambda t: 0.3 * math.exp(math.log(0.1) * t / 50)),
    "inverse_time": (rates.InverseTime(0.3, 0.1), lambda t: 0.3 / (1 + 0.1 * t)),
    "inverse_root": (rates.InverseTime(0.3, 0.1, power=0.5), lambda t: 0.3 / math.sqrt(1 + 0.1 * t)),
    "polynomial": (rates.Polynomial(0.3, 100, 0.1, 2.0), lambda t: 0.1 + 0.2 * (1 - min(t, 100) / 100) ** 2),
    "piecewise": (
        rates.Piecewise([10, 90], [0.3, 0.2, 0.1]),
        lambda t: 0.3 if t < 10 else 0.2 if t < 90 else 0.1,
    ),
    "cosine": (
        rates.Cosine(0.3, 100, 0.1, warmup=10),
        lambda t: 0.3 * (t + 1) / 10 if t < 10 else 0.2 + 0.1 * math.cos(math.pi * min((t - 10) / 90, 1)),
    ),
    "warmup": (rates.Warmup(0.3, 10), lambda t: 0.3 * min((t + 1) / 10, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    schedule, formula = FORMULAS[name]
    assert_within([schedule(t) for t in STEPS], [formula(t) for t in STEPS], 1e-15, name)


TORCH = {
    "step": (rates.Step(0.3, 20, 0.5), lambda s, o: s.StepLR(o, 20, 0.5)),
    "exponential": (rates.Exponential(0.3, 1, 0.97), lambda s, o: s.ExponentialLR(o, 0.97)),
    "polynomial": (rates.Polynomial(0.3, 100, power=2.0), lambda s, o: s.PolynomialLR(o, 100, 2.0)),
    "piecewise": (rates.Piecewise([10, 90], [0.3, 0.03, 0.003]), lambda s, o: s.MultiStepLR(o, [10, 90], 0.1)),
    "cosine": (rates.Cosine(0.3, 130, 0.1), lambda s, o: s.CosineAnnealingLR(o, 130, 0.1)),
    "cosine_restarts": (
        rates.CosineRestarts(0.3, 20, 0.1, growth=2),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 20, 2, 0.1),
    ),
    "one_cycle": (rates.OneCycle(0.3, 130), lambda s, o: s.OneCycleLR(o, 0.3, 130, cycle_momentum=False)),
    "one_cycle_from_the_top": (
        rates.OneCycle(0.3, 130, rise=0.004),  # the highest rate lies before the first step
        lambda s, o: s.OneCycleLR(o, 0.3, 130, pct_start=0.004, cycle_momentum=False),
    ),
    "one_cycle_early": (
        rates.OneCycle(0.3, 130, rise=0.1, start=5.0, end=100.0),
        lambda s, o: s.OneCycleLR(o, 0.3, 130, pct_start=0.1, div_factor=5, final_div_factor=100, cycle_momentum=False),
    ),
}


@pytest.mark.parametrize("name", TORCH)
def test_pytorch_agrees(name):
    torch = pytest.importorskip("torch")
    schedule, make = TORCH[name]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    oracle = make(torch.optim.lr_scheduler, optimizer)
    expected = []
    for _ in STEPS:
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        oracle.step()
    # PyTorch multiplies step by step, so it rounds once a step.
    assert_within([schedule(t) for t in STEPS], expected, 1e-13, name)


def test_one_cycle_goes_up_and_down():
    cycle = [rates.OneCycle(0.1, 50)(t) for t in range(50)]
    top = int(np.argmax(cycle))
    assert cycle[top] == pytest.approx(0.1, rel=1e-2)
    assert (np.diff(cycle[: top + 1]) > 0).all()
    assert (np.diff(cycle[top:]) < 0).all()


def test_warmup_before_any_schedule():
    schedule = rates.Warmup(rates.Step(1.0, 5, 0.5), 4)
    assert [schedule(t) for t in range(12)] == [0.25, 0.5, 0.75, 1.0] + [1.0] * 5 + [0.5] * 3
    assert rates.Warmup(lambda t: 2.0 + t, 2)(5) == 5.0
    again = rates.as_learning_rate(json.loads(json.dumps(schedule.get_config())))
    assert [again(t) for t in range(12)] == [schedule(t) for t in range(12)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rates.Step(0.1, 0), "every"),
        (lambda: rates.Step(0.1, 5, 0.0), "factor"),
        (lambda: rates.Exponential(-0.1, 5), "learning_rate"),
        (lambda: rates.InverseTime(0.1, -1.0), "decay"),
        (lambda: rates.Piecewise([5, 5], [1, 2, 3]), "boundaries must rise"),
        (lambda: rates.Piecewise([5], [1]), "one more than the 1 boundaries, got 1"),
        (lambda: rates.OneCycle(0.1, 100, rise=1.0), "rise"),
        (lambda: rates.ReduceOnPlateau(factor=1.0), "factor"),
        (lambda: rates.ReduceOnPlateau(monitor=3), "monitor"),
        (lambda: rates.Warmup("fast", 3), "after"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


# ------------------------------------------------------------------------------------------------------------- plateau
def fed(schedule, values, name="loss"):
    seen = []
    for value in values:
        schedule.end_epoch({name: value})
        seen.append(schedule(0))
    return seen


def test_plateau_by_hand():
    schedule = rates.ReduceOnPlateau(1.0, factor=0.5, patience=2, minimum=0.2)
    #  best 1   best .9   1     2: fall   1     2: fall     1     2: to the minimum   better: nothing
    assert fed(schedule, [1.0, 0.9, 0.95, 0.9, 0.9, 0.9, 0.9, math.nan, 0.1]) == [
        1,
        1,
        1,
        0.5,
        0.5,
        0.25,
        0.25,
        0.2,
        0.2,
    ]


def test_plateau_of_a_number_that_should_grow():
    schedule = rates.ReduceOnPlateau(1.0, patience=1, monitor="val_accuracy")
    assert fed(schedule, [0.5, 0.6, 0.6, 0.7], "val_accuracy") == [1.0, 1.0, 0.5, 0.5]
    with pytest.raises(ValueError, match="monitors 'val_accuracy', the training records loss"):
        schedule.end_epoch({"loss": 1.0})


def test_a_minimum_above_the_rate_does_not_raise_it():
    assert fed(rates.ReduceOnPlateau(1e-4, patience=1, minimum=1e-3), [1.0, 1.0]) == [1e-4, 1e-4]


def test_pytorch_agrees_on_plateaus(rng):
    torch = pytest.importorskip("torch")
    values = np.cumsum(rng.normal(-0.01, 0.2, size=200)) + 5
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, eps=0.0)
    expected = []
    for value in values:
        oracle.step(float(value))
        expected.append(optimizer.param_groups[0]["lr"])
    # PyTorch falls in the epoch after patience has run out.
    assert fed(rates.ReduceOnPlateau(1.0, 0.5, patience=4), values) == expected
    assert expected[-1] < 0.1


def problem(rng):
    x = rng.normal(size=(60, 3))
    return x, x @ [1.0, -1.0, 0.5] + rng.normal(size=60)


def plateau():
    return rates.ReduceOnPlateau(0.2, factor=0.5, patience=2)


def model():
    return st.Sequential([st.layers.Dense(4, "tanh"), st.layers.Dense(1)], seed=1)


def test_fit_shows_the_epochs(rng):
    x, y = problem(rng)
    history = model().fit(x, y, loss="mse", optimizer=SGD(plateau()), epochs=60, verbose=0)
    assert history["learning_rate"] == [0.2, *fed(plateau(), history["loss"])[:-1]]
    assert history["learning_rate"][-1] < 0.05


@pytest.mark.parametrize("wrap", [lambda schedule: schedule, lambda schedule: rates.Warmup(schedule, 5)])
def test_checkpoints_keep_what_the_schedule_has_seen(rng, tmp_path, wrap):
    x, y = problem(rng)
    once, first = model(), model()
    options = {"validation_data": (x, y), "verbose": 0}
    whole = once.fit(x, y, loss="mse", optimizer=Adam(wrap(plateau())), epochs=40, **options)
    first.fit(x, y, loss="mse", optimizer=Adam(wrap(plateau())), epochs=17, **options)
    first.save(tmp_path / "net.npz")
    second = st.load(tmp_path / "net.npz")
    rest = second.fit(x, y, epochs=23, **options)
    assert rest["learning_rate"] == whole["learning_rate"][17:]
    assert rest["learning_rate"][0] < 0.2  # not from the beginning again
    for name, value in once.parameters().items():
        np.testing.assert_array_equal(value, second.parameters()[name])


def test_a_new_optimizer_starts_the_schedule_afresh():
    schedule = plateau()
    fed(schedule, [1.0, 1.0, 1.0])
    assert schedule.rate == 0.1
    optimizer = SGD(schedule)
    assert optimizer.rate() == 0.2
    fed(schedule, [1.0, 1.0, 1.0])
    optimizer.reset()
    assert optimizer.rate() == 0.2
