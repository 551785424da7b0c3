"""The order of an epoch's rows: the generator by its definition, and what a random order has to be."""

import itertools
import math

import numpy as np
import pytest

from steepest import _core
from steepest.rng import shuffle_rows

# A good generator fails with a chance of one in a million on either side; the seeds are fixed.
EXPONENT = 14.0


def chi_square_bounds(freedom):
    """What chi^2 leaves with probability exp(-EXPONENT) at most on either side (Laurent and Massart 2000, lemma 1)."""
    spread = 2 * math.sqrt(freedom * EXPONENT)
    return freedom - spread, freedom + spread + 2 * EXPONENT


def philox(counter, key0, key1):
    c0, c1, c2, c3 = counter
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ key0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ key1, p0 & 0xFFFFFFFF
        key0, key1 = (key0 + 0x9E3779B9) & 0xFFFFFFFF, (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def number_by_definition(seed, epoch, place):
    """Draw a number in [0, place] by the words of one address after the other."""
    block = 16 * (place // 64) + place % 16
    key = seed & 0xFFFFFFFF, (seed >> 32) ^ (epoch >> 32)
    attempt = 0
    while True:
        counter = block & 0xFFFFFFFF, block >> 32, 0xFFFFFFFF - attempt, epoch & 0xFFFFFFFF
        product = philox(counter, *key)[place % 64 // 16] * (place + 1)
        if product % 2**32 >= 2**32 % (place + 1):
            return product >> 32, attempt
        attempt += 1


def order_by_definition(seed, epoch, count):
    order = []
    for place in range(count):
        other = number_by_definition(seed, epoch, place)[0]
        order.append(place)
        order[place], order[other] = order[other], order[place]
    return order


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 200])
def test_the_order_is_the_one_of_the_definition(count):
    for seed, epoch in [(0, 0), (0x0123456789ABCDEF, 0xFEDCBA9876543210), (2**64 - 1, 2**64 - 1)]:
        np.testing.assert_array_equal(shuffle_rows(seed, epoch, None, count), order_by_definition(seed, epoch, count))


def test_a_refused_number_is_drawn_again():
    # Searched for: a word is refused at most once in 2^32 / count.
    seed, place = 2803, 3318
    number, attempt = number_by_definition(seed, 0, place)
    assert attempt == 1
    order = shuffle_rows(seed, 0, None, place + 1)
    assert order[number] == place  # the last place's row is where it was sent


def test_known_orders():
    # What a seed means: the rows of an epoch must not change with a new version by accident.
    assert shuffle_rows(0, 0, None, 10).tolist() == [3, 8, 9, 0, 5, 1, 2, 7, 6, 4]
    assert shuffle_rows(42, 3, None, 10).tolist() == [7, 8, 4, 0, 1, 3, 6, 5, 9, 2]


@pytest.mark.parametrize("count", [3, 1000, 70_001])
def test_every_row_comes_once(count):
    np.testing.assert_array_equal(np.sort(shuffle_rows(5, 2, None, count)), np.arange(count))
    rows = np.random.default_rng(0).choice(10 * count, count, replace=False).astype(np.int64)
    np.testing.assert_array_equal(shuffle_rows(5, 2, rows, count), rows[shuffle_rows(5, 2, None, count)])


def test_without_a_seed_rows_stay():
    rows = np.array([4, 2, 9])
    assert shuffle_rows(None, 3, rows, 3) is rows
    assert shuffle_rows(None, 3, None, 3).tolist() == [0, 1, 2]


def test_all_permutations_are_equally_likely():
    each, size = 200, 5
    kinds = dict.fromkeys(itertools.permutations(range(size)), 0)
    for epoch in range(each * len(kinds)):
        kinds[tuple(shuffle_rows(7, epoch, None, size).tolist())] += 1
    low, high = chi_square_bounds(len(kinds) - 1)
    assert low < sum((count - each) ** 2 / each for count in kinds.values()) < high


@pytest.mark.parametrize("compared", ["with the data", "with the epoch before", "with the seed before"])
def test_every_row_is_equally_likely_at_every_place(compared):
    size, draws = 150, 6000
    table = np.zeros((size, size))
    for draw in range(draws):
        seed, epoch = (draw, 9) if compared == "with the seed before" else (9, draw)
        order = shuffle_rows(seed, epoch, None, size)
        if compared == "with the epoch before":
            order = order[np.argsort(shuffle_rows(seed, epoch + 1, None, size))]
        elif compared == "with the seed before":
            order = order[np.argsort(shuffle_rows(seed + 1, epoch, None, size))]
        table[np.arange(size), order] += 1
    # Rows and columns of the table have given sums, so (n - 1)^2 counts are free, and each is off by n / (n - 1) more
    # than a count among free ones.
    statistic = ((table - draws / size) ** 2).sum() / (draws / size) * (size - 1) / size
    low, high = chi_square_bounds((size - 1) ** 2)
    assert low < statistic < high


def test_epochs_and_seeds_differ():
    # Each bit of either is in the address: the low halves, and the high ones.
    keys = [(0, 0)] + [(1 << bit, 0) for bit in range(64)] + [(0, 1 << bit) for bit in range(32)]
    orders = {tuple(shuffle_rows(seed, epoch, None, 100).tolist()) for seed, epoch in keys}
    assert len(orders) == len(keys)


def test_arguments():
    order = np.zeros(4, np.int64)
    with pytest.raises(ValueError, match="shares memory"):
        _core.shuffle(order, order, 0, 0)
    with pytest.raises(ValueError, match=r"rows: must have shape \(4,\)"):
        _core.shuffle(np.arange(3), order, 0, 0)
    with pytest.raises(ValueError, match="target: dtype is int32"):
        _core.shuffle(None, np.zeros(4, np.int32), 0, 0)
