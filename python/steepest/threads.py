"""How many workers the core may use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from steepest import _core
from steepest.checks import check_int


class _Local(threading.local):
    """What `limited` says in this Python thread; a default of the class is found in a sixth of `getattr`'s time."""

    limit: int = 0


_threads = 0
_local = _Local()


def set_num_threads(n: int | None) -> None:
    """Let every following call use at most `n` workers; None or 0 goes back to what the machine allows.

    Results do not depend on it: the same seed gives the same bits on any number of threads. More workers than CPUs
    would only wait for one another, so what is beyond them is not used.

    Parameters
    ----------
    n : int or None
        At least 1; None for all (`OMP_NUM_THREADS`, CPU affinity and cgroup quotas are respected).

    Examples
    --------
    >>> import steepest as st
    >>> st.set_num_threads(1)
    >>> st.get_num_threads()
    1
    >>> st.set_num_threads(None)
    """
    global _threads
    _threads = 0 if n is None else check_int("n", n, 0)


@contextmanager
def limited(n: int) -> Iterator[None]:
    """Let the calls that this Python thread makes inside the context use at most `n` workers.

    For trainings side by side, each in a Python thread of its own with one worker; other threads notice nothing.

    Parameters
    ----------
    n : int
        At least 1; a smaller number given to `set_num_threads`, or to a context around this one, stays in force.

    Examples
    --------
    >>> from steepest import threads
    >>> with threads.limited(1):
    ...     threads.get_num_threads()
    1
    """
    before = _local.limit
    n = check_int("n", n, 1)
    _local.limit = min(before, n) if before else n
    try:
        yield
    finally:
        _local.limit = before


def chosen() -> int:
    """Return what `set_num_threads` and `limited` were given; 0 for what the machine allows."""
    limit = _local.limit
    if not limit:
        return _threads
    return min(limit, _threads or int(_core.max_threads()))


def get_num_threads() -> int:
    """Return the number of workers the next call of this Python thread may use."""
    return chosen() or int(_core.max_threads())
