"""The vectors published with the ONNX standard, run by kernels, layers, losses and optimisers."""

import numpy as np
import pytest

pytest.importorskip("onnx")
from onnx_operators import OPERATORS, NotRunError
from onnx_vectors import MODULES, run, vectors

VECTORS = {f"{vector.group}-{vector.name}": vector for vector in vectors()}
# Parts of the reasons that a vector may have for not being run; anything else would be an oversight.
REASONS = (
    "the catalogue does not have",
    "float32 and float64 only",
    "its inputs are no arrays",
    "other random numbers",
    "rows are samples here",
    "a weight has two dimensions here",
    "columns stand side by side here",
    "a negative category is unknown here",
    "a slope below zero lies in",
    "plumbing only",
    "does not say its epsilon",
)


def outcome(name):
    """Return the reason why the vector is not run, or None."""
    try:
        run(VECTORS[name], "float32")
    except NotRunError as reason:
        return str(reason)
    except Exception:  # the vector's own test will show it
        return None
    return None


NOT_RUN = {name: reason for name in VECTORS if (reason := outcome(name)) is not None}
RUN = [name for name in VECTORS if name not in NOT_RUN]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RUN)
def test_vector(name, dtype):
    vector = VECTORS[name]
    ways = run(vector, dtype)
    assert ways
    for outputs in ways:
        assert outputs[0] is not None
        for given, expected in zip(outputs, vector.outputs, strict=False):
            if given is None:  # this way has not that output
                continue
            assert given.shape == np.shape(expected)
            # The published numbers are float32, mostly rounded from NumPy's own arithmetic in it.
            np.testing.assert_allclose(given, expected, rtol=1e-5, atol=2e-6)


def test_what_is_not_run_has_a_reason():
    unexplained = {name: reason for name, reason in NOT_RUN.items() if not any(part in reason for part in REASONS)}
    assert not unexplained


def test_most_are_run():
    """The list is found by introspection, so a vector that ONNX adds is run or must have a reason."""
    assert len(RUN) >= 150
    tried = {node.op_type for name in RUN for node in VECTORS[name].model.graph.node}
    # Swish came with ONNX 1.19, and the vectors of Adam said their epsilon later than 1.15.
    assert set(OPERATORS) - tried <= {"Swish", "Adam"}
    assert {"relu", "softmax", "adam", "gemm"} <= set(MODULES)


def test_a_wrong_number_is_found():
    vector = VECTORS["node-softmax_axis_1"]
    spoilt = vector.outputs[0].copy()
    spoilt.flat[3] += 1e-4
    for given, *_ in run(vector, "float32"):
        assert not np.allclose(given, spoilt, rtol=1e-5, atol=2e-6)
