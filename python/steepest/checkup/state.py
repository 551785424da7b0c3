"""Proof that a checkup leaves everything as it was: the model, the optimiser, the global random numbers."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from steepest.model import Model
from steepest.optimizers import Optimizer
from steepest.schedules import Schedule


def fingerprint(model: Model, optimizer: Any = None) -> str:
    """Return a SHA-256 of all state: parameters, running statistics, counters, seed, optimisers and their slots.

    Parameters
    ----------
    model : Model
        Built or not.
    optimizer : Optimizer, optional
        One beside the model's own.

    Examples
    --------
    >>> import steepest as st
    >>> from steepest.checkup import fingerprint
    >>> model = st.Sequential([st.layers.Dense(2)], input_shape=3)
    >>> before = fingerprint(model)
    >>> model.layers[0].weight[0, 0] += 1
    >>> fingerprint(model) == before
    False
    """
    digest = hashlib.sha256()

    def add(*items: Any) -> None:
        for item in items:
            if isinstance(item, np.ndarray):
                digest.update(f"{item.dtype.str}{item.shape}".encode())
                digest.update(np.ascontiguousarray(item).tobytes())
            else:
                digest.update(json.dumps(item, default=repr, sort_keys=True).encode())

    add(model.built, model.seed, model.dtype, model.steps, model.epochs_seen, repr(model.loss))
    if model.built:
        network = model.network
        add([(p.name, p.trainable, p.rate_scale, p.l1, p.l2) for p in network.program.parameters])
        for name, array in {**network.parameters, **network.states}.items():
            add(name, array)
    for each in (model.optimizer, optimizer):
        if isinstance(each, Optimizer):
            rate = each.learning_rate
            add(each.get_config(), each.get_state(), rate.get_state() if isinstance(rate, Schedule) else None)
            add(*each.slots)
    return digest.hexdigest()


@contextmanager
def untouched_randomness() -> Iterator[None]:
    """Put the global generators back at the end, should code of the user's that is run draw from them."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - kept, not used
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
