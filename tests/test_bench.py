"""The benchmark runs, verifies and records. How long anything takes is never asserted."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import steepest as st
from reference import network as reference_network
from steepest import _core, kernels
from steepest.bench import cli, machine, networks, report, results, timing
from steepest.bench.kernels import case as kernel_case
from steepest.bench.kernels import cases
from steepest.bench.numpy_network import NumpyNetwork
from steepest.bench.shapes import SHAPES, Shape

DTYPES = ("float32", "float64")
ROOFS = machine.Machine("float32", 1, 100.0, ((1000, 50.0), (10000, 10.0)))
SMALL = Shape("small", (7, 9, 8, 3), 16, 3)


def bench(*arguments, **variables):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "steepest", "bench", *arguments]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


def run_in_process(tmp_path, *arguments):
    path = tmp_path / "record.json"
    code = cli.run(cli.make_parser().parse_args([*arguments, "--quick", "--threads", "1", "--json", str(path)]))
    st.set_num_threads(None)
    return code, json.loads(path.read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------------------- command
def test_command_verifies_and_records(tmp_path):
    path = tmp_path / "record.json"
    done = bench("--quick", "--kernels", "relu,adam", "--shapes", "tiny", "--threads", "1", "--json", str(path))
    assert done.returncode == 0, done.stderr
    assert "relu forward" in done.stdout
    assert "tiny" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["format"] == "steepest-bench"
    # The variables were not set, so the command has started itself again with them.
    assert record["environment"]["variables"]["OPENBLAS_NUM_THREADS"] == "1"
    assert record["environment"]["threads"] == record["machine"]["threads"] == 1
    assert record["environment"]["isa"] == _core.isa()
    assert record["machine"]["fma_peak_flops"] > 0
    names = {result["name"] for result in record["results"]}
    assert names >= {"relu forward", "relu backward", "adam update", "tiny"}
    assert "tanh forward" not in names
    for result in record["results"]:
        assert result["right"]
        assert result["error"] <= result["tolerance"]
        assert set(result["sides"]) == {"steepest", "numpy"}
        assert all(side["median_seconds"] > 0 and side["rounds"] >= 1 for side in result["sides"].values())


def test_wrong_kernel_is_reported_and_not_timed(tmp_path, monkeypatch, capsys):
    right = kernels.activation_forward
    monkeypatch.setattr(kernels, "activation_forward", lambda *a, **k: right(*a, **k) * np.float32(1.0005))
    code, record = run_in_process(tmp_path, "--kernels", "leaky_relu forward")
    assert code == 1
    (result,) = record["results"]
    assert not result["right"]
    assert result["sides"] == {}
    printed = capsys.readouterr()
    assert "WRONG" in printed.out
    assert "leaky_relu forward 32x64" in printed.err


def test_nan_is_wrong_and_still_a_record(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "column_sums", lambda x, out=None: np.full(x.shape[1], np.nan))
    code, record = run_in_process(tmp_path, "--kernels", "column sums")
    assert code == 1
    assert record["results"][0]["error"] is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--shapes", "huge"], "'huge'"),
        (["--threads", "0"], "'0'"),
        (["--dtype", "float16"], "float16"),
    ],
)
def test_wrong_arguments(arguments, says, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_unknown_kernel_is_not_silence(capsys):
    options = cli.make_parser().parse_args(["--kernels", "convolution", "--quick", "--threads", "1"])
    assert cli.run(options) == 2
    st.set_num_threads(None)
    assert "'convolution'" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------- kernels
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_kernel_is_right(dtype):
    for case in cases.all_cases(dtype, "small"):
        verdict = case.verify()
        assert verdict.right is True, f"{case.name}: {verdict}"
        result = kernel_case.measure(case, budget=0.0, rounds=(1, 1))
        json.dumps(result.to_json(ROOFS), allow_nan=False)
        assert case.working_set > 0
        assert case.moved > 0


def test_every_kernel_has_a_case():
    files = sorted(Path(cases.__file__).parent.glob("*.py"))
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    names_of_one_activation = set(cases.numpy_activations.ACTIVATIONS) | {"step"}  # its gradient, 0, cannot be wrong
    functions = {"exp", "expm1", "log", "log1p", "softplus", "erf"}  # tested, not timed: parts of other kernels
    for name in set(kernels.__all__) - names_of_one_activation - functions:
        assert f"kernels.{name}(" in source, f"{name} has no case"


def spoil_returned(right):
    def wrong(*arguments, **keywords):
        value = right(*arguments, **keywords)
        if isinstance(value, tuple):
            # 0.05% wrong in the first array only
            return (value[0] * value[0].dtype.type(1.0005), *value[1:])
        return value * value.dtype.type(1.0005)

    return wrong


def spoil_in_place(right):
    def wrong(parameter, *arguments, **keywords):
        right(parameter, *arguments, **keywords)
        parameter *= parameter.dtype.type(1.0005)

    return wrong


@pytest.mark.parametrize("name", sorted({name for name, _ in cases.makers("small")}))
def test_verification_rejects_half_a_permille(name, monkeypatch):
    (make, *_) = [make for made, make in cases.makers("small") if made == name]
    case = make(kernel_case.Setup("float32"))
    for kernel in kernels.__all__:
        spoil = spoil_in_place if f"{kernel} update" == name else spoil_returned
        monkeypatch.setattr(kernels, kernel, spoil(getattr(kernels, kernel)))
    assert not case.verify().right


# ------------------------------------------------------------------------------------------------------------ networks
@pytest.mark.parametrize("dtype", DTYPES)
def test_networks_are_right(dtype):
    for shape in (SMALL, SHAPES["tiny"]):
        result = networks.run(shape, dtype, budget=0.01, rounds=(1, 1))
        assert result.verdict.right
        assert result.seconds("steepest") > 0
        assert result.seconds("numpy") > 0


def test_wrong_gradient_of_one_tensor_is_seen(monkeypatch):
    right = st.Sequential.loss_and_gradients

    def wrong(self, *arguments, **keywords):
        value, gradients = right(self, *arguments, **keywords)
        gradients["dense_2.weight"] *= 1.0005
        return value, gradients

    monkeypatch.setattr(st.Sequential, "loss_and_gradients", wrong)
    assert not networks.verify_gradients(SHAPES["tiny"], "float32").right


def test_wrong_optimizer_is_seen(monkeypatch):
    right = st.optimizers.Adam
    monkeypatch.setattr(st.optimizers, "Adam", lambda rate: right(rate, bias_correction=False))
    assert not networks.verify_training(SHAPES["tiny"], "float32").right


def test_numpy_network_is_the_reference():
    x, labels = networks.make_data(SMALL, "float64")
    ours = NumpyNetwork(SMALL.widths, SMALL.batch, np.float64)
    rng = np.random.default_rng(3)
    layers = [(rng.normal(size=(n, k)), rng.normal(size=k)) for n, k in itertools.pairwise(SMALL.widths)]
    ours.load(layers)
    parts = []
    for i, (weight, bias) in enumerate(layers):
        parts.append(reference_network.Dense(weight, bias))
        if i < len(layers) - 1:
            parts.append(reference_network.Activation("relu"))
    theirs = reference_network.Network(parts, "softmax_cross_entropy")
    order = rng.permutation(len(x))
    loss = ours.epoch(x, labels, order)
    losses = []
    for begin in range(0, len(x), SMALL.batch):
        rows = order[begin : begin + SMALL.batch]
        losses.append(theirs.train_step(x[rows], labels[rows], "adam", 1e-3)[0])
    # Two float64 computations of the same numbers, three steps long.
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)
    wanted = np.concatenate([p.ravel() for p in theirs.parameters().values()])
    np.testing.assert_allclose(ours.flat, wanted, rtol=0, atol=1e-9)


def test_arithmetic_of_a_shape():
    # 4736 weights; 32 rows: 6 per weight but 4 in the first layer, whose input needs no gradient.
    tiny = SHAPES["tiny"]
    assert tiny.flops_per_step == 32 * (4 * 64 * 64 + 6 * 64 * 10)
    assert tiny.parameters == 64 * 64 + 64 + 64 * 10 + 10
    assert tiny.bytes_per_step() == 4 * (8 * tiny.parameters + 32 * (4 * 64 + 6 * 74))
    assert tiny.label == "64-64-10 (32)"
    assert SHAPES["deep"].label == "64-20x128-10 (128)"


# ------------------------------------------------------------------------------------------------- timing and machine
def test_rounds_are_interleaved():
    calls = []
    functions = {name: (lambda name=name: calls.append(name)) for name in "ab"}
    timings = timing.interleave(functions, budget=10.0, sample=0.0, rounds=(2, 3))
    # Warm-up and calibration of each, then rounds that take turns in who begins.
    assert "".join(calls[-6:]) == "abbaab"
    assert [len(t.seconds) for t in timings.values()] == [3, 3]


def test_median_and_deviation():
    taken = timing.Timing((1.0, 2.0, 3.0, 10.0, 4.0))
    assert taken.median == 3.0
    assert taken.mad == 1.0
    assert taken.to_json(units=2)["median_seconds"] == 1.5


def test_roofs():
    assert ROOFS.least_seconds(flops=200, moved=50, working_set=9999) == 2.0
    assert ROOFS.least_seconds(flops=200, moved=50, working_set=10000) == 5.0
    assert ROOFS.bandwidth(1) == 50.0
    assert ROOFS.bandwidth(10**9) == 10.0
    result = results.Result(
        "kernel", "x", "y", results.Verdict(0, 0), 200, 50, 10001, 1, 0, {"steepest": timing.Timing((10.0,))}
    )
    assert result.share_of_roof(ROOFS) == 0.5


def test_machine_is_measured():
    roofs = machine.measure("float64", 1, seconds=0.02)
    assert roofs.peak > 1e6
    rates = [rate for _, rate in roofs.bandwidths]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 1e6


@pytest.mark.parametrize("isa", _core.available_isas())
def test_peak_of_every_instruction_set(isa):
    before = _core.isa()
    _core.force_isa(isa)
    try:
        assert _core.fma_peak("float32", 0.001, 1) > 1e6
    finally:
        _core.force_isa(before)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: _core.fma_peak("float16", 0.1, 1), "dtype: 'float16'"),
        (lambda: _core.fma_peak("float32", 0.0, 1), "seconds: 0"),
        (lambda: _core.fma_peak("float32", 0.1, 0), "threads: 0"),
        (lambda: _core.bandwidth(10, 0.1, 1), "bytes: 10"),
    ],
)
def test_measurements_check_their_arguments(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_durations_have_three_digits():
    assert [report.duration(s) for s in (2.5, 0.99949, 1.234e-3, 5e-8)] == ["2.5 s", "999 ms", "1.23 ms", "50 ns"]


# -------------------------------------------------------------------------------------------------------------- rivals
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def rivals(monkeypatch):
    """The rivals' package of the checkout; nothing of it is installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    import bench.pool
    import bench.problem
    import bench.verify

    return bench


def test_rivals_command_writes_json_and_markdown(tmp_path):
    path = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "--tables", "shapes", "--shapes", "tiny", "--rivals", "steepest,numpy"]
    command += ["--quick", "--seconds", "0.5", "--threads", "1", "--output", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    (table,) = json.loads(path.read_text(encoding="utf-8"))["tables"].values()
    (record,) = table["record"]
    for rival in record["rivals"].values():
        assert rival["failure"] == ""
        assert rival["losses"][1] < rival["losses"][0]
        assert rival["median_seconds"] > 0
    assert table["environment"]["threads"] == 1
    assert "| tiny 64-64-10 (32)" in path.with_suffix(".md").read_text(encoding="utf-8")


def fake_worker(rivals, losses):
    class Fake:
        def ask(self, do, steps, epochs):
            if losses is None:
                raise rivals.pool.RivalError("no answer")
            return {"losses": losses}

        def close(self):
            pass

    return Fake()


def test_a_rival_that_trains_something_else_is_not_timed(rivals, monkeypatch):
    monkeypatch.setattr(rivals.verify, "reference_losses", lambda spec: [2.0, 1.0])
    answers = {"steepest": [2.001, 1.0005], "numpy": [2.0, 1.003], "torch": [2.0, float("nan")], "jax": None}
    workers = {name: fake_worker(rivals, losses) for name, losses in answers.items()}
    measured = {name: rivals.pool.Measured(name) for name in answers}
    spec = rivals.problem.Spec((4, 4, 3), 2, 4, 1)
    rivals.verify.verify_training(workers, measured, spec)
    assert list(workers) == ["steepest"]
    assert measured["numpy"].failure.startswith("WRONG")
    assert measured["torch"].failure.startswith("WRONG")
    assert measured["jax"].failure == "no answer"


def test_rivals_that_are_not_installed_are_named(rivals, monkeypatch):
    entry = rivals.pool.RIVALS["jax"]
    monkeypatch.setattr(type(entry), "missing", lambda self: ["jax"] if self is entry else [])
    workers, measured = rivals.pool.start_all(["jax"], rivals.problem.Spec((4, 4, 3), 2, 4, 1))
    assert workers == {}
    assert measured["jax"].failure == "not installed: jax"


def test_a_rival_that_dies_says_why(rivals):
    spec = rivals.problem.Spec((4, 4, 3), 2, 4, 1)
    with (
        rivals.pool.Worker("numpy", spec) as worker,
        pytest.raises(rivals.pool.RivalError, match="unexpected keyword"),
    ):
        worker.ask(do="train", colour="blue")
