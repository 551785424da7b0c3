"""Keeps two threads from using one model's memory at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Guard:
    """Calls of several threads wait for each other; while one thread trains the model, the others are refused.

    They would otherwise wait for the end of the training, or read a network that changes under them.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._trainer: int | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody trains the model."""
        return self._trainer is None

    @contextmanager
    def use(self) -> Iterator[None]:
        """Around one call; may be nested in the same thread, as when a callback evaluates the model it trains."""
        if self._trainer not in (None, threading.get_ident()):
            raise RuntimeError("the model is being trained in another thread: wait for it, or take model.copy() before")
        with self._lock:
            yield

    @contextmanager
    def train(self) -> Iterator[None]:
        """Around a training."""
        with self.use():
            if self._trainer is not None:
                raise RuntimeError("fit was called inside fit of the same model")
            self._trainer = threading.get_ident()
            try:
                yield
            finally:
                self._trainer = None
