"""Averages of predictions, of snapshots and of parameters, against the sums written out."""

import numpy as np
import pytest

import steepest as st
from steepest import ensembles, schedules
from steepest.rng import shuffle_rows
from tolerance import assert_equal

L = st.layers
CE = "softmax_cross_entropy"


@pytest.fixture
def classes(rng):
    x = rng.normal(size=(150, 4))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int) + (x[:, 2] > 0.5)


def network(seed=0, outputs=3, dtype="float64", norm=False):
    chain = [L.Dense(8, "tanh"), *([L.BatchNorm()] if norm else []), L.Dense(outputs)]
    return st.Sequential(chain, seed=seed, dtype=dtype)


def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture
def members(classes):
    return ensembles.seed_ensemble(network, *classes, members=3, loss=CE, epochs=3, verbose=0).models


# ---------------------------------------------------------------------------------------------------------- predictions
def test_probabilities_are_averaged(members, classes):
    x, y = classes
    ensemble = ensembles.Ensemble(members)
    expected = np.mean([softmax(m.predict(x)) for m in members], axis=0)
    assert ensemble.average == "probabilities"
    np.testing.assert_allclose(ensemble.predict_proba(x), expected, rtol=1e-13)
    np.testing.assert_allclose(softmax(ensemble.predict(x)), expected, rtol=1e-12)
    scores = ensemble.evaluate(x, y)
    assert scores["loss"] == pytest.approx(-np.log(expected[np.arange(len(y)), y]).mean(), rel=1e-12)
    assert scores["accuracy"] == (expected.argmax(axis=1) == y).mean()


def test_logits_are_averaged(members, classes):
    x, _ = classes
    ensemble = ensembles.Ensemble(members, average="logits")
    logits = np.mean([m.predict(x) for m in members], axis=0)
    np.testing.assert_allclose(ensemble.predict(x), logits, rtol=1e-13)
    np.testing.assert_allclose(ensemble.predict_proba(x), softmax(logits), rtol=1e-12)
    assert not np.allclose(ensemble.predict_proba(x), ensembles.Ensemble(members).predict_proba(x), rtol=1e-6)


def test_an_average_of_probabilities_is_no_worse_than_the_mean_member(members, classes):
    """Jensen: the cross-entropy is convex in the probabilities."""
    mean = np.mean([m.evaluate(*classes)["loss"] for m in members])
    assert ensembles.Ensemble(members).evaluate(*classes)["loss"] < mean


def test_sigmoid_ensembles_return_log_odds(rng):
    x = rng.normal(size=(60, 4))
    y = np.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1)
    ensemble = ensembles.seed_ensemble(
        lambda seed: network(seed, 2), x, y, members=3, loss="sigmoid_cross_entropy", epochs=4, verbose=0
    )
    p = np.mean([1 / (1 + np.exp(-m.predict(x))) for m in ensemble], axis=0)
    np.testing.assert_allclose(ensemble.predict(x), np.log(p / (1 - p)), rtol=1e-9, atol=1e-12)


def test_certain_members_give_finite_outputs():
    for loss, outputs in ((CE, 2), ("sigmoid_cross_entropy", 1)):
        model = st.Sequential([L.Dense(outputs, initializer=1.0, use_bias=False)], input_shape=outputs)
        if outputs == 2:
            model.layers[0].weight = [[1.0, 0.0], [0.0, 1.0]]
        ensemble = ensembles.Ensemble([model], loss=loss)
        assert np.isfinite(ensemble.predict(np.array([[3e4, -3e4], [-3e4, 3e4]], "float32")[:, :outputs])).all()


def test_spread_is_mean_deviation_and_quantiles(members, classes):
    x, _ = classes
    spread = ensembles.Ensemble(members, average="outputs").spread(x)
    outputs = np.stack([m.predict(x) for m in members])
    assert_equal(spread.members, outputs)
    np.testing.assert_allclose(spread.mean, outputs.mean(axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(spread.deviation, outputs.std(axis=0, ddof=1), rtol=1e-12)
    for end, share in zip(spread.interval(0.8), (0.1, 0.9), strict=True):
        np.testing.assert_allclose(end, np.quantile(outputs, share, axis=0), rtol=1e-12, atol=1e-14)
    lower, upper = spread.interval(0.95, kind="normal")
    np.testing.assert_allclose(upper - lower, 2 * 1.959963984540054 * spread.deviation, rtol=1e-9)
    assert not ensembles.Spread(outputs[:1]).deviation.any()


def test_an_ensemble_beats_its_members_on_noise(rng):
    """The mean of members with independent errors has a smaller error: here of regressions on small noisy sets."""
    x = rng.uniform(-2, 2, size=(60, 1))
    y = np.sin(2 * x[:, 0]) + 0.3 * rng.normal(size=60)
    grid = np.linspace(-2, 2, 200)[:, None]
    ensemble = ensembles.seed_ensemble(
        lambda seed: st.Sequential([L.Dense(32, "tanh"), L.Dense(1)], seed=seed),
        *(x, y),
        members=8,
        optimizer=lambda: st.optimizers.Adam(0.03),
        loss="mse",
        epochs=300,
        verbose=0,
    )
    errors = [m.evaluate(grid, np.sin(2 * grid[:, 0]))["loss"] for m in ensemble]
    assert ensemble.evaluate(grid, np.sin(2 * grid[:, 0]))["loss"] < np.mean(errors)
    assert len({id(m.optimizer) for m in ensemble}) == 8


def test_seeds_decide(classes):
    first, again, other = (
        ensembles.seed_ensemble(network, *classes, members=seeds, loss=CE, epochs=1, verbose=0).predict(classes[0])
        for seeds in (2, [0, 1], [0, 2])
    )
    assert_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_a_file_keeps_the_ensemble(members, classes, tmp_path, average):
    ensemble = ensembles.Ensemble(members, average=average)
    ensemble.save(tmp_path / "ensemble.npz")
    twin = ensembles.Ensemble.load(tmp_path / "ensemble.npz")
    assert (len(twin), twin.average, twin.loss.kind) == (3, average, CE)
    assert_equal(twin.predict(classes[0]), ensemble.predict(classes[0]))


def test_files_that_are_none_are_refused(members, tmp_path):
    members[0].save(tmp_path / "model.npz")
    (tmp_path / "text").write_text("text")
    for name in ("model.npz", "text"):
        with pytest.raises(ValueError, match=f"{name} is not a file of an ensemble"):
            ensembles.Ensemble.load(tmp_path / name)


def test_wrong_arguments_are_named(members):
    with pytest.raises(ValueError, match="at least one"):
        ensembles.Ensemble([])
    with pytest.raises(TypeError, match="models must be a list of models, got 3"):
        ensembles.Ensemble(3)
    with pytest.raises(TypeError, match="models of steepest"):
        ensembles.Ensemble([3])
    with pytest.raises(ValueError, match="as many outputs"):
        ensembles.Ensemble([members[0], st.Sequential([L.Dense(2)], input_shape=4)])
    with pytest.raises(ValueError, match="average='logits'"):
        ensembles.Ensemble(members, average="logits", loss="mse")
    with pytest.raises(ValueError, match="average must be one of"):
        ensembles.Ensemble(members, average="median")
    with pytest.raises(ValueError, match=r"build\(1\) returned a model with seed 0"):
        ensembles.seed_ensemble(lambda seed: network(), np.ones((4, 2)), [0, 1, 2, 0], members=2, loss=CE, epochs=1)
    with pytest.raises(ValueError, match="level"):
        ensembles.Ensemble(members).spread(np.ones((2, 4))).interval(1.0)


# ---------------------------------------------------------------------------------------------------------- along a run
def test_snapshots_are_the_models_at_the_ends_of_cycles(classes):
    ends = []

    class Watch(st.callbacks.Callback):
        def on_epoch_end(self, run):
            ends.append((run.model.predict(classes[0]), run.logs["learning_rate"]))

    snapshots = ensembles.Snapshots(every=3, learning_rate=0.1)
    model = network(norm=True)
    sgd = st.optimizers.SGD(0.5)
    model.fit(*classes, loss=CE, optimizer=sgd, epochs=7, verbose=0, callbacks=[snapshots, Watch()])
    assert len(snapshots.models) == 2
    for taken, (expected, rate) in zip(snapshots.models, (ends[2], ends[5]), strict=True):
        assert_equal(taken.predict(classes[0]), expected)
        assert rate < 0.01
    assert ends[3][1] > 0.05
    steps = -(-len(classes[0]) // 32)
    assert sgd.learning_rate == schedules.CosineRestarts(0.1, 3 * steps)
    model.fit(*classes, epochs=5, optimizer=sgd, verbose=0, callbacks=[snapshots])  # goes on: 12 epochs in all
    ensemble = snapshots.ensemble()
    assert len(ensemble) == 4
    np.testing.assert_allclose(
        ensemble.predict_proba(classes[0]), np.mean([m.predict_proba(classes[0]) for m in snapshots.models], axis=0)
    )


def test_only_the_newest_snapshots_are_kept(classes):
    snapshots = ensembles.Snapshots(every=1, keep=2)
    with pytest.raises(ValueError, match="no snapshot yet"):
        snapshots.ensemble()
    model = network()
    model.fit(*classes, loss=CE, epochs=5, verbose=0, callbacks=[snapshots])
    assert len(snapshots.models) == 2
    assert_equal(snapshots.models[-1].predict(classes[0]), model.predict(classes[0]))


def test_cosine_restarts_grow():
    rate = schedules.CosineRestarts(1.0, 10, final=0.2, growth=2)
    assert [step for step in range(100) if rate(step) == 1.0] == [0, 10, 30, 70]
    assert rate(5) == rate(20) == rate(50) == pytest.approx(0.6)
    assert min(rate(step) for step in range(100)) > 0.2


# ------------------------------------------------------------------------------------------- averages of the parameters
class EverySteps(st.callbacks.Callback):
    """Copies of the parameters after every so many steps, taken by hand."""

    def __init__(self, pace):
        self.pace, self.taken = pace, {}

    def on_slice_end(self, run):
        if run.model.steps % self.pace == 0:
            self.taken[run.model.steps] = run.model.network.parameter_arena.copy()


@pytest.mark.parametrize("every", [1, 3])
def test_exponential_average_is_the_recursion(classes, every):
    x, y = classes
    model = network()
    model.build(4)
    expected = model.network.parameter_arena.copy()
    watch, average = EverySteps(1), ensembles.ExponentialAverage(0.9, every=every, warmup=False)
    model.fit(x, y, loss=CE, optimizer=st.optimizers.SGD(0.3), epochs=4, verbose=0, callbacks=[watch, average])
    assert len(watch.taken) == model.steps == 20
    for step in range(every, 21, every):
        expected += (1 - 0.9**every) * (watch.taken[step] - expected)
    np.testing.assert_allclose(average.average_model().network.parameter_arena, expected, rtol=1e-13, atol=1e-16)


def test_watching_every_step_changes_nothing(classes):
    watched, alone = network(norm=True), network(norm=True)
    callbacks = [ensembles.ExponentialAverage(every=3), EverySteps(7), ensembles.StochasticAverage(1)]
    watched.fit(*classes, loss=CE, epochs=3, verbose=0, callbacks=callbacks)
    alone.fit(*classes, loss=CE, epochs=3, verbose=0)
    assert_equal(watched.network.parameter_arena, alone.network.parameter_arena)
    assert sorted(callbacks[1].taken) == [7, 14]


def test_the_warm_up_forgets_the_start(classes):
    models = []
    for warmup in (True, False):
        average = ensembles.ExponentialAverage(0.9999, every=1, warmup=warmup)
        model = network()
        model.build(4)
        start = model.network.parameter_arena.copy()
        model.fit(*classes, loss=CE, epochs=10, verbose=0, callbacks=[average])
        models.append(average.average_model().network.parameter_arena)
    travelled = np.linalg.norm(model.network.parameter_arena - start)
    far, near = (np.linalg.norm(arena - start) for arena in models)
    assert near < 0.05 * travelled < 0.5 * travelled < far


def test_stochastic_average_is_the_mean_of_the_epochs_ends(classes):
    model, ends = network(), []

    class Ends(st.callbacks.Callback):
        def on_epoch_end(self, run):
            ends.append(run.model.network.parameter_arena.copy())

    average = ensembles.StochasticAverage(start=3, every=2)
    with pytest.raises(ValueError, match="averaged nothing"):
        average.average_model()
    for epochs in (4, 4):  # the same training, in two calls
        model.fit(*classes, loss=CE, epochs=epochs, verbose=0, callbacks=[average, Ends()])
    assert average.count == 3
    np.testing.assert_allclose(
        average.average_model().network.parameter_arena, np.mean([ends[2], ends[4], ends[6]], axis=0), rtol=1e-13
    )
    fresh = network(seed=5)
    fresh.fit(*classes, loss=CE, epochs=3, verbose=0, callbacks=[average])  # another model starts anew
    assert average.count == 1
    assert_equal(average.average_model().network.parameter_arena, fresh.network.parameter_arena)


def test_numbers_that_are_not_finite_stay_out(classes):
    average, model = ensembles.StochasticAverage(start=1), network()
    model.fit(*classes, loss=CE, epochs=2, verbose=0, callbacks=[average])
    good = average.average_model().network.parameter_arena.copy()
    model.network.parameter_arena[0] = np.nan
    average.add(model, 0.5)
    assert_equal(average.average_model().network.parameter_arena, good)


def test_batch_norm_needs_the_data_again(classes):
    x, y = classes
    average, model = ensembles.StochasticAverage(start=1), network(norm=True)
    model.fit(x, y, loss=CE, optimizer=st.optimizers.SGD(1.0), epochs=6, verbose=0, callbacks=[average])
    with pytest.raises(ValueError, match="batch norm"):
        average.average_model()
    result = average.average_model(x, batch_size=150)
    hidden = np.tanh(x @ result.layers[0].weight + result.layers[0].bias)
    np.testing.assert_allclose(result.layers[1].running_mean, hidden.mean(axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(result.layers[1].running_variance, hidden.var(axis=0, ddof=1), rtol=1e-9)
    # With the statistics of the training the average would be another function.
    stale = average.average_model(x)
    average.write(stale)
    assert result.evaluate(x, y)["loss"] < stale.evaluate(x, y)["loss"]
    model.layers[1].trainable = False
    average.average_model()  # frozen statistics stay as they are


def test_recomputed_statistics_are_pytorchs(rng):
    torch = pytest.importorskip("torch")
    model = st.Sequential(
        [L.Dense(5, "tanh"), L.BatchNorm(), L.Dense(4), L.BatchNorm(), L.Dense(2)], dtype="float64", input_shape=3
    )
    x = rng.normal(size=(40, 3))
    ensembles.recompute_batch_norm(model, x, batch_size=10)
    chain = []
    for layer in model.layers:
        if isinstance(layer, L.Dense):
            chain.append(torch.nn.Linear(*layer.weight.shape, dtype=torch.float64))
            chain[-1].weight.data, chain[-1].bias.data = torch.tensor(layer.weight.T), torch.tensor(layer.bias)
            chain += [torch.nn.Tanh()] if layer.activation.kind == "tanh" else []
        else:
            chain.append(torch.nn.BatchNorm1d(len(layer.gamma), dtype=torch.float64))
    twin = torch.nn.Sequential(*chain)
    order = shuffle_rows(0, 0, None, 40)
    torch.optim.swa_utils.update_bn(torch.tensor(x[order]).split(10), twin)
    mine = [layer for layer in model.layers if isinstance(layer, L.BatchNorm)]
    theirs = [layer for layer in twin if isinstance(layer, torch.nn.BatchNorm1d)]
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a.running_mean, b.running_mean.numpy(), rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(a.running_variance, b.running_var.numpy(), rtol=1e-10)


def test_recomputed_statistics_of_images_are_per_channel(rng):
    model = st.Sequential([L.BatchNorm(), L.Flatten(), L.Dense(2)], dtype="float64", input_shape=(3, 2, 2))
    x = rng.normal(size=(9, 3, 2, 2)) + np.arange(3.0).reshape(3, 1, 1)
    ensembles.recompute_batch_norm(model, x, batch_size=4)  # the last batch takes the ninth row
    assert_equal(model.steps, 0)
    np.testing.assert_allclose(model.layers[0].running_mean, x.mean(axis=(0, 2, 3)), rtol=1e-12)


# --------------------------------------------------------------------------------------------- test-time augmentation
def test_augmented_predictions_are_those_of_the_versions(members, classes):
    x, _ = classes
    model, seen = members[0], []

    def shift(batch, generator):
        batch += generator.normal(size=(1, 4))
        seen.append(batch.copy())
        return batch

    before = x.copy()
    spread = ensembles.predict_augmented(model, x, shift, rounds=3, seed=4)
    assert_equal(x, before)
    expected = [model.predict_proba(version) for version in (x, *seen)]
    assert_equal(spread.members, np.stack(expected))
    again = ensembles.predict_augmented(model, x, shift, rounds=3, seed=4)
    other = ensembles.predict_augmented(model, x, shift, rounds=3, seed=5, plain=False)
    assert_equal(again.members, spread.members)
    assert not np.array_equal(other.members, spread.members[1:])
    outputs = ensembles.predict_augmented(ensembles.Ensemble(members), x, shift, rounds=1, average="outputs")
    assert outputs.members.shape == (2, 150, 3)


def test_augmentation_must_keep_the_shape(members, classes):
    with pytest.raises(ValueError, match="shape"):
        ensembles.predict_augmented(members[0], classes[0], lambda batch, generator: batch[:3])
    with pytest.raises(TypeError, match="augment"):
        ensembles.predict_augmented(members[0], classes[0], 3)
