"""Frozen layers, learning rates of their own, before and after building."""

import numpy as np
import pytest

import steepest as st

L = st.layers


def network(**settings):
    chain = [L.Dense(6, "tanh", **settings), L.BatchNorm(), L.Residual([L.Dense(6), L.BatchNorm()]), L.Dense(2)]
    return st.Sequential(chain, seed=2, input_shape=3, dtype="float64")


def train(model, rng, epochs=1, optimizer=None):
    x, y = rng.normal(size=(32, 3)), rng.normal(size=(32, 2))
    model.fit(x, y, loss="mse", optimizer=optimizer, epochs=epochs, batch_size=8, verbose=0)


def changed(model, before):
    tensors = {**model.parameters(), **model.states()}
    return {name for name, view in tensors.items() if not np.array_equal(view, before[name])}


def copies(model):
    return {name: view.copy() for name, view in {**model.parameters(), **model.states()}.items()}


def test_frozen_at_construction(rng):
    model = network(trainable=False)
    before = copies(model)
    train(model, rng)
    assert changed(model, before) == {name for name in before if not name.startswith("dense_1.")}


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs", st.optimizers.SGD(groups={"dense_1.*": 0.0, "maxout_1.*": 0})])
def test_max_norm_leaves_alone_what_no_update_changes(optimizer, rng):
    """Weights beyond the bound (the bound is new, or rounding put them there) stay, bit for bit."""
    frozen = isinstance(optimizer, str)
    inside = [L.Dense(6, max_norm=0.1, trainable=not frozen), L.Maxout(4, 2, max_norm=0.1, trainable=not frozen)]
    model = st.Sequential([*inside, L.Dense(2)], seed=2, input_shape=3, dtype="float64")
    before = copies(model)
    train(model, rng, optimizer=optimizer)
    assert changed(model, before) == {"dense_2.weight", "dense_2.bias"}


def test_frozen_and_thawed_after_building(rng):
    model = network()
    views = model.parameters()
    before = copies(model)
    for layer in model.layers[:3]:
        layer.trainable = False
    train(model, rng)
    assert changed(model, before) == {"dense_2.weight", "dense_2.bias"}
    model.layers[2].layers[0].trainable = False  # stays frozen when its block thaws
    model.layers[2].trainable = True
    before = copies(model)
    train(model, rng)
    assert changed(model, before) == {
        *("dense_2.weight", "dense_2.bias"),
        *(f"residual_1.batch_norm_1.{tensor}" for tensor in ("gamma", "beta", "running_mean", "running_variance")),
    }
    # The very same memory all the time.
    assert all(np.shares_memory(view, model.parameters()[name]) for name, view in views.items())
    assert all(
        np.shares_memory(model.layers[0].weight, view) for name, view in views.items() if name == "dense_1.weight"
    )


def test_freezing_is_the_same_before_and_after_building(rng):
    results = []
    for after in (False, True):
        model = network(trainable=after)
        model.layers[0].trainable = False
        train(model, np.random.default_rng(1), 2)
        results.append(copies(model))
    assert all(np.array_equal(results[0][name], results[1][name]) for name in results[0])


def test_frozen_batch_norm_uses_its_running_statistics_in_training(rng):
    model = st.Sequential([L.BatchNorm(), L.Dense(1)], input_shape=3, dtype="float64")
    layer = model.layers[0]
    layer.running_mean[:], layer.running_variance[:] = 5.0, 4.0
    layer.trainable = False
    x = rng.normal(size=(7, 3))
    (_, trained, _) = model.network.core.forward(x, True, 0, 0, 1)
    np.testing.assert_allclose(trained, (x - 5.0) / np.sqrt(4.0 + 1e-5), rtol=1e-13)
    assert st.gradcheck(model, x, rng.normal(size=(7, 1)), loss="mse").passed


def test_gradients_of_frozen_parameters_are_zero_and_unchecked(rng):
    model = network(trainable=False)
    x, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
    _, gradients = model.loss_and_gradients(x, y, loss="mse")
    assert not gradients["dense_1.weight"].any()
    assert model.parameters().keys() - model.trainable_parameters().keys() == {"dense_1.weight", "dense_1.bias"}
    report = st.gradcheck(model, x, y, loss="mse")
    assert report.passed, str(report)
    assert "dense_1.weight" not in report.tensors
    assert "dense_2.weight" in report.tensors


def test_rate_scale_is_a_learning_rate_of_its_own(rng):
    x, y = rng.normal(size=(16, 3)), rng.normal(size=(16, 2))
    models = [network(rate_scale=scale) for scale in (1.0, 0.25)]
    starts = [model.parameters()["dense_1.weight"].copy() for model in models]
    for model in models:
        model.fit(x, y, loss="mse", optimizer=st.optimizers.SGD(0.5), epochs=1, batch_size=16, verbose=0)
    steps = [model.parameters()["dense_1.weight"] - start for model, start in zip(models, starts, strict=True)]
    np.testing.assert_allclose(steps[1], 0.25 * steps[0], rtol=1e-12, atol=1e-15)
    others = [model.parameters()["dense_2.weight"] for model in models]
    assert np.array_equal(*others)


def test_rate_scales_multiply_and_change_after_building():
    model = st.Sequential([L.Residual([L.Dense(3, rate_scale=0.5)], rate_scale=0.5)], input_shape=3)
    scales = {p.name: p.rate_scale for p in model.network.program.parameters}
    assert scales == {"residual_1.dense_1.weight": 0.25, "residual_1.dense_1.bias": 0.25}
    model.layers[0].layers[0].rate_scale = 2.0
    assert {p.rate_scale for p in model.network.program.parameters} == {1.0}


def test_a_callback_may_thaw(rng):
    class Thaw(st.callbacks.Callback):
        def on_epoch_begin(self, run):
            run.model.layers[0].trainable = run.epoch > 2

    model = network()
    start = model.layers[0].weight.copy()
    weights = []

    class Watch(st.callbacks.Callback):
        def on_epoch_end(self, run):
            weights.append(np.array_equal(run.model.layers[0].weight, start))

    x, y = rng.normal(size=(16, 3)), rng.normal(size=(16, 2))
    model.fit(x, y, loss="mse", epochs=4, callbacks=[Thaw(), Watch()], verbose=0)
    assert weights == [True, True, False, False]


def test_a_file_keeps_what_is_frozen(tmp_path, rng):
    model = network()
    model.layers[0].trainable = False
    model.layers[3].rate_scale = 0.5
    model.save(tmp_path / "model.npz")
    twin = st.load(tmp_path / "model.npz")
    assert [layer.trainable for layer in twin.layers] == [False, True, True, True]
    assert twin.layers[3].rate_scale == 0.5
    before = copies(twin)
    train(twin, rng)
    assert not {name for name in changed(twin, before) if name.startswith("dense_1.")}


def test_wrong_values_change_nothing():
    model = network()
    with pytest.raises(TypeError, match="trainable"):
        model.layers[0].trainable = 1
    with pytest.raises(ValueError, match="rate_scale"):
        model.layers[0].rate_scale = -1.0
    assert model.layers[0].trainable is True
    assert model.layers[0].rate_scale == 1.0


def test_the_core_refuses_a_program_of_other_tensors():
    model, other = network(), st.Sequential([L.Dense(2)], input_shape=3, dtype="float64")
    for program in (other.network.program, st.Sequential([L.Dense(2)], input_shape=4).network.program):
        with pytest.raises(ValueError, match="program"):
            model.network.core.replace_program(program.to_core())
    assert model.predict(np.zeros((1, 3))).shape == (1, 2)


def test_groups_of_the_optimiser_multiply_the_layers_scales(rng):
    x, y = rng.normal(size=(16, 3)), rng.normal(size=(16, 2))
    plain, grouped = network(rate_scale=0.5), network(rate_scale=0.5)
    starts = copies(plain)
    for model, groups in ((plain, None), (grouped, {"*.gamma": 0.0, "dense_1.*": 0.5})):
        sgd = st.optimizers.SGD(0.5, groups=groups)
        model.fit(x, y, loss="mse", optimizer=sgd, epochs=1, batch_size=16, verbose=0)
    for name, expected in {"dense_1.weight": 0.5, "batch_norm_1.gamma": 0.0, "dense_2.weight": 1.0}.items():
        steps = [model.parameters()[name] - starts[name] for model in (plain, grouped)]
        assert steps[0].any()
        np.testing.assert_allclose(steps[1], expected * steps[0], rtol=1e-12, atol=1e-15)
    assert {p.rate_scale for p in grouped.network.running.parameters} == {0.5, 1.0}
