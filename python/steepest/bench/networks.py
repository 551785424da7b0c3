"""Epochs of whole networks: `Sequential.fit` beside the NumPy network, from the same weights on the same data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import steepest as st
from steepest.bench.numpy_network import NumpyNetwork
from steepest.bench.results import Result, Verdict
from steepest.bench.shapes import Shape
from steepest.bench.timing import interleave

Array = npt.NDArray[Any]
VERIFIED_STEPS = 4


def make_data(shape: Shape, dtype: str, seed: int = 0, rows: int | None = None) -> tuple[Array, Array]:
    """Return standard normal inputs and the classes a random linear teacher gives them (int32)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((shape.rows if rows is None else rows, shape.widths[0]), np.float32)
    teacher = rng.standard_normal((shape.widths[0], shape.widths[-1]), np.float32)
    return x.astype(dtype, copy=False), (x @ teacher).argmax(axis=1).astype(np.int32)


def make_model(shape: Shape, dtype: str) -> st.Sequential:
    """Return the network of the shape with its initial weights."""
    hidden = [st.layers.Dense(width, activation="relu") for width in shape.widths[1:-1]]
    layers = [*hidden, st.layers.Dense(shape.widths[-1])]
    return st.Sequential(layers, seed=0, dtype=dtype, input_shape=shape.widths[0])


def make_reference(shape: Shape, model: st.Sequential, dtype: npt.DTypeLike) -> NumpyNetwork:
    """Return the NumPy network with the model's weights."""
    network = NumpyNetwork(shape.widths, shape.batch, dtype)
    tensors = list(model.parameters().values())
    network.load(list(zip(tensors[::2], tensors[1::2], strict=True)))
    return network


def far_from_kinks(network: NumpyNetwork, x: Array, margin: float) -> Array:
    """Return the numbers of the rows none of whose hidden values lies within `margin` of ReLU's kink.

    There float32 and float64 may fall on different sides, and a right gradient would differ.
    """
    kept = []
    batch = len(network.rows)
    for begin in range(0, len(x), batch):
        value = x[begin : begin + batch].astype(network.dtype)
        clear = np.ones(len(value), np.bool_)
        for weight, bias in network.layers[:-1]:
            value = value @ weight + bias
            clear &= np.abs(value).min(axis=1) > margin * np.sqrt(np.mean(value**2))
            np.maximum(value, 0, out=value)
        kept.append(begin + np.flatnonzero(clear))
    return np.concatenate(kept)


def verify_gradients(shape: Shape, dtype: str) -> Verdict:
    """Compare the gradients of one batch with NumPy's in float64.

    The error is the largest of the tensors' relative errors in the Euclidean norm. Its tolerance is the unit roundoff
    times the root of the number of terms a value sums over on its way through the network and back: in a norm over many
    elements roundings add up like a random walk.
    """
    x, y = make_data(shape, dtype, seed=1, rows=3 * shape.batch)
    model = make_model(shape, dtype)
    reference = make_reference(shape, model, np.float64)
    epsilon = float(np.finfo(dtype).eps)
    rows = far_from_kinks(reference, x, margin=100 * epsilon)[: shape.batch]
    _, gradients = model.loss_and_gradients(x[rows], y[rows], loss="softmax_cross_entropy")
    reference.values[0][: len(rows)] = x[rows]
    reference.loss_and_gradients(y[rows])
    wanted = [array for layer in reference.gradients for array in layer]
    errors = [
        float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
        for ours, theirs in zip(gradients.values(), wanted, strict=True)
    ]
    terms = 2 * sum(shape.widths) + shape.batch
    return Verdict(float(np.max(errors)), epsilon * terms**0.5)


def verify_training(shape: Shape, dtype: str) -> Verdict:
    """Compare the mean loss over the first steps of Adam with NumPy's in float64.

    Adam's first steps are about `learning_rate * sign(gradient)`, so an element whose gradient is rounding noise moves
    either way. The tolerance, the root of the unit roundoff, allows for that; a wrong rule or order of rows is off
    by far more.
    """
    steps = min(VERIFIED_STEPS, shape.steps)
    x, y = make_data(shape, dtype, seed=2, rows=steps * shape.batch)
    model = make_model(shape, dtype)
    reference = make_reference(shape, model, np.float64)
    history = model.fit(
        x,
        y,
        loss="softmax_cross_entropy",
        optimizer=st.optimizers.Adam(1e-3),
        epochs=1,
        batch_size=shape.batch,
        shuffle=False,
        verbose=0,
    )
    wanted = reference.epoch(x.astype(np.float64), y, np.arange(len(x)))
    return Verdict(abs(history.history["loss"][0] - wanted) / wanted, float(np.finfo(dtype).eps) ** 0.5)


def run(shape: Shape, dtype: str, budget: float, rounds: tuple[int, int]) -> Result:
    """Verify a shape, then time epochs of it: shuffle, gather, forward, loss, backward, Adam.

    Parameters
    ----------
    shape : Shape
        Network, batch and steps of an epoch.
    dtype : {"float32", "float64"}
        In which both compute.
    budget : float
        Seconds for timing.
    rounds : tuple of int
        Least and greatest number of rounds.
    """
    itemsize = np.dtype(dtype).itemsize
    gradients, training = verify_gradients(shape, dtype), verify_training(shape, dtype)
    # The worse of the two, against its own tolerance.
    verdict = max(gradients, training, key=lambda v: v.error / v.tolerance if v.error == v.error else float("inf"))
    timings = {}
    if gradients.right and training.right:
        x, y = make_data(shape, dtype)
        model = make_model(shape, dtype)
        adam = st.optimizers.Adam(1e-3)
        reference = make_reference(shape, model, dtype)
        rng = np.random.default_rng(0)
        timings = interleave(
            {
                "steepest": lambda: model.fit(
                    x,
                    y,
                    loss="softmax_cross_entropy",
                    optimizer=adam,
                    epochs=1,
                    batch_size=shape.batch,
                    verbose=0,
                ),
                "numpy": lambda: reference.epoch(x, y, rng.permutation(len(x))),
            },
            budget,
            sample=0.0,
            rounds=rounds,
        )
    return Result(
        group="network",
        name=shape.name,
        shape=shape.label,
        verdict=verdict,
        flops=shape.flops_per_step,
        moved=shape.bytes_per_step(itemsize),
        working_set=shape.working_set(itemsize),
        units=shape.steps,
        samples=shape.batch,
        timings=timings,
    )
