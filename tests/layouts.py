"""Arrays at awkward places in memory, in frames of NaN that show a write beyond the edge."""

import numpy as np

LAYOUTS = ("packed", "misaligned", "strided")
# Around the lane counts 1, 4, 8, 16, their fourfold and the groups of 64 columns of a dropout mask.
COLUMNS = (1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 21, 31, 32, 33, 34, 63, 64, 65, 66, 129, 130)
DTYPES = (np.float32, np.float64)


class Frame:
    """A matrix or vector inside a larger buffer of NaN.

    packed: rows follow each other, the start is aligned; misaligned: the same, one element further; strided: a gap of
    three elements after every row, two elements further.
    """

    def __init__(self, shape, dtype, layout):
        cols = shape[-1] if len(shape) > 1 else int(np.prod(shape))
        rows = shape[0] if len(shape) > 1 else 1
        offset, gap = {"packed": (0, 0), "misaligned": (1, 0), "strided": (2, 3)}[layout]
        stride, size = cols + gap, np.dtype(dtype).itemsize
        raw = np.full((rows * stride + offset + 64) * size + 64, 0xFF, dtype=np.uint8)  # all ones is a NaN
        start = -raw.ctypes.data % 64
        self.buffer = raw[start : start + (rows * stride + offset + 64) // 1 * size].view(dtype)
        inside = self.buffer[offset : offset + rows * stride].reshape(rows, stride)[:, :cols]
        self.view = inside if len(shape) > 1 else inside.reshape(cols)

    def assert_edges(self, what=""):
        """Whatever lies outside the view is still NaN."""
        kept = self.view.copy()
        self.view[...] = np.nan
        untouched = np.isnan(self.buffer)
        self.view[...] = kept
        assert untouched.all(), f"{what}: wrote beyond the edge, {np.count_nonzero(~untouched)} elements"


def place(values, layout, dtype=None):
    """Return a read-only view with the given values, at an awkward place."""
    values = np.asarray(values)
    frame = Frame(values.shape, dtype or values.dtype, layout)
    frame.view[...] = values
    frame.view.flags.writeable = False
    return frame.view


def blank(shape, dtype, layout):
    """Return a frame whose view is NaN and waits to be written."""
    return Frame(shape, dtype, layout)


def row_counts(cols):
    """Few rows for wide matrices, or a sweep takes too long."""
    return (1, 2, 5) if cols < 40 else (3,)
