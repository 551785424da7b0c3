"""Averages of the parameters along one training, as callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest.callbacks import Callback
from steepest.checks import check_bool, check_float, check_int
from steepest.ensembles.batch_norm import recompute_batch_norm, trained_batch_norms
from steepest.training.run import Run

if TYPE_CHECKING:
    from steepest.model import Model
    from steepest.sequential import Sequential

Array = npt.NDArray[Any]


class ParameterAverage(Callback):
    """Base of the averages; a subclass says when it calls `add` and with which weight.

    The average is kept in float64 beside the model, which trains on as if nobody looked. The same object goes on
    averaging when `fit` of the same model is called again; it is not part of the model's file.

    Attributes
    ----------
    count : int
        Parameters averaged so far, the start included.
    """

    def __init__(self) -> None:
        self.count = 0
        self._average: npt.NDArray[np.float64] | None = None
        self._states: npt.NDArray[np.float64] | None = None
        self._model: Model | None = None

    def on_train_begin(self, run: Run) -> None:
        """Belong to the model; a new model starts a new average."""
        if self._model is not run.model:
            self._model, self._average, self._states, self.count = run.model, None, None, 0

    def add(self, model: Model, weight: float) -> None:
        """Move the average by `weight` towards the model's parameters; numbers that are not finite are left out."""
        parameters, states = model.network.parameter_arena, model.network.state_arena
        if not np.isfinite(parameters.sum(dtype=np.float64) + states.sum(dtype=np.float64)):
            return
        if self._average is None or self._states is None:
            self._average, self._states = parameters.astype(np.float64), states.astype(np.float64)
        else:
            self._average += weight * (parameters - self._average)
            self._states += weight * (states - self._states)
        self.count += 1

    def average_model(self, X: npt.ArrayLike | None = None, *, batch_size: int = 256) -> Sequential:
        """Return a new model with the averaged parameters, without optimiser.

        Parameters
        ----------
        X : array (N, D), optional
            Training samples, over which batch norm's statistics are recomputed (`recompute_batch_norm`); needed where
            there is a batch norm that is not frozen.
        batch_size : int
            For that.

        Raises
        ------
        ValueError
            If nothing has been averaged yet, or if `X` is needed.
        """
        model = self._model
        if model is None or self._average is None:
            raise ValueError(f"{type(self).__name__} has averaged nothing yet: give it to fit as a callback first")
        if X is None and trained_batch_norms(model):
            raise ValueError(
                "the model has batch norm, whose statistics belong to other parameters than the averaged ones: "
                "give average_model the training samples X"
            )
        result: Sequential = model.astype(model.dtype)  # type: ignore[attr-defined]
        self.write(result)
        if X is not None:
            recompute_batch_norm(result, X, batch_size=batch_size)
        return result

    def write(self, model: Model) -> None:
        """Put the averages of parameters and of running statistics into a model of the same architecture."""
        if self._average is None or self._states is None:
            raise ValueError(f"{type(self).__name__} has averaged nothing yet: give it to fit as a callback first")
        arena = model.network.parameter_arena
        if arena.size != self._average.size:
            raise ValueError(f"model has {arena.size} numbers in its parameters, the average {self._average.size}")
        arena[...] = self._average
        model.network.state_arena[...] = self._states


class ExponentialAverage(ParameterAverage):
    """Exponential moving average of the parameters over the steps: `a <- d a + (1 - d) p` with the decay d of a step.

    Polyak and Juditsky 1992, in the form that is usual today. The average is moved every `every` steps by `d^every`, so
    it costs one pass over the parameters in so many steps and its bits do not depend on the machine's speed.

    Parameters
    ----------
    decay : float
        Per step, in [0, 1): about `1 / (1 - decay)` steps count.
    every : int
        Steps between two updates, at least 1.
    warmup : bool
        Bound the decay of a step by `(1 + t) / (10 + t)` with t averaged steps, so that the initial weights are soon
        forgotten.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> model = st.Sequential([st.layers.Dense(8, "tanh"), st.layers.Dense(1)])
    >>> average = st.ensembles.ExponentialAverage(0.9, every=4)
    >>> fast = st.optimizers.Adam(0.02)
    >>> history = model.fit(
    ...     X, np.sin(3 * X), loss="mse", optimizer=fast, epochs=50, batch_size=4, callbacks=[average], verbose=0
    ... )
    >>> smooth = average.average_model()
    >>> smooth.evaluate(X, np.sin(3 * X), loss="mse")["loss"] < 0.01
    True
    """

    def __init__(self, decay: float = 0.999, every: int = 10, warmup: bool = True) -> None:
        super().__init__()
        self.decay = check_float("decay", decay, 0.0, 1.0, open_maximum=True)
        self.every = check_int("every", every, 1)
        self.warmup = check_bool("warmup", warmup)
        self.pace = self.every

    def on_train_begin(self, run: Run) -> None:
        """Start from the model's parameters as they are."""
        super().on_train_begin(run)
        if self._average is None:
            self.add(run.model, 1.0)

    def on_slice_end(self, run: Run) -> None:
        """Move the average, every so many steps."""
        if run.model.steps % self.every == 0:
            decay, steps = self.decay, self.count * self.every
            if self.warmup:
                decay = min(decay, (1.0 + steps) / (10.0 + steps))
            self.add(run.model, 1.0 - decay**self.every)


class StochasticAverage(ParameterAverage):
    """Stochastic weight averaging: the mean of the parameters at the ends of epochs (Izmailov et al. 2018).

    `a_n = (a_(n-1) (n - 1) + p) / n`, from epoch `start` on. It wants a learning rate that stays high or cycles there,
    so that the epochs end in different places: a constant rate, or `schedules.CosineRestarts`.

    Parameters
    ----------
    start : int
        First epoch whose end is averaged, counted from 1 over all calls of `fit`; three quarters of the training is
        usual.
    every : int
        Epochs between two of them; with a cyclic schedule the length of the cycle.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> model = st.Sequential([st.layers.Dense(8, "tanh"), st.layers.BatchNorm(), st.layers.Dense(1)])
    >>> average = st.ensembles.StochasticAverage(start=20)
    >>> history = model.fit(X, np.sin(3 * X), loss="mse", epochs=29, batch_size=4, callbacks=[average], verbose=0)
    >>> smooth = average.average_model(X)
    >>> average.count
    10
    """

    def __init__(self, start: int, every: int = 1) -> None:
        super().__init__()
        self.start = check_int("start", start, 1)
        self.every = check_int("every", every, 1)

    def on_epoch_end(self, run: Run) -> None:
        """Take the epoch's end into the mean."""
        beyond = run.model.epochs_seen - self.start
        if beyond >= 0 and beyond % self.every == 0:
            self.add(run.model, 1.0 / (self.count + 1))
