"""Random numbers by address: a function of the seed, the purpose and a key, never of what was drawn before."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from steepest.checks import check_int

# Numbers are part of what a seed means: add, never renumber.
INITIALIZE, SHUFFLE, SPLIT, AUGMENT, FOLDS = 0, 1, 2, 3, 4


def check_seed(seed: Any) -> int:
    """Return the seed, in [0, 2^64), the key of the core's Philox; None draws one from the operating system."""
    return secrets.randbits(64) if seed is None else check_int("seed", seed, 0, 2**64 - 1)


def generator(seed: int, purpose: int, *key: int) -> np.random.Generator:
    """Return the generator of the purpose and key (layer and tensor, or epoch)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(purpose, *key))))
