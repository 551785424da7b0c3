"""The monitor's records against NumPy, its promise to change nothing, and its choice of steps."""

import numpy as np
import pytest

import steepest as st
from steepest import layers
from steepest.callbacks import Callback, Monitor, Recovery
from steepest.monitor import callback, watch
from steepest.monitor.compare import compare
from steepest.monitor.facts import neighbour_agreement, reference_losses

CE = "softmax_cross_entropy"


@pytest.fixture
def data(rng):
    x = rng.normal(size=(700, 9)).astype("float32")
    return x, np.argmax(x[:, :4] + x[:, 4:8] ** 2, axis=1)


def make(seed=0, **options):
    parts = [layers.Dense(20, "relu"), layers.BatchNorm(), layers.Dense(12, "tanh"), layers.Dropout(0.1)]
    return st.Sequential([*parts, layers.Dense(4)], seed=seed, **options)


def tensors(model):
    return np.concatenate([array.ravel() for array in [*model.parameters().values(), *model.states().values()]])


def fit(model, data, *hooks, **options):
    chosen = {"loss": CE, "optimizer": "adam", "epochs": 4, "batch_size": 32, "verbose": 0, **options}
    return model.fit(*data, callbacks=hooks, **chosen)


@pytest.fixture
def every_step(monkeypatch):
    """Look at every step: what the monitor may take of the time is then not kept."""
    monkeypatch.setattr(watch, "SHARE", 1e9)
    monkeypatch.setattr(watch, "MOST_LOOKS", 10**6)


# ------------------------------------------------------------------------------------------------------ changes nothing
@pytest.mark.parametrize("optimizer", ["adam", "sgd", {"kind": "sgd", "learning_rate": 0.1, "clip_norm": 0.3}])
@pytest.mark.parametrize("hooks", [(Monitor,), (Recovery,), (Monitor, Recovery)])
def test_changes_no_bit(data, optimizer, hooks, every_step):
    plain, watched = make(), make()
    first = fit(plain, data, optimizer=optimizer)
    second = fit(watched, data, *(hook(verbose=False) for hook in hooks), optimizer=optimizer)
    np.testing.assert_array_equal(tensors(plain), tensors(watched))
    assert first["loss"] == second["loss"]


def records_of(data, count, **options):
    kept = st.get_num_threads()
    try:
        st.set_num_threads(count)
        monitor = Monitor(verbose=False)
        fit(make(), data, monitor, **options)
    finally:
        st.set_num_threads(kept)
    return monitor


def test_records_do_not_depend_on_threads(data):
    one, two = (records_of(data, count) for count in (1, 2))
    for name, record in one.records.items():
        np.testing.assert_array_equal(record, two.records[name], err_msg=name)
    np.testing.assert_array_equal(one.noise_scale, two.noise_scale)
    assert one.findings == two.findings


# --------------------------------------------------------------------------------------------------------- what it says
@pytest.fixture
def one_step(rng):
    """One step of plain descent on 48 rows, of which the arrays are known."""
    x, y = rng.normal(size=(48, 7)), rng.normal(size=(48, 3))
    model = st.Sequential([layers.Dense(70, "relu"), layers.Dense(5, "tanh"), layers.Dense(3)], seed=2, dtype="float64")
    model.build(7)
    model.parameters()["dense_1.bias"][...] = np.where(np.arange(70) < 7, -100.0, 0.1)
    before = {name: array.copy() for name, array in model.parameters().items()}
    monitor = Monitor(verbose=False)
    fit(model, (x, y), monitor, loss="mse", optimizer=st.optimizers.SGD(0.2), epochs=1, batch_size=48, shuffle=False)
    after = {name: array.copy() for name, array in model.parameters().items()}
    return x, y, before, after, monitor


def test_records_are_those_of_numpy(one_step):
    x, _, p, after, monitor = one_step
    h = np.maximum(x @ p["dense_1.weight"] + p["dense_1.bias"], 0.0)
    t = np.tanh(h @ p["dense_2.weight"] + p["dense_2.bias"])
    out = t @ p["dense_3.weight"] + p["dense_3.bias"]
    values = (h, t, out)
    assert monitor.layers == ("dense_1", "dense_2", "dense_3")
    found = {name: record[0] for name, record in monitor.records.items()}
    np.testing.assert_allclose(found["activation_mean"], [v.mean() for v in values], rtol=1e-9)
    np.testing.assert_allclose(found["activation_std"], [v.std() for v in values], rtol=1e-9)
    np.testing.assert_allclose(found["unit_std"], [np.sqrt(v.var(axis=0).mean()) for v in values], rtol=1e-9)
    np.testing.assert_array_equal(found["dead_share"], [(h == 0).all(axis=0).mean(), np.nan, np.nan])
    assert found["dead_share"][0] >= 0.1
    np.testing.assert_array_equal(found["saturated_share"], [np.nan, (np.abs(t) > 0.95).mean(), np.nan])
    for k, name in enumerate(monitor.layers):
        w, new = p[f"{name}.weight"], after[f"{name}.weight"]
        gradient = (w - new) / 0.2  # plain descent
        np.testing.assert_allclose(found["gradient_norm"][k], np.linalg.norm(gradient), rtol=1e-9)
        np.testing.assert_allclose(found["update_ratio"][k], np.linalg.norm(new - w) / np.linalg.norm(w), rtol=1e-9)
        np.testing.assert_allclose(found["weight_norm"][k], np.linalg.norm(w), rtol=1e-9)


def test_noise_scale_is_that_of_the_rows_gradients(one_step):
    x, y, p, _, monitor = one_step
    model = st.Sequential([layers.Dense(70, "relu"), layers.Dense(5, "tanh"), layers.Dense(3)], seed=2, dtype="float64")
    model.build(7)
    for name, array in model.parameters().items():
        array[...] = p[name]
    rows = []
    for i in range(48):
        _, gradients = model.loss_and_gradients(x[i : i + 1], y[i : i + 1], loss="mse")
        rows.append(np.concatenate([gradients[name].ravel() for name in gradients]))
    trace = np.var(np.stack(rows), axis=0, ddof=1).sum()
    square = np.sum(np.mean(rows, axis=0) ** 2) - trace / 48
    np.testing.assert_allclose(monitor.noise_scale, [trace / square if square > 0 else np.inf], rtol=1e-8)


def test_penalties_are_not_part_of_the_gradient(data):
    # The first step is the same: only what the optimiser is given differs by the penalty.
    norms = []
    for regularizer in (None, st.regularizers.L2(0.5), st.regularizers.L1(0.1)):
        model = st.Sequential([layers.Dense(8, "relu"), layers.Dense(4)], seed=0, regularizer=regularizer)
        monitor = Monitor(verbose=False)
        fit(model, data, monitor, epochs=1, batch_size=700)
        norms.append(monitor.records["gradient_norm"][0])
    np.testing.assert_array_equal(norms[0], norms[1])
    np.testing.assert_array_equal(norms[0], norms[2])


def test_records_have_the_shapes_they_promise(data):
    monitor = Monitor(verbose=False)
    history = fit(make(), data, monitor, epochs=5)
    assert history.epochs == 5
    assert monitor.samples.shape == monitor.noise_scale.shape == (5,)
    for record in monitor.records.values():
        assert record.shape == (5, len(monitor.layers))
    assert monitor.layers == ("dense_1", "batch_norm_1", "dense_2", "dropout_1", "dense_3")
    # Epochs that are too short to look at carry the numbers of the one before.
    assert 0 < np.count_nonzero(monitor.samples) < 5
    assert not np.isnan(monitor.noise_scale).any()
    assert not np.isnan(monitor.records["activation_std"]).any()
    # A layer without weights has no gradient.
    assert np.isnan(monitor.records["gradient_norm"][:, 3]).all()
    assert "nothing wrong in 5 epochs" in str(monitor)


def test_draws_itself(data, tmp_path):
    pytest.importorskip("matplotlib")
    monitor = Monitor(verbose=False)
    fit(make(), data, monitor, optimizer=st.optimizers.Adam(1e-7))
    monitor.plot(tmp_path / "monitor.png")
    monitor.to_html(tmp_path / "page.html")
    assert (tmp_path / "monitor.png").stat().st_size > 10_000
    assert "earning rate too low" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_starts_anew_with_every_fit(data):
    monitor, model = Monitor(verbose=False), make()
    fit(model, data, monitor, epochs=3)
    fit(model, data, monitor, epochs=2)
    assert len(monitor.samples) == 2


def test_full_batch_training_has_curves_only(data):
    monitor = Monitor(verbose=False)
    model = st.Sequential([layers.Dense(6, "tanh"), layers.Dense(4)], seed=0)
    fit(model, data, monitor, optimizer="lbfgs", epochs=5)
    assert all(record.shape[0] == 0 for record in monitor.records.values())
    assert monitor.findings == []


def test_frozen_layers_have_no_update(data):
    model = st.Sequential([layers.Dense(8, "relu", name="body"), layers.Dense(4)], seed=0)
    model.layers[0].trainable = False
    monitor = Monitor(verbose=False)
    fit(model, data, monitor, epochs=2)
    assert np.isnan(monitor.records["update_ratio"][:, 0]).all()
    assert (monitor.records["update_ratio"][:, 1] > 0).all()


def test_prints_what_it_finds_while_it_runs(data, capsys, monkeypatch):
    monkeypatch.setattr(callback, "_BETWEEN", 0.0)  # after every epoch
    fit(make(), data, Monitor(), optimizer=st.optimizers.Adam(1e-7), epochs=6)
    lines = capsys.readouterr().out
    assert "monitor, epoch 1: learning rate too low" in lines
    assert "Monitor: 1 finding in 6 epochs" in lines


def test_findings_are_complete(data):
    monitor, hot = Monitor(verbose=False), st.optimizers.SGD(1e30)
    with pytest.raises(st.TrainingDiverged):
        fit(st.Sequential([layers.Dense(20, "relu"), layers.Dense(4)], seed=0), data, monitor, optimizer=hot, epochs=6)
    names = [finding.name for finding in monitor.findings]
    assert names[0] == "learning rate too high"
    assert "non-finite value" in names
    for finding in monitor.findings:
        assert finding.evidence
        assert finding.advice
        assert finding.threshold
        assert finding.epoch == 1
    bad = next(finding for finding in monitor.findings if finding.name == "non-finite value")
    assert bad.step is not None
    assert bad.layer in (None, *monitor.layers)


def test_a_nan_in_the_data_is_named_with_its_step(data):
    x, y = data
    x[70, 3] = np.nan
    monitor = Monitor(verbose=False)
    with pytest.raises(ValueError, match=r"X\[70, 3\] is nan"):
        fit(make(), (x, y), monitor, shuffle=False)
    (finding,) = monitor.findings
    assert (finding.name, finding.layer, finding.step) == ("non-finite value", "dense_1", 70 // 32)


def test_watches_members_of_train_many(data):
    alone = records_of(data, 1)
    monitors = [Monitor(verbose=False) for _ in range(2)]
    st.train_many(
        [make(seed) for seed in (0, 1)],
        *data,
        loss=CE,
        optimizers=["adam", "adam"],
        epochs=4,
        batch_size=32,
        callbacks=[[monitor] for monitor in monitors],
        verbose=0,
    )
    for name, record in alone.records.items():
        np.testing.assert_array_equal(record, monitors[0].records[name], err_msg=name)
    assert (monitors[1].records["update_ratio"][0, :1] != alone.records["update_ratio"][0, :1]).all()


# --------------------------------------------------------------------------------------------- which steps it looks at
def test_steps_are_spread_over_the_epoch_and_differ_between_epochs():
    chosen = [watch.choose_steps(epoch, 1600, 1e6, 1e5) for epoch in range(3)]
    for steps in chosen:
        assert len(steps) == watch.MOST_LOOKS
        assert [step // 100 for step in steps] == list(range(16))
    assert chosen[0][0] == 0
    assert len({tuple(steps) for steps in chosen}) == 3


@pytest.mark.parametrize(("count", "step", "look"), [(10, 1e4, 1e5), (100, 1e5, 1e5), (3, 1e3, 1e6), (1, 1e9, 1e5)])
def test_looks_stay_within_their_share(count, step, look):
    looks = [watch.choose_steps(epoch, count, step, look) for epoch in range(400)]
    cost = sum(map(len, looks)) * look
    work = 400 * (count * step + watch._EPOCH)
    # The first epoch has its look in any case.
    assert cost - look <= watch.SHARE * work
    assert looks[0][0] == 0
    assert all(0 <= s < count for steps in looks for s in steps)


# ---------------------------------------------------------------------------------------------- what it is held against
def test_reference_losses():
    y = np.array([0, 0, 0, 1], dtype=np.int32)
    constant, perfect = reference_losses(st.losses.SoftmaxCrossEntropy(), y, None, 2)
    assert constant == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)), rel=1e-6)
    assert perfect == pytest.approx(0.0, abs=1e-12)
    smooth = st.losses.SoftmaxCrossEntropy(label_smoothing=0.2)
    assert reference_losses(smooth, y, None, 2)[1] == pytest.approx(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)), rel=1e-6)
    numbers = np.array([[1.0], [2.0], [6.0]])
    assert reference_losses(st.losses.MSE(), numbers, None, 1) == pytest.approx((np.var(numbers), 0.0))


def test_neighbour_agreement(rng):
    y = rng.integers(4, size=4000).astype(np.int32)
    assert abs(neighbour_agreement(y, None)) < 0.1
    assert neighbour_agreement(np.sort(y), None) > 0.9
    numbers = rng.normal(size=(4000, 1))
    assert neighbour_agreement(np.sort(numbers, axis=0), None) > 0.9
    numbers[100:164] += 60.0  # one odd batch is no order
    assert neighbour_agreement(numbers, None) < 0.2


# ------------------------------------------------------------------------------------------- too small, or only noise?
@pytest.mark.parametrize(("noise", "found"), [(0.0, ["under-fitting"]), (9.0, [])])
def test_noise_is_no_under_fitting(noise, found):
    """A line leaves all of a product's variance: a fault where neighbours know better, none where nobody does."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 2)).astype("float32")
    y = X[:, 0] * X[:, 1] + noise * rng.normal(size=1200)
    monitor = Monitor(verbose=False)
    line = st.Sequential([layers.Dense(1)], seed=0)
    line.fit(X, y / y.std(), loss="mse", optimizer=st.optimizers.SGD(0.01), epochs=12, callbacks=[monitor], verbose=0)
    assert [finding.name for finding in monitor.findings] == found


@pytest.mark.parametrize("loss", ["mse", CE, "hinge", "poisson"])
def test_what_the_network_explains(loss, rng):
    """A trained network and ridge regression know about the same of what is a line; an untrained one knows nothing."""
    X = rng.normal(size=(800, 3)).astype("float32")
    y = X[:, 0] + X[:, 1] + 0.3 * rng.normal(size=800)
    classes = (y > 0).astype(int)
    y = {"mse": y, CE: classes, "hinge": 2 * classes - 1, "poisson": rng.poisson(np.exp(0.7 * y))}[loss]
    model = st.Sequential([layers.Dense(2 if loss == CE else 1, initializer="zeros")], seed=0)
    seen = []

    class Ask(Callback):
        def on_train_begin(self, run):
            seen.append(compare(run))

        def on_train_end(self, run):
            seen.append(compare(run))

    model.fit(X, y, loss=loss, optimizer=st.optimizers.Adam(0.02), epochs=20, callbacks=[Ask()], verbose=0)
    (simple, before), (again, after) = seen
    assert simple == again > 0.3
    assert before == 0.0
    assert after > 0.9 * simple
