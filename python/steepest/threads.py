"""How many workers the core may use."""

from __future__ import annotations

from steepest import _core
from steepest.checks import check_int

_threads = 0


def set_num_threads(n: int | None) -> None:
    """Let every following call use at most `n` workers; None or 0 goes back to what the machine allows.

    Results do not depend on it: the same seed gives the same bits on any number of threads.

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


def chosen() -> int:
    """Return what `set_num_threads` was given; 0 for what the machine allows."""
    return _threads


def get_num_threads() -> int:
    """Return the number of workers the next call may use."""
    return _threads or int(_core.max_threads())
