"""The callback that lets a training go on after it diverged."""

from __future__ import annotations

from typing import Any

from steepest.checks import check_bool, check_choice, check_float, check_int, check_verbose
from steepest.errors import TrainingDiverged
from steepest.monitor.watch import Watch
from steepest.training.callback import Callback
from steepest.training.run import Run


class Recovery(Callback):
    """On a loss that is not finite, or leaps: back to the last good state, a lower rate or a clipped gradient, and on.

    The last good state is the start of the epoch: parameters, running statistics, the optimiser's state and all
    counters. The epoch is then trained again in the same order. What was changed stays so for the rest of the training,
    is part of the optimiser's saved state, and counts against `retries` there too: a training that goes on from a
    checkpoint goes on here. All of it depends on numbers and counts alone, so the result is the same at every run and
    number of threads. Without this callback a loss that is not finite raises `TrainingDiverged`.

    Parameters
    ----------
    action : {"rate", "clip", "both"}
        Multiply every learning rate, those of schedules too, by `factor`; or scale gradients down to `clip_norm`.
    factor : float
        In (0, 1).
    clip_norm : float
        Bound of the whole gradient's Euclidean norm, above 0; each further recovery multiplies it by `factor`
        (Pascanu et al. 2013).
    retries : int
        Recoveries in the training's whole life, at least 1; then a loss that is not finite raises `TrainingDiverged`,
        and a leap is let pass.
    spikes : bool
        Whether to recover from a leap of the finite loss, too: its mean over about 8 steps at more than twice what is
        usual, by 6 deviations and by a tenth of the first loss. The step that would have followed is not made.
    verbose : bool or int
        Print a line at each recovery.

    Attributes
    ----------
    events : list of dict
        What was done, also in `history.events`: `"kind"` (`"recovery"`), `"cause"` (`"non-finite"` or `"spike"`),
        `"epoch"`, `"step"`, `"layer"`, `"rate_factor"`, `"clip_norm"`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(512, 8))
    >>> model = st.Sequential([st.layers.Dense(16, "relu"), st.layers.Dense(1)], seed=0)
    >>> rescue = st.callbacks.Recovery(verbose=False)
    >>> rate = st.optimizers.SGD(3.0)
    >>> history = model.fit(X, X[:, :1] ** 2, loss="mse", optimizer=rate, epochs=5, callbacks=[rescue], verbose=0)
    >>> history.epochs, history.events[0]["cause"], history.events[0]["rate_factor"]
    (5, 'non-finite', 0.25)
    """

    first = True

    def __init__(
        self,
        action: str = "rate",
        factor: float = 0.25,
        clip_norm: float = 1.0,
        retries: int = 6,
        spikes: bool = True,
        verbose: bool | int = True,
    ) -> None:
        self.action = check_choice("action", action, ("rate", "clip", "both"))
        self.factor = check_float("factor", factor, 0.0, 1.0, open_minimum=True, open_maximum=True)
        self.clip_norm = check_float("clip_norm", clip_norm, 0.0, open_minimum=True)
        self.retries = check_int("retries", retries, 1)
        self.spikes = check_bool("spikes", spikes)
        self.verbose = check_verbose(verbose) > 0
        self.events: list[dict[str, Any]] = []

    def on_train_begin(self, run: Run) -> None:
        """Go on from what the optimiser's state remembers."""
        self.events = []
        if run.optimizer.full_batch:
            raise ValueError(
                "Recovery lowers a learning rate, and L-BFGS has none: leave it out, or train with Adam, for instance"
            )
        watch = Watch.of(run)
        watch.state = run.optimizer.recovery.get("spike_state", [])
        watch.halting = self.spikes and self._count(run) < self.retries

    @staticmethod
    def _count(run: Run) -> int:
        return int(run.optimizer.recovery.get("count", 0))

    def on_epoch_end(self, run: Run) -> None:
        """Keep with the optimiser what the next decisions depend on."""
        watch = Watch.of(run)
        watch.end_epoch(run)
        run.optimizer.recovery = {"count": self._count(run), "spike_state": watch.state}

    def on_divergence(self, run: Run, error: TrainingDiverged) -> bool:
        """Change the optimiser and let the epoch be trained again, as long as there are retries."""
        count = self._count(run)
        if count >= self.retries:
            return False
        optimizer, watch = run.optimizer, Watch.of(run)
        optimizer.recovery = {"count": count + 1, "spike_state": watch.state}
        watch.halting = self.spikes and count + 1 < self.retries
        if self.action in ("rate", "both"):
            optimizer.rate_factor *= self.factor
        if self.action in ("clip", "both"):
            clipped = optimizer.clip_norm
            optimizer.clip_norm = self.clip_norm if clipped is None else min(self.clip_norm, clipped * self.factor)
        event = {
            "kind": "recovery",
            "cause": "spike" if error.finite else "non-finite",
            "epoch": run.epoch,
            "step": error.step,
            "layer": error.layer,
            "rate_factor": optimizer.rate_factor,
            "clip_norm": optimizer.clip_norm,
        }
        self.events.append(event)
        run.history.events.append(event)
        if self.verbose:
            print(f"recovery {count + 1} of {self.retries}, epoch {run.epoch}: {self._sentence(event)}")
        return True

    @staticmethod
    def _sentence(event: dict[str, Any]) -> str:
        what = "a leap of the loss" if event["cause"] == "spike" else "numbers not finite"
        clip = "" if event["clip_norm"] is None else f", gradients clipped to {event['clip_norm']:g}"
        back = f"{what} at step {event['step']}; back to the start of the epoch"
        return f"{back}, rates times {event['rate_factor']:g}{clip}"
