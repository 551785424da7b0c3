"""The study in Optuna: draws the parameters, and keeps what came of them in memory or in an SQLite file."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from steepest.search.parameters import Choice
from steepest.search.space import Space
from steepest.search.trial import Parameters, Trial

# How Optuna calls the states of trials.
_STATES = {"complete": "COMPLETE", "dropped": "PRUNED", "stopped": "PRUNED", "failed": "FAIL"}


def require_optuna() -> Any:
    """Return the module; ImportError names the extra."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError("steepest.search needs Optuna: pip install 'steepest[search]'") from error
    return optuna


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from reporting what the search shows itself, and from warning of what is meant."""
    log = logging.getLogger("optuna")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"optuna\..*|alembic\..*|sqlalchemy\..*")
            warnings.filterwarnings("ignore", category=require_optuna().exceptions.ExperimentalWarning)
            yield
    finally:
        log.setLevel(level)


def derive(seed: int, number: int) -> int:
    """Return the seed of a trial's draw, a function of both: a search that goes on draws what it would have drawn."""
    return int(np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1)[0])


class _Connection(sqlite3.Connection):
    """A connection that syncs at checkpoints only, which a killed process survives: Optuna commits every number."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        try:
            self.execute("PRAGMA journal_mode=WAL").close()
            self.execute("PRAGMA synchronous=NORMAL").close()
        except BaseException:  # the file is no database: nobody else knows of the connection
            self.close()
            raise


def _left_over(space: Space, seed: int) -> dict[str, Any]:
    """Draw from the choices that have lost options: Optuna would draw from all that there were."""
    generator = np.random.default_rng(seed)
    return {
        name: parameter.options[generator.integers(len(parameter.options))]
        for name, parameter in space.items()
        if isinstance(parameter, Choice) and len(parameter.options) < len(parameter.every)
    }


class Ledger:
    """The trials of one search by number.

    Parameters
    ----------
    storage : str or None
        SQLite file; None keeps the study in memory.
    name : str
        Of the study in the file.
    maximize : bool
        Whether larger objectives are better.
    seed : int
        Determines the draws.
    settings : dict
        What must be the same when the search goes on, for JSON.
    """

    def __init__(self, storage: str | None, name: str, maximize: bool, seed: int, settings: Mapping[str, Any]) -> None:
        self._optuna = require_optuna()
        self.storage, self.name, self.seed = storage, name, seed
        self._lock: sqlite3.Connection | None = None
        with _quiet():
            self._store = self._open(storage)
            try:
                self._take_lock()
                self.study: Any = self._optuna.create_study(
                    storage=self._store,
                    study_name=name,
                    direction="maximize" if maximize else "minimize",
                    load_if_exists=True,
                    sampler=self._optuna.samplers.RandomSampler(seed=derive(seed, 0)),
                )
                self._check(json.loads(json.dumps(settings)))
            except BaseException:
                self.close()
                raise
        kept = self.study.get_trials(deepcopy=False)
        self._kept = {trial.number: trial for trial in kept if trial.state.name != "WAITING"}
        self._open_trials: dict[int, Any] = {}

    def _open(self, storage: str | None) -> Any:
        if storage is None:
            return self._optuna.storages.InMemoryStorage()
        from sqlalchemy.engine import URL

        url = URL.create("sqlite", database=os.path.abspath(storage))
        try:
            return self._optuna.storages.RDBStorage(
                url.render_as_string(hide_password=False), engine_kwargs={"connect_args": {"factory": _Connection}}
            )
        except Exception as error:
            raise ValueError(f"storage={storage!r} cannot be opened as an SQLite file of a study: {error}") from error

    def _take_lock(self) -> None:
        """Keep other searches from doing the same trials; the system lets go of the lock when the process ends."""
        if self.storage is None:
            return
        folder = f"{self.storage}.models"
        os.makedirs(folder, exist_ok=True)
        self._lock = sqlite3.connect(os.path.join(folder, f"{self.name}.lock"), timeout=0.0, isolation_level=None)
        try:
            self._lock.execute("BEGIN EXCLUSIVE").close()
        except sqlite3.OperationalError as error:
            raise ValueError(
                f"another search is at work on {self.name!r} in {self.storage}: wait for it, or give another name"
            ) from error

    def _check(self, settings: dict[str, Any]) -> None:
        known = self.study.user_attrs.get("steepest")
        if known is None:
            if self.study.get_trials(deepcopy=False):
                raise ValueError(
                    f"{self.storage} holds a study {self.name!r} that steepest did not begin: use another name"
                )
            self.study.set_user_attr("steepest", settings)
            return
        for key in sorted({*known, *settings}):
            if known.get(key) != settings.get(key):
                raise ValueError(
                    f"{self.storage} holds a search {self.name!r} with {key} {known.get(key)!r}, "
                    f"now it is {settings.get(key)!r}: give another storage or name, or the same settings"
                )

    def obtain(self, number: int, space: Space, sampler: str, fixed: Mapping[str, Any] | None, jobs: int) -> Trial:
        """Return the trial of this number, drawn now or in the search that goes on; numbers come one after the other.

        Parameters
        ----------
        number : int
            Of the trial.
        space : Space
            From which it is drawn.
        sampler : {"random", "tpe"}
            How.
        fixed : dict or None
            The parameters themselves, which are then not drawn.
        jobs : int
            Trials that run at the same time.
        """
        with _quiet():
            self.study.sampler = self._sampler(sampler, derive(self.seed, number), jobs)
            frozen = self._kept.get(number)
            if frozen is None:
                waiting = self.study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.WAITING,))
                given = {**_left_over(space, derive(self.seed, number)), **(fixed or {})}
                if given and not waiting:
                    self.study.enqueue_trial({name: space[name].stored(value) for name, value in given.items()})
                drawn = self.study.ask()
                assert drawn.number == number
            elif frozen.state.is_finished():
                values = {name: space[name].restored(frozen.params[name]) for name in space}
                trial = Trial(number, Parameters(values))
                trial.restore(frozen.user_attrs["steepest"])
                return trial
            else:
                drawn = self._optuna.trial.Trial(self.study, frozen._trial_id)
            # What is known of a trial that was being trained comes back from the file, the rest is drawn.
            trial = Trial(number, Parameters(space.suggest(drawn)))
        self._open_trials[number] = drawn
        if frozen is not None and "steepest" in frozen.user_attrs:
            trial.restore(frozen.user_attrs["steepest"])
        return trial

    def _sampler(self, kind: str, seed: int, jobs: int) -> Any:
        samplers = self._optuna.samplers
        if kind == "random":
            return samplers.RandomSampler(seed=seed)
        # Several at once: where others are being trained counts as bad, or they would all go to the same place.
        return samplers.TPESampler(seed=seed, constant_liar=jobs > 1)

    def note(self, trial: Trial) -> None:
        """Keep what is known of a trial that will go on."""
        self._open_trials[trial.number].set_user_attr("steepest", trial.record())

    def tell(self, trial: Trial) -> None:
        """Close a trial."""
        drawn = self._open_trials.pop(trial.number, None)
        if drawn is None:  # closed in the search that goes on
            return
        drawn.set_user_attr("steepest", trial.record())
        state = getattr(self._optuna.trial.TrialState, _STATES[trial.state])
        if trial.state != "complete" and trial.value is not None:
            drawn.report(trial.value, trial.epochs)
        with _quiet():
            self.study.tell(drawn, trial.value if trial.state == "complete" else None, state=state)

    def close(self) -> None:
        """Let go of the file."""
        if self._lock is not None:
            self._lock.close()
        if self.storage is not None:
            self._store.remove_session()
            self._store.engine.dispose()
