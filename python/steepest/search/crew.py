"""Trainings one after the other, or side by side in threads of one process."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from steepest.search.training import Training
from steepest.threads import get_num_threads
from steepest.training.interrupt import DeferredInterrupt

Next = Callable[[], Training | None]
Told = Callable[[Training], None]


class Crew:
    """Runs trainings; the core works with the GIL released, so threads of one process share the data and the cores.

    Parameters
    ----------
    jobs : int
        With 1 each training runs in the calling thread with all workers; with more each runs in a thread of its own,
        with an equal share of the workers and at least one.

    Attributes
    ----------
    stopped : bool
        Whether Ctrl-C was pressed: nothing new is begun, and what runs ends with its slice.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.workers = None if jobs == 1 else max(1, get_num_threads() // jobs)
        self.stopped = False
        self._interrupt: DeferredInterrupt | None = None

    def stopping(self) -> bool:
        """Whether trainings should end."""
        if self._interrupt is not None and self._interrupt.pending:
            self.stopped = True
        return self.stopped

    def work(self, following: Next, epochs: int, tick: Told, told: Told) -> None:
        """Advance every training that `following` returns until it returns None; all three functions run here.

        Parameters
        ----------
        following : callable
            Called whenever there is room for another training.
        epochs : int
            Epochs up to which they are trained.
        tick, told : callable
            Called with a training after each of its epochs, and when it has ended.
        """
        with DeferredInterrupt() as self._interrupt:
            try:
                if self.jobs == 1:
                    self._alone(following, epochs, tick, told)
                else:
                    self._together(following, epochs, tick, told)
            except KeyboardInterrupt:  # the second Ctrl-C, or one where another handler is in force
                self.stopped = True

    def _alone(self, following: Next, epochs: int, tick: Told, told: Told) -> None:
        while not self.stopping() and (training := following()) is not None:
            training.advance(epochs, self.workers, tick, self.stopping)
            told(training)

    def _together(self, following: Next, epochs: int, tick: Told, told: Told) -> None:
        events: queue.SimpleQueue[tuple[Told, Training]] = queue.SimpleQueue()

        def advance(training: Training) -> None:
            try:
                training.advance(epochs, self.workers, lambda it: events.put((tick, it)), lambda: self.stopped)
            except BaseException:  # such as SystemExit in a user's function: the thread ends, the search must know
                training.interrupted = self.stopped = True
            finally:
                events.put((told, training))

        def begin() -> Iterator[Any]:
            while not self.stopping() and (training := following()) is not None:
                yield pool.submit(advance, training)

        running = 0
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="steepest-search") as pool:
            waiting = begin()
            try:
                while True:
                    while running < self.jobs and next(waiting, None) is not None:
                        running += 1
                    if not running:
                        return
                    try:
                        # Not for ever: Ctrl-C must be noticed while all trainings are in the core.
                        hear, training = events.get(timeout=0.1)
                    except queue.Empty:
                        self.stopping()
                        continue
                    running -= hear is told
                    hear(training)
            finally:
                # Also when one of the functions has raised: the trainings end before the pool does.
                self.stopped = self.stopped or running > 0
