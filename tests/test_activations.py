"""Every activation by name and by object, alone and in a dense layer, built-in and the user's own."""

import numpy as np
import pytest

import steepest as st
from reference import layers as reference
from steepest import _core, activations
from steepest.gradcheck import check_pair
from steepest.lowering import passes
from steepest.registry import ACTIVATIONS

L = st.layers
NAMES = [*(name for name in ACTIVATIONS.names() if not name.startswith("test_")), "gelu_tanh", "swish"]
SETTINGS = {
    "leaky_relu": {"alpha": 0.2},
    "prelu": {"slope": -0.5},
    "elu": {"alpha": 0.5},
    "celu": {"alpha": 2.0},
}
ROW_FUNCTIONS = ("softmax", "log_softmax", "hardmax")


def apply(activation, x, dtype="float64"):
    return st.Sequential([L.Activation(activation)], dtype=dtype).predict(np.asarray(x, dtype))


def test_the_reference_knows_every_name():
    assert set(NAMES) == set(reference.ACTIVATIONS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_values(name, dtype, rng):
    x = rng.normal(0.0, 3.0, size=(23, 7)).astype(dtype)
    expected = reference.ACTIVATIONS[name](x.astype(float))
    # Element-wise functions are within a few roundings; near -inf the reference itself is 1 - 1.
    tolerance = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(apply(name, x, dtype), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name, rng):
    x = rng.normal(size=(5, 4))
    spec = {"kind": name, **SETTINGS[name]}
    np.testing.assert_allclose(apply(spec, x), reference.ACTIVATIONS[name](x, **SETTINGS[name]), rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(apply(spec, x), apply(ACTIVATIONS[name](**SETTINGS[name]), x))


@pytest.mark.parametrize("name", NAMES)
def test_gradient_alone_and_in_a_dense_layer(name, rng):
    x = rng.normal(size=(6, 4))
    for layer in (L.Activation(name), L.Dense(3, activation=name)):
        report = st.gradcheck(layer, x)
        assert report.passed, str(report)


@pytest.mark.parametrize("name", ["step", "hardmax"])
def test_no_gradient_passes_a_jump(name, rng):
    model = st.Sequential([L.Dense(3), L.Activation(name), L.Dense(2)], dtype="float64")
    _, gradients = model.loss_and_gradients(rng.normal(size=(5, 4)), rng.normal(size=(5, 2)), loss="mse")
    assert not gradients["dense_1.weight"].any()
    assert gradients["dense_2.weight"].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_large_inputs_stay_finite(name, dtype):
    x = np.array([[-1e4, 1e4, -1e2, 1e2, 0.0]])
    assert np.isfinite(apply(name, x, dtype)).all()
    model = st.Sequential([L.Activation(name)], dtype=dtype)
    _, gradients = model.loss_and_gradients(x, np.zeros_like(x), loss="mae", input_gradient=True)
    assert np.isfinite(gradients["input"]).all()


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_row_functions_are_shift_invariant(name, rng):
    x = rng.integers(-8, 8, size=(4, 6)).astype(float)  # exact after the shift
    np.testing.assert_array_equal(apply(name, x + 1e6), apply(name, x))


@pytest.mark.parametrize("name", ROW_FUNCTIONS)
def test_row_functions_refuse_images(name):
    with pytest.raises(ValueError, match=rf"activation '{name}' acts on rows.*\(2, 3, 3\).*Flatten"):
        st.Sequential([L.Activation(name)], input_shape=(2, 3, 3))
    assert st.Sequential([L.Flatten(), L.Activation(name)], input_shape=(2, 3, 3)).output_size == 18


def test_another_one_in_every_layer(rng):
    chain = [L.Dense(3, activation=name) for name in NAMES if name not in ("step", "hardmax")]
    model = st.Sequential([*chain, L.Dense(2)])
    report = st.gradcheck(model, rng.normal(size=(5, 4)), rng.normal(size=(5, 2)), loss="mse")
    assert report.passed, str(report)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("identity", *ROW_FUNCTIONS)])
def test_fused_only_where_the_output_is_enough(name):
    activation = ACTIVATIONS.create(name)
    program = st.Sequential([L.Dense(3, activation=name)]).lower(4)
    operations = passes.optimize(program).operations
    if name == "prelu":
        assert [op.kind for op in operations] == ["dense", "prelu"]
        return
    assert activation.derivative_from_output == (_core.activation_needs(activation.function) != "input")
    assert len(operations) == (1 if activation.derivative_from_output else 2)


def test_every_activation_of_the_core_has_a_name():
    functions = {ACTIVATIONS.create(name).function for name in NAMES if name not in ("prelu", *ROW_FUNCTIONS)}
    with pytest.raises(ValueError, match="accepted") as caught:
        _core.activation_needs("?")
    assert functions == set(str(caught.value).partition("accepted: ")[2].split(", "))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("relu", 2.0), ("prelu", 2.0), ("gelu_tanh", 2.0), ("swish", 2.0), ("selu", 1.0), ("tanh", 2 * 500 / 1500)],
)
def test_automatic_initialisation(name, expected):
    # Variance times fan-in: 2 for He, 1 for LeCun, 2 in / (in + out) for Glorot.
    model = st.Sequential([L.Dense(1000, activation=name)], input_shape=500)
    assert model.layers[0].weight.var(dtype=float) * 500 == pytest.approx(expected, rel=0.03)


def test_prelu_learns_its_slope(rng):
    x = rng.normal(size=(400, 1))
    y = np.where(x > 0, x, -0.5 * x)[:, 0]
    model = st.Sequential([L.PReLU()], dtype="float64")
    model.fit(x, y, loss="mse", optimizer=st.optimizers.SGD(0.1), epochs=30, verbose=0)
    np.testing.assert_allclose(model.layers[0].slope, [-0.5], atol=1e-3)
    assert model.parameters().keys() == {"prelu_1.slope"}


@pytest.mark.parametrize(("shared", "shape"), [(False, (3,)), ("channel", (3,)), (True, (1,))])
def test_prelu_slopes(shared, shape, rng):
    layer = L.PReLU(0.5, shared=shared)
    model = st.Sequential([layer], input_shape=3, dtype="float64")
    assert layer.slope.shape == shape
    assert st.gradcheck(model, rng.normal(size=(7, 3)), rng.normal(size=(7, 3)), loss="mse").passed
    dense = st.Sequential([L.Dense(3, activations.PReLU(shared=shared))], input_shape=2)
    assert dense.layers[0].tensor("slope").shape == shape


@pytest.mark.parametrize("wrong", ["unit", "", 2, None])
def test_prelu_shared_is_checked(wrong):
    with pytest.raises((TypeError, ValueError), match="shared"):
        L.PReLU(shared=wrong)


# ---------------------------------------------------------------------------------------------------------- user's own
def cube(x):
    return x**3


def cube_backward(dy, x):
    return 3 * x**2 * dy


@st.registry.ACTIVATIONS.register("test_cube")
class Cube(activations.Custom):
    """x^3, for the tests."""

    def __init__(self):
        super().__init__(cube, cube_backward)


def test_custom_activation_against_its_built_in_twin(rng):
    twin = activations.Custom(np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2))
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    outputs = []
    for activation in ("tanh", twin):
        model = st.Sequential([L.Dense(5, activation), L.Dense(2)], dtype="float64", seed=3)
        model.fit(x, y, loss="mse", epochs=3, batch_size=16, verbose=0)
        outputs.append(model.predict(x))
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-11, atol=1e-12)


def test_custom_activation_is_checked_like_any_other(rng):
    x = rng.normal(size=(5, 3))
    assert st.gradcheck(L.Dense(4, activations.Custom(cube, cube_backward)), x).passed
    wrong = activations.Custom(cube, lambda dy, x: 3.003 * x**2 * dy)
    report = st.gradcheck(L.Activation(wrong), x)
    assert not report.passed
    assert check_pair(cube, cube_backward, x).passed


def test_custom_activation_in_files(tmp_path, rng):
    model = st.Sequential([L.Dense(4, "test_cube"), L.Dense(2)], input_shape=3)
    model.save(tmp_path / "cube.npz")
    x = rng.normal(size=(5, 3))
    np.testing.assert_array_equal(st.load(tmp_path / "cube.npz").predict(x), model.predict(x))
    nameless = st.Sequential([L.Dense(4, activations.Custom(cube, cube_backward))], input_shape=3)
    with pytest.raises(ValueError, match=r"cannot be saved.*register"):
        nameless.save(tmp_path / "never.npz")
    np.testing.assert_array_equal(nameless.copy().predict(x), nameless.predict(x))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: activations.Custom(1, cube), TypeError, "forward must be a function"),
        (lambda: activations.Elu(-1.0), ValueError, "alpha"),
        (lambda: activations.Celu(0.0), ValueError, "alpha"),
        (lambda: activations.Gelu("erf"), ValueError, "approximate.*'erf'"),
        (lambda: L.PReLU(shared=1), TypeError, "shared"),
        (lambda: L.Dense(2, activation="sigmod"), ValueError, "did you mean 'sigmoid'"),
    ],
)
def test_arguments(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_what_a_custom_activation_raises_arrives(rng):
    def fail(x):
        raise RuntimeError("no such number")

    model = st.Sequential([L.Activation(activations.Custom(fail, cube_backward))])
    with pytest.raises(RuntimeError, match="no such number"):
        model.predict(rng.normal(size=(3, 2)))
    short = st.Sequential([L.Activation(activations.Custom(lambda x: x[:, :1], cube_backward))])
    with pytest.raises(ValueError, match=r"must return shape \(3, 2\)"):
        short.predict(rng.normal(size=(3, 2)))


@pytest.mark.parametrize("name", NAMES)
def test_an_activation_can_be_called(name, rng):
    x = rng.normal(size=(5, 3))
    np.testing.assert_allclose(ACTIVATIONS.create(name)(x), apply(name, x), rtol=1e-14, atol=1e-15)
    twice = activations.Custom(lambda x: 2 * x, lambda dy, x: 2 * dy)
    np.testing.assert_array_equal(twice(x), 2 * x)
