"""Readers of data sets, metrics."""

import gzip
import struct

import numpy as np
import pytest

import steepest as st
from steepest import datasets


def idx(array, kind=0x08):
    header = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return header + array.tobytes()


@pytest.mark.parametrize(
    ("kind", "dtype"), [(0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]
)
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx(tmp_path, kind, dtype, shape, pack):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    (tmp_path / "a").write_bytes(pack(idx(array, kind)))
    read = datasets.load_idx(tmp_path / "a")
    np.testing.assert_array_equal(read, array)
    assert read.dtype.isnative
    assert read.flags.writeable


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"hello world",
        idx(np.zeros(9, "u1"))[:-1],
        gzip.compress(idx(np.zeros(9, "u1")))[:-5],
        b"\x1f\x8bx",
    ],
)
def test_files_that_are_not_idx(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match="a is not a complete IDX file"):
        datasets.load_idx(tmp_path / "a")


def write_mnist(folder, suffix=".gz"):
    pack = gzip.compress if suffix else bytes
    for stem, rows in (("train", 6), ("t10k", 3)):
        images = np.arange(rows * 4, dtype="u1").reshape(rows, 2, 2)
        (folder / f"{stem}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(images)))
        (folder / f"{stem}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(np.arange(rows, dtype="u1"))))


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_mnist_files(tmp_path, suffix):
    write_mnist(tmp_path, suffix)
    split = datasets.load_mnist(tmp_path)
    assert [part.shape for part in split] == [(6, 4), (6,), (3, 4), (3,)]
    np.testing.assert_array_equal(split.X_test[1], [4, 5, 6, 7])


def test_missing_mnist(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such directory"):
        datasets.load_mnist(tmp_path / "none")
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no file t10k-labels-idx1-ubyte\.gz"):
        datasets.load_mnist(tmp_path)


@pytest.mark.data
def test_real_mnist(data_dir):
    split = datasets.load_mnist(data_dir / "mnist")
    assert split.X_train.shape == (60000, 784)
    assert split.X_train.dtype == np.uint8
    assert np.bincount(split.y_test).sum() == 10000
    assert (split.y_train[:5] == [5, 0, 4, 1, 9]).all()


def test_digits():
    pytest.importorskip("sklearn")
    split = datasets.load_digits()
    assert [len(part) for part in split] == [1438, 1438, 359, 359]
    assert split.X_train.dtype == np.float32
    assert split.X_train.max() == 16
    np.testing.assert_array_equal(split.X_test, datasets.load_digits().X_test)
    assert (split.y_test != datasets.load_digits(seed=1).y_test).any()
    with pytest.raises(ValueError, match="test_share"):
        datasets.load_digits(test_share=0.0)


def test_accuracy():
    assert st.metrics.accuracy([1, 2, 3, 4], [1, 2, 0, 0]) == 0.5
    assert st.metrics.accuracy([0, 1], [[2.0, 2.0], [0.0, 1.0]]) == 1.0
    with pytest.raises(ValueError, match="y_true has shape"):
        st.metrics.accuracy([1, 2], [1])
    with pytest.raises(ValueError, match="no rows"):
        st.metrics.accuracy([], [])
