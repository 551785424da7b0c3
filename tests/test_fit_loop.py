"""The training loop: what continues, what is random, what happens when it goes wrong."""

import signal
import threading

import numpy as np
import pytest

import steepest as st
from steepest import layers
from steepest.callbacks import Callback
from steepest.training import trainer as trainer_module

LOSS = "softmax_cross_entropy"


def make(seed=0, **options):
    chain = [layers.Dense(12, "relu"), layers.BatchNorm(), layers.Dropout(0.25), layers.Dense(3)]
    return st.Sequential(chain, seed=seed, **options)


@pytest.fixture
def data(rng):
    x = rng.normal(size=(150, 6)).astype("float32")
    return x, np.argmax(x[:, :3], axis=1)


def tensors(model):
    return np.concatenate([array.ravel() for array in [*model.parameters().values(), *model.states().values()]])


OPTIMIZERS = {
    "sgd": lambda: st.optimizers.SGD(0.05),
    "momentum": lambda: st.optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda: st.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda: st.optimizers.RMSprop(1e-3),
    "adam": lambda: st.optimizers.Adam(1e-2),
    "adamw": lambda: st.optimizers.AdamW(1e-2, weight_decay=0.1),
    "schedule": lambda: st.optimizers.Adam(st.schedules.Cosine(1e-2, steps=40)),
    "function": lambda: st.optimizers.Adam(lambda step: 0.01 / (1 + step) ** 0.5),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer_learns(data, kind):
    model = make()
    history = model.fit(*data, loss=LOSS, optimizer=OPTIMIZERS[kind](), epochs=10, batch_size=32, verbose=0)
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    assert history["accuracy"][-1] > history["accuracy"][0]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_training_in_two_calls_is_training_in_one(data, kind):
    once, twice = make(), make()
    optimizer = OPTIMIZERS[kind]()
    history = once.fit(*data, loss=LOSS, optimizer=OPTIMIZERS[kind](), epochs=5, batch_size=32, verbose=0)
    first = twice.fit(*data, loss=LOSS, optimizer=optimizer, epochs=2, batch_size=32, verbose=0)
    second = twice.fit(*data, optimizer=optimizer, epochs=3, batch_size=32, verbose=0)
    np.testing.assert_array_equal(tensors(once), tensors(twice))
    assert history["loss"] == first["loss"] + second["loss"]
    assert (twice.steps, twice.epochs_seen, optimizer.iterations) == (25, 5, 25)


def test_slices_of_any_length_train_alike(data, monkeypatch):
    whole = make()
    whole.fit(*data, loss=LOSS, epochs=3, batch_size=8, verbose=0)
    monkeypatch.setattr(trainer_module, "SLICE_SECONDS", 0.0)
    sliced, counter = make(), Counter()
    sliced.fit(*data, loss=LOSS, epochs=3, batch_size=8, verbose=0, callbacks=[counter])
    assert counter.slices == 3 * 19
    np.testing.assert_array_equal(tensors(whole), tensors(sliced))


class Counter(Callback):
    def __init__(self):
        self.slices = 0

    def on_slice_end(self, run):
        self.slices += 1


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_same_bits_on_any_number_of_threads(data, threads):
    model, other = make(), make()
    model.fit(*data, loss=LOSS, epochs=3, batch_size=64, verbose=0)
    st.set_num_threads(threads)
    try:
        other.fit(*data, loss=LOSS, epochs=3, batch_size=64, verbose=0)
    finally:
        st.set_num_threads(None)
    np.testing.assert_array_equal(tensors(model), tensors(other))


def test_seed_decides(data):
    results = []
    for seed in (1, 1, 2):
        model = make(seed)
        model.fit(*data, loss=LOSS, epochs=2, verbose=0)
        results.append(tensors(model))
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def order_of(model, **options):
    """The rows in the order of training, seen through a loss that only one row's target can move."""
    seen = []
    train = trainer_module.Trainer.order

    def spy(self):
        seen.append(train(self))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer_module.Trainer, "order", spy)
        model.fit(np.zeros((40, 2)), np.zeros(40), loss="mse", verbose=0, **options)
    return seen


def linear():
    return st.Sequential([layers.Dense(1)], seed=3)


def test_every_epoch_has_all_rows_in_its_own_order():
    first, second = order_of(linear(), epochs=2)
    assert sorted(first) == sorted(second) == list(range(40))
    assert (first != second).any()
    assert (first != np.arange(40)).any()


def test_order_without_shuffling():
    (order,) = order_of(linear(), epochs=1, shuffle=False)
    np.testing.assert_array_equal(order, np.arange(40))


def test_validation_split_holds_back_the_same_rows():
    model = linear()
    orders = order_of(model, epochs=2, validation_split=0.25) + order_of(model, epochs=1, validation_split=0.25)
    assert all(len(order) == 30 and set(order) == set(orders[0]) for order in orders)
    assert set(orders[0]) != set(range(30))


def test_validation_is_evaluation(data):
    model = make()
    history = model.fit(*data, loss=LOSS, epochs=2, validation_data=(data[0][:50], data[1][:50]), verbose=0)
    scores = model.evaluate(data[0][:50], data[1][:50])
    assert history["val_loss"][-1] == scores["loss"]
    assert history["val_accuracy"][-1] == scores["accuracy"]


def test_validation_does_not_disturb_training(data):
    plain, watched = make(), make()
    plain.fit(*data, loss=LOSS, epochs=3, verbose=0)
    watched.fit(*data, loss=LOSS, epochs=3, validation_data=data, verbose=0)
    np.testing.assert_array_equal(tensors(plain), tensors(watched))


def test_recorded_loss_is_the_mean_over_the_batches(data):
    # With a rate of zero nothing moves, so the mean over the batches is the loss of the whole set.
    model = st.Sequential([layers.Dense(3)], dtype="float64", regularizer="l2")
    history = model.fit(*data, loss=LOSS, optimizer=st.optimizers.SGD(0.0), epochs=1, batch_size=32, verbose=0)
    scores = model.evaluate(*data)
    assert history["loss"][0] == pytest.approx(scores["loss"], rel=1e-12)
    assert history["accuracy"][0] == scores["accuracy"]
    assert history["penalty"][0] == pytest.approx(0.5e-4 * (model.layers[0].weight ** 2).sum(), rel=1e-12)
    assert history["learning_rate"] == [0.0]


def test_learning_rates_follow_the_schedule(data):
    schedule = st.schedules.Cosine(0.1, steps=20, final=0.01, warmup=5)
    history = make().fit(*data, loss=LOSS, optimizer=st.optimizers.SGD(schedule), epochs=6, batch_size=32, verbose=0)
    assert history["learning_rate"] == [schedule(step) for step in (4, 9, 14, 19, 24, 29)]
    assert [schedule(0), schedule(4), schedule(5), schedule(20)] == pytest.approx([0.02, 0.1, 0.1, 0.01])


def test_a_bad_schedule_is_quoted(data):
    optimizer = st.optimizers.SGD(lambda step: 0.1 if step < 3 else float("nan"))
    with pytest.raises(ValueError, match="learning rate nan at step 3"):
        make().fit(*data, loss=LOSS, optimizer=optimizer, epochs=1, verbose=0)


def test_a_callback_may_change_the_rate(data):
    class Halve(Callback):
        def on_epoch_end(self, run):
            run.optimizer.learning_rate = run.optimizer.rate() / 2

    history = make().fit(*data, loss=LOSS, optimizer=st.optimizers.SGD(0.8), epochs=3, callbacks=[Halve()], verbose=0)
    assert history["learning_rate"] == [0.8, 0.4, 0.2]


def test_no_optimizer_continues_with_the_last(data):
    model = make()
    model.fit(*data, loss=LOSS, epochs=1, verbose=0)
    adam = model.optimizer
    assert adam.get_config() == {"kind": "adam", "learning_rate": 1e-3}
    model.fit(*data, epochs=1, verbose=0)
    assert model.optimizer is adam
    assert adam.iterations == 10
    model.fit(*data, optimizer="adam", epochs=1, verbose=0)
    assert model.optimizer is not adam


def test_an_optimizer_belongs_to_one_model(data):
    optimizer = st.optimizers.Adam()
    first = make()
    first.fit(*data, loss=LOSS, optimizer=optimizer, epochs=1, verbose=0)
    with pytest.raises(ValueError, match=r"state of another model.*reset\(\)"):
        make().fit(*data, loss=LOSS, optimizer=optimizer, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="another architecture"):
        st.Sequential([layers.Dense(3)]).fit(*data, loss=LOSS, optimizer=optimizer, epochs=1, verbose=0)
    optimizer.reset()
    make().fit(*data, loss=LOSS, optimizer=optimizer, epochs=1, verbose=0)
    assert optimizer.iterations == 5


def step(gradient, **clipping):
    """What one step of rate 1 subtracts from weights whose gradient is given."""
    model = st.Sequential(
        [layers.Dense(1, initializer=0.0, use_bias=False)], dtype="float64", input_shape=len(gradient)
    )
    # The loss (x w - 0.5)^2 has the gradient -x at w = 0.
    x = -np.array([gradient], dtype="float64")
    optimizer = st.optimizers.SGD(1.0, **clipping)
    model.fit(x, [0.5], loss="mse", optimizer=optimizer, epochs=1, verbose=0)
    return -model.layers[0].weight[:, 0]


@pytest.mark.parametrize(
    ("clipping", "expected"),
    [
        ({}, [3.0, -4.0]),
        ({"clip_norm": 10.0}, [3.0, -4.0]),
        ({"clip_norm": 2.5}, [1.5, -2.0]),
        ({"clip_value": 3.5}, [3.0, -3.5]),
        ({"clip_norm": 2.5, "clip_value": 1.75}, [1.5, -1.75]),
    ],
)
def test_clipping(clipping, expected):
    np.testing.assert_allclose(step([3.0, -4.0], **clipping), expected, rtol=1e-14)


def test_max_norm_bounds_the_weights_into_each_unit(data):
    model = st.Sequential([layers.Dense(7, "relu", max_norm=0.5), layers.Dense(3)], seed=1)
    model.fit(*data, loss=LOSS, optimizer="adam", epochs=2, verbose=0)
    norms = np.linalg.norm(model.layers[0].weight, axis=0)
    assert norms.max() <= 0.5 * (1 + 1e-6)
    assert norms.max() > 0.49
    assert np.linalg.norm(model.layers[1].weight, axis=0).max() > 0.5


def test_l1_drives_weights_to_zero(data):
    weights = []
    for strength in (0.0, 0.1):
        model = st.Sequential([layers.Dense(3)], regularizer=st.regularizers.L1(strength), seed=1)
        model.fit(*data, loss=LOSS, optimizer=st.optimizers.SGD(0.02), epochs=100, verbose=0)
        weights.append(np.abs(model.layers[0].weight))
    # Columns 3 to 5 tell nothing about the labels.
    assert weights[1][3:].max() < 0.02 < weights[0][3:].max()


def test_zero_epochs_do_nothing(data):
    model = make(input_shape=6)
    before = tensors(model)
    history = model.fit(*data, loss=LOSS, epochs=0, verbose=0)
    assert history.epochs == 0
    np.testing.assert_array_equal(tensors(model), before)


@pytest.mark.parametrize("batch_size", [1, 149, 150, 1000])
def test_any_batch_size(data, batch_size):
    model = make()
    model.fit(*data, loss=LOSS, epochs=1, batch_size=batch_size, verbose=0)
    assert model.steps == -(-150 // batch_size)
    assert np.isfinite(tensors(model)).all()


# ------------------------------------------------------------------------------------------------------ going wrong
def test_divergence_goes_back_to_the_start_of_the_epoch(data):
    model, twin = make(dtype="float64"), make(dtype="float64")
    good = st.optimizers.SGD(0.01, momentum=0.5)
    model.fit(*data, loss=LOSS, optimizer=good, epochs=2, verbose=0)
    twin.fit(*data, loss=LOSS, optimizer=st.optimizers.SGD(0.01, momentum=0.5), epochs=2, verbose=0)
    before = tensors(model)
    good.learning_rate = 1e200
    with pytest.raises(st.TrainingDiverged) as caught:
        model.fit(*data, optimizer=good, epochs=3, verbose=0)
    error = caught.value
    assert error.epoch == 1
    assert 10 <= error.step < 15
    assert error.layer in model.names
    assert error.history.epochs == 0
    assert "Lower the learning rate (now 1e+200)" in str(error)
    np.testing.assert_array_equal(tensors(model), before)
    assert (model.steps, model.epochs_seen, good.iterations) == (10, 2, 10)
    # Nothing is lost: with a sane rate the training goes on as if the attempt had not been made.
    good.learning_rate = 0.01
    model.fit(*data, optimizer=good, epochs=1, verbose=0)
    twin.fit(*data, epochs=1, verbose=0)
    np.testing.assert_array_equal(tensors(model), tensors(twin))


def test_divergence_in_the_very_last_step_is_seen(data):
    model = st.Sequential([layers.Dense(3)], input_shape=6)
    before = tensors(model)
    with pytest.raises(st.TrainingDiverged, match=r"first in 'dense_1\.weight' after an update"):
        # One step: the loss was finite when it was computed, the weights are not any more.
        model.fit(*data, loss=LOSS, optimizer=st.optimizers.SGD(1e300), epochs=1, batch_size=150, verbose=0)
    np.testing.assert_array_equal(tensors(model), before)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "identity"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_nan_in_the_inputs_is_found(data, activation, value):
    x = data[0].copy()
    x[77, 4] = value
    model = st.Sequential([layers.Dense(5, activation), layers.Dense(3)], input_shape=6)
    before = tensors(model)
    with pytest.raises(ValueError, match=rf"X\[77, 4\] is {value}"):
        model.fit(x, data[1], loss=LOSS, epochs=1, verbose=0)
    np.testing.assert_array_equal(tensors(model), before)


def test_an_input_too_large_for_float32_is_found(data):
    x = data[0].astype("float64")
    x[77, 4] = 1e300
    with pytest.raises(ValueError, match=r"X\[77, 4\] is 1e\+300, which is not finite in float32"):
        make().fit(x, data[1], loss=LOSS, epochs=1, verbose=0)


class CtrlC(Callback):
    """Sends the signal as a terminal would, in a given epoch."""

    def __init__(self, epoch, times=1):
        self.epoch, self.times = epoch, times

    def on_slice_end(self, run):
        if run.epoch == self.epoch and run.step < run.steps_per_epoch:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def test_ctrl_c_keeps_the_model(data, monkeypatch):
    monkeypatch.setattr(trainer_module, "SLICE_SECONDS", 0.0)
    model = make()
    handler = signal.getsignal(signal.SIGINT)
    optimizer = st.optimizers.Adam()
    history = model.fit(*data, loss=LOSS, optimizer=optimizer, epochs=5, verbose=0, callbacks=[CtrlC(3)])
    assert history.interrupted
    assert history.epochs == 2
    assert "Ctrl-C" in history.stopped
    assert (model.steps, model.epochs_seen, optimizer.iterations) == (11, 2, 11)
    assert signal.getsignal(signal.SIGINT) is handler
    assert not model.fit(*data, epochs=1, verbose=0).interrupted


def test_a_second_ctrl_c_is_at_once(data, monkeypatch):
    monkeypatch.setattr(trainer_module, "SLICE_SECONDS", 0.0)
    history = make().fit(*data, loss=LOSS, epochs=5, verbose=0, callbacks=[CtrlC(3, times=2)])
    assert history.interrupted


def test_training_outside_the_main_thread(data):
    result = []
    thread = threading.Thread(target=lambda: result.append(make().fit(*data, loss=LOSS, epochs=2, verbose=0)))
    thread.start()
    thread.join()
    assert result[0].epochs == 2


def test_a_model_in_training_is_refused_to_other_threads(data):
    errors = []

    class Meanwhile(Callback):
        def on_epoch_end(self, run):
            def use():
                for call in (lambda: run.model.predict(data[0]), lambda: run.model.fit(*data, epochs=1)):
                    with pytest.raises(RuntimeError, match="being trained in another thread") as caught:
                        call()
                    errors.append(caught.value)

            thread = threading.Thread(target=use)
            thread.start()
            thread.join()

    model = make()
    model.fit(*data, loss=LOSS, epochs=1, callbacks=[Meanwhile()], verbose=0)
    assert len(errors) == 2
    model.predict(data[0])


def test_fit_inside_fit_is_refused(data):
    class Recurse(Callback):
        def on_epoch_end(self, run):
            run.model.predict(data[0])
            run.model.fit(*data, epochs=1, verbose=0)

    with pytest.raises(RuntimeError, match="inside fit"):
        make().fit(*data, loss=LOSS, epochs=1, callbacks=[Recurse()], verbose=0)
