"""Seconds only: is what was installed whole, does it train, is the gradient right?"""

import subprocess
import sys

import numpy as np

import steepest as st


def two_moons(rng, rows=400):
    angle = rng.uniform(0, np.pi, rows)
    labels = rng.integers(0, 2, rows)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x[labels == 1] = np.array([1.0, 0.4]) - x[labels == 1]
    return (x + 0.05 * rng.normal(size=x.shape)).astype("float32"), labels


def test_trains(rng):
    x, labels = two_moons(rng)
    model = st.Sequential([st.layers.Dense(32, activation="relu"), st.layers.Dense(2)], seed=0)
    history = model.fit(
        x, labels, loss="softmax_cross_entropy", optimizer=st.optimizers.Adam(1e-2), epochs=60, batch_size=32, verbose=0
    )
    losses = history.history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    assert np.mean(model.predict(x).argmax(axis=1) == labels) > 0.98


def test_gradient_check_passes(rng):
    x, labels = two_moons(rng, rows=16)
    model = st.Sequential([st.layers.Dense(5, activation="tanh"), st.layers.Dense(2)], seed=0)
    report = st.gradcheck(model, x, labels, loss="softmax_cross_entropy")
    assert report.passed, report.verdict


def test_build_info_names_the_instruction_sets():
    info = st.build_info()
    assert info["version"] == st.__version__
    assert "scalar" in info["compiled_isas"]
    assert info["isa"] in info["available_isas"]


def test_command_line_answers():
    done = subprocess.run([sys.executable, "-m", "steepest", "--help"], capture_output=True, text=True, check=True)
    assert "demo" in done.stdout


def test_import_is_light():
    # In a fresh process: what the test run has imported already must not count.
    code = "import sys, steepest; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    heavy = {
        "sklearn",
        "scipy",
        "matplotlib",
        "rich",
        "optuna",
        "onnx",
        "onnxruntime",
        "pandas",
        "pyarrow",
        "torch",
        "mpi4py",
    }
    assert not loaded & heavy
    assert "steepest" in loaded
