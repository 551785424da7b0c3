"""safetensors files, written and read here and by the package of that name."""

import json
import struct

import numpy as np
import pytest

import steepest as st
from export_models import L, everything, fitted, randomize, rows
from steepest.export import tensors


def test_round_trip(tmp_path):
    model = everything("float64")
    model.loss = st.losses.Huber(0.5)
    report = st.export.safetensors(model, tmp_path / "net.safetensors")
    assert report.largest_difference == 0.0
    twin = st.export.from_safetensors(tmp_path / "net.safetensors")
    assert repr(twin) == repr(model)
    assert twin.loss == model.loss
    x = np.random.default_rng(0).normal(size=(9, 4))
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))


def test_preprocessing_goes_along(tmp_path):
    model = randomize(st.Sequential([L.Dense(2)], input_shape=4))
    model.preprocessing = fitted("pipeline")
    st.export.safetensors(model, tmp_path / "net.safetensors", rows())
    assert st.export.from_safetensors(tmp_path / "net.safetensors").preprocessing == model.preprocessing


def test_custom_layers_are_no_obstacle(tmp_path):
    @st.registry.LAYERS.register("test_export_double")
    class Double(L.Custom):
        def forward(self, x, parameters, training):
            return 2 * x

        def backward(self, dy, x, y, parameters, training):
            return 2 * dy, {}

    model = st.Sequential([Double(), L.Dense(2)], input_shape=3)
    st.export.safetensors(model, tmp_path / "net.safetensors")
    assert isinstance(st.export.from_safetensors(tmp_path / "net.safetensors").layers[0], Double)


def test_package_reads_ours(tmp_path):
    package = pytest.importorskip("safetensors")
    from safetensors.numpy import load_file

    model = everything()
    st.export.safetensors(model, tmp_path / "net.safetensors")
    found = load_file(tmp_path / "net.safetensors")
    assert set(found) == {*model.parameters(), *model.states()}
    for name, array in {**model.parameters(), **model.states()}.items():
        np.testing.assert_array_equal(found[name], array)
    with package.safe_open(tmp_path / "net.safetensors", framework="np") as file:
        assert json.loads(file.metadata()["steepest"])["layers"][0]["kind"] == "gaussian_noise"


def test_we_read_the_package_s(tmp_path):
    pytest.importorskip("safetensors")
    from safetensors.numpy import save_file

    arrays = {
        "a": np.arange(6, dtype="f4").reshape(2, 3),
        "b": np.array(3, dtype="i8"),
        "c": np.array([True, False, True]),
        "d": np.zeros((0, 4), "f8"),
    }
    save_file(arrays, tmp_path / "other.safetensors", {"about": "it"})
    found, metadata = tensors.unpack((tmp_path / "other.safetensors").read_bytes())
    assert metadata == {"about": "it"}
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_into_a_model(tmp_path):
    source, target = (randomize(st.Sequential([L.Dense(2)], input_shape=3, seed=seed), seed) for seed in (0, 1))
    content = tensors.pack({**source.parameters(), "further": np.ones(3)}, {})
    (tmp_path / "plain.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"does not describe a model .* dense_1\.bias"):
        st.export.from_safetensors(tmp_path / "plain.safetensors")
    assert st.export.from_safetensors(tmp_path / "plain.safetensors", target) is target
    for name, view in target.parameters().items():
        np.testing.assert_array_equal(view, source.parameters()[name])


def test_tensors_that_do_not_fit(tmp_path):
    model = randomize(st.Sequential([L.Dense(2)], input_shape=3))
    before = {name: view.copy() for name, view in model.parameters().items()}
    for arrays, message in (
        ({"dense_1.weight": np.ones((3, 2))}, r"'dense_1\.bias' is missing"),
        ({"dense_1.weight": np.ones((2, 3)), "dense_1.bias": np.ones(2)}, r"shape \(2, 3\), the model's \(3, 2\)"),
    ):
        (tmp_path / "net.safetensors").write_bytes(tensors.pack(arrays, {}))
        with pytest.raises(ValueError, match=message):
            st.export.from_safetensors(tmp_path / "net.safetensors", model)
    for name, view in model.parameters().items():
        np.testing.assert_array_equal(view, before[name])
    with pytest.raises(TypeError, match="model must be"):
        st.export.from_safetensors(tmp_path / "net.safetensors", 3)
    with pytest.raises(TypeError, match="model must be"):
        st.export.safetensors(3, tmp_path / "net.safetensors")


@pytest.mark.parametrize("part", [0, 5, 8, 40, -1, -9])
def test_damaged_files(part, tmp_path):
    st.export.safetensors(everything(), tmp_path / "net.safetensors")
    content = (tmp_path / "net.safetensors").read_bytes()
    (tmp_path / "net.safetensors").write_bytes(content[:part])
    with pytest.raises(ValueError, match=r"net\.safetensors: "):
        st.export.from_safetensors(tmp_path / "net.safetensors")


def test_foreign_headers(tmp_path):
    for header, message in (
        ({"x": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, "BF16"),
        ({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, "reshape"),
        ({"x": 3}, "damaged"),
        ([], "damaged"),
    ):
        text = json.dumps(header).encode()
        with pytest.raises(ValueError, match=message):
            tensors.unpack(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(ValueError, match="header would have"):
        tensors.unpack(struct.pack("<Q", 2**40) + bytes(100))
