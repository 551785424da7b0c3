"""Recovery: back to the last good state, a lower rate or a clipped gradient, and on; and where a divergence began."""

import json

import numpy as np
import pytest

import steepest as st
from steepest import layers
from steepest.callbacks import ModelCheckpoint, Recovery


@pytest.fixture
def data(rng):
    x = rng.normal(size=(300, 6)).astype("float32")
    return x, np.sin(x[:, :1] * 2) + x[:, 1:2] * x[:, 2:3]


def make(**options):
    return st.Sequential([layers.Dense(24, "relu"), layers.Dense(1)], seed=0, **options)


def tensors(model):
    return np.concatenate([array.ravel() for array in [*model.parameters().values(), *model.states().values()]])


def fit(model, data, optimizer, *hooks, epochs=6, **options):
    return model.fit(
        *data, loss="mse", optimizer=optimizer, epochs=epochs, batch_size=32, callbacks=hooks, verbose=0, **options
    )


@pytest.mark.parametrize("rate", [30.0, st.schedules.Cosine(30.0, steps=60), lambda step: 30.0])
def test_lowers_any_rate_until_the_training_goes_on(data, rate, capsys):
    recovery = Recovery()
    history = fit(make(), data, st.optimizers.SGD(rate), recovery)
    assert history.epochs == 6
    assert history.stopped is None
    assert history.events == recovery.events
    assert [event["cause"] for event in history.events] == ["non-finite"] * len(history.events)
    assert [event["rate_factor"] for event in history.events] == [0.25 ** (k + 1) for k in range(len(history.events))]
    assert history.events[0]["epoch"] == 1
    assert history["loss"][-1] < history["loss"][0]
    assert f"recovery {len(history.events)} of 6" in capsys.readouterr().out
    assert json.loads(history.to_json())["events"] == history.events


def test_is_the_training_with_the_lower_rate(data):
    # Nothing of the failed attempts is left: parameters, slots, counters, order of rows.
    model, twin = make(), make()
    optimizer = st.optimizers.SGD(30.0, momentum=0.5)
    history = fit(model, data, optimizer, Recovery(verbose=False))
    fit(twin, data, st.optimizers.SGD(30.0 * optimizer.rate_factor, momentum=0.5))
    np.testing.assert_array_equal(tensors(model), tensors(twin))
    assert history["learning_rate"][-1] == 30.0 * optimizer.rate_factor


def test_clips_instead(data):
    optimizer = st.optimizers.SGD(0.6)
    history = fit(make(), data, optimizer, Recovery(action="clip", clip_norm=0.5, verbose=False))
    assert history.events
    assert optimizer.rate_factor == 1.0
    assert optimizer.clip_norm == history.events[-1]["clip_norm"] == 0.5 * 0.25 ** (len(history.events) - 1)


def test_gives_up_after_its_retries(data):
    model = make(input_shape=6)
    before = tensors(model)
    recovery = Recovery(retries=2, factor=0.9, verbose=False)
    with pytest.raises(st.TrainingDiverged) as caught:
        fit(model, data, st.optimizers.SGD(1e6), recovery)
    assert len(recovery.events) == len(caught.value.history.events) == 2
    np.testing.assert_array_equal(tensors(model), before)


def test_is_off_by_default(data):
    with pytest.raises(st.TrainingDiverged):
        fit(make(), data, st.optimizers.SGD(30.0))


def hot():
    """A rate that is sane for 30 steps and then too high for some, but not so that numbers overflow at once."""
    return st.optimizers.SGD(lambda step: 0.05 if step < 30 else 0.9)


def test_recovers_from_a_leap_before_numbers_overflow(data):
    history = fit(make(), data, hot(), Recovery(verbose=False), epochs=8)
    assert history.events
    assert history.events[0]["cause"] == "spike"
    assert history.events[0]["step"] >= 30
    assert max(history["loss"]) < 2 * history["loss"][0]


def test_spikes_can_be_left_alone(data):
    calm = Recovery(spikes=False, verbose=False)
    history = fit(make(), data, hot(), calm, epochs=8)
    assert {event["cause"] for event in history.events} <= {"non-finite"}


@pytest.mark.parametrize("threads", [1, 2])
def test_is_the_same_on_any_number_of_threads(data, threads):
    kept = st.get_num_threads()
    results = []
    try:
        for count in (1, threads):
            st.set_num_threads(count)
            model = make()
            history = fit(model, data, hot(), Recovery(verbose=False), epochs=8)
            results.append((tensors(model).tobytes(), history.events))
    finally:
        st.set_num_threads(kept)
    assert results[0] == results[1]


@pytest.mark.parametrize("stop", [1, 2, 4])
def test_survives_a_checkpoint(data, tmp_path, stop):
    rate = st.schedules.Piecewise([30, 60], [0.05, 0.9, 0.02])
    whole = make()
    everything = fit(whole, data, st.optimizers.SGD(rate), Recovery(verbose=False, retries=3), epochs=8)
    assert everything.events
    part = make()
    path = tmp_path / "net.npz"
    # The checkpoint comes first in the list and still holds what the recovery has decided in its epoch.
    rate = st.schedules.Piecewise([30, 60], [0.05, 0.9, 0.02])
    hooks = (ModelCheckpoint(path), Recovery(verbose=False, retries=3))
    early = fit(part, data, st.optimizers.SGD(rate), *hooks, epochs=stop)
    again = st.load(path)
    assert again.optimizer.rate_factor == part.optimizer.rate_factor
    late = fit(again, data, None, Recovery(verbose=False, retries=3), epochs=8 - stop)
    np.testing.assert_array_equal(tensors(again), tensors(whole))
    assert again.optimizer.recovery["count"] == len(everything.events)
    strip = [{key: event[key] for key in ("cause", "step", "rate_factor")} for event in early.events + late.events]
    assert strip == [{key: event[key] for key in ("cause", "step", "rate_factor")} for event in everything.events]


def test_refuses_what_has_no_rate(data):
    with pytest.raises(ValueError, match="L-BFGS has none"):
        fit(make(dtype="float64"), data, "lbfgs", Recovery())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"action": "pray"}, "action"),
        ({"factor": 1.0}, "factor"),
        ({"retries": 0}, "retries"),
        ({"clip_norm": 0}, "clip_norm"),
    ],
)
def test_refuses_wrong_arguments(options, text):
    with pytest.raises(ValueError, match=text):
        Recovery(**options)


# ------------------------------------------------------------------------------------------------- where it first began
class Brittle(layers.Custom):
    """The identity, whose gradient is wrong where a value is large: the loss of that step is finite."""

    def forward(self, x, parameters, training):
        return x

    def backward(self, dy, x, y, parameters, training):
        return dy * (np.inf if np.abs(x).max() > 50.0 else 1.0), {}


@pytest.mark.parametrize("row", [17, 250])
def test_the_first_bad_step_is_found_by_training_again(data, row):
    x, y = data
    x[row, 0] = 300.0
    model = st.Sequential([layers.Dense(24), Brittle(), layers.Dense(1)], seed=0, input_shape=6)
    before = tensors(model)
    with pytest.raises(st.TrainingDiverged, match="first in the gradient of 'dense_1") as caught:
        fit(model, (x, y), st.optimizers.SGD(1e-6), shuffle=False)
    assert caught.value.layer == "dense_1"
    assert caught.value.step == row // 32
    assert not caught.value.finite
    np.testing.assert_array_equal(tensors(model), before)
    assert (model.steps, model.epochs_seen, model.optimizer.iterations) == (0, 0, 0)
