"""Ctrl-C between slices instead of in the middle of the bookkeeping."""

from __future__ import annotations

import importlib
import signal
import threading
from types import FrameType
from typing import Any

# What the functions of `signal` call: those make an enum of every handler by way of an exception, 10 us a `fit`.
_signal: Any = importlib.import_module("_signal")


class DeferredInterrupt:
    """Context in which the first Ctrl-C sets `pending`; the second raises KeyboardInterrupt at once.

    Python raises KeyboardInterrupt right after a C++ call returns and before its result is stored, so the counters
    would fall behind the parameters. Only where Python's own handler is in force, and in the main thread, which alone
    may set handlers.
    """

    def __init__(self) -> None:
        self.pending = False
        self._previous: Any = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            raise KeyboardInterrupt
        self.pending = True

    def __enter__(self) -> DeferredInterrupt:
        main = threading.current_thread() is threading.main_thread()
        if main and _signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._previous = _signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._previous is not None:
            _signal.signal(signal.SIGINT, self._previous)
