"""Every registered optimiser and penalty beside PyTorch's, JAX's and scikit-learn's, on random cases."""

import numpy as np
import pytest

import steepest as st
from members import members_of
from steepest import optimizers
from steepest import schedules as rates
from steepest.registry import OPTIMIZERS, REGULARIZERS
from tolerance import SPREAD_RUNS, assert_network32, assert_network64, assert_within, eps, largest

torch = pytest.importorskip("torch")
import torch_twins as twins  # noqa: E402

DTYPES = ("float64", "float32")
CASES = 8
EPOCHS = 3
L, T = st.layers, torch.optim
# By rule: our object of a rate and other settings, and PyTorch's of the weights and the rest of the parameters.
RULES = {
    "sgd": (lambda r, s: optimizers.SGD(r, **s), lambda p, r: T.SGD(p, r)),
    "momentum": (lambda r, s: optimizers.SGD(r, momentum=0.8, **s), lambda p, r: T.SGD(p, r, momentum=0.8)),
    "nesterov": (
        lambda r, s: optimizers.SGD(r, momentum=0.8, nesterov=True, **s),
        lambda p, r: T.SGD(p, r, momentum=0.8, nesterov=True),
    ),
    "rmsprop": (
        lambda r, s: optimizers.RMSprop(r, rho=0.95, epsilon=1e-4, **s),
        lambda p, r: T.RMSprop(p, r, alpha=0.95, eps=1e-4),
    ),
    "adagrad": (lambda r, s: optimizers.Adagrad(r, epsilon=1e-4, **s), lambda p, r: T.Adagrad(p, r, eps=1e-4)),
    "adam": (
        lambda r, s: optimizers.Adam(r, 0.8, 0.95, epsilon=1e-4, **s),
        lambda p, r: T.Adam(p, r, (0.8, 0.95), eps=1e-4),
    ),
    "adamw": (
        lambda r, s: optimizers.AdamW(r, weight_decay=0.3, epsilon=1e-4, **s),
        # Weights decay, biases do not.
        lambda p, r: T.AdamW(
            [
                {"params": [t for t in p if t.ndim == 2], "weight_decay": 0.3},
                {"params": [t for t in p if t.ndim == 1], "weight_decay": 0.0},
            ],
            r,
            eps=1e-4,
        ),
    ),
    # A large momentum_decay lets PyTorch's momentum be beta1 at once.
    "nadam": (
        lambda r, s: optimizers.Nadam(r, epsilon=1e-4, **s),
        lambda p, r: T.NAdam(p, r, eps=1e-4, momentum_decay=1e6),
    ),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread_in_double_precision():
    threads, before = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # of the scalars that NAdam keeps
    st.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_default_dtype(before)
    st.set_num_threads(None)


def kinds(family):
    return {cls.kind for cls in members_of(family)}


def test_nothing_registered_is_left_out():
    assert {type(make(0.1, {})).kind for make, _ in RULES.values()} | {"lbfgs"} == kinds(OPTIMIZERS)
    assert {"l1", "l2", "l1_l2"} == kinds(REGULARIZERS)


class Case:
    """A network of two smooth layers, its data, and the same in PyTorch."""

    def __init__(self, number, dtype, **settings):
        rng = np.random.default_rng([number, 11])
        self.dtype, self.name = dtype, str(rng.choice(twins.SMOOTH))
        features, hidden, outputs = (int(rng.choice(twins.WIDTHS)) for _ in range(3))
        self.batch, self.rows = int(rng.choice([4, 7, 16])), int(rng.choice([16, 23]))
        kind = twins.ACTIVATIONS[self.name][0](rng)
        layers = [L.Dense(hidden, kind), L.Dense(outputs)]
        self.model = st.Sequential(layers, dtype=dtype, input_shape=features, seed=number, **settings)
        self.x = rng.normal(size=(self.rows, features)).astype(dtype)
        self.y = rng.normal(size=(self.rows, outputs)).astype(dtype)
        self.rate = float(10 ** rng.uniform(-3, -1.5))
        self.start = [value.copy() for value in self.model.parameters().values()]

    def loss(self, parameters, x, y):
        hidden = twins.ACTIVATIONS[self.name][1](x @ parameters[0] + parameters[1], None)
        return torch.nn.functional.mse_loss(hidden @ parameters[2] + parameters[3], y)

    def theirs(
        self, make, dtype=torch.float64, rng=None, before_step=None, penalty=None, schedule=None, after_step=None
    ):
        """Return the parameters after the training in PyTorch; with `rng` numbers are disturbed by a rounding."""

        def there(array):
            return twins.tensor(array if rng is None else twins.disturbed(array, rng), dtype)

        parameters = [there(array).requires_grad_() for array in self.start]
        x, y = (there(array).detach() for array in (self.x, self.y))
        optimizer = make(parameters, self.rate)
        follows = schedule(optimizer) if schedule else None
        for _ in range(EPOCHS):
            for start in range(0, self.rows, self.batch):
                rows = slice(start, start + self.batch)
                optimizer.zero_grad()
                value = self.loss(parameters, x[rows], y[rows])
                (value if penalty is None else value + penalty(parameters)).backward()
                if before_step is not None:
                    before_step(parameters)
                optimizer.step()
                if after_step is not None:
                    after_step(parameters)
                if follows is not None:
                    follows.step()
        return [p.detach().to(torch.float64).numpy() for p in parameters]

    def compare(self, optimizer, make, what, **options):
        """Train both and compare all parameters."""
        self.model.fit(
            self.x,
            self.y,
            loss="mse",
            optimizer=optimizer,
            epochs=EPOCHS,
            batch_size=self.batch,
            shuffle=False,
            verbose=0,
        )
        expected = self.theirs(make, **options)
        assert any(largest(e - s) > 1e-5 for e, s in zip(expected, self.start, strict=True))
        noisy = []
        if self.dtype == "float32":
            rng = np.random.default_rng(7)
            noisy = [self.theirs(make, torch.float32, rng, **options) for _ in range(SPREAD_RUNS)]
        for i, (name, actual) in enumerate(self.model.parameters().items()):
            if self.dtype == "float64":
                assert_network64(actual, expected[i], f"{name} after {what}", scale=0.01)
            else:
                spread = max(largest(run[i] - expected[i]) for run in noisy)
                assert_network32(actual, expected[i], spread, f"{name} after {what}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("number", range(CASES))
def test_rule(rule, number, dtype):
    case = Case(number, dtype)
    make, oracle = RULES[rule]
    case.compare(make(case.rate, {}), oracle, f"{rule}, case {number}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", ["sgd", "adam", "adagrad"])
@pytest.mark.parametrize("number", range(4))
def test_clipping_by_value(rule, number, dtype):
    case = Case(number, dtype)
    make, oracle = RULES[rule]
    case.compare(
        make(case.rate, {"clip_value": 0.01}),
        oracle,
        f"{rule} clipped, case {number}",
        before_step=lambda p: torch.nn.utils.clip_grad_value_(p, 0.01),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", range(4))
def test_clipping_by_norm(number, dtype):
    """JAX's rule; PyTorch's adds 1e-6 to the norm."""
    jax_optimizers = pytest.importorskip("jax.example_libraries.optimizers")
    import jax

    def clip(parameters):
        with jax.enable_x64(True):
            clipped = jax_optimizers.clip_grads([p.grad.detach().numpy() for p in parameters], 0.05)
        for p, gradient in zip(parameters, clipped, strict=True):
            p.grad.copy_(torch.from_numpy(np.array(gradient)))

    case = Case(number, dtype)
    make, oracle = RULES["momentum"]
    case.compare(make(case.rate, {"clip_norm": 0.05}), oracle, f"clipped, case {number}", before_step=clip)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "adamw"])  # has groups already, of what decays
def test_groups(rule, dtype):
    case = Case(3, dtype)
    make, _ = RULES[rule]

    def oracle(p, r):
        groups = [{"params": p[:2], "lr": 0.25 * r}, {"params": p[2:]}]
        return RULES[rule][1](groups, r)

    case.compare(make(case.rate, {"groups": {"dense_1.*": 0.25}}), oracle, f"{rule} in groups")


PENALTIES = {
    "l1": (st.regularizers.L1(0.01), 0.01, 0.0),
    "l2": (st.regularizers.L2(0.1), 0.0, 0.1),
    "l1_l2": (st.regularizers.L1L2(0.02, 0.05), 0.02, 0.05),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("number", range(4))
def test_penalties(name, number, dtype):
    regularizer, l1, l2 = PENALTIES[name]
    case = Case(number, dtype, regularizer=regularizer)
    make, oracle = RULES["adam"]

    def penalty(parameters):
        weights = [p for p in parameters if p.ndim == 2]
        return sum(l1 * w.abs().sum() + 0.5 * l2 * (w * w).sum() for w in weights)

    case.compare(make(case.rate, {}), oracle, f"{name}, case {number}", penalty=penalty)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", range(4))
def test_max_norm(number, dtype):
    """After every step the columns are brought to the length, which `torch.renorm` does."""
    case = Case(number, dtype)
    length = 0.5 * float(np.sqrt(np.sum(case.start[0].astype(float) ** 2, axis=0)).max())
    layers = [
        L.Dense(case.start[0].shape[1], case.model.layers[0].activation, max_norm=length),
        L.Dense(case.start[2].shape[1]),
    ]
    case.model = st.Sequential(layers, dtype=dtype, input_shape=case.x.shape[1], seed=number)

    def after(parameters):
        with torch.no_grad():
            parameters[0].copy_(torch.renorm(parameters[0], 2, 1, length))

    for view, start in zip(case.model.parameters().values(), case.start, strict=True):
        view[...] = start
    make, oracle = RULES["sgd"]
    # torch.renorm leaves columns 1e-7 shorter: it divides by the length plus that.
    relative = 1e-6
    case.model.fit(
        case.x,
        case.y,
        loss="mse",
        optimizer=make(case.rate, {}),
        epochs=EPOCHS,
        batch_size=case.batch,
        shuffle=False,
        verbose=0,
    )
    expected = case.theirs(oracle, after_step=after)
    assert (np.linalg.norm(expected[0], axis=0) <= length * (1 + 1e-12)).all()
    for name, actual, other in zip(case.model.parameters(), case.model.parameters().values(), expected, strict=True):
        assert_within(actual, other, relative * (1 + largest(other)) + 1e2 * eps(dtype) * (1 + largest(other)), name)


@pytest.mark.parametrize("number", range(4))
def test_class_weights(number):
    """One step of gradient descent with PyTorch's weighted cross-entropy."""
    rng = np.random.default_rng([number, 12])
    x, labels, weights = rng.normal(size=(40, 5)), rng.integers(4, size=40), rng.uniform(0.2, 3, size=4)
    model = st.Sequential([L.Dense(4)], dtype="float64", input_shape=5, seed=number)
    weight, bias = (twins.tensor(value) for value in model.parameters().values())
    loss = torch.nn.functional.cross_entropy(
        torch.from_numpy(x) @ weight + bias, torch.from_numpy(labels), weight=torch.from_numpy(weights)
    )
    gradients = torch.autograd.grad(loss, (weight, bias))
    model.fit(
        x,
        labels,
        loss="softmax_cross_entropy",
        optimizer=optimizers.SGD(0.5),
        class_weight=dict(enumerate(weights)),
        epochs=1,
        batch_size=40,
        verbose=0,
    )
    for view, start, gradient in zip(model.parameters().values(), (weight, bias), gradients, strict=True):
        assert_network64(view, (start - 0.5 * gradient).detach().numpy())


# --------------------------------------------------------------------------------------------------------------- L-BFGS
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", range(6))
def test_lbfgs_finds_the_minimum_that_others_find(number, dtype):
    """Of a convex loss: scikit-learn's logistic regression and ridge, which have solvers of their own."""
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng([number, 13])
    x = rng.normal(size=(80, int(rng.integers(2, 9)))).astype(dtype)
    l2 = float(10 ** rng.uniform(-2, 0))
    double = x.astype(float)
    if number % 2:
        y = rng.integers(3, size=80)
        # sum of losses + 1 / (2 C) |W|^2, the biases free
        theirs = linear.LogisticRegression(C=1 / (80 * l2), tol=1e-12, max_iter=10_000).fit(double, y)
        loss, outputs, weight = "softmax_cross_entropy", 3, theirs.coef_.T
    else:
        y = rng.normal(size=(80, 2))
        # sum of squares + alpha |W|^2; ours is their mean over 160 numbers + l2 / 2 |W|^2
        theirs = linear.Ridge(alpha=80 * l2, solver="cholesky").fit(double, y)
        loss, outputs, weight = "mse", 2, theirs.coef_.T
    model = st.Sequential([L.Dense(outputs)], dtype=dtype, input_shape=x.shape[1], regularizer=st.regularizers.L2(l2))
    rule = optimizers.LBFGS(tolerance=1e-10 if dtype == "float64" else 1e-6)
    model.fit(x, y, loss=loss, optimizer=rule, epochs=300, verbose=0)
    # The curvature is at least l2, so the weights are as good as the gradient over l2.
    bound = {"float64": 1e-8, "float32": 32 * eps(dtype) * (1 + np.abs(double).max())}[dtype] / l2
    assert_within(model.layers[0].weight, weight, bound, f"{loss}, l2 = {l2:.3g}")


@pytest.mark.parametrize("number", range(4))
def test_pytorchs_lbfgs_finds_nothing_lower_beside_our_minimum(number):
    case = Case(number, "float64", regularizer=st.regularizers.L2(0.01))
    model, (x, y) = case.model, (torch.from_numpy(case.x), torch.from_numpy(case.y))
    model.fit(case.x, case.y, loss="mse", optimizer=optimizers.LBFGS(tolerance=1e-10), epochs=3000, verbose=0)
    reached, _ = model.loss_and_gradients(case.x, case.y, loss="mse")
    parameters = [twins.tensor(value) for value in model.parameters().values()]
    oracle = T.LBFGS(parameters, max_iter=500, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe")

    def closure():
        oracle.zero_grad()
        value = case.loss(parameters, x, y)
        value = value + 0.005 * sum((p * p).sum() for p in parameters if p.ndim == 2)
        value.backward()
        return value

    assert closure().item() == pytest.approx(reached, rel=1e-12)
    oracle.step(closure)
    assert closure().item() == pytest.approx(reached, rel=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", ["sgd", "nesterov", "adam", "adamw"])
def test_rates_reach_the_steps(rule, dtype):
    case = Case(5, dtype)
    make, oracle = RULES[rule]
    schedule = rates.Exponential(case.rate, 1, 0.8)
    case.compare(
        make(schedule, {}), oracle, f"{rule} with a schedule", schedule=lambda o: T.lr_scheduler.ExponentialLR(o, 0.8)
    )
