"""Model files."""

import json
import os
import stat
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import steepest as st
from steepest import layers, saving

LOSS = "softmax_cross_entropy"


@pytest.fixture
def data(rng):
    return rng.normal(size=(40, 5)), rng.integers(0, 3, 40)


@pytest.fixture
def model(data):
    chain = [layers.Dense(6, st.activations.LeakyRelu(0.2), name="first"), layers.BatchNorm(), layers.Dropout(0.2)]
    model = st.Sequential([*chain, layers.Dense(3)], seed=11, regularizer=st.regularizers.L2(1e-3))
    model.fit(*data, loss=LOSS, optimizer=st.optimizers.AdamW(0.01, weight_decay=0.1), epochs=3, verbose=0)
    return model


def everything(model):
    network = model.network
    arrays = {**network.parameters, **network.states}
    for slot, flat in zip(model.optimizer.slot_names, model.optimizer.slots, strict=True):
        arrays.update({f"{slot} {name}": view for name, view in network.split(flat).items()})
    return arrays


@pytest.mark.parametrize("convert", [str, lambda path: path])
def test_round_trip(model, data, tmp_path, convert):
    path = convert(tmp_path / "net.model")
    model.save(path)
    twin = st.load(path)
    assert repr(twin) == repr(model)
    assert twin.names == model.names
    assert (twin.steps, twin.epochs_seen, twin.seed) == (model.steps, model.epochs_seen, model.seed)
    assert twin.loss == model.loss
    assert repr(twin.optimizer) == repr(model.optimizer)
    assert twin.optimizer.iterations == 6
    for name, array in everything(model).items():
        np.testing.assert_array_equal(array, everything(twin)[name], err_msg=name)
    np.testing.assert_array_equal(twin.predict(data[0]), model.predict(data[0]))


def test_resumed_training_is_the_same_training(model, data, tmp_path):
    model.save(tmp_path / "net.npz")
    twin = st.load(tmp_path / "net.npz")
    for each in (model, twin):
        each.fit(*data, epochs=3, verbose=0)
    for name, array in everything(model).items():
        np.testing.assert_array_equal(array, everything(twin)[name], err_msg=name)


@settings(max_examples=25, deadline=None)
@given(
    units=some.lists(some.integers(1, 20), min_size=1, max_size=3),
    activation=some.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid", "identity"]),
    bias=some.booleans(),
    norm=some.booleans(),
    dtype=some.sampled_from(["float32", "float64"]),
    seed=some.integers(0, 2**64 - 1),
    optimizer=some.sampled_from(["sgd", "rmsprop", "adam", "adamw", {"kind": "sgd", "momentum": 0.5}]),
)
def test_any_model_survives(units, activation, bias, norm, dtype, seed, optimizer):
    chain = []
    for n in units:
        chain += [layers.Dense(n, activation, use_bias=bias), *([layers.BatchNorm()] if norm else [])]
    model = st.Sequential(chain, dtype=dtype, seed=seed)
    x = np.linspace(-1, 1, 21).reshape(7, 3)
    y = np.zeros((7, units[-1]))
    model.fit(x, y, loss="mse", optimizer=optimizer, epochs=1, verbose=0)
    twin = saving.loads(saving.dumps(model))
    for name, array in everything(model).items():
        np.testing.assert_array_equal(array, everything(twin)[name])
    for each in (model, twin):
        each.fit(x, y, epochs=1, batch_size=2, verbose=0)
    np.testing.assert_array_equal(model.predict(x), twin.predict(x))


def test_unbuilt_model(tmp_path):
    st.Sequential([layers.Dense(2)], seed=3).save(tmp_path / "net.npz")
    twin = st.load(tmp_path / "net.npz")
    assert not twin.built
    assert twin.seed == 3


def test_schedules_are_saved(data, model, tmp_path):
    schedule = st.schedules.Cosine(0.01, steps=50, warmup=3)
    model.fit(*data, optimizer=st.optimizers.Adam(schedule), epochs=1, verbose=0)
    model.save(tmp_path / "net.npz")
    assert st.load(tmp_path / "net.npz").optimizer.learning_rate == schedule


def test_a_function_as_schedule_is_missed_when_needed(data, model, tmp_path):
    model.fit(*data, optimizer=st.optimizers.Adam(lambda step: 0.01), epochs=1, verbose=0)
    model.save(tmp_path / "net.npz")
    twin = st.load(tmp_path / "net.npz")
    twin.predict(data[0])
    with pytest.raises(ValueError, match="Python function, which a model file cannot hold"):
        twin.fit(*data, epochs=1, verbose=0)
    twin.optimizer.learning_rate = 0.01
    twin.fit(*data, epochs=1, verbose=0)
    saving.loads(saving.dumps(twin))


def test_the_file_is_plain(model, tmp_path):
    model.save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz", allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        np.testing.assert_array_equal(archive["parameters/first.weight"], model.layers[0].weight)
    assert (header["format"], header["version"]) == ("steepest", 1)
    assert header["layers"][0]["activation"] == {"kind": "leaky_relu", "alpha": 0.2}


def test_permissions_are_those_of_a_new_file(model, tmp_path):
    model.save(tmp_path / "net.npz")
    (tmp_path / "other").touch()
    modes = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("net.npz", "other")]
    assert modes[0] == modes[1]


def test_a_link_stays_a_link(model, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "net.npz")
    model.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert st.load(tmp_path / "net.npz").steps == model.steps


def test_a_failure_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "net.npz"
    model.save(path)
    content = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        model.save(path)
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.npz"]


def test_missing_places(model, tmp_path):
    with pytest.raises(FileNotFoundError):
        st.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "none" / "net.npz")


def rewrite(model, path, change):
    """Save with the header and the arrays changed."""
    header, arrays = saving.collect(model)
    change(header, arrays)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with open(path, "wb") as file:
        np.savez(file, **arrays)


DAMAGE = {
    "later version": (lambda h, a: h.update(version=99), "format version 99.*reads up to 2"),
    "other format": (lambda h, a: h.update(format="onnx"), "format is 'onnx'"),
    "missing tensor": (lambda h, a: a.pop("parameters/first.bias"), "parameters/first.bias is missing"),
    "missing slot": (
        lambda h, a: a.pop("optimizer/first_moment/first.bias"),
        "optimizer/first_moment/first.bias is miss",
    ),
    "extra tensor": (lambda h, a: a.update({"parameters/other": np.zeros(2)}), "belong to no tensor: parameters/other"),
    "other shape": (
        lambda h, a: a.update({"parameters/first.bias": np.zeros(7, "f4")}),
        r"parameters/first.bias is float32 \(7,\), expected float32 \(6,\)",
    ),
    "other dtype": (lambda h, a: a.update({"parameters/first.bias": np.zeros(6)}), "is float64"),
    "unknown layer": (lambda h, a: h["layers"].append("conv"), "'conv'"),
    "unknown argument": (lambda h, a: h["layers"][0].update(stride=2), "stride"),
    "no seed": (lambda h, a: h.pop("seed"), "seed"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_files(model, tmp_path, case):
    change, words = DAMAGE[case]
    path = tmp_path / "net.npz"
    rewrite(model, path, change)
    with pytest.raises(ValueError, match=words) as caught:
        st.load(path)
    assert "net.npz" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text", b"\x93NUMPY"])
def test_files_that_are_no_models(tmp_path, content):
    path = tmp_path / "net.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"net\.npz is not a steepest model file, or is damaged"):
        st.load(path)


def test_truncated_and_flipped(model, tmp_path):
    path = tmp_path / "net.npz"
    model.save(path)
    content = path.read_bytes()
    for spoilt in (content[: len(content) // 2], content[:200] + bytes([content[200] ^ 0xFF]) + content[201:]):
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match="damaged"):
            st.load(path)


def test_pickled_arrays_are_not_loaded(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, header=np.array([{"format": "steepest"}], dtype=object))
    with pytest.raises(ValueError, match="damaged"):
        st.load(path)


def test_another_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match="not a steepest model file"):
        st.load(tmp_path / "net.npz")
