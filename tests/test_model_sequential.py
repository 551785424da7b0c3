"""Building, asking and copying models."""

import copy
import pickle
import threading

import numpy as np
import pytest

import steepest as st
from steepest import layers


def classifier(**options):
    return st.Sequential([layers.Dense(8, "tanh"), layers.BatchNorm(), layers.Dropout(0.3), layers.Dense(3)], **options)


@pytest.fixture
def data(rng):
    return rng.normal(size=(60, 5)), rng.integers(0, 3, 60)


def test_built_when_it_first_sees_data(data):
    for use in (
        lambda m: m.predict(data[0]),
        lambda m: m.evaluate(*data, loss="softmax_cross_entropy"),
        lambda m: m.loss_and_gradients(*data, loss="softmax_cross_entropy"),
        lambda m: m.fit(*data, loss="softmax_cross_entropy", epochs=0, verbose=0),
        lambda m: m.build((5,)),
    ):
        model = classifier()
        assert not model.built
        assert model.input_size is None
        use(model)
        assert model.built
        assert (model.input_size, model.output_size) == (5, 3)


def test_unbuilt_model_says_so():
    for use in (lambda m: m.parameters(), lambda m: m.states(), lambda m: m.summary()):
        with pytest.raises(ValueError, match=r"not built yet.*input_shape"):
            use(classifier())


def test_another_width_is_refused(data):
    model = classifier(input_shape=5)
    with pytest.raises(ValueError, match="X has 4 columns, the network takes 5"):
        model.predict(data[0][:, :4])
    with pytest.raises(ValueError, match="input_shape has 4 columns, the network takes 5"):
        model.build(4)


@pytest.mark.parametrize("shape", [0, -1, 2.0, (3, 0), (), "5"])
def test_wrong_input_shapes(shape):
    with pytest.raises((TypeError, ValueError), match="input_shape"):
        classifier(input_shape=shape)


@pytest.mark.parametrize(
    ("chain", "error", "words"),
    [
        ([], ValueError, "at least one layer"),
        ([layers.Dense], TypeError, r"Dense\(\.\.\.\)"),
        (["dense"], TypeError, "'dense'"),
        ([layers.Dense(2, name="a"), layers.Dense(2, name="a")], ValueError, "'a' stands for 2 layers"),
    ],
)
def test_wrong_layers(chain, error, words):
    with pytest.raises(error, match=words):
        st.Sequential(chain)


@pytest.mark.parametrize("dtype", ["float16", "int32", "nonsense", None])
def test_wrong_dtypes(dtype):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64'"):
        classifier(dtype=dtype)


def test_names_are_unique_and_avoid_the_users():
    chain = [layers.Dense(2), layers.Dense(2, name="dense_2"), layers.Dense(2), layers.BatchNorm(), layers.Dense(2)]
    model = st.Sequential(chain, input_shape=2)
    assert model.names == ("dense_1", "dense_2", "dense_3", "batch_norm_1", "dense_4")
    assert len(model.parameters()) == 10


def test_a_name_that_begins_another():
    model = st.Sequential([layers.Dense(2, name="a"), layers.Dense(3, name="ab")], input_shape=4)
    assert set(model.layers[0].tensors) == {"weight", "bias"}
    assert model.layers[0].weight.shape == (4, 2)


def test_predict_is_the_network_as_it_stands(data):
    model = classifier(input_shape=5, dtype="float64")
    norm = model.layers[1]
    norm.running_mean[:], norm.running_variance[:] = 0.25, 4.0
    hidden = np.tanh(data[0] @ model.layers[0].weight + model.layers[0].bias)
    hidden = (hidden - 0.25) / np.sqrt(4.0 + 1e-5)
    expected = hidden @ model.layers[3].weight + model.layers[3].bias
    np.testing.assert_allclose(model.predict(data[0]), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("batch_size", [1, 7, 60, 1000])
def test_batch_size_does_not_change_predictions(data, batch_size):
    model = classifier()
    np.testing.assert_array_equal(model.predict(data[0], batch_size=batch_size), model.predict(data[0]))


def test_predict_of_no_rows():
    assert classifier(input_shape=5).predict(np.empty((0, 5))).shape == (0, 3)


def test_asking_changes_nothing(data):
    model = classifier(input_shape=5)
    before = {**model.parameters(), **model.states()}
    before = {name: array.copy() for name, array in before.items()}
    model.loss = st.losses.SoftmaxCrossEntropy()
    model.predict(data[0])
    model.predict_proba(data[0])
    model.evaluate(*data)
    model.loss_and_gradients(*data)
    assert (model.steps, model.epochs_seen) == (0, 0)
    for name, array in {**model.parameters(), **model.states()}.items():
        np.testing.assert_array_equal(array, before[name])


def test_probabilities_of_softmax(data):
    model = classifier(input_shape=5)
    p = model.predict_proba(data[0], loss="softmax_cross_entropy")
    logits = model.predict(data[0]).astype("float64")
    np.testing.assert_allclose(p, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-5)
    assert p.dtype == np.float32


def test_probabilities_of_sigmoid():
    model = st.Sequential([layers.Dense(1, initializer=1.0)], dtype="float64")
    p = model.predict_proba([[-1000.0], [-40.0], [0.0], [1000.0]], loss="sigmoid_cross_entropy")
    np.testing.assert_allclose(p[:, 0], [0.0, np.exp(-40.0), 0.5, 1.0], rtol=1e-12)


def test_probabilities_need_a_loss_that_has_them(data):
    model = classifier(input_shape=5)
    with pytest.raises(ValueError, match="loss must be given"):
        model.predict_proba(data[0])
    with pytest.raises(ValueError, match="predict_proba needs a loss with probabilities, the model has 'mse'"):
        model.predict_proba(data[0], loss="mse")


def test_evaluate_by_hand(data):
    model = classifier(input_shape=5, dtype="float64", regularizer="l2")
    logits = model.predict(data[0])
    rows = np.log(np.exp(logits).sum(1)) - logits[np.arange(60), data[1]]
    right = logits.argmax(1) == data[1]
    scores = model.evaluate(*data, loss="softmax_cross_entropy")
    assert scores["loss"] == pytest.approx(rows.mean(), rel=1e-12)
    assert scores["accuracy"] == right.mean()
    weight = np.linspace(0, 1, 60)
    weighted = model.evaluate(*data, loss="softmax_cross_entropy", sample_weight=weight, batch_size=16)
    assert weighted["loss"] == pytest.approx(np.average(rows, weights=weight), rel=1e-12)
    assert model.loss is None


@pytest.mark.parametrize("outputs", [1, 3, 20])
def test_accuracy_of_yes_or_no(rng, outputs):
    x, y = rng.normal(size=(50, 4)), rng.integers(0, 2, (50, outputs))
    model = st.Sequential([layers.Dense(outputs)])
    y[:20] = model.predict(x[:20]) > 0
    right = ((model.predict(x) > 0) == y).all(axis=1).mean()
    assert model.evaluate(x, y, loss="sigmoid_cross_entropy")["accuracy"] == right >= 0.4
    history = model.fit(x, y, loss="sigmoid_cross_entropy", optimizer=st.optimizers.SGD(0.0), epochs=1, verbose=0)
    assert history["accuracy"] == [right]


def test_accuracy_of_soft_labels(data):
    model = classifier(input_shape=5)
    by_label = model.evaluate(*data, loss="softmax_cross_entropy")["accuracy"]
    assert model.evaluate(data[0], np.eye(3)[data[1]] * 0.7 + 0.1, loss="softmax_cross_entropy")["accuracy"] == by_label


def test_regression_has_no_accuracy(rng):
    model = st.Sequential([layers.Dense(2)])
    assert set(model.evaluate(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), loss="mse")) == {"loss"}


def test_loss_and_gradients_include_the_penalty(rng):
    x, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
    l2 = st.regularizers.L2(0.5)
    with_penalty = st.Sequential([layers.Dense(2)], seed=1, dtype="float64", regularizer=l2)
    without = st.Sequential([layers.Dense(2)], seed=1, dtype="float64")
    value, gradients = with_penalty.loss_and_gradients(x, y, loss="mse")
    plain_value, plain = without.loss_and_gradients(x, y, loss="mse")
    weight = without.layers[0].weight
    assert value == pytest.approx(plain_value + 0.25 * (weight**2).sum(), rel=1e-12)
    np.testing.assert_allclose(gradients["dense_1.weight"], plain["dense_1.weight"] + 0.5 * weight, rtol=1e-12)
    np.testing.assert_array_equal(gradients["dense_1.bias"], plain["dense_1.bias"])


@pytest.mark.parametrize("units", [2**31 + 1, 10**30])
def test_too_large_sizes_are_named(units):
    with pytest.raises(ValueError, match=rf"units must be in 1\.\.2147483648, got {units}"):
        layers.Dense(units)
    with pytest.raises(ValueError, match=rf"input_shape must be in 1\.\.2147483648, got {units}"):
        st.Sequential([layers.Dense(2)], input_shape=units)


def test_no_memory_is_said_with_the_size():
    # 2^50 bytes are more than the 2^47 that a process of x86-64 can address.
    with pytest.raises(MemoryError, match=r"the network's [\d,]{19,} parameters, [\d,.]+ GB in float64"):
        st.Sequential([layers.Dense(2**31)], input_shape=2**16, dtype="float64")


def test_input_gradient_and_shapes(rng):
    x, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
    model = st.Sequential([layers.Dense(2)], dtype="float64")
    _, gradients = model.loss_and_gradients(x, y, loss="mse", input_gradient=True)
    residual = 2 * (model.predict(x) - y) / 18
    np.testing.assert_allclose(gradients["input"], residual @ model.layers[0].weight.T, rtol=1e-12)
    np.testing.assert_allclose(gradients["dense_1.weight"], x.T @ residual, rtol=1e-11)
    assert list(gradients) == ["dense_1.weight", "dense_1.bias", "input"]


def test_dropout_step_addresses_the_mask(data):
    model = classifier(input_shape=5)
    values = [model.loss_and_gradients(*data, loss="softmax_cross_entropy", dropout_step=s)[0] for s in (0, 1, 0)]
    assert values[0] == values[2] != values[1]
    assert model.loss_and_gradients(*data, loss="softmax_cross_entropy")[0] == values[0]
    inference = [
        model.loss_and_gradients(*data, loss="softmax_cross_entropy", dropout_step=s, training=False)[0] for s in (0, 1)
    ]
    assert inference[0] == inference[1] == pytest.approx(model.evaluate(*data, loss="softmax_cross_entropy")["loss"])


def test_astype_is_a_twin(data):
    model = classifier()
    model.fit(*data, loss="softmax_cross_entropy", epochs=2, verbose=0)
    twin = model.astype("float64")
    assert twin.dtype == "float64"
    assert twin.predict(data[0]).dtype == np.float64
    assert (twin.steps, twin.epochs_seen, twin.loss) == (model.steps, model.epochs_seen, model.loss)
    for name, array in {**model.parameters(), **model.states()}.items():
        other = {**twin.parameters(), **twin.states()}[name]
        np.testing.assert_array_equal(array, other.astype("float32"))
        assert not np.shares_memory(array, other)
    np.testing.assert_allclose(model.predict(data[0]), twin.predict(data[0]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make_twin", [st.Sequential.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_equal_and_independent(data, make_twin):
    model = classifier(seed=3, regularizer="l2")
    model.fit(*data, loss="softmax_cross_entropy", optimizer="adam", epochs=2, verbose=0)
    twin = make_twin(model)
    assert repr(twin) == repr(model)
    outputs = model.predict(data[0])
    np.testing.assert_array_equal(twin.predict(data[0]), outputs)
    twin.fit(*data, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.predict(data[0]), outputs)
    model.fit(*data, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.predict(data[0]), twin.predict(data[0]))


@pytest.mark.parametrize("make_twin", [st.Sequential.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_of_unbuilt_models(make_twin):
    twin = make_twin(classifier(seed=7))
    assert not twin.built
    assert twin.seed == 7
    assert twin.names == classifier().names


def test_repr_shows_everything():
    model = classifier(seed=4, dtype="float64", regularizer="l2", input_shape=5)
    assert repr(model) == (
        "Sequential([\n    Dense(units=8, activation='tanh'),\n    BatchNorm(),\n    Dropout(rate=0.3),\n"
        "    Dense(units=3),\n], seed=4, dtype='float64', regularizer=L2(), input_shape=5)"
    )


def test_summary_counts():
    summary = st.Sequential([layers.Dense(8), layers.BatchNorm(), layers.Activation("relu"), layers.Dense(3)]).copy()
    summary.build(5)
    table = summary.summary()
    assert [(row.name, row.output, row.parameters) for row in table.rows] == [
        ("dense_1", 8, 48),
        ("batch_norm_1", 8, 16),
        ("activation_1", 8, 0),
        ("dense_2", 3, 27),
    ]
    assert table.parameters == 91
    assert table.flops == (2 * 5 * 8 + 8) + 16 + 8 + (2 * 8 * 3 + 3)
    assert table.memory == 4 * (91 + 16)
    assert len(table.notes) == 1
    assert "bias of dense_1 is redundant" in table.notes[0]
    assert "redundant" in str(table)


def test_summary_has_no_note_without_reason():
    model = st.Sequential([layers.Dense(8, "relu"), layers.BatchNorm(), layers.Dense(3)], input_shape=5)
    assert model.summary().notes == ()


def test_two_models_in_two_threads(data):
    def train(seed, results):
        model = classifier(seed=seed)
        model.fit(*data, loss="softmax_cross_entropy", epochs=20, verbose=0)
        results[seed] = model.predict(data[0])

    alone, together = {}, {}
    for seed in (0, 1):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (0, 1):
        np.testing.assert_array_equal(alone[seed], together[seed])


def test_one_model_in_many_threads_predicts(data):
    model = classifier(input_shape=5)
    expected = model.predict(data[0])
    results = [None] * 8

    def predict(i):
        results[i] = [model.predict(data[0]) for _ in range(20)]

    threads = [threading.Thread(target=predict, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for outputs in results:
        for output in outputs:
            np.testing.assert_array_equal(output, expected)
