"""The model: a chain of layers that is built at first sight of data, trained, asked, and saved."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from steepest import data
from steepest.checks import check_dtype, check_int
from steepest.layers.base import Layer, check_layers, name_layers
from steepest.lowering import passes
from steepest.lowering.network import Network
from steepest.lowering.program import Builder, Program, Shape
from steepest.model import Model
from steepest.registry import REGULARIZERS
from steepest.regularizers import Regularizer
from steepest.summary import Summary, summarize

Array = npt.NDArray[Any]


class Sequential(Model):
    """A chain of layers.

    Parameters
    ----------
    layers : iterable of Layer
        At least one; each object belongs to one model.
    seed : int or None
        Determines the initial weights, the order of the rows, the validation split and dropout; None draws one, which
        `seed` then holds. The same seed gives the same bits on any number of threads.
    dtype : {"float32", "float64"}
        In which the network computes.
    regularizer : Regularizer or None
        Penalty of the dense weights, except in layers that have their own.
    input_shape : int or tuple of int, optional
        Number of input columns, or the shape of one sample such as `(C, H, W)`; otherwise the model is built when it
        first sees data.

    Attributes
    ----------
    layers : tuple of Layer
        After building each has its tensors as attributes: `model.layers[0].weight`.
    names : tuple of str
        The layers' names, unique: their own, or the kind with a number.
    steps, epochs_seen : int
        Training steps and whole epochs since the model was made; they go on from one `fit` to the next.
    loss, optimizer : Loss, Optimizer or None
        Those of the last `fit`.
    preprocessing, target
        See `Model`: what data and targets go through outside of the network, kept in copies, files and exports.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = X[:, 0] * X[:, 1] > 0
    >>> model = st.Sequential([st.layers.Dense(16, activation="relu"), st.layers.Dense(2)], seed=1)
    >>> adam = st.optimizers.Adam(0.02)
    >>> history = model.fit(X, y, loss="softmax_cross_entropy", optimizer=adam, epochs=30, verbose=0)
    >>> model.evaluate(X, y)["accuracy"] > 0.95
    True
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        *,
        seed: int | None = 0,
        dtype: npt.DTypeLike = "float32",
        regularizer: Regularizer | str | dict[str, Any] | None = None,
        input_shape: int | Shape | None = None,
    ) -> None:
        super().__init__(seed, dtype)
        self._layers = check_layers("layers", layers)
        self.regularizer = regularizer
        self.names = name_layers(self.layers)
        for layer in self.layers:
            layer.adopt(self)
        if input_shape is not None:
            self.build(input_shape)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order; with others it is another model, for which `steepest.transfer` takes trained ones."""
        return self._layers

    @property
    def regularizer(self) -> Regularizer | None:
        """Penalty of the dense weights of layers that have none of their own; may be assigned at any time."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Regularizer | str | dict[str, Any] | None) -> None:
        self._regularizer: Regularizer | None = None if value is None else REGULARIZERS.create(value, "regularizer")
        self.refresh()

    # ------------------------------------------------------------------------------------------------------- structure
    def build(self, input_shape: int | Shape) -> Network:
        """Make the network for such samples and draw its initial weights; does nothing if that has been done.

        Parameters
        ----------
        input_shape : int or tuple of int
            Number of input columns, or the shape of one sample such as `(C, H, W)`.
        """
        shape = _check_shape(input_shape)
        if self._network is None:
            network = Network(passes.optimize(self.lower(shape)), self.dtype)
            network.initialize(self.seed)
            self._attach(network)
        else:
            data.check_input_shape("input_shape", shape, self.network.program.input_shape)
        return self.network

    def lower(self, input_shape: int | Shape) -> Program:
        """Return the program of the layers for such samples, before the passes."""
        builder = Builder(_check_shape(input_shape), self.regularizer)
        value = builder.input
        for number, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            value = builder.lower(layer, name, number, value)
        return builder.finish(value)

    def refresh(self) -> None:
        """Make the network follow its layers, some of which were frozen or thawed; every tensor stays as it is."""
        if self._network is not None:
            with self.guard.use():
                self.network.replace_program(passes.optimize(self.lower(self.network.program.input_shape)))

    def _attach(self, network: Network) -> None:
        """Give the layers their views."""
        self._network = network
        tensors = {**network.parameters, **network.states}
        for name, layer in zip(self.names, self.layers, strict=True):
            layer.attach(name, tensors)

    def summary(self) -> Summary:
        """Return a table of the layers: output columns, parameters, arithmetic per row, remarks; `print` shows it."""
        return summarize(self.network, self.layers, self.names)

    # ---------------------------------------------------------------------------------------------------------- copies
    def folded(self, scaling: Any = None) -> Sequential:
        """Return a smaller model that predicts the same, to rounding: for services, exports and the edge.

        Batch norm and `Standardize` become part of the dense layer before or behind them, dropout and noise go; what
        has no dense neighbour stays. So does the scaling of the inputs become part of the first layer, and nobody can
        forget it: the result takes the raw inputs. See `steepest.lowering.passes.fold`. The result is a model of its
        own.

        Parameters
        ----------
        scaling : Preprocessor, False or None
            Fitted step that this model's inputs go through, which the result does itself: an affine function such as
            `Standardizer`, `Center`, `MinMax`, `PCA`, `Whitening`, `Robust` without smooth clip, or a `Pipeline` of
            them. None takes the model's own `preprocessing`; of a pipeline the steps behind the last that is no affine
            function. The result's `preprocessing` is what is left of it. False leaves it all in front.

        Raises
        ------
        TypeError
            If `scaling` is given and is no affine function.
        ValueError
            If its columns are not those of the model.

        Notes
        -----
        In float32 the products of raw inputs lose as many digits as their means are larger than their deviations; from
        1e4 on, fold `model.astype("float64")`, or export the model with its preprocessing, which subtracts in float64.

        Examples
        --------
        >>> import numpy as np
        >>> import steepest as st
        >>> X = np.random.default_rng(0).normal(5.0, 2.0, size=(50, 3))
        >>> scaling = st.preprocessing.Pipeline(["standardizer", st.preprocessing.PCA(2)]).fit(X)
        >>> model = st.Sequential([st.layers.Dense(4), st.layers.BatchNorm(), st.layers.Dense(1)], input_shape=2)
        >>> model.preprocessing = scaling
        >>> small = model.folded()
        >>> [type(layer).__name__ for layer in small.layers], small.input_size, small.preprocessing
        (['Dense', 'Dense'], 3, None)
        >>> np.allclose(small.predict(X), model.predict(scaling.transform(X)), atol=1e-6)
        True
        """
        from steepest.folding import fold_model

        return fold_model(self, scaling)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and all that continuing its training needs to an `.npz` file; see `steepest.saving`.

        Parameters
        ----------
        path : str or path-like
            File, taken as it is; an existing one is replaced in one piece.
        """
        from steepest import saving

        saving.save(self, path)

    def astype(self, dtype: npt.DTypeLike) -> Sequential:
        """Return a model of another dtype with the same parameters, states and counters, and without optimiser.

        Parameters
        ----------
        dtype : {"float32", "float64"}
            Of the new model.
        """
        return self._clone(check_dtype("dtype", dtype))

    def copy(self) -> Sequential:
        """Return an independent model that continues exactly as this one would, optimiser included."""
        clone = self._clone(self.dtype)
        clone.optimizer = copy.deepcopy(self.optimizer)
        return clone

    def _clone(self, dtype: str) -> Sequential:
        with self.guard.use():
            layers = [copy.deepcopy(layer) for layer in self.layers]
            clone = type(self)(layers, seed=self.seed, dtype=dtype, regularizer=self.regularizer)
            clone.steps, clone.epochs_seen, clone.loss = self.steps, self.epochs_seen, self.loss
            # Nothing changes them once they are fitted.
            clone.preprocessing, clone.target = self.preprocessing, self.target
            if self._network is not None:
                clone.build(self._network.program.input_shape).copy_from(self._network)
        return clone

    def __deepcopy__(self, memo: dict[int, Any]) -> Sequential:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        from steepest import saving

        return saving.loads, (saving.dumps(self),)

    def __repr__(self) -> str:
        lines = "".join(f"    {layer!r},\n" for layer in self.layers)
        extra = "" if self.regularizer is None else f", regularizer={self.regularizer!r}"
        shape = "" if self._network is None else f", input_shape={_plain_shape(self._network.program.input_shape)}"
        return f"Sequential([\n{lines}], seed={self.seed}, dtype={self.dtype!r}{extra}{shape})"


def _check_shape(input_shape: Any) -> Shape:
    sizes = input_shape if isinstance(input_shape, (tuple, list)) else (input_shape,)
    if not sizes:
        raise ValueError("input_shape must be a number of columns or a shape such as (3, 32, 32), got ()")
    return tuple(check_int("input_shape", size, 1, 2**31) for size in sizes)


def _plain_shape(shape: Shape) -> int | Shape:
    return shape[0] if len(shape) == 1 else shape
