"""The choice of an instruction set: STEEPEST_ISA takes effect or is refused in clear words, and force_isa works."""

import os
import subprocess
import sys

import numpy as np
import pytest

from steepest import _core, kernels

# A row's sum is rounded otherwise lane by lane than number by number, so the code that ran tells on itself. (A fused
# multiply-add would not do: on 64-bit ARM the scalar kernels have it, too.)
CODE = """
import numpy as np
from steepest import _core, kernels
print(_core.isa(), _core.build_info()["isa"], kernels.softmax(np.sin(np.arange(1001.0))[None]).tobytes().hex())
"""


def bits():
    return kernels.softmax(np.sin(np.arange(1001.0))[None]).tobytes()


def run(isa):
    environment = {**os.environ, "STEEPEST_ISA": isa}
    return subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("name", _core.available_isas())
def test_variable_takes_effect(name, isa_restored):
    done = run(name)
    assert done.returncode == 0, done.stderr
    reported, built, found = done.stdout.split()
    assert reported == built == name
    _core.force_isa(name)
    assert found == bits().hex()


def test_scalar_and_vectors_can_be_told_apart(isa_restored):
    """Otherwise the test above would also pass if the variable did nothing."""
    results = {}
    for name in _core.available_isas():
        _core.force_isa(name)
        results[name] = bits()
    if len(results) < 2:
        pytest.skip("only one instruction set here")
    assert all(results[name] != results["scalar"] for name in results if name != "scalar")


def test_an_empty_variable_means_the_best(isa_restored):
    assert run("").stdout.split()[0] == _core.available_isas()[-1]


@pytest.mark.parametrize("name", ["NEON", "AVX2", "avx512 ", "best"])
def test_unknown_name_is_refused_in_clear_words(name):
    done = run(name)
    assert done.returncode != 0
    message = done.stderr.strip().splitlines()[-1]
    assert "STEEPEST_ISA" in message
    assert repr(name) in message
    assert "scalar" in message


def test_unsupported_set_is_refused():
    for name in {"avx2", "avx512", "neon"} - set(_core.available_isas()):  # no machine has all
        assert "does not support" in run(name).stderr or "not part of this build" in run(name).stderr


def test_force_isa_refuses_and_keeps(isa_restored):
    before = _core.isa()
    with pytest.raises(ValueError, match="'sse9' is not an instruction set; available here: scalar"):
        _core.force_isa("sse9")
    assert _core.isa() == before


@pytest.fixture
def isa_restored():
    before = _core.isa()
    yield
    _core.force_isa(before)
