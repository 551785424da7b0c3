"""What every model can do once it has a network: train, give gradients, predict, evaluate."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from steepest import data, rng, threads
from steepest.checks import check_bool, check_dtype, check_int
from steepest.guard import Guard
from steepest.history import History
from steepest.losses import Loss
from steepest.lowering.network import Network
from steepest.lowering.program import Shape
from steepest.optimizers import Optimizer
from steepest.registry import LOSSES, Attributes
from steepest.training.callback import Callback
from steepest.training.fit import fit
from steepest.training.stopping import EarlyStopping
from steepest.training.training_set import EVALUATION_BATCH, check_data, evaluate

Array = npt.NDArray[Any]


class Model(Attributes, ABC):
    """Base of the models: counters, the last loss and optimiser, and the calls of the core.

    A subclass says how the network is made from the number of input columns.

    Attributes
    ----------
    preprocessing : TablePreprocessor, preprocessing step or None
        What the inputs go through before they come here: `model.predict(model.preprocessing.transform(X))`. The model
        does not apply it, but keeps it: in its copies, its files and its exports. `Sequential.folded` makes it part of
        the first layer where it is an affine function.
    target : TargetScaler, ClassLabels, preprocessing step or None
        What the targets went through, kept in the same way: `model.target.inverse_transform(model.predict(...))`.
    """

    def __init__(self, seed: int | None, dtype: npt.DTypeLike) -> None:
        self.seed = rng.check_seed(seed)
        self._dtype = check_dtype("dtype", dtype)
        self.steps = 0
        self.epochs_seen = 0
        self.loss: Loss | None = None
        self.optimizer: Optimizer | None = None
        self.preprocessing: Any = None
        self.target: Any = None
        self.guard = Guard()
        self._network: Network | None = None

    @abstractmethod
    def build(self, input_shape: int | Shape) -> Network:
        """Make the network for samples of so many columns, or of this shape; does nothing if that has been done."""

    def receive(self, X: npt.ArrayLike, name: str = "X", *, minimum_rows: int = 1) -> tuple[Array, Network]:
        """Return the samples as a matrix, checked, and the network, which is built at the first sight of them."""
        expected = None if self._network is None else self._network.program.input_shape
        matrix, shape = data.check_samples(name, X, expected, minimum_rows=minimum_rows)
        return matrix, self.network if self.built else self.build(shape)

    @abstractmethod
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and all that continuing its training needs to a file."""

    @property
    def seed(self) -> int:
        """What all random numbers of the model are a function of; may be assigned at any time."""
        return self._seed

    @seed.setter
    def seed(self, value: int | None) -> None:
        self._seed = rng.check_seed(value)

    @property
    def dtype(self) -> str:
        """What the network computes in, "float32" or "float64"; `astype` makes a model of the other."""
        return self._dtype

    @property
    def built(self) -> bool:
        """Whether the number of input columns is known and the weights exist."""
        return self._network is not None

    @property
    def network(self) -> Network:
        """The network in the core; ValueError before it is built."""
        if self._network is None:
            raise ValueError(
                "the model is not built yet: its weights exist once it has seen data, "
                "or at once with Sequential(..., input_shape=columns)"
            )
        return self._network

    @property
    def input_size(self) -> int | None:
        """Number of input columns; None before the model is built."""
        return None if self._network is None else self._network.program.input_width

    @property
    def output_size(self) -> int | None:
        """Number of output columns; None before the model is built."""
        return None if self._network is None else self._network.program.output_width

    def parameters(self) -> dict[str, Array]:
        """Return every trained tensor by name (`"dense_1.weight"`), as views: writing into them changes the model.

        Examples
        --------
        >>> import steepest as st
        >>> model = st.Sequential([st.layers.Dense(2)], input_shape=3)
        >>> {name: array.shape for name, array in model.parameters().items()}
        {'dense_1.weight': (3, 2), 'dense_1.bias': (2,)}
        """
        return dict(self.network.parameters)

    def trainable_parameters(self) -> dict[str, Array]:
        """Return those of `parameters` that training changes: not those of frozen layers."""
        trained = {parameter.name for parameter in self.network.program.parameters if parameter.trainable}
        return {name: view for name, view in self.network.parameters.items() if name in trained}

    def states(self) -> dict[str, Array]:
        """Return the running statistics by name (`"batch_norm_1.running_mean"`), as views."""
        return dict(self.network.states)

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: str | Loss | dict[str, Any] | None = None,
        optimizer: str | Optimizer | dict[str, Any] | None = None,
        epochs: int,
        batch_size: int = 32,
        validation_data: tuple[Any, ...] | None = None,
        validation_split: float | npt.NDArray[np.integer[Any]] = 0.0,
        shuffle: bool | Callable[[npt.NDArray[np.int64]], npt.ArrayLike] = True,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        augment: Callable[[Array, np.random.Generator], npt.ArrayLike] | None = None,
        callbacks: Sequence[Callback] = (),
        early_stopping: int | EarlyStopping | None = None,
        verbose: int = 1,
    ) -> History:
        """Train from where the model stands.

        Parameters and statistics, the counters behind shuffling and dropout, and the optimiser object's state go on, so
        `fit` for 5 epochs twice with one optimiser is bit for bit `fit` for 10. Ctrl-C ends the training, keeps the
        model so far, and `fit` returns with `history.interrupted` set.

        Parameters
        ----------
        X : array or sparse matrix (N, D)
            Samples in rows: float32, float64, bool or integers of any strides, read-only and memory maps included;
            converted batch by batch, never as a whole. More dimensions are flattened to `(N, D)`. SciPy's compressed
            sparse rows are written out batch by batch.
        y : array (N,) or (N, K)
            Targets as the loss takes them.
        loss : str or Loss, optional
            Of `steepest.losses`, such as `"softmax_cross_entropy"` or `"mse"`; None takes the one of the last `fit`.
        optimizer : str or Optimizer, optional
            None takes the one of the last `fit` (or of the file), at first `Adam(1e-3)`. A string makes a new one.
        epochs : int
            Passes over the data, at least 0.
        batch_size : int
            Rows of one step, at least 1; the last batch of an epoch may be short.
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Evaluated after every epoch.
        validation_split : float or array of int
            Share of the rows, in [0, 1), that is held back for validation; drawn at random by the model's seed, so a
            second `fit` on the same data holds back the same rows. Or the numbers of the rows to hold back.
        shuffle : bool or callable
            Whether every epoch takes the rows in a new order, a function of the seed and the epoch. Or your own order:
            `shuffle(rows)` gets the numbers of the training rows and returns as many, in the order of this epoch.
        sample_weight : array (N,), optional
            Not negative; the loss is then the weighted mean.
        class_weight : dict of int to float, or "balanced", optional
            Weights of the classes, 1 for those not named; multiplies `sample_weight`, in training only. `"balanced"`
            gives each of C classes the weight `n / (C n_c)`, n_c being its number among the n training rows.
        augment : callable, optional
            `augment(batch, generator)` returns the batch to train on, of the same shape `(rows, *sample shape)`; it may
            write into `batch`, a copy. The `numpy.random.Generator` depends on the model's seed and the step only.
            Validation and prediction see the data as they are.
        callbacks : sequence of Callback
            See `steepest.callbacks`.
        early_stopping : int or EarlyStopping, optional
            A number of epochs without improvement of `val_loss`; the best epoch's model is always restored.
        verbose : int
            0 silent, 1 a progress bar in a terminal or else lines, 2 one line per epoch.

        Returns
        -------
        History
            The losses of every epoch.

        Raises
        ------
        TrainingDiverged
            If the loss or a parameter is no longer finite; the model then stands where that epoch began.
        ValueError, TypeError
            If an argument is wrong; nothing was trained.
        """
        return fit(
            self,
            X,
            y,
            loss=loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=validation_data,
            validation_split=validation_split,
            shuffle=shuffle,
            sample_weight=sample_weight,
            class_weight=class_weight,
            augment=augment,
            callbacks=callbacks,
            early_stopping=early_stopping,
            verbose=verbose,
        )

    def _loss(self, loss: Any) -> Loss:
        if loss is None and self.loss is None:
            raise ValueError("loss must be given, since the model has not been trained with one yet")
        chosen: Loss = LOSSES.create(self.loss if loss is None else loss, "loss")
        return chosen

    def loss_and_gradients(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: str | Loss | dict[str, Any] | None = None,
        sample_weight: npt.ArrayLike | None = None,
        training: bool = True,
        dropout_step: int | None = None,
        input_gradient: bool = False,
    ) -> tuple[float, dict[str, Array]]:
        """Return the loss of the rows as one batch, penalty included, and its gradients; changes nothing.

        Parameters
        ----------
        X, y, loss, sample_weight
            As for `fit`.
        training : bool
            Batch statistics and dropout as in training, or running statistics and no dropout.
        dropout_step : int, optional
            Training step whose dropout masks are used; None means the model's next step.
        input_gradient : bool
            Also return the gradient with respect to X, as `"input"`.

        Returns
        -------
        value : float
            Data loss plus penalty.
        gradients : dict of str to ndarray
            By parameter name, in the shape of the parameter; zero for parameters of frozen layers.

        Examples
        --------
        >>> import steepest as st
        >>> model = st.Sequential([st.layers.Dense(1, initializer=1.0)], dtype="float64")
        >>> value, gradients = model.loss_and_gradients([[1.0], [2.0]], [0.0, 0.0], loss="mse")
        >>> value, gradients["dense_1.weight"]
        (2.5, array([[5.]]))
        """
        chosen = self._loss(loss)
        training = check_bool("training", training)
        step = self.steps if dropout_step is None else check_int("dropout_step", dropout_step, 0)
        with self.guard.use():
            x, network = self.receive(X)
            part = check_data(self, chosen, x, y, sample_weight)
            flat = np.zeros_like(network.parameter_arena)
            towards_input = np.zeros(x.shape, self.dtype) if check_bool("input_gradient", input_gradient) else None
            data_loss, penalty = network.core.loss_and_gradients(
                part.x,
                part.y,
                part.weight,
                chosen.to_core(),
                training,
                flat,
                towards_input,
                step,
                self.seed,
                threads.get_num_threads(),
            )
        gradients = network.split(flat)
        if towards_input is not None:
            gradients["input"] = towards_input.reshape(np.shape(X))
        return data_loss + penalty, gradients

    def predict(self, X: npt.ArrayLike, *, batch_size: int = EVALUATION_BATCH, out: Array | None = None) -> Array:
        """Return the network's outputs `(N, K)` as they are: logits where the loss takes logits.

        Parameters
        ----------
        X : array (N, D)
            As for `fit`; no rows give no rows.
        batch_size : int
            Rows that go through the network together; no influence on the result.
        out : ndarray (N, K), optional
            Where to write the outputs: C-contiguous, of the model's dtype. Then nothing is allocated.
        """
        # A single row takes a microsecond or two to compute: what is checked here would take longer than that.
        if self._network is not None and type(X) is np.ndarray and self.guard.idle:
            outputs = self._network.core.outputs(X, out, batch_size, threads.chosen())
            if outputs is not None:
                return cast("Array", outputs)
        batch_size = check_int("batch_size", batch_size, 1)
        with self.guard.use():
            x, network = self.receive(X, minimum_rows=0)
            shape = (x.shape[0], network.program.output_width)
            if out is None:
                out = np.empty(shape, self.dtype)
            elif not isinstance(out, np.ndarray):
                raise TypeError(f"out must be an array, got {out!r:.80}")
            elif out.shape != shape or out.dtype != self.dtype:
                raise ValueError(f"out must have shape {shape} and dtype {self.dtype}, got {out.shape} {out.dtype}")
            if x.shape[0]:
                network.core.predict(x, out, batch_size, threads.get_num_threads())
        return out

    def predict_proba(
        self,
        X: npt.ArrayLike,
        *,
        loss: str | Loss | dict[str, Any] | None = None,
        batch_size: int = EVALUATION_BATCH,
    ) -> Array:
        """Return the probabilities `(N, K)`: the outputs through the link of the loss (softmax, sigmoid).

        Other links are the loss's own: `model.loss.link(model.predict(X))` gives the rates of `"poisson"`.

        Parameters
        ----------
        X, batch_size
            As for `predict`.
        loss : str or Loss, optional
            None takes the one of the last `fit`.

        Raises
        ------
        ValueError
            If the loss has no probabilities, such as `"mse"`.
        """
        chosen = self._loss(loss)
        if not chosen.has_link:
            raise ValueError(
                f"predict_proba needs a loss with probabilities, the model has {chosen.kind!r}: use predict"
            )
        return chosen.link(self.predict(X, batch_size=batch_size))

    def evaluate(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: str | Loss | dict[str, Any] | None = None,
        sample_weight: npt.ArrayLike | None = None,
        batch_size: int = EVALUATION_BATCH,
    ) -> dict[str, float]:
        """Return `{"loss": ...}` without penalty, and `"accuracy"` where the loss has one, as the model predicts.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        loss : str or Loss, optional
            None takes the one of the last `fit`.
        batch_size : int
            Rows that go through the network together.
        """
        chosen = self._loss(loss)
        batch_size = check_int("batch_size", batch_size, 1)
        with self.guard.use():
            x, network = self.receive(X)
            return evaluate(network, chosen, check_data(self, chosen, x, y, sample_weight), batch_size)


def check_model(value: Any) -> None:
    """Raise TypeError unless the argument `model` is one."""
    if not isinstance(value, Model):
        raise TypeError(f"model must be a model of steepest, got {value!r:.80}")
