"""The same networks in PyTorch: a second oracle, by other people's hands."""

import numpy as np
import pytest

import steepest as st
from reference import losses
from tolerance import assert_network64, largest

torch = pytest.importorskip("torch")

WIDTHS = (1, 3, 7, 17, 33, 65, 129)
CASES = 60
L = st.layers


@pytest.fixture(autouse=True)
def double_on_one_thread():
    before, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    yield
    torch.set_default_dtype(before)
    torch.set_num_threads(threads)


def module(name):
    return {
        "identity": torch.nn.Identity,
        "relu": torch.nn.ReLU,
        "leaky_relu": lambda: torch.nn.LeakyReLU(0.01),
        "sigmoid": torch.nn.Sigmoid,
        "tanh": torch.nn.Tanh,
    }[name]()


def draw(number):
    """A model and the same in torch; torch refuses to normalise a single row, so there are at least two."""
    rng = np.random.default_rng([number, 77])
    loss = losses.NAMES[number % 3]
    features, rows = int(rng.choice(WIDTHS)), int(rng.choice([2, 3, 16, 17, 50]))
    layers, modules, width = [], [], features
    for _ in range(rng.integers(1, 4)):
        units, name = int(rng.choice(WIDTHS)), str(rng.choice(["identity", "relu", "leaky_relu", "sigmoid", "tanh"]))
        with_norm = rng.random() < 0.5
        layers.append(L.Dense(units, activation="identity" if with_norm else name))
        modules.append(torch.nn.Linear(width, units))
        if with_norm:
            layers += [L.BatchNorm(momentum=0.2), L.Activation(name)]
            modules.append(torch.nn.BatchNorm1d(units, momentum=0.2))
        modules.append(module(name))
        width = units
    outputs = int(rng.choice([2, 3, 10]))
    layers.append(L.Dense(outputs))
    modules.append(torch.nn.Linear(width, outputs))
    model = st.Sequential(layers, seed=number, dtype="float64", input_shape=features)
    for value in model.parameters().values():
        value[...] = rng.normal(size=value.shape) / np.sqrt(len(value))
    net = torch.nn.Sequential(*modules)
    copy_to_torch(model, net)
    x = rng.normal(size=(rows, features))
    y = rng.integers(outputs, size=rows) if loss == "softmax_cross_entropy" else rng.random((rows, outputs))
    return model, net, loss, x, y


def tensors(net):
    """torch's parameters in the order and shape of ours: its Linear keeps the transposed weight."""
    return [p.T if p.ndim == 2 else p for p in net.parameters()]


def copy_to_torch(model, net):
    with torch.no_grad():
        for mine, theirs in zip(model.parameters().values(), tensors(net), strict=True):
            theirs.copy_(torch.from_numpy(mine.copy()))


def torch_loss(loss, output, y):
    target = torch.from_numpy(np.asarray(y))
    if loss == "softmax_cross_entropy":
        return torch.nn.functional.cross_entropy(output, target)
    if loss == "sigmoid_cross_entropy":
        summed = torch.nn.functional.binary_cross_entropy_with_logits(output, target, reduction="sum")
        return summed / len(output)
    return torch.nn.functional.mse_loss(output, target)


@pytest.mark.parametrize("number", range(CASES))
def test_gradients(number):
    model, net, loss, x, y = draw(number)
    value, gradients = model.loss_and_gradients(x, y, loss=loss, input_gradient=True)
    inputs = torch.from_numpy(x).requires_grad_()
    expected = torch_loss(loss, net(inputs), y)
    expected.backward()
    assert_network64(value, expected.item(), "loss", scale=1.0)
    wanted = [p.grad.numpy().T if p.ndim == 2 else p.grad.numpy() for p in net.parameters()] + [inputs.grad.numpy()]
    scale = max(largest(gradient) for gradient in wanted)
    for (name, actual), gradient in zip(gradients.items(), wanted, strict=True):
        assert_network64(actual, gradient, f"{name} of case {number}", scale)


NEW_LOSSES = {
    "mae": (st.losses.MAE(), torch.nn.L1Loss()),
    "huber": (st.losses.Huber(0.7), torch.nn.HuberLoss(delta=0.7)),
    "poisson": (st.losses.Poisson(), torch.nn.PoissonNLLLoss(log_input=True)),
    # One target in {-1, 1} a row: torch's margin between an output and 0.
    "hinge": (st.losses.Hinge(), lambda z, t: torch.nn.functional.margin_ranking_loss(z, 0 * z, t, margin=1.0)),
    "smoothed": (st.losses.SoftmaxCrossEntropy(label_smoothing=0.1), torch.nn.CrossEntropyLoss(label_smoothing=0.1)),
    # The sum over the classes, of which torch takes the mean.
    "multiclass hinge": (st.losses.Hinge(), lambda z, t: z.shape[1] * torch.nn.functional.multi_margin_loss(z, t)),
}


def targets_of(rng, name, rows, columns):
    if name in ("smoothed", "multiclass hinge"):
        return rng.integers(columns, size=rows)
    shape = (rows, columns)
    if name == "hinge":
        return rng.choice([-1.0, 1.0], size=shape)
    return rng.poisson(2.0, size=shape).astype(float) if name == "poisson" else rng.normal(size=shape)


@pytest.mark.parametrize("name", NEW_LOSSES)
@pytest.mark.parametrize("number", range(5))
def test_the_other_losses(name, number):
    model, net, _, x, _ = draw(number)
    y = targets_of(np.random.default_rng(number), name, len(x), model.predict(x).shape[1])
    mine, theirs = NEW_LOSSES[name]
    value, gradients = model.loss_and_gradients(x, y, loss=mine)
    expected = theirs(net(torch.from_numpy(x)), torch.from_numpy(y))
    expected.backward()
    assert_network64(value, expected.item(), name, scale=1.0)
    wanted = [p.grad.numpy() for p in net.parameters()]
    scale = max(largest(gradient) for gradient in wanted)
    for (key, actual), gradient in zip(gradients.items(), wanted, strict=True):
        assert_network64(actual, gradient.T, f"{key} with {name}", scale)


OPTIMIZERS = {
    "sgd": (lambda: st.optimizers.SGD(0.01), lambda p: torch.optim.SGD(p, 0.01)),
    "momentum": (lambda: st.optimizers.SGD(0.01, momentum=0.9), lambda p: torch.optim.SGD(p, 0.01, momentum=0.9)),
    "nesterov": (
        lambda: st.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, nesterov=True),
    ),
    "rmsprop": (
        lambda: st.optimizers.RMSprop(0.01, rho=0.9, epsilon=1e-3),
        lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-3),
    ),
    "adam": (lambda: st.optimizers.Adam(0.01, epsilon=1e-3), lambda p: torch.optim.Adam(p, 0.01, eps=1e-3)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("number", range(0, CASES, 6))
def test_five_steps(name, number):
    model, net, loss, x, y = draw(number)
    mine, theirs = OPTIMIZERS[name]
    optimizer = theirs(net.parameters())
    for _ in range(5):
        optimizer.zero_grad()
        torch_loss(loss, net(torch.from_numpy(x)), y).backward()
        optimizer.step()
    model.fit(x, y, loss=loss, optimizer=mine(), epochs=5, batch_size=len(x), shuffle=False, verbose=0)
    for (key, actual), expected in zip(model.parameters().items(), tensors(net), strict=True):
        assert_network64(actual, expected.detach().numpy(), f"{key} after {name}", scale=0.01)
    theirs = [buffer.numpy() for key, buffer in net.named_buffers() if "running" in key]
    for (key, actual), expected in zip(model.states().items(), theirs, strict=True):
        assert_network64(actual, expected, f"{key} after {name}", scale=0.01)
    net.eval()
    with torch.no_grad():
        assert_network64(model.predict(x), net(torch.from_numpy(x)).numpy(), "prediction", scale=1.0)


def test_adamw_decays_dense_weights_only():
    model, net, loss, x, y = draw(0)
    decayed = [p for p in net.parameters() if p.ndim == 2]
    rest = [p for p in net.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.01, eps=1e-3)
    for _ in range(5):
        optimizer.zero_grad()
        torch_loss(loss, net(torch.from_numpy(x)), y).backward()
        optimizer.step()
    adamw = st.optimizers.AdamW(0.01, weight_decay=0.1, epsilon=1e-3)
    model.fit(x, y, loss=loss, optimizer=adamw, epochs=5, batch_size=len(x), shuffle=False, verbose=0)
    for (key, actual), expected in zip(model.parameters().items(), tensors(net), strict=True):
        assert_network64(actual, expected.detach().numpy(), key, scale=0.01)
