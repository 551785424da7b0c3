"""Random networks of everything the catalogue has against the reference: loss, all gradients, input gradient."""

import pytest

import steepest as st
from catalogue_networks import FUNCTIONS, LOSSES, draw, loss_and_gradient
from reference import network
from tolerance import assert_network64, largest

CASES = 320


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small networks; on a busy machine every meeting of two workers waits for the scheduler."""
    st.set_num_threads(1)
    yield
    st.set_num_threads(None)


@pytest.mark.parametrize("number", range(CASES))
def test_float64_gradients(number):
    text, model, twin, loss, x, target, weights = draw(number)
    training, step = number % 4 != 3, number % 5 * 1_000_000_007
    value, found = model.loss_and_gradients(
        x,
        target,
        loss=LOSSES[loss][0],
        sample_weight=weights,
        training=training,
        dropout_step=step,
        input_gradient=True,
    )
    output = twin.forward(x, network.Run(training=training, seed=model.seed, step=step))
    expected, dy = loss_and_gradient(loss, output, target, weights)
    dx, gradients = twin.backward(dy)
    assert_network64(value, expected, text, scale=1.0)
    named = {**dict(zip(model.parameters(), gradients.values(), strict=True)), "input": dx}
    assert found.keys() == named.keys()
    scale = max(largest(gradient) for gradient in named.values())
    for name, gradient in named.items():
        assert_network64(found[name], gradient, f"{name} of {text}", scale)


@pytest.mark.parametrize("number", range(0, CASES, 8))
def test_prediction(number):
    text, model, twin, _, x, _, _ = draw(number)
    assert_network64(model.predict(x, batch_size=7), twin.forward(x, network.Run()), text, scale=1.0)


def test_the_cases_have_everything():
    """Whatever is registered is drawn; layers that do nothing to numbers and the user's own have tests of their own."""
    drawn = " ".join(draw(number)[0] for number in range(CASES)).lower()
    registry = st.registry
    kinds = [n for n in registry.LAYERS.names() if n not in ("standardize", "flatten") and not n.startswith("test_")]
    for kind in kinds:
        assert f"{kind.replace('_', '')}(" in drawn, kind
    offered = {name for name in registry.ACTIVATIONS.names() if not name.startswith("test_")}
    assert offered <= {*FUNCTIONS, "prelu"}
    assert {name for name in registry.LOSSES.names() if not name.startswith("test_")} == set(LOSSES)
