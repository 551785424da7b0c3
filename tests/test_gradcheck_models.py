"""The gradient check of steepest's own layers, losses and models, and how it treats the model."""

from dataclasses import replace

import numpy as np
import pytest

import catalogue_networks as catalogue
import steepest as st
from architectures import draw_case
from reference import activations, losses
from steepest.gradcheck import check_problem
from steepest.gradcheck.subjects import from_model

L = st.layers


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Thousands of tiny calls; on a busy machine every meeting of two workers waits for the scheduler."""
    st.set_num_threads(1)
    yield
    st.set_num_threads(None)


def batch(rng, rows=14, features=5, classes=3):
    return rng.normal(size=(rows, features)), rng.integers(classes, size=rows)


LAYERS = {
    "dense": lambda: L.Dense(4),
    "dense without bias": lambda: L.Dense(4, use_bias=False),
    "dense with l2": lambda: L.Dense(4, regularizer=st.regularizers.L2(0.1)),
    **{f"dense {name}": (lambda name=name: L.Dense(4, activation=name)) for name in activations.NAMES},
    **{f"activation {name}": (lambda name=name: L.Activation(name)) for name in activations.NAMES},
    "batch norm": lambda: L.BatchNorm(),
    "dropout": lambda: L.Dropout(0.3),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("training", [True, False])
def test_layer(isa, name, training, rng):
    report = st.gradcheck(LAYERS[name](), rng.normal(size=(9, 5)), training=training)
    assert report.passed, str(report)
    assert "input" in report.tensors


@pytest.mark.parametrize("loss", losses.NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_loss(isa, loss, weighted, rng):
    outputs, labels = batch(rng, features=3)
    y = labels if loss == "softmax_cross_entropy" else rng.random(outputs.shape)
    weights = rng.uniform(0.5, 2, size=len(outputs)) if weighted else None
    report = st.gradcheck(loss, outputs, y, sample_weight=weights)
    assert report.passed, str(report)
    assert report.verdict == "excellent"


def test_loss_object(rng):
    outputs, labels = batch(rng, features=3)
    assert st.gradcheck(st.losses.SoftmaxCrossEntropy(), outputs, labels).passed


@pytest.mark.parametrize("number", range(40))
def test_random_model(number):
    case = draw_case(number, "float64", rows=(2, 7, 17)[number % 3])
    report = st.gradcheck(
        case.model,
        case.x,
        case.target,
        loss=case.twin.loss,
        sample_weight=case.weights,
        training=number % 4 != 3,
        mode="auto" if number % 2 else "fast",
        max_entries=300,
        samples=100,
    )
    assert report.passed, f"{case.text}\n{report}"


@pytest.mark.parametrize("number", range(1000, 1024))
def test_random_model_of_the_catalogue(number):
    text, model, _, loss, x, y, weights = catalogue.draw(number)
    report = st.gradcheck(
        model,
        x,
        y,
        loss=catalogue.LOSSES[loss][0],
        sample_weight=weights,
        training=number % 4 != 3,
        inputs="Columns" not in text,  # categories have no neighbours to differ from
        max_entries=200,
        samples=60,
        directions=2,
    )
    assert report.passed, f"{text}\n{report}"


def mixed_model(**settings):
    return st.Sequential(
        [
            L.Dense(8, activation="relu"),
            L.BatchNorm(),
            L.Dropout(0.3),
            L.Dense(6, activation="tanh"),
            L.Dense(3),
        ],
        seed=0,
        regularizer=st.regularizers.L2(1e-2),
        **settings,
    )


def test_every_instruction_set(isa, rng):
    report = st.gradcheck(mixed_model(), *batch(rng), loss="softmax_cross_entropy")
    assert report.passed, str(report)
    assert report.verdict == "excellent"


def test_float32_model_is_untouched(rng):
    x, y = batch(rng)
    model = mixed_model(input_shape=5)
    model.fit(x, y, loss="softmax_cross_entropy", epochs=2, batch_size=5, verbose=0)
    before = [value.copy() for value in (*model.parameters().values(), *model.states().values())]
    slots = [slot.copy() for slot in model.optimizer.slots]
    counters = (model.steps, model.epochs_seen, model.optimizer.iterations, model.dtype)
    assert st.gradcheck(model, x, y, burn_in=3).passed  # the loss of the fit
    for old, new in zip(before, (*model.parameters().values(), *model.states().values()), strict=True):
        assert np.array_equal(old, new)
    for old, new in zip(slots, model.optimizer.slots, strict=True):
        assert np.array_equal(old, new)
    assert counters == (model.steps, model.epochs_seen, model.optimizer.iterations, model.dtype)


def test_float64_model_is_untouched(rng):
    x, y = batch(rng)
    model = mixed_model(input_shape=5, dtype="float64")
    before = {name: value.copy() for name, value in model.parameters().items()}
    st.gradcheck(model, x, y, loss="softmax_cross_entropy", burn_in=2)
    for name, value in model.parameters().items():
        assert np.array_equal(value, before[name]), name


def test_model_that_has_seen_no_data_stays_so(rng):
    model = mixed_model()
    assert st.gradcheck(model, *batch(rng), loss="softmax_cross_entropy").passed
    assert not model.built


@pytest.mark.parametrize("tensor", ["dense_1.weight", "batch_norm_1.gamma", "dense_2.bias", "input"])
def test_one_entry_off_by_a_twentieth_of_a_percent(tensor, rng):
    problem = from_model(
        mixed_model(),
        *batch(rng),
        loss="softmax_cross_entropy",
        sample_weight=None,
        training=True,
        inputs=True,
        burn_in=0,
    )
    assert check_problem(problem).passed
    index = tuple(size // 2 for size in problem.tensors[tensor].shape)

    def gradients():
        result = {name: value.copy() for name, value in problem.gradients().items()}
        result[tensor][index] *= 1.0005
        return result

    report = check_problem(type(problem)(problem.what, problem.tensors, problem.value, gradients))
    assert [(entry.name, entry.index) for entry in report.wrong] == [(tensor, index)]
    place = f"{tensor}[{', '.join(map(str, index))}]"
    assert place in str(report)


@pytest.mark.parametrize("options", [{}, {"mode": "fast"}, {"method": "one-sided"}])
@pytest.mark.parametrize("start", ["zeros", "auto"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "prelu", "selu", "hard_swish"])
def test_where_kinks_of_several_layers_meet_nothing_fails(activation, start, options, rng):
    """Rows of zeros through zero biases: no derivative exists, the backward pass need not lie between the slopes."""
    y = rng.integers(3, size=5)
    layers = [st.layers.Dense(4, activation, initializer=start), st.layers.Dense(4, activation, initializer=start)]
    model = st.Sequential([*layers, st.layers.Dense(3)], seed=0)
    for x in (np.zeros((5, 3)), rng.normal(size=(5, 3)) * [[0], [0], [1], [1], [1]]):
        report = st.gradcheck(model, x, y, loss="softmax_cross_entropy", **options)
        assert report.passed, str(report)


@pytest.mark.parametrize("tensor", ["dense_1.bias", "dense_2.bias", "input"])
def test_a_wrong_gradient_is_found_where_kinks_meet(tensor, rng):
    model = st.Sequential([st.layers.Dense(4, "selu"), st.layers.Dense(4, "selu"), st.layers.Dense(3)], dtype="float64")
    problem = from_model(
        model,
        np.zeros((5, 3)),
        rng.normal(size=(5, 3)),
        loss="mse",
        sample_weight=None,
        training=True,
        inputs=True,
        burn_in=0,
    )

    def gradients():
        given = dict(problem.gradients())
        return given | {tensor: 1.05 * given[tensor]}

    report = check_problem(replace(problem, gradients=gradients))
    assert not report.passed
    assert {entry.name for entry in report.wrong} == {tensor}


def test_a_gradient_that_is_wrong_at_one_point_only_is_no_kink():
    """The sine's derivative is taken for 0 at 0 only: beside it all is right, and the same."""
    forward, backward = np.sin, lambda dy, x: dy * np.where(x == 0, 0, np.cos(x))
    assert not st.gradcheck.check_pair(forward, backward, [[0.0, 0.5]]).passed


def test_images_of_bytes_keep_their_shape(rng):
    images = rng.integers(0, 256, size=(6, 3, 4), dtype=np.uint8)
    report = st.gradcheck(st.Sequential([L.Dense(3, activation="tanh")]), images, rng.normal(size=(6, 3)), loss="mse")
    assert report.passed, str(report)
    assert report.summaries[-1].shape == (6, 3, 4)


def test_large_model_is_sampled_quickly(rng):
    model = st.Sequential([L.Dense(200, activation="relu"), L.Dense(200, activation="relu"), L.Dense(10)], seed=1)
    x, y = batch(rng, rows=40, features=50, classes=10)
    report = st.gradcheck(model, x, y, loss="softmax_cross_entropy", max_entries=300, samples=200)
    assert report.mode == "sampled"
    assert report.passed, str(report)
    assert all(summary.checked >= 10 and summary.directions == 4 for summary in report.summaries)


def test_digits_at_initialisation_and_after_burn_in():
    x, y = st.datasets.load_digits()[:2]
    x, y = np.asarray(x[:60], dtype=float) / 16, y[:60]
    model = st.Sequential([L.Dense(32, activation="relu"), L.BatchNorm(), L.Dense(10)], seed=0)
    for burn_in in (0, 10):
        report = st.gradcheck(
            model, x, y, loss="softmax_cross_entropy", burn_in=burn_in, inputs=False, max_entries=500, samples=100
        )
        assert report.passed, str(report)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, x, y: st.gradcheck(m, x), TypeError, "y is missing"),
        (lambda m, x, y: st.gradcheck(m, x, y), ValueError, "loss must be given"),
        (lambda m, x, y: st.gradcheck(m, x, y, loss="mean"), ValueError, "loss must be one of .*'mean'"),
        (lambda m, x, y: st.gradcheck(m, x[:, :3], y, loss="mse"), ValueError, "X has 3 columns"),
        (lambda m, x, y: st.gradcheck("mse", x), TypeError, "y is missing"),
        (lambda m, x, y: st.gradcheck(m, x, y + 7, loss="softmax_cross_entropy"), ValueError, "y"),
    ],
)
def test_messages(call, error, message, rng):
    with pytest.raises(error, match=message):
        call(mixed_model(input_shape=5), *batch(rng))
