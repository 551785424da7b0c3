"""Python files that predict with NumPy alone."""

import runpy
import subprocess
import sys

import numpy as np
import pytest

import steepest as st
from export_models import L, everything, export, randomize, rows

RUN = """
import sys, runpy
import numpy as np
sys.modules["steepest"] = None  # an import of it is an error
predict = runpy.run_path(sys.argv[1])["predict"]
np.save(sys.argv[3], predict(np.load(sys.argv[2])))
"""


def test_runs_without_steepest(tmp_path):
    P = st.preprocessing
    step = P.Pipeline([P.Robust(True), P.QuantileNormal(20), P.PCA(4)]).fit(rows())
    model = everything()
    made = export("numpy_function", model, tmp_path, rows(), preprocessing=step)
    np.save(tmp_path / "x.npy", rows(seed=4))
    arguments = [made.result, str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    subprocess.run([sys.executable, "-W", "error", "-c", RUN, *arguments], check=True)
    expected = model.predict(step.transform(rows(seed=4)))
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-5, atol=1e-5)


def test_shapes(tmp_path):
    model = randomize(st.Sequential([L.BatchNorm(), L.Dense(2)], input_shape=(3, 2, 2)))
    made = export("numpy_function", model, tmp_path)
    predict = runpy.run_path(made.result)["predict"]
    images = np.random.default_rng(0).normal(size=(4, 3, 2, 2))
    for x in (images, images.reshape(4, 12), images[:1], images[:0], (images * 10).astype(int)):
        np.testing.assert_allclose(predict(x), model.predict(x), rtol=1e-5, atol=1e-5)
        assert predict(x).dtype == np.float32
    for wrong in (np.ones(12), np.ones((2, 11)), np.ones((2, 2, 3, 2))):
        with pytest.raises(ValueError, match=r"X must have shape \(N, 3, 2, 2\)"):
            predict(wrong)


def test_file_holds_only_what_it_needs(tmp_path):
    made = export("numpy_function", randomize(st.Sequential([L.Dense(2, "relu")], input_shape=3)), tmp_path)
    text = (tmp_path / "net.py").read_text()
    assert "def relu" in text
    assert "def mish" not in text
    assert "import math" not in text
    assert made.checked_with == f"NumPy {np.__version__}"


def test_no_text_of_the_model_is_run(tmp_path):
    class Step(st.preprocessing.Standardizer):
        kind = "standardizer"

        def __repr__(self):
            return '"""\nraise SystemExit\n"""\\'

    model = randomize(st.Sequential([L.Dense(2)], input_shape=6))
    assert export("numpy_function", model, tmp_path, rows(), preprocessing=Step().fit(rows())).verified
