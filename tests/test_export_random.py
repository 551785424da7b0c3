"""Random networks of the whole catalogue through every format: what the others do not think of."""

import numpy as np
import pytest

import catalogue_networks
from export_models import export
from steepest.export import onnx_reader


@pytest.mark.parametrize("kind", ["onnx", "numpy_function", "to_torch"])
@pytest.mark.parametrize("number", range(40))
def test_random_networks(number, kind, tmp_path):
    _, model, _, _, x, _, _ = catalogue_networks.draw(number)
    made = export(kind, model, tmp_path, x)
    assert made.largest_difference <= 1e-9 * max(1.0, made.largest_output)
    if kind == "onnx":  # by the other way to run it, too
        given = onnx_reader.run((tmp_path / "net.onnx").read_bytes(), {"input": np.ascontiguousarray(x)})
        assert np.abs(given - model.predict(x)).max() <= 1e-9 * max(1.0, made.largest_output)


@pytest.mark.parametrize("number", range(8))
def test_random_networks_in_c(number, tmp_path):
    _, model, _, _, x, _, _ = catalogue_networks.draw(1000 + number)
    made = export("c99", model, tmp_path, x)
    assert made.largest_difference <= 1e-9 * max(1.0, made.largest_output)
