"""PReLU and Maxout."""

import numpy as np


def prelu(x, slope):
    """max(x, 0) + slope min(x, 0), slope per column."""
    return np.maximum(x, 0.0) + slope * np.minimum(x, 0.0)


def prelu_backward(x, slope, dy):
    """Return dx and dslope; at x = 0 the left side."""
    return np.where(x > 0, dy, slope * dy), np.sum(dy * np.minimum(x, 0.0), axis=0)


def maxout(z, pieces):
    """Return the largest of every `pieces` neighbouring columns and which it was, the first of equals."""
    cubes = z.reshape(len(z), -1, pieces)
    return cubes.max(axis=2), cubes.argmax(axis=2)


def maxout_backward(which, pieces, dy):
    """dz is dy at the winner."""
    return (dy[:, :, None] * np.eye(pieces)[which]).reshape(len(dy), -1)
