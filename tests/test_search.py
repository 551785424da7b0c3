"""Ways to search, and the trainings behind them."""

import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import steepest as st
from searches import CE, classes, rows, task, wells
from steepest import search, threads
from steepest.search.training import LossGuard
from tolerance import assert_equal

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def data():
    return classes()


# ------------------------------------------------------------------------------------------------------- ways to search
def test_random_draws_by_seed_and_number():
    first, again, longer, other = (
        wells(seed=seed).random(trials) for seed, trials in ((1, 8), (1, 8), (1, 12), (2, 8))
    )
    assert rows(first) == rows(again) == rows(longer)[:8]
    assert first.trials[0].parameters != other.trials[0].parameters
    rates = [math.log10(trial.parameters.rate) for trial in wells(epochs=1).random(100)]
    # Uniform in the logarithm: a Kolmogorov distance of 100 draws stays below 1.95 / sqrt(100) in 999 of 1000 cases.
    steps = np.arange(1, 101) / 100
    assert np.abs(np.sort((np.array(rates) + 6) / 6) - steps).max() < 0.195


def test_the_best_is_the_best():
    result = wells().random(30)
    values = [trial.value for trial in result]
    assert result.best.value == min(values)
    assert result.best_parameters == result.trials[int(np.argmin(values))].parameters
    largest = wells(mode="max").random(30)
    assert largest.best.value == max(trial.value for trial in largest)
    assert largest.ranked()[0] is largest.best


def test_grid_tries_every_combination():
    result = wells().grid({"rate": 4, "size": 3})
    assert [dict(trial.parameters) for trial in result] == result.space.grid({"rate": 4, "size": 3})
    assert result.best.parameters.rate == pytest.approx(1e-2)
    assert result.best.parameters["size"] == 5


def test_tpe_learns_from_its_trials():
    space = {"rate": search.loguniform(1e-6, 1.0), "size": search.integers(1, 9)}
    found = [wells(space, seed=seed, epochs=1).tpe(40) for seed in (0, 0, 1)]
    assert rows(found[0]) == rows(found[1])
    for result in found[1:]:
        drawn = [trial.value for trial in result]
        assert np.median(drawn[20:]) < 0.5 * np.median(drawn[:10])


def test_coarse_to_fine_closes_in():
    result = wells(epochs=8).coarse_to_fine((20, 10, 10))
    assert [stage.epochs for stage in result.stages] == [2, 4, 8]
    assert [len(stage.trials) for stage in result.stages] == [20, 12, 12]
    ranges = [stage.space["rate"] for stage in result.stages]
    spans = [math.log10(r.high / r.low) for r in ranges]
    assert spans[2] < spans[1] < 0.7 * spans[0]
    assert all(r.low < 1e-2 < r.high for r in ranges)
    assert result.best.value < 0.1
    assert result.best.stage == 2
    assert sum(trial.epochs for trial in result) == 20 * 2 + 2 * 2 + 10 * 4 + 2 * 4 + 10 * 8
    assert {trial.state for trial in result} == {"complete"}


def test_coarse_to_fine_begins_with_the_trials_of_a_random_search():
    result = wells(epochs=27, seed=3).coarse_to_fine()
    flat = wells(epochs=27, seed=3).random(60)
    assert [(len(s.trials), s.epochs) for s in result.stages] == [(60, 1), (24, 3), (16, 6), (12, 13), (8, 27), (2, 27)]
    assert [trial.parameters for trial in result.trials[:60]] == [trial.parameters for trial in flat]
    # The best of them got through with the same training, and the new ones around it can only be better.
    assert result.trials[flat.best.number].values[27] == flat.best.value
    assert result.best.value <= flat.best.value
    assert result.epochs < 0.3 * flat.epochs
    # Best is the best of both passes of full trainings, whichever was last.
    assert result.best.value == min(trial.values[27] for trial in result if 27 in trial.values)


def test_an_option_comes_back_with_a_trial_that_went_on(data):
    def objective(model, history):
        # After one epoch the wide networks are the worst, later they are the best.
        late = model.layers[0].units == 8
        return float(late) if model.epochs_seen == 1 else -float(late)

    def build(p):
        return search.perceptron(2)(search.Parameters(width=8 if p.kind == "late" else 4))

    options = {"build": build, "objective": objective, "mode": "min", "seed": 1}
    result = task(data, {"kind": ["early", "late"]}, **options).coarse_to_fine((9, 3, 3), (1, 2, 4), carry=(9, 0))
    assert [stage.space["kind"].options for stage in result.stages] == [["early", "late"], ["early"], ["late"]]


def test_the_edge_warns_and_widens():
    space = {"rate": search.loguniform(1e-6, 1e-4), "size": [4]}
    with pytest.warns(UserWarning, match="best rate, .* lies at the high edge of loguniform"):
        narrow = wells(space).coarse_to_fine((16, 8, 8))
    assert narrow.warnings
    assert narrow.best.parameters.rate <= 1e-4
    assert narrow.widened()["rate"].high == pytest.approx(1e-3)
    result = wells(space).coarse_to_fine((16, 8, 8, 8, 8), epochs=(1, 2, 3, 4, 9), widen=True)
    assert not result.warnings
    assert 2e-3 < result.best.parameters.rate < 5e-2
    assert result.space["rate"].high > 1e-3
    # Of itself it adds passes while the best lies at the edge.
    result = wells(space).coarse_to_fine(widen=True)
    assert not result.warnings
    assert [len(stage.trials) for stage in result.stages[:4]] == [60, 16, 12, 8]
    assert len(result.stages) > 5
    assert 2e-3 < result.best.parameters.rate < 5e-2


def test_a_choice_loses_its_bad_options(data):
    seen = []

    def build(p):
        seen.append(p.kind)
        if p.kind != "good":
            raise ArithmeticError("bad")
        return search.perceptron(2)(search.Parameters(width=p.width))

    space = {"kind": ["bad", "good", "worse"], "width": search.width(4, 8)}
    result = task(data, space, build=build).coarse_to_fine((9, 4), epochs=(1, 2))
    assert set(seen[:9]) == {"bad", "good", "worse"}
    assert set(seen[9:]) == {"good"}
    assert result.stages[1].space["kind"].options == ["good"]


def test_objects_may_be_options(data):
    options = [st.optimizers.Adam(0.01), st.optimizers.SGD(0.1)]

    def build(p):
        return search.perceptron(2)(search.Parameters())[0], {"optimizer": type(p.rule)(p.rule.rate())}

    result = task(data, {"rule": options}, build=build, epochs=1).random(6)
    assert {trial.parameters.rule for trial in result} == set(options)


# ------------------------------------------------------------------------------------------------- the trainings behind
def test_halving_continues_the_same_training(data):
    result = task(data).halving(9)
    assert [len(stage.trials) for stage in result.stages] == [9, 3, 1]
    assert [trial.state for trial in result].count("dropped") == 8
    assert result.epochs == 9 * 1 + 3 * 2 + 1 * 6
    # The winner is what one training of nine epochs gives, to the bit.
    model, fit = search.perceptron(2, batch_size=16)(result.best_parameters)
    problem = task(data).problem
    history = model.fit(problem.x, problem.y, loss=CE, epochs=9, verbose=0, validation_data=problem.validation, **fit)
    assert_equal(model.network.parameter_arena, result.model.network.parameter_arena)
    assert result.best.value == history["val_loss"][-1]
    assert result.best.values == {epochs: history["val_loss"][epochs - 1] for epochs in (1, 3, 9)}


@pytest.mark.parametrize("method", ["random", "coarse_to_fine", "halving"])
def test_any_number_of_jobs_gives_the_same(data, method):
    arguments = {"random": (6,), "coarse_to_fine": ((6, 3), (1, 3)), "halving": (6,)}[method]
    space = {"learning_rate": search.loguniform(1e-3, 30.0, limits=(1e-3, 30.0)), "dropout": search.uniform(0, 0.5)}
    results = []
    for jobs in (1, 3):
        result = getattr(task(data, space, epochs=3, jobs=jobs), method)(*arguments)
        results.append((rows(result), [s.space for s in result.stages], result.model.network.parameter_arena.tobytes()))
    assert str(results[0]) == str(results[1])


def test_trials_run_side_by_side_with_one_worker_each(data):
    barrier, seen = threading.Barrier(2, timeout=30), set()

    def build(p):
        barrier.wait()  # passes only if two trials are in it at the same time
        seen.add((threading.current_thread().name.partition("_")[0], threads.get_num_threads()))
        return search.perceptron(2)(p)

    st.set_num_threads(2)
    try:
        result = task(data, build=build, jobs=2, epochs=1).random(4)
    finally:
        st.set_num_threads(None)
    assert [trial.state for trial in result] == ["complete"] * 4
    assert seen == {("steepest-search", 1)}


def test_one_job_runs_here_with_all_workers(data):
    seen = set()

    def build(p):
        seen.add((threading.current_thread() is threading.main_thread(), threads.get_num_threads()))
        return search.perceptron(2)(p)

    st.set_num_threads(2)
    try:
        task(data, build=build, epochs=1).random(2)
    finally:
        st.set_num_threads(None)
    assert seen == {(True, 2)}


def test_a_trial_stops_at_once_when_its_loss_explodes(data):
    x, y = data
    space = {"learning_rate": [1e-3, 1e3, 1e38]}
    result = task(
        (np.tile(x, (20, 1)), np.tile(y, 20)), space, epochs=3, build=search.perceptron(2, batch_size=4)
    ).grid()
    good, exploded, infinite = result
    assert [trial.state for trial in result] == ["complete", "stopped", "stopped"]
    assert exploded.epochs == 0  # of 900 steps each
    assert "passed the bound" in exploded.message
    assert infinite.epochs == 0
    assert exploded.value is infinite.value is None
    assert 0.5 < good.initial_loss < 1.5
    assert result.best is good
    assert "stopped" in str(result)


def test_the_bound_is_three_times_the_initial_loss():
    class Run:
        def __init__(self, loss, step, steps):
            self.model, self.step, self.logs, self.reason = SimpleNamespace(steps=steps), step, {"loss": loss}, None

        def stop(self, reason):
            self.reason = reason

    guard = LossGuard(1.0)
    first = Run(2.0, 100, 100)
    guard.on_slice_end(first)
    between = Run(9.0, 150, 150)  # where the clock has ended a slice nothing is compared
    guard.on_slice_end(between)
    assert first.reason is None
    assert between.reason is None
    fine = Run(2.49, 200, 200)  # the second hundred steps had a mean of 2.98
    guard.on_slice_end(fine)
    assert fine.reason is None
    high = Run(2.7, 300, 300)  # and the third of 3.12
    guard.on_slice_end(high)
    assert "loss 3.12" in high.reason
    assert LossGuard(-2.0).bound == 2.0  # where losses may be negative


def test_a_crashed_trial_does_not_take_the_search_with_it(data):
    def build(p):
        if p.width > 12:
            raise RuntimeError("no memory for so many units")
        return search.perceptron(2, learning_rate=0.01)(p)

    for jobs in (1, 2):
        result = task(data, {"width": search.integers(4, 20, limits=(4, 20))}, build=build, epochs=2, jobs=jobs).random(
            12
        )
        failed = [trial for trial in result if trial.state == "failed"]
        assert {trial.parameters.width > 12 for trial in failed} == {True}
        assert 0 < len(failed) < 12
        assert all("RuntimeError: no memory for so many units (test_search.py:" in trial.message for trial in failed)
        assert result.best.state == "complete"


def test_wrong_functions_of_the_user_are_trials_that_failed(data):
    cases = {
        "build must return a model": {"build": lambda p: 3},
        "which the search gives itself": {"build": lambda p: (search.perceptron(2)(p)[0], {"epochs": 3})},
        "bad measure": {"objective": lambda model, history: int("bad measure"), "mode": "min"},
        "objective='val_auc' is not recorded": {"objective": "val_auc"},
    }
    for message, options in cases.items():
        with pytest.warns(UserWarning, match=f"every trial failed, the first with .*{message}"):
            result = task(data, epochs=1, **options).random(2)
        assert result.best is None
        assert result.model is None
        with pytest.raises(ValueError, match=message):
            assert result.best_parameters


def test_an_objective_that_is_no_number_is_no_best(data):
    result = task(data, objective=lambda model, history: math.nan, mode="min", epochs=1).random(2)
    assert {trial.message for trial in result} == {"the objective is nan"}


def test_accuracy_is_maximised_and_early_stopping_gives_its_best(data):
    result = task(data, objective="val_accuracy", fit={"early_stopping": 2}, epochs=30).random(6)
    problem = task(data).problem
    assert result.maximize
    assert any(trial.epochs < 30 for trial in result)
    assert result.best.value == max(trial.value for trial in result)
    assert result.model.evaluate(*problem.validation)["accuracy"] == pytest.approx(result.best.value)


def test_callbacks_are_made_for_each_trial(data):
    made = []

    def callbacks(trial):
        made.append((trial.number, st.callbacks.Callback()))
        return [made[-1][1]]

    task(data, epochs=1, callbacks=callbacks).random(3)
    assert [number for number, _ in made] == [0, 1, 2]
