"""The linear network whose output grows or dies as a power of its depth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_float, check_int, check_items
from steepest.diagnostics.backward import value_gradient
from steepest.pictures.figure import finish, new_figure
from steepest.registry import LOSSES


@dataclass(frozen=True)
class GrowthReport:
    """Lengths of the signal after every layer, forward and backward.

    Attributes
    ----------
    depth : int
        Number of layers.
    outputs : dict of float to ndarray (depth + 1,)
        For each factor the mean length of a layer's output, from the input to the last layer, divided by the input's.
    gradients : dict of float to ndarray (depth + 1,)
        For each factor the length of the loss's gradient at the same places, divided by that at the output.
    """

    depth: int
    outputs: dict[float, npt.NDArray[np.float64]]
    gradients: dict[float, npt.NDArray[np.float64]]

    def __str__(self) -> str:
        return "\n".join(
            f"factor {factor:g}: after {self.depth} layers the output is {lengths[-1]:.3g} times the input, "
            f"the gradient at the input {self.gradients[factor][0]:.3g} times that at the output"
            for factor, lengths in self.outputs.items()
        )

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return a matplotlib figure of both lengths over the layers, and write it to `path` if one is given."""
        figure = new_figure(9.0, 3.8)
        forward, backward = figure.subplots(1, 2, sharey=True)
        for (factor, lengths), gradients in zip(self.outputs.items(), self.gradients.values(), strict=True):
            for axes, values in ((forward, lengths), (backward, gradients)):
                axes.semilogy(np.arange(self.depth + 1), values, label=f"weights {factor:g} times the identity")
        forward.set_title("length of the output, relative to the input")
        backward.set_title("length of the gradient, relative to the output's")
        for axes in (forward, backward):
            axes.set_xlabel("layer")
            axes.grid(color="0.9")
        forward.legend()
        return finish(figure, path)


def linear_growth(
    factors: Sequence[float] = (0.5, 1.0, 1.5), *, depth: int = 50, width: int = 4, rows: int = 16, seed: int = 0
) -> GrowthReport:
    """Send data through L linear layers whose weight is a factor c times the identity: the output is `c^L x`.

    With 1.5 it explodes, with 0.5 it vanishes, and so does the gradient on its way back: small deviations from 1 in
    every layer are a power of the depth in the end, which is why initialisation has to be right (Glorot and Bengio
    2010).

    Parameters
    ----------
    factors : sequence of float
        Each a network of its own; above 0.
    depth, width : int
        Layers, and units of each.
    rows, seed : int
        Standard normal data.

    Returns
    -------
    GrowthReport
        With `.outputs`, `.gradients`, `.plot()`.

    Examples
    --------
    >>> import steepest as st
    >>> report = st.diagnostics.linear_growth(depth=20)
    >>> print(report)
    factor 0.5: after 20 layers the output is 9.54e-07 times the input, the gradient at the input 9.54e-07 times that...
    factor 1: after 20 layers the output is 1 times the input, the gradient at the input 1 times that at the output
    factor 1.5: after 20 layers the output is 3.33e+03 times the input, the gradient at the input 3.33e+03 times that...
    """
    from steepest import rng, threads
    from steepest.initializers import Values
    from steepest.layers import Dense
    from steepest.sequential import Sequential

    depth, width, rows = check_int("depth", depth, 1), check_int("width", width, 1), check_int("rows", rows, 1)
    x = rng.generator(rng.check_seed(seed), rng.SPLIT).normal(size=(rows, width))
    outputs, gradients = {}, {}
    for factor in check_items("factors", factors, "a list of factors"):
        factor = check_float("factors", factor, 0.0, open_minimum=True)
        weight = Values(factor * np.eye(width))
        chain = [Dense(width, use_bias=False, initializer=weight) for _ in range(depth)]
        model = Sequential(chain, dtype="float64", input_shape=width)
        values = model.network.core.forward(x, False, 0, 0, threads.get_num_threads())
        lengths = np.array([np.linalg.norm(value) for value in values])
        outputs[factor] = lengths / lengths[0]
        loss, targets = LOSSES.create("mse"), np.zeros_like(x)
        back = [value_gradient(model, i, value, targets, loss, False) for i, value in enumerate(values)]
        lengths = np.array([np.linalg.norm(gradient) for gradient in back if gradient is not None])
        gradients[factor] = lengths / lengths[-1]
    return GrowthReport(depth, outputs, gradients)
