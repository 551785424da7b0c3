"""Transfer: trained layers under a new head, frozen or trained with learning rates of their own.

What a network has learnt about its inputs in its first layers often serves another task on inputs of the same kind, for
which there are few labels. Batch norm in a frozen layer keeps and uses its running statistics, as it keeps gamma and
beta.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from steepest.callbacks import Callback
from steepest.checks import check_bool, check_float, check_int
from steepest.model import Model, check_model

if TYPE_CHECKING:
    from steepest.layers import Layer
    from steepest.sequential import Sequential
    from steepest.training.run import Run

__all__ = ["GradualUnfreezing", "freeze", "layer_rates", "new_head", "unfreeze"]


def new_head(
    model: Sequential,
    head: Iterable[Layer],
    *,
    keep: int | str = -1,
    frozen: bool = True,
    seed: int | None = None,
) -> Sequential:
    """Return a model of the first layers of a trained one, with what they have learnt, and a new head.

    Parameters
    ----------
    model : Sequential
        Built; it stays as it is.
    head : iterable of Layer
        New layers behind the kept ones, with fresh weights.
    keep : int or str
        How many layers to keep, negative numbers counting from the end (-1: all but the last), or the name of the last
        one to keep.
    frozen : bool
        Whether the kept layers are frozen.
    seed : int, optional
        Of the new model, which the head's weights depend on; None takes the model's.

    Returns
    -------
    Sequential
        Without optimiser and with counters at 0; the kept layers keep their names.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> model = st.Sequential([st.layers.Dense(8, "tanh"), st.layers.BatchNorm(), st.layers.Dense(3)])
    >>> history = model.fit(X, np.arange(100) % 3, loss="softmax_cross_entropy", epochs=1, verbose=0)
    >>> other = st.transfer.new_head(model, [st.layers.Dense(2)])
    >>> list(other.trainable_parameters())
    ['dense_2.weight', 'dense_2.bias']
    >>> bool((other.layers[0].weight == model.layers[0].weight).all())
    True
    """
    from steepest.sequential import Sequential

    count = _count(model, keep)
    check_bool("frozen", frozen)
    with model.guard.use():
        layers = [copy.deepcopy(layer) for layer in model.layers[:count]]
        for name, layer in zip(model.names, layers, strict=False):
            layer.name = name
            layer.trainable = layer.trainable and not frozen
        result = Sequential(
            [*layers, *head],
            seed=model.seed if seed is None else seed,
            dtype=model.dtype,
            regularizer=model.regularizer,
            input_shape=model.network.program.input_shape,
        )
        kept = tuple(f"{name}." for name in model.names[:count])
        for mine, theirs in (
            (result.network.parameters, model.network.parameters),
            (result.network.states, model.network.states),
        ):
            for name, view in theirs.items():
                if name.startswith(kept):
                    mine[name][...] = view
    result.preprocessing = copy.deepcopy(model.preprocessing)
    return result


def _count(model: Sequential, keep: int | str) -> int:
    """Return how many layers are kept."""
    total = len(model.layers)
    if isinstance(keep, str):
        if keep not in model.names:
            raise ValueError(f"keep={keep!r} is not the name of a layer, there are {', '.join(model.names)}")
        return model.names.index(keep) + 1
    count = check_int("keep", keep, -total + 1, total)
    count = count if count > 0 else total + count
    if count < 1 or keep == 0:
        raise ValueError(f"keep={keep!r} keeps none of the {total} layers")
    return count


def _layers(prefix: str, layers: dict[str, Layer]) -> Iterator[tuple[str, Layer]]:
    """Yield every layer with its path: `residual_1.dense_1` for one inside another."""
    for name, layer in layers.items():
        yield prefix + name, layer
        yield from _layers(f"{prefix}{name}.", layer.children())


def _named(model: Sequential) -> dict[str, Layer]:
    return dict(zip(model.names, model.layers, strict=True))


def _choose(model: Sequential, names: Sequence[str]) -> list[Layer]:
    """Return the layers whose path matches one of the patterns; without patterns all of the outermost ones."""
    check_model(model)
    if not names:
        return list(model.layers)
    everything = dict(_layers("", _named(model)))
    chosen = []
    for name in names:
        found = [layer for path, layer in everything.items() if fnmatchcase(path, name)]
        if not found:
            raise ValueError(f"{name!r} matches no layer, there are {', '.join(everything)}")
        chosen += found
    return chosen


def freeze(model: Sequential, *names: str) -> None:
    """Keep layers as they are in training, running statistics of batch norm included.

    Parameters
    ----------
    model : Sequential
        Built or not.
    *names : str
        Names, or patterns in the sense of `fnmatch` such as `"dense_*"`; a layer inside another is
        `"residual_1.dense_1"`. Without names all layers.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(4), st.layers.BatchNorm(), st.layers.Dense(2)], input_shape=3)
    >>> st.transfer.freeze(model, "dense_1", "batch_norm_*")
    >>> list(model.trainable_parameters())
    ['dense_2.weight', 'dense_2.bias']
    """
    for layer in _choose(model, names):
        layer.trainable = False


def unfreeze(model: Sequential, *names: str) -> None:
    """Train layers again; see `freeze`.

    Parameters
    ----------
    model : Sequential
        Built or not.
    *names : str
        As for `freeze`. A layer inside a frozen one stays frozen with it.
    """
    for layer in _choose(model, names):
        layer.trainable = True


def _parametric(model: Model) -> list[Layer]:
    """Return the outermost layers that have parameters, from the input to the output."""
    check_model(model)
    layers = getattr(model, "layers", ())
    names = getattr(model, "names", ())
    parameters = list(model.network.parameters)
    return [
        layer
        for name, layer in zip(names, layers, strict=True)
        if any(parameter.startswith(f"{name}.") for parameter in parameters)
    ]


def layer_rates(model: Sequential, factor: float = 0.4) -> None:
    """Let each layer learn slower than the one behind it: discriminative fine-tuning (Howard and Ruder 2018).

    The last layer with parameters keeps the optimiser's rate, the k-th before it gets `factor^k` times that: its
    `rate_scale`, which stays with the model and its file.

    Parameters
    ----------
    model : Sequential
        Built.
    factor : float
        In (0, 1]; the authors take 1 / 2.6.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(4), st.layers.Dense(4), st.layers.Dense(2)], input_shape=3)
    >>> st.transfer.layer_rates(model, 0.5)
    >>> [layer.rate_scale for layer in model.layers]
    [0.25, 0.5, 1.0]
    """
    factor = check_float("factor", factor, 0.0, 1.0, open_minimum=True)
    for distance, layer in enumerate(reversed(_parametric(model))):
        layer.rate_scale = factor**distance


class GradualUnfreezing(Callback):
    """Unfreeze one more layer after every so many epochs, from the output to the input (Howard and Ruder 2018).

    Parameters
    ----------
    every : int
        Epochs between two layers, at least 1.
    until : str, optional
        Name of the first layer that is ever unfrozen; None goes on to the input.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(4), st.layers.Dense(4), st.layers.Dense(1)], input_shape=3)
    >>> st.transfer.freeze(model, "dense_1", "dense_2")
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> slowly = st.transfer.GradualUnfreezing(every=2)
    >>> history = model.fit(X, X[:, 0], loss="mse", epochs=4, callbacks=[slowly], verbose=0)
    >>> [layer.trainable for layer in model.layers]
    [False, True, True]
    """

    def __init__(self, every: int = 1, until: str | None = None) -> None:
        self.every = check_int("every", every, 1)
        if until is not None and not isinstance(until, str):
            raise TypeError(f"until must be the name of a layer, got {until!r}")
        self.until = until

    def on_train_begin(self, run: Run) -> None:
        """Check the name."""
        names = getattr(run.model, "names", ())
        if self.until is not None and self.until not in names:
            raise ValueError(f"until={self.until!r} is not the name of a layer, there are {', '.join(names)}")

    def on_epoch_begin(self, run: Run) -> None:
        """Unfreeze the last layer that is frozen, if it is time."""
        if run.epoch == 1 or (run.epoch - 1) % self.every:
            return
        frozen = [layer for layer in _parametric(run.model) if not layer.trainable]
        if self.until is not None:
            model: Any = run.model
            first = model.names.index(self.until)
            frozen = [layer for layer in frozen if model.layers.index(layer) >= first]
        if frozen:
            frozen[-1].trainable = True
