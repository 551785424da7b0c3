"""What fit does with its rows: class weights and augmentation."""

import numpy as np
import pytest

import steepest as st
from steepest import rng as streams

L = st.layers


def logits(outputs=3):
    return st.Sequential([L.Dense(6, "tanh"), L.Dense(outputs)], seed=1, dtype="float64")


def labelled(rng, rows=60):
    return rng.normal(size=(rows, 4)), rng.choice(3, size=rows, p=[0.7, 0.2, 0.1])


def fitted(x, y, loss="softmax_cross_entropy", outputs=3, **settings):
    model = logits(outputs)
    history = model.fit(x, y, loss=loss, epochs=2, batch_size=16, verbose=0, **settings)
    return model.predict(x), history


def test_class_weights_are_sample_weights(rng):
    x, y = labelled(rng)
    own = rng.uniform(0.5, 2.0, size=60)
    weights = np.array([1.0, 2.0, 0.0])[y]
    by_class = fitted(x, y, class_weight={1: 2.0, 2: 0})
    by_row = fitted(x, y, sample_weight=weights)
    assert np.array_equal(by_class[0], by_row[0])
    assert by_class[1]["loss"] == by_row[1]["loss"]
    both = fitted(x, y, class_weight={1: 2.0, 2: 0}, sample_weight=own)
    assert np.array_equal(both[0], fitted(x, y, sample_weight=weights * own)[0])
    assert not np.array_equal(both[0], by_class[0])


@pytest.mark.parametrize(
    "loss", ["softmax_cross_entropy", "mse", st.losses.Custom(lambda z, y: ((z - y).sum(1), z * 0 + 1))]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_only_the_ratios_of_weights_count_in_a_batch(dtype, loss, rng):
    """Weights such as likelihoods are beyond float32's numbers, all of them or all of one batch's."""
    x, y = labelled(rng)
    y = y if loss == "softmax_cross_entropy" else rng.normal(size=(60, 3))
    weights = rng.uniform(0.5, 2.0, size=60)
    found = []
    # Powers of two change no digit of the weights, nor of a row's share of its batch.
    for exponents in (
        np.zeros(60),
        np.full(60, -200.0),
        np.full(60, 200.0),
        np.repeat([0.0, -250.0, 120.0, 300.0], [16, 16, 16, 12]),
    ):
        model = logits().astype(dtype)
        scaled = weights * 2.0**exponents
        model.fit(x, y, loss=loss, epochs=3, batch_size=16, shuffle=False, verbose=0, sample_weight=scaled)
        found.append(model.predict(x))
        assert np.array_equal(found[0], found[-1]), exponents[-1]


def test_balanced_classes_have_equal_sums(rng):
    x, y = labelled(rng)
    counts = np.bincount(y)
    expected = fitted(x, y, sample_weight=(60 / (3 * counts))[y])[0]
    assert np.array_equal(fitted(x, y, class_weight="balanced")[0], expected)
    one_hot = fitted(x, np.eye(3)[y], class_weight="balanced")[0]
    np.testing.assert_allclose(one_hot, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", ["sigmoid_cross_entropy", "hinge"])
def test_two_classes_in_one_column(loss, rng):
    x, y = labelled(rng)
    y = (y > 0).astype(int)
    found = fitted(x, y, loss, 1, class_weight={1: 3.0})[0]
    assert np.array_equal(found, fitted(x, y, loss, 1, sample_weight=np.where(y, 3.0, 1.0))[0])


def test_balanced_counts_the_training_rows_and_leaves_validation_alone(rng):
    x, y = labelled(rng, 200)
    settings = {"epochs": 1, "batch_size": 16, "verbose": 0, "validation_split": 0.4}
    model, twin = logits(), logits()
    order = streams.generator(model.seed, streams.SPLIT).permutation(200)
    held, rows = np.sort(order[:80]), np.sort(order[80:])
    history = model.fit(x, y, loss="softmax_cross_entropy", class_weight="balanced", **settings)
    weights = np.ones(200)
    weights[rows] = (120 / (3 * np.bincount(y[rows], minlength=3)))[y[rows]]
    other = twin.fit(x, y, loss="softmax_cross_entropy", sample_weight=weights, **settings)
    assert np.array_equal(model.predict(x), twin.predict(x))
    assert history["val_loss"] == other["val_loss"]
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(x[held], y[held])["loss"], rel=1e-12)


@pytest.mark.parametrize(
    ("class_weight", "error", "words"),
    [
        ("even", ValueError, "'balanced' or a dictionary, got 'even'"),
        ([1.0, 2.0], TypeError, r"got \[1.0, 2.0\]"),
        ({3: 1.0}, ValueError, r"the class 3, the classes are 0..2"),
        ({"a": 1.0}, TypeError, "class labels as keys, got 'a'"),
        ({0: -1.0}, ValueError, r"class_weight\[0\].*-1.0"),
        ({0: 0.0, 1: 0.0, 2: 0.0}, ValueError, "every training row without weight"),
    ],
)
def test_wrong_class_weights(class_weight, error, words, rng):
    with pytest.raises(error, match=words):
        fitted(*labelled(rng), class_weight=class_weight)


def test_class_weights_need_classes(rng):
    x, _ = labelled(rng)
    with pytest.raises(ValueError, match="one class per row"):
        fitted(x, rng.normal(size=(60, 3)), "mse", class_weight="balanced")


# -------------------------------------------------------------------------------------------------------- augmentation
def jitter(batch, generator):
    batch += generator.normal(0.0, 0.3, size=batch.shape)
    return batch


def test_every_batch_goes_through_the_function(rng):
    x, y = labelled(rng)
    shapes = []

    def double(batch, generator):
        shapes.append(batch.shape)
        return 2.0 * batch

    augmented = logits()
    augmented.fit(x, y, loss="softmax_cross_entropy", epochs=1, batch_size=25, augment=double, verbose=0)
    assert shapes == [(25, 4), (25, 4), (10, 4)]
    twin = logits()
    twin.fit(2.0 * x, y, loss="softmax_cross_entropy", epochs=1, batch_size=25, verbose=0)
    assert np.array_equal(augmented.predict(x), twin.predict(x))
    augmented.predict(x)
    assert len(shapes) == 3  # training only


def test_validation_sees_the_data_as_they_are(rng):
    x, y = labelled(rng)
    model = logits()
    history = model.fit(x, y, loss="softmax_cross_entropy", epochs=1, augment=jitter, validation_data=(x, y), verbose=0)
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(x, y)["loss"], rel=1e-12)


def test_augmentation_is_a_function_of_seed_and_step(rng, tmp_path):
    x, y = labelled(rng)
    settings = {"loss": "softmax_cross_entropy", "batch_size": 16, "augment": jitter, "verbose": 0}
    whole, threaded, resumed = logits(), logits(), logits()
    whole.fit(x, y, optimizer="adam", epochs=4, **settings)
    before = st.get_num_threads()
    try:
        st.set_num_threads(1)
        threaded.fit(x, y, optimizer="adam", epochs=4, **settings)
    finally:
        st.set_num_threads(before)
    resumed.fit(x, y, optimizer="adam", epochs=2, **settings)
    resumed.save(tmp_path / "half.npz")
    resumed = st.load(tmp_path / "half.npz")
    resumed.fit(x, y, epochs=2, **settings)
    assert np.array_equal(whole.predict(x), threaded.predict(x))
    assert np.array_equal(whole.predict(x), resumed.predict(x))
    plain = logits()
    plain.fit(x, y, optimizer="adam", epochs=4, **{**settings, "augment": None})
    assert not np.array_equal(whole.predict(x), plain.predict(x))


def test_images_come_as_images(rng):
    x, y = rng.normal(size=(20, 2, 3, 3)).astype("float32"), rng.integers(2, size=20)
    kept = x.copy()
    shapes = set()

    def flip(batch, generator):
        shapes.add((batch.shape, batch.dtype.name))
        batch[:, :, :, ::-1] = batch.copy()
        return batch

    model = st.Sequential([L.BatchNorm(), L.Dense(2)])
    model.fit(x, y, loss="softmax_cross_entropy", epochs=1, batch_size=10, augment=flip, verbose=0)
    assert shapes == {((10, 2, 3, 3), "float32")}
    assert np.array_equal(x, kept)


def test_what_augmentation_does_wrong_is_said(rng):
    x, y = labelled(rng)
    model = logits()
    settings = {"loss": "softmax_cross_entropy", "epochs": 1, "verbose": 0}
    with pytest.raises(TypeError, match=r"augment must be a function.*'flip'"):
        model.fit(x, y, augment="flip", **settings)
    with pytest.raises(ValueError, match=r"augment must return a batch of shape \(32, 4\), got \(32, 3\)"):
        model.fit(x, y, augment=lambda batch, generator: batch[:, 1:], **settings)
    # The model is whole afterwards.
    model.fit(x, y, **settings)
    assert model.network.running.operations == model.network.program.operations


def test_a_layer_is_named_when_an_augmented_training_diverges(rng):
    x, y = labelled(rng)

    def explode(batch, generator):
        return np.full_like(batch, np.inf)

    with pytest.raises(st.TrainingDiverged) as caught:
        logits().fit(x, y, loss="softmax_cross_entropy", epochs=1, augment=explode, verbose=0)
    assert caught.value.layer == "augmentation"
