"""The callback that watches a training and says what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_verbose
from steepest.monitor.compare import compare
from steepest.monitor.facts import facts_of
from steepest.monitor.finding import Finding
from steepest.monitor.records import Records
from steepest.monitor.rules import diagnose
from steepest.monitor.watch import Watch
from steepest.training.callback import Callback
from steepest.training.run import Run

Array = npt.NDArray[np.float64]

# Nanoseconds of a training's estimated work between two passes of the rules, of which a pass takes about a millisecond.
_BETWEEN = 3e8


class Monitor(Callback):
    """Watches a training for at most 2 % of its time: records by layer and epoch, and findings in plain words.

    A few steps of every epoch, chosen by counting, are looked at inside the core: neither the training's numbers nor
    the findings depend on the number of threads, and the training is bit for bit the same with and without a monitor.
    While the training goes on, and at its end, rules look at the records; see `steepest.monitor.rules` for the list.

    Parameters
    ----------
    verbose : bool or int
        Print a line when something new is found, and the findings at the end.

    Attributes
    ----------
    findings : list of Finding
        What is wrong, causes before what follows from them; empty for a healthy training.
    seen : list of Finding
        What was found while the training went on, in that order, also where it has passed since.
    layers : tuple of str
        Names of the layers.
    records : dict of str to ndarray (epochs, layers)
        `"update_ratio"` |w' - w| / |w| of a step, about 1e-3 in a healthy training; `"gradient_norm"` of the data loss,
        and its largest `"gradient_norm_max"`; `"weight_norm"`; `"activation_mean"`, `"activation_std"` of all
        outputs, and `"unit_std"`, a unit's deviation between rows; `"dead_share"` of ReLU units that were zero
        in every row looked at; `"saturated_share"` of the outputs near an end of sigmoid, tanh and the like. Means over
        the steps looked at; NaN where a layer has no such number. An epoch too short to look at repeats the one before.
    samples : ndarray (epochs,)
        Steps looked at.
    noise_scale : ndarray (epochs,)
        Gradient noise scale, in rows (McCandlish et al. 2018): the batch size up to which larger batches pay.
    limits : dict of str to float
        Levels of the records that a picture may show as a guide.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(512, 8))
    >>> model = st.Sequential([st.layers.Dense(16, "relu"), st.layers.Dense(1)], seed=0)
    >>> monitor = st.callbacks.Monitor(verbose=False)
    >>> rate = st.optimizers.SGD(3.0)
    >>> history = model.fit(X, X[:, :1] ** 2, loss="mse", optimizer=rate, epochs=5, callbacks=[monitor], verbose=0)
    Traceback (most recent call last):
        ...
    steepest.errors.TrainingDiverged: training diverged ...
    >>> monitor.findings[0].name
    'learning rate too high'
    """

    first = True

    def __init__(self, verbose: bool | int = True) -> None:
        self.verbose = check_verbose(verbose) > 0
        self.findings: list[Finding] = []
        self.seen: list[Finding] = []
        self._records: Records | None = None
        self._work = 0.0
        self._fresh = True

    # ------------------------------------------------------------------------------------------------ what it recorded
    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers."""
        return () if self._records is None else tuple(layer.name for layer in self._records.layers)

    @property
    def records(self) -> dict[str, Array]:
        """Numbers by epoch and layer."""
        return {} if self._records is None else dict(self._refresh().by_layer)

    @property
    def samples(self) -> Array:
        """Steps looked at by epoch."""
        return np.zeros(0) if self._records is None else self._refresh().looks

    @property
    def noise_scale(self) -> Array:
        """Gradient noise scale by epoch, in rows."""
        return np.zeros(0) if self._records is None else self._refresh().noise_scale

    @property
    def limits(self) -> dict[str, float]:
        """Levels of the records that a picture may show as a guide."""
        return {"update_ratio": 1e-3, "dead_share": 0.5, "saturated_share": 0.5}

    # ---------------------------------------------------------------------------------------------------- the training
    def on_train_begin(self, run: Run) -> None:
        """Start anew."""
        Watch.of(run).looking = True
        self.findings, self.seen = [], []
        self._records = Records(facts_of(run))
        self._work = 0.0

    def on_epoch_end(self, run: Run) -> None:
        """Record the epoch, and look at the records now and then."""
        self._take(run)
        self._work += Watch.of(run).work_of_epoch(run)
        if self._work >= _BETWEEN and run.epoch < run.epochs:
            self._work = 0.0
            self._look(run)

    def on_train_end(self, run: Run) -> None:
        """Look at all of it, also after Ctrl-C or a divergence."""
        if self._records is None:
            return
        if run.failure is not None:
            watch = Watch.of(run)
            if watch.partial is not None:
                self._records.core.append(watch.partial)
            self._records.layers, self._records.failure = watch.layers or self._records.layers, run.failure
            self._fresh = False
        self._look(run, lambda: compare(run))
        if self.verbose:
            print(self)

    def _take(self, run: Run) -> None:
        """Add the finished epoch."""
        assert self._records is not None
        watch = Watch.of(run)
        core = watch.end_epoch(run)
        self._records.layers = watch.layers
        self._records.logs.append(dict(run.logs))
        if core is not None:
            self._records.core.append(core)
        self._fresh = False

    def _refresh(self) -> Records:
        """Return the records, in which what is derived from them is made anew where epochs were added."""
        assert self._records is not None
        if not self._fresh:
            r = self._records
            self._records, self._fresh = Records(r.facts, r.layers, r.logs, r.core, r.failure), True
        return self._records

    def _look(self, run: Run, asked: Callable[[], tuple[float, float]] | None = None) -> None:
        self.findings = diagnose(self._refresh(), asked)
        known = {(finding.name, finding.layer) for finding in self.seen}
        for finding in self.findings:
            if (finding.name, finding.layer) in known:
                continue
            self.seen.append(finding)
            if self.verbose and run.epoch < run.epochs and run.failure is None:
                print(f"monitor, epoch {run.epoch}: {finding.title}: {finding.evidence}")

    # ------------------------------------------------------------------------------------------------------ the report
    def __str__(self) -> str:
        if self._records is None:
            return "Monitor: nothing was recorded yet"
        epochs = f"{self._records.epochs} epoch{'' if self._records.epochs == 1 else 's'}"
        if not self.findings:
            return f"Monitor: nothing wrong in {epochs}"
        count = f"{len(self.findings)} finding{'' if len(self.findings) == 1 else 's'}"
        return "\n".join([f"Monitor: {count} in {epochs}", *map(str, self.findings)])

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return a matplotlib figure of the records, and write it to `path` if one is given.

        Needs matplotlib (``pip install 'steepest[plot]'``); see :func:`steepest.pictures.plot_monitor`.
        """
        from steepest.pictures import plot_monitor

        return plot_monitor(self, path=path)

    def to_html(self, path: str | os.PathLike[str], *, title: str = "Training") -> None:
        """Write one self-contained page with the findings and the records; see :func:`steepest.pictures.page`."""
        from steepest.pictures import page

        page(path, title=title, monitor=self)
