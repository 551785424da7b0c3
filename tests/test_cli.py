"""The command line and the demonstration."""

import subprocess
import sys
import types

import numpy as np
import pytest

import steepest as st
from steepest import cli, demo


def test_demo_on_digits(capsys):
    pytest.importorskip("sklearn")
    assert cli.main(["demo", "--epochs", "3", "--threads", "1"]) == 0
    st.set_num_threads(None)
    out = capsys.readouterr().out
    for word in ("1,438 training", "dense_1", "epoch 3/3", "test accuracy", "Gradient check of", "passed"):
        assert word in out


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_digits_reach_97_percent(seed):
    pytest.importorskip("sklearn")
    model = demo.make_model(demo.DIGITS, seed)
    assert demo.train(model, demo.DIGITS, demo.prepare(None), demo.DIGITS.epochs, verbose=0) >= 0.97


@pytest.mark.slow
@pytest.mark.data
def test_mnist_reaches_98_percent(data_dir):
    model = demo.make_model(demo.MNIST, 0)
    data = demo.prepare(str(data_dir / "mnist"))
    assert demo.train(model, demo.MNIST, data, demo.MNIST.epochs, verbose=0) >= 0.98


def test_scaling_is_of_the_training_set(monkeypatch):
    split = demo.Split(np.array([[0.0, 4.0]]), np.array([1]), np.array([[8.0, 2.0]]), np.array([0]))
    monkeypatch.setattr(demo, "load_digits", lambda: split)
    np.testing.assert_array_equal(demo.prepare(None).X_test, [[2.0, 0.5]])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--mnist", "/no/such/place"], "steepest demo: no such directory: /no/such/place\n"),
        (["demo", "--epochs", "0"], "must be a whole number above 0, got '0'"),
        (["demo", "--seed", "-1"], "got '-1'"),
        (["demo", "--threads", "x"], "got 'x'"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        ([], "COMMAND"),
    ],
)
def test_wrong_command_lines(capsys, arguments, words):
    try:
        code = cli.main(arguments)
    except SystemExit as end:
        code = end.code
    assert code == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


def test_a_directory_without_mnist(capsys, tmp_path):
    assert cli.main(["demo", "--mnist", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_bench_gets_the_other_arguments(monkeypatch):
    seen = []
    module = types.ModuleType("steepest.bench")
    module.main = lambda arguments: seen.append(arguments) or 3
    monkeypatch.setitem(sys.modules, "steepest.bench", module)
    assert cli.main(["bench", "--quick", "x"]) == 3
    assert seen == [["--quick", "x"]]


def test_version():
    done = subprocess.run([sys.executable, "-m", "steepest", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"steepest {st.__version__}"


def test_package_lists_its_names():
    names = dir(st)
    for name in st.__all__:
        assert name in names
        assert getattr(st, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Sequentail'"):
        _ = st.Sequentail


@pytest.mark.parametrize("n", [0, None])
def test_threads_back_to_the_default(n):
    st.set_num_threads(1)
    assert st.get_num_threads() == 1
    st.set_num_threads(n)
    assert st.get_num_threads() >= 1
    with pytest.raises(ValueError, match="n must be at least 0, got -1"):
        st.set_num_threads(-1)
