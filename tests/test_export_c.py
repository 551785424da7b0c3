"""C99 files: clean under every warning, right in both precisions, small and without allocation."""

import math
import re
import subprocess

import numpy as np
import pytest

import steepest as st
from export_models import L, everything, export, fitted, randomize, rows, with_activation
from steepest.export import to_c

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wshadow", "-Wmissing-prototypes", "-Wconversion"]


@pytest.fixture
def compiler():
    found = to_c.find_compiler()
    if found is None:
        pytest.skip("needs a C compiler")
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_self_test_program(dtype, compiler, tmp_path):
    model = everything(dtype, units=3)
    made = export("c99", model, tmp_path, name="net")
    command = [*compiler, *STRICT, "-DNET_SELF_TEST", made.result, "-o", str(tmp_path / "test"), "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run([str(tmp_path / "test")], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert re.match(r"largest difference over 4 samples: \S+, accepted \S+\n", done.stdout)
    # The test is one: with another weight in the file it fails.
    text = (tmp_path / "net.c").read_text()
    spoilt = re.sub(r"(dense_1_\d+_bias\[5\] = \{\n *)", r"\g<1>1.0f + ", text)
    assert spoilt != text
    (tmp_path / "net.c").write_text(spoilt)
    subprocess.run(command, check=True, capture_output=True)
    assert subprocess.run([str(tmp_path / "test")], capture_output=True, check=False).returncode == 1


def test_static_storage_compiles_too(compiler, tmp_path):
    made = export("c99", with_activation("softmax"), tmp_path)
    text = (tmp_path / "net.c").read_text()
    assert "malloc" not in text
    command = [*compiler, *STRICT, "-DPREDICT_STORAGE=static", "-c", made.result, "-o", str(tmp_path / "net.o")]
    subprocess.run(command, check=True, capture_output=True)


def test_header_says_the_sizes(tmp_path):
    export("c99", with_activation("relu"), tmp_path)
    text = (tmp_path / "net.c").read_text()
    assert "void predict(const float x[5], float y[3]);" in text
    assert "#define PREDICT_INPUTS 5" in text
    assert "#define PREDICT_OUTPUTS 3" in text
    assert "buffers are 48 bytes" in text  # nine and three floats: activations work in place


def test_preprocessing_is_in_double(tmp_path):
    step = fitted("quantile_normal")
    model = randomize(st.Sequential([L.Dense(3)], input_shape=6))
    assert export("c99", model, tmp_path, rows(), preprocessing=step).verified
    text = (tmp_path / "net.c").read_text()
    assert "void predict(const double x[6], float y[3]);" in text
    assert "Phi" not in text
    assert "QuantileNormal(quantiles=40)" in text


def test_without_a_compiler_the_report_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(to_c, "find_compiler", lambda: None)
    made = st.export.c99(with_activation("relu"), tmp_path / "net.c")
    assert math.isnan(made.largest_difference)
    assert not made.verified
    assert "PREDICT_SELF_TEST" in str(made)
    assert (tmp_path / "net.c").exists()


def test_what_the_compiler_refuses_is_not_kept(compiler, tmp_path, monkeypatch):
    monkeypatch.setattr(to_c.c_source, "_TEST", "int predict;")
    with pytest.raises(st.export.ExportError, match="does not take the C file"):
        st.export.c99(with_activation("relu"), tmp_path / "net.c")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "1x", "a b", "double", "x-y", "näme", 3])
def test_names(name, tmp_path):
    with pytest.raises(ValueError, match="name must be"):
        st.export.c99(with_activation("relu"), tmp_path / "net.c", name=name)


def test_numbers_are_written_to_all_their_digits(compiler, tmp_path):
    model = st.Sequential([L.Dense(1, use_bias=False)], input_shape=8, dtype="float32")
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, size=8, dtype=np.uint32)
    weight = bits.view(np.float32)
    weight[~np.isfinite(weight)] = 1e-45
    weight[:3] = [1.0, -0.0, 1e-40]
    model.layers[0].weight = weight.reshape(8, 1)
    export("c99", model, tmp_path, np.eye(8))
    assert export("c99", model, tmp_path, np.eye(8)[3:]).largest_difference == 0.0
