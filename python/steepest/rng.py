"""Random numbers by address: a function of the seed, the purpose and a key, never of what was drawn before."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import _core
from steepest.checks import check_int

Rows = npt.NDArray[np.int64]

# Numbers are part of what a seed means: add, never renumber. 1 was the order of rows, which the core draws.
INITIALIZE, SPLIT, AUGMENT, FOLDS = 0, 2, 3, 4


def check_seed(seed: Any) -> int:
    """Return the seed, in [0, 2^64), the key of the core's Philox; None draws one from the operating system."""
    return secrets.randbits(64) if seed is None else check_int("seed", seed, 0, 2**64 - 1)


def generator(seed: int, purpose: int, *key: int) -> np.random.Generator:
    """Return the generator of the purpose and key (layer and tensor, for instance)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(purpose, *key))))


def shuffle_rows(seed: int | None, epoch: int, rows: Rows | None, count: int) -> Rows:
    """Return the rows (None: all `count`) in the order of an epoch: a function of the seed and the epoch's number.

    Without a seed they stay in the order of the data.
    """
    if seed is None:
        return np.arange(count, dtype=np.int64) if rows is None else rows
    order = np.empty(count, np.int64)
    _core.shuffle(rows, order, seed, epoch)
    return order
