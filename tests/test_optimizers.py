"""Optimisers inside fit: every rule against the reference and PyTorch, clipping, and state."""

import numpy as np
import pytest

import steepest as st
from reference import optimizers as reference
from steepest import optimizers
from steepest.registry import OPTIMIZERS
from tolerance import assert_network64

STEPS = 12
RULES = {
    "sgd": (lambda **o: optimizers.SGD(0.05, **o), {}),
    "momentum": (lambda **o: optimizers.SGD(0.05, momentum=0.9, **o), {"beta1": 0.9}),
    "nesterov": (lambda **o: optimizers.SGD(0.05, momentum=0.9, nesterov=True, **o), {"beta1": 0.9}),
    "rmsprop": (lambda **o: optimizers.RMSprop(0.05, rho=0.9, **o), {"beta2": 0.9}),
    "adagrad": (lambda **o: optimizers.Adagrad(0.05, **o), {}),
    "adam": (lambda **o: optimizers.Adam(0.05, **o), {}),
    "adamw": (lambda **o: optimizers.AdamW(0.05, weight_decay=0.1, **o), {"weight_decay": 0.1}),
    "nadam": (lambda **o: optimizers.Nadam(0.05, **o), {}),
}


def make(dtype="float64"):
    return st.Sequential([st.layers.Dense(6, "tanh"), st.layers.Dense(2)], seed=2, dtype=dtype, input_shape=3)


@pytest.fixture
def data(rng):
    x = rng.normal(size=(40, 3))
    return x, np.column_stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2]])


def fit(model, data, optimizer, epochs=STEPS):
    return model.fit(*data, loss="mse", optimizer=optimizer, epochs=epochs, batch_size=len(data[0]), verbose=0)


def clipped(gradients, clip_norm=None, clip_value=None):
    """Norm over all tensors together first, then every element (Pascanu et al. 2013)."""
    length = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
    factor = min(1.0, clip_norm / length) if clip_norm else 1.0
    bound = clip_value or np.inf
    return {name: np.clip(factor * g, -bound, bound) for name, g in gradients.items()}, factor


def train_by_reference(model, data, rule, settings, *, scales=None, **clip):
    """Train a copy with gradients from the core and the rule of the reference; return it and the clipping factors."""
    twin = model.copy()
    states = {name: {} for name in twin.parameters()}
    factors = []
    for t in range(1, STEPS + 1):
        _, gradients = twin.loss_and_gradients(*data, loss="mse")
        gradients, factor = clipped(gradients, **clip)
        factors.append(factor)
        for name, view in twin.parameters().items():
            rate = 0.05 * (scales or {}).get(name, 1.0)
            own = {**settings, "weight_decay": settings.get("weight_decay", 0.0) * name.endswith("weight")}
            view[...] = reference.update(rule, view, gradients[name], states[name], t, rate, **own)
    return twin, factors


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_that_of_the_reference(rule, data):
    model = make()
    twin, _ = train_by_reference(model, data, rule, RULES[rule][1])
    fit(model, data, RULES[rule][0]())
    for name, value in twin.parameters().items():
        assert_network64(model.parameters()[name], value, f"{name} after {rule}")


@pytest.mark.parametrize("clip", [{"clip_norm": 0.2}, {"clip_value": 0.05}, {"clip_norm": 0.5, "clip_value": 0.1}])
@pytest.mark.parametrize("rule", RULES)
def test_clipping_is_that_of_the_reference(rule, clip, data):
    model = make()
    twin, factors = train_by_reference(model, data, rule, RULES[rule][1], **clip)
    assert "clip_norm" not in clip or min(factors) < 1.0
    fit(model, data, RULES[rule][0](**clip))
    for name, value in twin.parameters().items():
        assert_network64(model.parameters()[name], value, f"{name} after {rule}")


TORCH = {
    "adagrad": lambda t, p: t.Adagrad(p, lr=0.05, eps=1e-8),
    # The momentum of PyTorch's grows towards beta1 with the step; a large momentum_decay lets it be beta1 at once.
    "nadam": lambda t, p: t.NAdam(p, lr=0.05, momentum_decay=1e6),
    "rmsprop": lambda t, p: t.RMSprop(p, lr=0.05, alpha=0.9),
    "adam": lambda t, p: t.Adam(p, lr=0.05),
    "nesterov": lambda t, p: t.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("rule", TORCH)
def test_pytorch_agrees(rule, data, request):
    torch = pytest.importorskip("torch")
    model = make()
    tensors = {name: torch.nn.Parameter(torch.tensor(value.copy())) for name, value in model.parameters().items()}
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # of the scalars that NAdam keeps
    request.addfinalizer(lambda: torch.set_default_dtype(before))
    oracle = TORCH[rule](torch.optim, list(tensors.values()))
    x, y = (torch.tensor(array) for array in data)
    for _ in range(STEPS):
        oracle.zero_grad()
        hidden = torch.tanh(x @ tensors["dense_1.weight"] + tensors["dense_1.bias"])
        ((hidden @ tensors["dense_2.weight"] + tensors["dense_2.bias"] - y) ** 2).mean().backward()
        oracle.step()
    fit(model, data, RULES[rule][0]())
    for name, tensor in tensors.items():
        assert_network64(model.parameters()[name], tensor.detach().numpy(), f"{name} after {rule}")


def test_bias_correction_is_on_by_default():
    for kind in ("adam", "adamw", "nadam"):
        assert OPTIMIZERS.create(kind).bias_correction


def test_first_step_of_adam_is_the_rate(data):
    model = make()
    before = {name: value.copy() for name, value in model.parameters().items()}
    fit(model, data, optimizers.Adam(0.01), epochs=1)
    for name, value in model.parameters().items():
        np.testing.assert_allclose(np.abs(value - before[name]), 0.01, rtol=1e-5)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_keeps_the_state(rule, dtype, data, tmp_path):
    once, twice = make(dtype), make(dtype)
    fit(once, data, RULES[rule][0](clip_norm=0.5), 8)
    fit(twice, data, RULES[rule][0](clip_norm=0.5), 3)
    twice.save(tmp_path / "net.npz")
    loaded = st.load(tmp_path / "net.npz")
    assert loaded.optimizer.get_config() == twice.optimizer.get_config()
    fit(loaded, data, None, 5)
    np.testing.assert_array_equal(once.network.parameter_arena, loaded.network.parameter_arena)


# -------------------------------------------------------------------------------------------------------------- groups
@pytest.mark.parametrize("rule", RULES)
def test_groups_multiply_the_rate(rule, data):
    groups = {"dense_1.*": 0.25, "*.bias": 2.0}
    scales = {"dense_1.weight": 0.25, "dense_1.bias": 0.25, "dense_2.bias": 2.0}
    model = make()
    twin, _ = train_by_reference(model, data, rule, RULES[rule][1], scales=scales)
    fit(model, data, RULES[rule][0](groups=groups))
    for name, value in twin.parameters().items():
        assert_network64(model.parameters()[name], value, f"{name} after {rule}")


def test_zero_leaves_a_parameter_as_it_is(data):
    model = make("float32")
    before = {name: value.copy() for name, value in model.parameters().items()}
    fit(model, data, optimizers.AdamW(0.1, weight_decay=0.5, groups={"dense_1.*": 0.0}))
    for name, value in model.parameters().items():
        assert np.array_equal(value, before[name]) == name.startswith("dense_1."), name


def test_groups_end_with_the_fit(data):
    grouped, plain = make(), make()
    for model in (grouped, plain):
        fit(model, data, optimizers.SGD(0.1, groups={"*": 0.5}) if model is grouped else optimizers.SGD(0.05), 2)
        fit(model, data, optimizers.SGD(0.1), 2)
    for name, value in plain.parameters().items():
        assert_network64(grouped.parameters()[name], value, name)


def test_wrong_groups(data):
    with pytest.raises(ValueError, match=r"groups: 'dense_9\.\*' matches no parameter, there are dense_1\.weight, "):
        fit(make(), data, optimizers.Adam(groups={"dense_9.*": 0.1}))
    for wrong in ({"*": -1.0}, {"*": float("nan")}):
        with pytest.raises(ValueError, match=r"groups\['\*'\]"):
            optimizers.Adam(groups=wrong)
    for wrong in ([("*", 1.0)], {1: 0.5}):
        with pytest.raises(TypeError, match="groups must be a dictionary"):
            optimizers.Adam(groups=wrong)


def test_a_file_keeps_the_groups(data, tmp_path):
    once, twice = make(), make()
    options = {"groups": {"*.bias": 0.1}}
    fit(once, data, optimizers.Adam(0.05, **options), 6)
    fit(twice, data, optimizers.Adam(0.05, **options), 3)
    twice.save(tmp_path / "net.npz")
    loaded = st.load(tmp_path / "net.npz")
    assert loaded.optimizer.groups == options["groups"]
    fit(loaded, data, None, 3)
    np.testing.assert_array_equal(once.network.parameter_arena, loaded.network.parameter_arena)


@pytest.mark.parametrize(
    ("dtype", "size", "bound"), [("float32", 1e37, 1e-3), ("float64", 1e160, 1.0), ("float64", 1e300, 0.1)]
)
def test_norms_whose_squares_overflow_are_bounded(dtype, size, bound):
    """A norm that overflows, or a factor below all numbers of the type, would leave zeros."""

    def trained(rows, **settings):
        layer = st.layers.Dense(1, initializer=size if "max_norm" in settings else 0.0, use_bias=False, **settings)
        model = st.Sequential([layer], input_shape=2, dtype=dtype)
        clipping = {} if settings else {"clip_norm": bound}
        model.fit(rows, [1.0], loss="mse", optimizer=st.optimizers.SGD(1.0, **clipping), epochs=1, verbose=0)
        return model.layers[0].weight[:, 0]

    # A gradient of (-6, -8) size, and two weights of this size: five roundings on the way.
    margin = 5 * np.finfo(dtype).eps * bound
    np.testing.assert_allclose(trained([[3 * size / 10, 4 * size / 10]]), [0.6 * bound, 0.8 * bound], 0, margin)
    np.testing.assert_allclose(trained([[0.0, 0.0]], max_norm=bound), bound / np.sqrt([2.0, 2.0]), 0, margin)
