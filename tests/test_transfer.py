"""Trained layers under a new head."""

import numpy as np
import pytest

import steepest as st
from steepest import transfer
from tolerance import assert_equal

L = st.layers
CE = "softmax_cross_entropy"


@pytest.fixture
def trained(rng):
    chain = [L.Dense(9, "tanh"), L.BatchNorm(), L.Residual([L.Dense(9), L.BatchNorm()]), L.Dropout(0.1), L.Dense(3)]
    model = st.Sequential(chain, seed=3)
    x = rng.normal(2.0, 3.0, size=(120, 5))
    model.fit(x, np.arange(120) % 3, loss=CE, epochs=3, verbose=0)
    return model, x


def tensors(model):
    return {name: view.copy() for name, view in {**model.parameters(), **model.states()}.items()}


@pytest.mark.parametrize("keep", [-1, 4, "dropout_1"])
def test_a_new_head_on_trained_layers(trained, keep):
    model, x = trained
    before = tensors(model)
    other = transfer.new_head(model, [L.Dense(6, "relu"), L.Dense(2)], keep=keep)
    assert other.names == (*model.names[:4], "dense_2", "dense_3")
    kept = {name for name in before if not name.startswith("dense_2.")}
    for name in kept:
        assert_equal(tensors(other)[name], before[name])
    # The same features: the last hidden layer of both.
    features = [m.network.core.forward(np.asarray(x), False, 0, 0, 1) for m in (model, other)]
    assert_equal(features[0][-2], features[1][-3])
    other.fit(x, np.arange(120) % 2, loss=CE, epochs=2, verbose=0)
    after = tensors(other)
    assert {name for name in kept if not np.array_equal(after[name], before[name])} == set()
    for name, values in tensors(model).items():
        assert_equal(values, before[name])


def test_what_is_not_frozen_is_trained(trained):
    model, x = trained
    other = transfer.new_head(model, [L.Dense(2)], keep=2, frozen=False, seed=8)
    assert (other.seed, len(other.layers), other.steps, other.optimizer) == (8, 3, 0, None)
    before = tensors(other)
    other.fit(x, np.arange(120) % 2, loss=CE, epochs=1, verbose=0)
    assert all(not np.array_equal(values, before[name]) for name, values in tensors(other).items())


def test_frozen_batch_norm_keeps_its_statistics_on_other_data(trained, rng):
    model, _ = trained
    other = transfer.new_head(model, [L.Dense(2)])
    norm = other.layers[1]
    before = norm.running_mean.copy(), norm.running_variance.copy()
    x = rng.normal(50.0, 20.0, size=(60, 5))
    other.fit(x, np.arange(60) % 2, loss=CE, epochs=2, verbose=0)
    assert_equal(norm.running_mean, before[0])
    assert_equal(norm.running_variance, before[1])
    transfer.unfreeze(other, "batch_norm_1")
    other.fit(x, np.arange(60) % 2, loss=CE, epochs=1, verbose=0)
    assert not np.array_equal(norm.running_mean, before[0])


def test_freeze_by_names_and_patterns(trained):
    model, _ = trained
    transfer.freeze(model, "*.dense_1", "dropout*")
    frozen = set(model.parameters()) - set(model.trainable_parameters())
    assert frozen == {"residual_1.dense_1.weight", "residual_1.dense_1.bias"}
    transfer.freeze(model)
    assert not model.trainable_parameters()
    transfer.unfreeze(model, "dense_2")
    assert list(model.trainable_parameters()) == ["dense_2.weight", "dense_2.bias"]
    with pytest.raises(ValueError, match="'conv' matches no layer"):
        transfer.freeze(model, "conv")


def test_layers_learn_at_rates_of_their_own(trained):
    model, x = trained
    transfer.layer_rates(model, 0.5)
    assert [layer.rate_scale for layer in model.layers] == [0.125, 0.25, 0.5, 1.0, 1.0]
    before = tensors(model)
    x, y = x[:64], np.arange(64) % 3
    _, gradients = model.loss_and_gradients(x, y)
    twin = transfer.new_head(model, [L.Dense(3)], frozen=False)
    assert [layer.rate_scale for layer in twin.layers[:3]] == [0.125, 0.25, 0.5]
    model.fit(x, y, optimizer=st.optimizers.SGD(0.1), epochs=1, batch_size=64, shuffle=False, verbose=0)
    for name, scale in (("dense_1.weight", 0.125), ("residual_1.dense_1.weight", 0.5), ("dense_2.weight", 1.0)):
        step = before[name] - tensors(model)[name]
        np.testing.assert_allclose(step, 0.1 * scale * gradients[name], rtol=1e-3, atol=1e-6)


def test_layers_thaw_one_after_the_other(trained):
    model, x = trained
    transfer.freeze(model, "dense_1", "batch_norm_1", "residual_1")
    thawed = []

    class Watch(st.callbacks.Callback):
        def on_epoch_end(self, run):
            thawed.append([layer.trainable for layer in run.model.layers])

    slowly = transfer.GradualUnfreezing(every=2, until="batch_norm_1")
    model.fit(x, np.arange(120) % 3, epochs=8, callbacks=[slowly, Watch()], verbose=0)
    pair = [[False, False, False, True, True], [False, False, True, True, True], [False, True, True, True, True]]
    assert thawed == [state for state in (*pair, pair[-1]) for _ in range(2)]
    with pytest.raises(ValueError, match="until='conv'"):
        model.fit(x, np.arange(120) % 3, epochs=1, callbacks=[transfer.GradualUnfreezing(until="conv")], verbose=0)


@pytest.mark.parametrize(
    ("keep", "message"),
    [(0, "keeps none"), (-5, "keep must be"), (6, "keep must be"), ("conv", "'conv'"), (1.5, "keep")],
)
def test_wrong_cuts(trained, keep, message):
    with pytest.raises((TypeError, ValueError), match=message):
        transfer.new_head(trained[0], [L.Dense(2)], keep=keep)


def test_a_model_that_is_not_built_has_nothing_to_give():
    with pytest.raises(ValueError, match="not built yet"):
        transfer.new_head(st.Sequential([L.Dense(2), L.Dense(2)]), [L.Dense(2)])


# ------------------------------------------------------------------------------------------------------------ real data
@pytest.mark.data
def test_transfer_beats_from_scratch_with_few_labels(data_dir):
    """MNIST's digits 0-4 help to tell 5-9 apart with 20 labels a class: by a point of accuracy in the mean of 5 draws.

    On scikit-learn's digits of 8 x 8 pixels, which 900 rows teach little about, it does not: hence no fallback here.
    """
    split = st.datasets.load_mnist(data_dir / "mnist")
    x, y = split.X_train[:20000].astype("float32") / 255, split.y_train[:20000]
    test = split.y_test >= 5
    x_test, y_test = split.X_test[test].astype("float32") / 255, split.y_test[test] - 5
    source = st.Sequential([L.Dense(256, "relu"), L.Dense(128, "relu"), L.Dense(5)], seed=0)
    source.fit(x[y < 5], y[y < 5], loss=CE, epochs=5, batch_size=64, verbose=0)
    gains = []
    for draw in range(5):
        rng = np.random.default_rng(draw)
        rows = [rng.choice(np.flatnonzero(y == digit), 20, replace=False) for digit in range(5, 10)]
        few, labels = x[np.concatenate(rows)], y[np.concatenate(rows)] - 5

        def train(model, *stretches, few=few, labels=labels):
            for thaw, rate, epochs in stretches:
                if thaw:
                    transfer.unfreeze(model)
                adam = st.optimizers.Adam(rate)
                model.fit(few, labels, loss=CE, optimizer=adam, epochs=epochs, batch_size=20, verbose=0)
            return model.evaluate(x_test, y_test)["accuracy"]

        moved = transfer.new_head(source, [L.Dense(128, "relu"), L.Dense(5)], keep=1, seed=draw)
        scratch = st.Sequential([L.Dense(256, "relu"), L.Dense(128, "relu"), L.Dense(5)], seed=draw)
        # The new layers first, then all of them with a smaller rate (Kumar et al. 2022).
        better = train(moved, (False, 3e-3, 20), (True, 1e-3, 40))
        gains.append(better - train(scratch, (False, 1e-3, 60)))
    assert np.mean(gains) > 0.01, gains
    assert min(gains) > 0.0, gains
