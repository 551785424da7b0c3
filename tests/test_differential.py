"""Every registered activation, layer and loss beside PyTorch's, on random cases in float64 and float32."""

import numpy as np
import pytest

import steepest as st
from members import members_of
from steepest.registry import ACTIVATIONS, LAYERS, LOSSES
from tolerance import assert_within, eps

torch = pytest.importorskip("torch")
import torch_twins as twins  # noqa: E402

DTYPES = ("float64", "float32")
CASES = 8
L = st.layers
# Random by themselves: what they draw is not what PyTorch draws; they have tests of their own below.
RANDOM = {"dropout", "gaussian_noise"}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    st.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    st.set_num_threads(None)


def kinds(family):
    return {cls.kind for cls in members_of(family)}


def test_nothing_registered_is_left_out():
    assert {*twins.ACTIVATIONS, "prelu"} == {*kinds(ACTIVATIONS), "gelu_tanh"}
    assert {*twins.LAYERS} | RANDOM == kinds(LAYERS)
    assert {name.partition(",")[0] for name in twins.LOSSES} == kinds(LOSSES)


def check_layer(twin, dtype, rng, what):
    """Outputs, loss, all gradients and the input's, in training and in prediction, and the running statistics."""
    rows = int(rng.choice(twins.ROWS))
    x = rng.normal(0.0, 2.0, size=(rows, *twin.shape))
    if twin.draw is not None:
        x = twin.draw(rng, rows, twin.shape[0])
    x = x.astype(dtype)
    model = st.Sequential([twin.layer], dtype=dtype, input_shape=twin.shape, seed=int(rng.integers(1000)))
    for name, view in model.parameters().items():
        if not name.endswith("weight") and twin.layer.kind != "standardize":
            view[...] = rng.normal(size=view.shape)
    for view in model.states().values():
        if twin.layer.kind != "standardize":
            view[...] = rng.uniform(0.5, 2.0, size=view.shape)
    y = rng.normal(size=(rows, model.output_size)).astype(dtype)
    names, states = list(model.parameters()), list(model.states().values())
    trained = set(model.trainable_parameters())
    arrays = [x, y, *model.parameters().values(), *states]

    def run(training):
        def on(tensors):
            inputs, targets, *rest = tensors
            parameters = rest[: len(names)]
            twin.states = [state.detach().clone() for state in rest[len(names) :]]
            outputs = twin.function(inputs, parameters, training)
            loss = torch.nn.functional.mse_loss(outputs, targets)
            if not loss.requires_grad:
                loss = loss + 0 * inputs.sum()
            *found, dx = twins.gradients_of(loss, [*parameters, inputs])
            result = {"output": outputs, "loss": loss, "input": dx}
            # The gradient of what is frozen is not computed.
            result |= {name: g if name in trained else 0 * g for name, g in zip(names, found, strict=True)}
            result |= {f"state {i}": state for i, state in enumerate(twin.states)} if training else {}
            return {k: np.asarray(v.detach() if hasattr(v, "detach") else v, np.float64) for k, v in result.items()}

        return on

    for training in (False, True):
        value, found = model.loss_and_gradients(x, y, loss="mse", training=training, input_gradient=True)
        actual = {**found, "loss": value, "output": model.predict(x)}
        if training:
            actual["output"] = model.network.core.forward(x.reshape(rows, -1), True, 0, model.seed, 1)[-1]
            after = model.copy()
            rate = st.optimizers.SGD(0.0)  # moves the running statistics and nothing else
            after.fit(x, y, loss="mse", optimizer=rate, epochs=1, batch_size=rows, shuffle=False, verbose=0)
            if twin.layer.kind != "standardize":
                actual |= {f"state {i}": state for i, state in enumerate(after.states().values())}
            else:
                actual |= {f"state {i}": state for i, state in enumerate(states)}
        twins.compare(actual, run(training), arrays, dtype, f"{what}, training={training}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*twins.ACTIVATIONS, "prelu"])
@pytest.mark.parametrize("number", range(CASES))
def test_activation(name, number, dtype):
    rng = np.random.default_rng([number, 1])
    twin = twins.activation(name, rng)
    check_layer(twin, dtype, rng, f"{twin.layer!r}, case {number}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", twins.LAYERS)
@pytest.mark.parametrize("number", range(CASES))
def test_layer(kind, number, dtype):
    rng = np.random.default_rng([number, 2])
    twin = twins.LAYERS[kind](rng)
    check_layer(twin, dtype, rng, f"{twin.layer!r}, case {number}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("gelu", lambda x, a: torch.nn.functional.gelu(x, approximate="tanh")),
        ("sigmoid", lambda x, a: torch.sigmoid(x * (1 + 1e-5))),
        ("softmax", lambda x, a: torch.softmax(x, dim=1) + 1e-5),
    ],
)
def test_a_wrong_function_is_noticed(kind, wrong, dtype, monkeypatch):
    """The comparison itself: the fifth digit is seen in float32, too."""
    monkeypatch.setitem(twins.ACTIVATIONS, kind, (twins.ACTIVATIONS[kind][0], wrong))
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match="entries are off"):
        check_layer(twins.activation(kind, rng), dtype, rng, kind)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", range(CASES))
def test_dropout(number, dtype):
    """Whatever the mask, it is one of zeros and 1 / (1 - rate), forward and backward, of the right share."""
    rng = np.random.default_rng([number, 3])
    rate, shape = float(rng.uniform(0.05, 0.9)), (200, int(rng.choice(twins.WIDTHS)))
    x, y = rng.normal(size=shape).astype(dtype), rng.normal(size=shape).astype(dtype)
    model = st.Sequential([L.Dropout(rate)], dtype=dtype, input_shape=shape[1], seed=number)
    np.testing.assert_array_equal(model.predict(x), x)
    value, found = model.loss_and_gradients(x, y, loss="mse", input_gradient=True, dropout_step=number)
    mask = (found["input"] != 0).astype(float)

    def run(tensors):
        inputs, targets = tensors
        scale = torch.from_numpy(mask).to(inputs.dtype) / (1 - rate)
        loss = torch.nn.functional.mse_loss(inputs * scale, targets)
        (dx,) = twins.gradients_of(loss, [inputs])
        return {"loss": np.float64(loss.item()), "input": dx}

    twins.compare({"loss": value, "input": found["input"]}, run, [x, y], dtype, f"dropout {rate}, case {number}")
    scipy = pytest.importorskip("scipy.stats")
    assert scipy.binomtest(int(mask.size - mask.sum()), mask.size, rate).pvalue > 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", range(CASES))
def test_gaussian_noise(number, dtype):
    """Normal numbers of the right size that do not depend on x; the gradient passes as it is."""
    scipy = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng([number, 4])
    sigma, shape = float(rng.uniform(0.1, 3)), (300, int(rng.choice(twins.WIDTHS)))
    model = st.Sequential([L.GaussianNoise(sigma)], dtype=dtype, input_shape=shape[1], seed=number)
    noises = []
    for _ in range(2):
        x, y = rng.normal(size=shape).astype(dtype), rng.normal(size=shape).astype(dtype)
        np.testing.assert_array_equal(model.predict(x), x)
        value, found = model.loss_and_gradients(x, y, loss="mse", input_gradient=True, dropout_step=number)
        difference = found["input"].astype(float) * x.size / 2  # x + noise - y
        assert value == pytest.approx(np.mean(difference**2), rel=64 * eps(dtype))
        noises.append(difference - (x.astype(float) - y))
    # A handful of roundings of numbers up to 5 sigma + 8.
    assert_within(noises[0], noises[1], 8 * eps(dtype) * (5 * sigma + 8))
    assert scipy.kstest(noises[0].ravel() / sigma, "norm").pvalue > 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", twins.LOSSES)
@pytest.mark.parametrize("number", range(CASES))
def test_loss(name, number, weighted, dtype):
    rng = np.random.default_rng([number, 5])
    make, draw, function = twins.LOSSES[name]
    loss, rows, width = make(rng), int(rng.choice(twins.ROWS)), int(rng.choice(twins.WIDTHS[1:]))
    z, y = rng.normal(0.0, 2.0, size=(rows, width)).astype(dtype), draw(rng, rows, width)
    whole = y.dtype.kind == "i"
    y = y if whole else y.astype(dtype)
    if name.endswith("soft"):  # what sums to 1 in the dtype
        y /= y.sum(axis=1, keepdims=True)
    weights = rng.uniform(0.1, 2.0, size=rows) if weighted else np.ones(rows)
    model = st.Sequential([L.Activation("identity")], dtype=dtype, input_shape=width)
    given = weights if weighted else None
    value, found = model.loss_and_gradients(z, y, loss=loss, sample_weight=given, input_gradient=True)
    assert model.evaluate(z, y, loss=loss, sample_weight=given)["loss"] == pytest.approx(value, rel=64 * eps(dtype))

    def run(tensors):
        outputs, *targets = tensors
        target = torch.from_numpy(y) if whole else targets[0]
        total = twins.mean_over_rows(function(outputs, target, loss), weights)
        (dz,) = twins.gradients_of(total, [outputs])
        return {"loss": np.float64(total.item()), "input": dz}

    inputs = [z] if whole else [z, y]
    twins.compare({"loss": value, "input": found["input"]}, run, inputs, dtype, f"{loss!r}, case {number}")


@pytest.mark.parametrize("number", range(CASES))
def test_losses_of_scikit_learn(number):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng([number, 6])
    z, y, weights = rng.normal(size=(30, 1)), rng.normal(size=(30, 1)), rng.uniform(0.1, 2, size=30)
    model = st.Sequential([L.Activation("identity")], dtype="float64", input_shape=1)

    def ours(loss, targets):
        return model.evaluate(z, targets, loss=loss, sample_weight=weights)["loss"]

    q = float(rng.uniform(0.05, 0.95))
    signs = np.where(y > 0, 1, -1)
    pairs = [
        (ours(st.losses.Quantile(q), y), metrics.mean_pinball_loss(y, z, alpha=q, sample_weight=weights)),
        (ours("mse", y), metrics.mean_squared_error(y, z, sample_weight=weights)),
        (ours("mae", y), metrics.mean_absolute_error(y, z, sample_weight=weights)),
        (ours("hinge", signs), metrics.hinge_loss(signs[:, 0], z[:, 0], sample_weight=weights)),
        (
            ours("sigmoid_cross_entropy", (signs > 0).astype(float)),
            metrics.log_loss(signs[:, 0], 1 / (1 + np.exp(-z[:, 0])), sample_weight=weights),
        ),
    ]
    for mine, theirs in pairs:
        assert mine == pytest.approx(theirs, rel=1e-12)
