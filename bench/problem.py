"""The training problem that all rivals get: network, initial weights, data. Every worker loads it: NumPy only."""

import itertools
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Spec:
    """A ReLU network under softmax cross-entropy and Adam (0.9, 0.999, 1e-8), and its data."""

    widths: tuple
    batch: int
    rows: int
    threads: int
    batch_norm: bool = False  # after every hidden dense layer, before its ReLU
    dropout: float = 0.0  # after every hidden ReLU
    source: str = "float32"  # of the data: float32, float64, uint8, or memmap (of float32)
    scale: float = 1.0  # of the inputs: 1e-40 makes them denormal
    dtype: str = "float32"  # of the arithmetic; only the reference takes another

    def to_json(self):
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text):
        fields = json.loads(text)
        return cls(**{**fields, "widths": tuple(fields["widths"])})


def initial_layers(spec):
    """He's normal weights and zero biases: [(weight (in, out), bias)]."""
    rng = np.random.default_rng(7)
    return [
        (rng.normal(0, np.sqrt(2 / n), (n, k)).astype(np.float32), np.zeros(k, np.float32))
        for n, k in itertools.pairwise(spec.widths)
    ]


def make_inputs(spec, rows, seed):
    """Standard normal inputs times the scale, in the source's dtype."""
    x = np.random.default_rng(seed).standard_normal((rows, spec.widths[0]), np.float32)
    if spec.source == "uint8":
        return np.clip(np.round(2 * x + 4), 0, 8).astype(np.uint8)
    x *= np.float32(spec.scale)
    return x.astype(np.float64) if spec.source == "float64" else x


def make_data(spec, seed=0):
    """Inputs, and the classes that a random linear teacher gives them (int64)."""
    x = make_inputs(spec, spec.rows, seed)
    teacher = np.random.default_rng(99).standard_normal((spec.widths[0], spec.widths[-1]), np.float32)
    labels = np.empty(len(x), np.int64)
    for begin in range(0, len(x), 8192):
        part = x[begin : begin + 8192].astype(np.float32) / np.float32(spec.scale)
        labels[begin : begin + 8192] = ((part - part.mean()) @ teacher).argmax(axis=1)
    if spec.source == "memmap":
        # Removed when the worker ends.
        make_data.folder = tempfile.TemporaryDirectory()
        path = Path(make_data.folder.name) / "x.npy"
        np.save(path, x)
        x = np.load(path, mmap_mode="r")
    return x, labels
