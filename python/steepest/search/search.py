"""The search: a function that builds models, a space of its parameters, data, and ways to go through the space."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import rng
from steepest.callbacks import Callback
from steepest.checks import check_bool, check_float, check_int, check_verbose
from steepest.registry import Attributes
from steepest.search.crew import Crew
from steepest.search.display import make_display
from steepest.search.ledger import Ledger, require_optuna
from steepest.search.problem import Build, Objective, make_problem
from steepest.search.result import SearchResult
from steepest.search.searching import Searching
from steepest.search.space import Space
from steepest.search.trial import Trial
from steepest.threads import get_num_threads


class Search(Attributes):
    """Hyper-parameters of a network, found by training it.

    Parameters
    ----------
    build : callable
        `build(p)` returns the untrained model for the parameters `p` (a dictionary, also `p.width`), or
        `(model, arguments)` with arguments of `Model.fit` such as `{"optimizer": Adam(p.learning_rate)}`. See
        `steepest.search.perceptron` for one that is ready. A fixed seed in it compares all trials on the same draws.
    space : dict of str to parameter
        Of `loguniform`, `uniform`, `integers`, `choice`, `width`, `depth`, `activation`; a list is a choice.
    X, y : array
        Training data as for `Model.fit`, shared by all trials.
    epochs : int
        Of a full training.
    loss : str or Loss
        For `Model.fit`.
    validation_data : tuple (X, y) or (X, y, sample_weight), optional
        By which the trials are judged.
    validation_split : float
        Instead of it: share of the rows that is held back, the same rows for all trials.
    objective : str or callable
        What is looked for: a number of the history, or `objective(model, history)`. It is taken after the last epoch;
        with early stopping of the objective, in the best.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; `"auto"` takes larger for names that end in `accuracy`.
    fit : dict, optional
        Other arguments of `Model.fit` for all trials: `batch_size`, `augment`, `early_stopping`, ...
    callbacks : callable, optional
        `callbacks(trial)` returns new callbacks for a trial.
    stop_factor : float
        A trial stops at once when its loss passes this many times its initial loss; above 1.
    jobs : int or None
        Trials side by side, each in a thread of its own with an equal share of the workers ("caviar"); None takes as
        many as there are workers; `build` and the other functions are then called from several threads. With 1 each
        trial has all workers.
    seed : int
        Determines the draws and the validation split.
    storage : str or path-like, optional
        SQLite file of the study. The same call with the same file goes on where the last one ended, however that
        happened; beside it, `<storage>.models` holds the best model and the checkpoints of trainings that will go on.
        One search at a time under a name.
    name : str
        Of the search in the file; the method's name is added.
    verbose : int
        0 silent, 1 bars in a terminal or else lines, 2 one line per trial.

    Notes
    -----
    The trials of `random`, `grid`, `coarse_to_fine` and `halving` are the same, to the bit, for a seed with any number
    of jobs, interrupted or not. `tpe` draws by the results so far: the same with one job; with several its trials
    depend on which training ends first.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> space = {"learning_rate": st.search.loguniform(1e-4, 10.0), "activation": ["relu", "tanh"]}
    >>> build = st.search.perceptron(outputs=2)
    >>> search = st.search.Search(
    ...     build, space, X, y, epochs=9, loss="softmax_cross_entropy", validation_split=0.2, verbose=0
    ... )
    >>> result = search.halving(trials=9)
    >>> [len(stage.trials) for stage in result.stages], result.best.epochs
    ([9, 3, 1], 9)
    """

    def __init__(
        self,
        build: Build,
        space: Mapping[str, Any],
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        epochs: int,
        loss: Any = None,
        validation_data: tuple[Any, ...] | None = None,
        validation_split: float = 0.0,
        objective: Objective = "val_loss",
        mode: str = "auto",
        fit: Mapping[str, Any] | None = None,
        callbacks: Callable[[Trial], Sequence[Callback]] | None = None,
        stop_factor: float = 3.0,
        jobs: int | None = None,
        seed: int = 0,
        storage: str | os.PathLike[str] | None = None,
        name: str = "search",
        verbose: int = 1,
    ) -> None:
        require_optuna()
        self.space = space if isinstance(space, Space) else Space(space)
        self.epochs = check_int("epochs", epochs, 1)
        self.seed = rng.check_seed(check_int("seed", seed, 0))
        self.problem = make_problem(
            build,
            X,
            y,
            loss=loss,
            validation_data=validation_data,
            validation_split=validation_split,
            objective=objective,
            mode=mode,
            fit=fit,
            callbacks=callbacks,
            factor=stop_factor,
            seed=self.seed,
        )
        self.jobs = None if jobs is None else check_int("jobs", jobs, 1)
        if not (storage is None or isinstance(storage, (str, os.PathLike))):
            raise TypeError(f"storage must be the name of a file, got {storage!r}")
        self.storage = None if storage is None else os.fspath(storage)
        if not isinstance(name, str):
            raise TypeError(f"name must be a text, got {name!r}")
        self.name = name
        self.verbose = check_verbose(verbose)

    # --------------------------------------------------------------------------------------------------- the machinery
    def _begin(self, method: str, space: Space, jobs: int, **settings: Any) -> Searching:
        """Open the ledger; `settings` are what must not change when the search goes on."""
        objective = self.problem.objective
        name = objective if isinstance(objective, str) else getattr(objective, "__name__", "objective")
        fixed = {
            "space": {key: repr(parameter) for key, parameter in space.items()},
            "epochs": self.epochs,
            "objective": name,
            "seed": self.seed,
            "stop_factor": self.problem.factor,
            "data": _fingerprint(self.problem.x, self.problem.y),
            **settings,
        }
        ledger = Ledger(self.storage, f"{self.name}.{method}", self.problem.maximize, self.seed, fixed)
        folder = None
        if self.storage is not None:
            folder = os.path.join(f"{self.storage}.models", f"{self.name}.{method}")
            os.makedirs(folder, exist_ok=True)
        result = SearchResult(method, name, self.problem.maximize, space)
        return Searching(self.problem, ledger, Crew(jobs), make_display(self.verbose), result, folder)

    def _jobs(self, default: int | None = None) -> int:
        return self.jobs if self.jobs is not None else default or get_num_threads()

    def _no_early_stopping(self, method: str) -> None:
        if "early_stopping" in self.problem.fit:
            raise ValueError(f"{method} decides itself how long a trial trains: leave early_stopping out of fit")

    # ------------------------------------------------------------------------------------------------------ ways to go
    def _flat(
        self, method: str, trials: int, jobs: int, sampler: str, points: Any = None, **settings: Any
    ) -> SearchResult:
        """One stage of full trainings."""

        def plan(searching: Searching) -> None:
            title = f"{method}: {trials} trials of {self.epochs} epochs, {jobs} at a time"
            searching.stage(title, self.space, self.epochs, trials, sampler=sampler, points=points, final=True)
            searching.warn_edges(self.space)

        return self._begin(method, self.space, jobs, **settings).run(plan)

    def random(self, trials: int) -> SearchResult:
        """Draw independent trials and train each to the end (Bergstra and Bengio 2012).

        Parameters
        ----------
        trials : int
            Their number, with those of the storage; it may be raised when a search goes on.
        """
        return self._flat("random", check_int("trials", trials, 1), self._jobs(), "random")

    def grid(self, points: int | Mapping[str, int] = 3) -> SearchResult:
        """Train every combination of evenly spaced values, each parameter in its own scale.

        Parameters
        ----------
        points : int or dict of str to int
            Values of each parameter, or by name (3 for the others); all options of a choice.
        """
        grid = self.space.grid(points)
        return self._flat("grid", len(grid), self._jobs(), "random", grid, size=len(grid))

    def tpe(self, trials: int) -> SearchResult:
        """Draw trials where the results so far promise most: Optuna's tree-structured Parzen estimator.

        Bergstra et al. 2011. One trial at a time unless `jobs` says otherwise: several learn less from each other.

        Parameters
        ----------
        trials : int
            Their number, with those of the storage; the first ten are drawn at random.
        """
        return self._flat("tpe", check_int("trials", trials, 1), self._jobs(1), "tpe")

    def coarse_to_fine(
        self,
        trials: Sequence[int] | None = None,
        epochs: Sequence[int] | None = None,
        *,
        carry: Sequence[int] | None = None,
        keep: float = 0.2,
        margin: float = 0.1,
        widen: bool = False,
    ) -> SearchResult:
        """Search the whole space with short trainings, then smaller and smaller parts of it with longer ones.

        The best trials of a pass go on into the next, where their training continues. After each pass the ranges
        shrink to those of its best trials with a margin, and at least to the nearest others that were tried; a
        parameter that hardly matters keeps a wide range by itself.

        Without `trials` the first pass draws the 60 trials that `random(60)` draws, so what is found is at least as
        good whenever the best of them gets through. The epochs double from pass to pass, of which there are five at
        most; the best 24, 16, 12 and then 8 go on, and a last pass draws two new trials in the narrowed ranges.
        All of it takes at most 0.3 of the epochs of 60 full trainings: with fewer than nine epochs the first pass
        draws less than 60.

        Parameters
        ----------
        trials : sequence of int, optional
            New trials of each pass, 0 for one that only trains on. None is said above.
        epochs : sequence of int, optional
            Epochs of each pass, not falling; None takes half of the next pass's, the last being a full training.
        carry : sequence of int, optional
            How many of the best go on from each pass but the last; None takes two if `trials` are given. Those that
            have the next pass's epochs already need not go on: they count there without.
        keep : float
            Share of a pass's trials whose ranges the next pass takes, in (0, 1]; at least three of them.
        margin : float
            What is added at both ends, as a share of the present range in its own scale.
        widen : bool
            Where the best value of a pass lies at the edge of the space, let the next pass look half the range beyond.
            Without `trials`, new ones in a wider space are six or more, and while the best lies at its edge three more
            passes at most are added.

        Returns
        -------
        SearchResult
            With a stage for each pass; its space is the one that was widened.

        Examples
        --------
        >>> import numpy as np
        >>> import steepest as st
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> y = (X[:, 0] > X[:, 1]).astype(int)
        >>> space = {"learning_rate": st.search.loguniform(1e-5, 1.0)}
        >>> build = st.search.perceptron(outputs=2, width=8)
        >>> search = st.search.Search(
        ...     build, space, X, y, epochs=9, loss="softmax_cross_entropy", validation_split=0.2, verbose=0
        ... )
        >>> result = search.coarse_to_fine()
        >>> [(len(stage.trials), stage.epochs) for stage in result.stages]
        [(60, 1), (16, 2), (12, 4), (8, 9), (2, 9)]
        """
        from steepest.search.staged import MORE, coarse_to_fine, make_passes

        self._no_early_stopping("coarse_to_fine")
        passes = make_passes(self.epochs, trials, epochs, carry)
        keep = check_float("keep", keep, 0.0, 1.0, open_minimum=True)
        margin = check_float("margin", margin, 0.0)
        widen = check_bool("widen", widen)
        jobs = self._jobs()
        settings = {"passes": [list(each) for each in passes], "keep": keep, "margin": margin, "widen": widen}
        searching = self._begin("coarse_to_fine", self.space, jobs, **settings)
        more = MORE if widen and trials is None else 0
        return searching.run(lambda it: coarse_to_fine(it, self.space, passes, keep, margin, widen, more))

    def halving(self, trials: int, *, reduction: int = 3, first: int = 1) -> SearchResult:
        """Train all trials a little, the better part of them more, and so on: successive halving by epochs.

        Jamieson and Talwalkar 2016. Trials that go on continue the same training: same optimiser object, same
        random-number counters, so the last is what a single long training would have given, to the bit.

        Parameters
        ----------
        trials : int
            Number drawn.
        reduction : int
            One in so many goes on at each rung, which has so many times the epochs of the one before; at least 2.
        first : int
            Epochs of the first rung; the last rung is a full training.
        """
        from steepest.search.staged import halving

        self._no_early_stopping("halving")
        trials, reduction = check_int("trials", trials, 1), check_int("reduction", reduction, 2)
        rungs = [self.epochs]
        while rungs[0] > check_int("first", first, 1):
            rungs.insert(0, max(rungs[0] // reduction, first))
        jobs = self._jobs()
        searching = self._begin("halving", self.space, jobs, trials=trials, rungs=rungs, reduction=reduction)
        return searching.run(lambda it: halving(it, self.space, trials, rungs, reduction))


def _fingerprint(x: Any, y: Any) -> list[int]:
    """Return shape and checksum of the targets: enough to notice other data."""
    targets = np.ascontiguousarray(np.asarray(y))
    return [*np.shape(x), zlib.crc32(targets.tobytes()) if targets.dtype.kind != "O" else 0]
