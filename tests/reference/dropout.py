"""Inverted dropout and Gaussian noise from Philox4x32-10 (Salmon et al., "Parallel random numbers", SC 2011)."""

import numpy as np

MASK32 = 0xFFFFFFFF


def philox4x32_10(counter, key):
    """Return the four 32-bit words for a counter of four words and a key of two, in Python's integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & MASK32, (k1 + 0xBB67AE85) & MASK32
    return c0, c1, c2, c3


def philox4x32_10_array(c0, c1, c2, c3, k0, k1):
    """The same over NumPy arrays of uint64 that hold 32-bit words."""
    u = np.uint64
    c0, c1, c2, c3 = (np.asarray(c, dtype=u) for c in np.broadcast_arrays(c0, c1, c2, c3))
    for _ in range(10):
        product0, product1 = u(0xD2511F53) * c0, u(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (product1 >> u(32)) ^ c1 ^ u(k0),
            product1 & u(MASK32),
            (product0 >> u(32)) ^ c3 ^ u(k1),
            product0 & u(MASK32),
        )
        k0, k1 = (k0 + 0x9E3779B9) & MASK32, (k1 + 0xBB67AE85) & MASK32
    return c0, c1, c2, c3


def threshold(rate):
    """The number below which a word drops its element: rate 2^32, rounded down."""
    return int(rate * 2**32)


def words(rows, cols, seed, step, operation, row0=0, first_block=0):
    """Return the random word of every element (rows, cols), uint64.

    Columns come in groups of 64: word w of block 16 g + lane belongs to column 64 g + 16 w + lane, so that a vector of
    up to 16 lanes draws four vectors of neighbouring columns from one Philox call. The step's high half goes into the
    key.
    """
    col = np.arange(cols, dtype=np.uint64)
    group, inside = col // np.uint64(64), col % np.uint64(64)
    word, lane = inside // np.uint64(16), inside % np.uint64(16)
    row = (np.arange(rows, dtype=np.uint64) + np.uint64(row0))[:, None]
    block = (np.uint64(first_block) + np.uint64(16) * group + lane)[None, :]
    out = philox4x32_10_array(block, row, operation, step & MASK32, seed & MASK32, (seed >> 32) ^ (step >> 32))
    return np.choose(np.broadcast_to(word.astype(np.int64), (rows, cols)), out)


def keep(rows, cols, rate, seed, step, operation, row0=0):
    """Return the mask (rows, cols): True where the element is kept."""
    return words(rows, cols, seed, step, operation, row0) >= np.uint64(threshold(rate))


def forward(x, rate, mask):
    """y = x mask / (1 - rate)."""
    return np.where(mask, x / (1.0 - rate), 0.0)


def backward(dy, rate, mask):
    """dx = dy mask / (1 - rate)."""
    return np.where(mask, dy / (1.0 - rate), 0.0)


def normal_numbers(rows, cols, seed, step, operation, row0=0):
    """Return standard normal numbers (rows, cols) by Box and Muller's formula (1958).

    Their blocks have bit 31 set, so no mask of `keep` uses them. Columns 16 apart, words 0 and 1 (or 2 and 3) of a
    block, are sqrt(-2 log((a + 1/2) / 2^32)) times cosine and sine of pi (b / 2^31 - 1).
    """
    wide = 64 * -(-cols // 64)
    w = words(rows, wide, seed, step, operation, row0, first_block=2**31).astype(np.float64)
    a, b = np.split(w.reshape(rows, -1, 2, 16), 2, axis=2)
    radius, angle = np.sqrt(-2.0 * np.log((a + 0.5) / 2.0**32)), np.pi * (b / 2.0**31 - 1.0)
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(rows, wide)[:, :cols]
