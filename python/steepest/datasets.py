"""Readers of data sets."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from steepest import rng
from steepest.checks import check_float, check_path

Array = npt.NDArray[Any]

# Third byte of an IDX file; the numbers are big-endian.
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class Split(NamedTuple):
    """Samples in rows with their labels, divided into a training and a test set."""

    X_train: Array
    y_train: Array
    X_test: Array
    y_test: Array


def load_idx(path: str | os.PathLike[str]) -> Array:
    """Return the array of an IDX file, the format of MNIST, gzipped or not.

    Parameters
    ----------
    path : str or path-like
        File.

    Raises
    ------
    ValueError
        If the file is not IDX or is cut short.
    """
    path = check_path("path", path)
    with open(path, "rb") as file:
        content = file.read()
    try:
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        zero, kind, dimensions = struct.unpack(">HBB", content[:4])
        shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
        if zero != 0 or kind not in _IDX_TYPES:
            raise ValueError("its first bytes are not those of IDX")
        array = np.frombuffer(content, dtype=_IDX_TYPES[kind], offset=4 + 4 * dimensions).reshape(shape)
    except (ValueError, struct.error, EOFError, OSError) as error:
        raise ValueError(f"{os.fspath(path)} is not a complete IDX file: {error}") from error
    return array.astype(array.dtype.newbyteorder("="))


def load_mnist(directory: str | os.PathLike[str]) -> Split:
    """Return MNIST from the four files of its authors, gzipped or not.

    Parameters
    ----------
    directory : str or path-like
        Where `train-images-idx3-ubyte[.gz]`, `train-labels-idx1-ubyte[.gz]`, `t10k-images-...` and `t10k-labels-...`
        lie.

    Returns
    -------
    Split
        Images as uint8 rows of 784 pixels in [0, 255] (60,000 and 10,000), labels 0..9 as uint8.

    Raises
    ------
    FileNotFoundError
        If a file is not there, naming it.
    """
    folder = Path(check_path("directory", directory))
    if not folder.is_dir():
        raise FileNotFoundError(f"no such directory: {folder}")
    parts = []
    for stem in (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ):
        found = next((path for path in (folder / f"{stem}.gz", folder / stem) if path.is_file()), None)
        if found is None:
            raise FileNotFoundError(f"{folder} has no file {stem}.gz or {stem}")
        array = load_idx(found)
        parts.append(array.reshape(len(array), -1) if array.ndim == 3 else array)
    return Split(*parts)


def load_digits(test_share: float = 0.2, seed: int = 0) -> Split:
    """Return scikit-learn's 1,797 handwritten digits of 8 x 8 pixels (UCI), divided at random.

    Parameters
    ----------
    test_share : float
        Share of the rows in the test set, in (0, 1).
    seed : int
        Determines the division.

    Returns
    -------
    Split
        Pixels as float32 rows of 64 in [0, 16], labels 0..9.

    Raises
    ------
    ImportError
        If scikit-learn, which brings the data, is not installed.
    """
    share = check_float("test_share", test_share, 0.0, 1.0, open_minimum=True, open_maximum=True)
    try:
        from sklearn.datasets import load_digits as load
    except ImportError as error:
        raise ImportError("the digits come with scikit-learn: pip install scikit-learn") from error
    pixels, labels = load(return_X_y=True)
    order = rng.generator(rng.check_seed(seed), rng.SPLIT).permutation(len(pixels))
    held = max(1, round(share * len(pixels)))
    test, train = order[:held], order[held:]
    pixels = pixels.astype(np.float32)
    return Split(pixels[train], labels[train], pixels[test], labels[test])
