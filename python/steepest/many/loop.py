"""Many training loops side by side: what they ask for is done together, a slice for all of them in each call."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import _core, threads
from steepest.errors import TrainingDiverged
from steepest.history import History
from steepest.training import trainer
from steepest.training.interrupt import DeferredInterrupt
from steepest.training.requests import Evaluation, Request
from steepest.training.trainer import Trainer, shuffle_rows
from steepest.training.training_set import Rows

Array = npt.NDArray[Any]


class SharedOrders:
    """The orders of rows that several members see, drawn once; stands for `shuffle_rows`."""

    def __init__(self, members: int) -> None:
        self._known: dict[tuple[int | None, int, int, int], tuple[Rows | None, Rows]] = {}
        self._most = members

    def __call__(self, seed: int | None, epoch: int, rows: Rows | None, count: int) -> Rows:
        """Return the rows in the order of an epoch."""
        key = (seed, epoch, id(rows), count)
        if key not in self._known:
            if len(self._known) >= self._most:
                del self._known[next(iter(self._known))]  # the oldest: members are about equally far
            # The rows are kept too, so that their identity means them.
            self._known[key] = (rows, shuffle_rows(seed, epoch, rows, count))
        return self._known[key][1]


def share_arrays(trainers: Sequence[Trainer]) -> None:
    """Let trainers whose targets or weights are equal have one array of them: the core knows the same rows by that."""
    kept: list[Array] = []

    def keep(array: Array) -> Array:
        for other in kept:
            if other.dtype == array.dtype and np.array_equal(other, array):
                return other
        kept.append(array)
        return array

    for one in trainers:
        part = one.data
        one.data = replace(part, y=keep(part.y), weight=None if part.weight is None else keep(part.weight))
        one.run.data = one.data


class Member:
    """One training among others.

    Attributes
    ----------
    request : Request or None
        What it waits for; None when it has ended.
    ended : bool
        Whether it has.
    """

    def __init__(self, trainer: Trainer, interrupt: DeferredInterrupt) -> None:
        self.run = trainer.run
        self.training: Generator[Request, Any, History] = trainer.train(interrupt)
        self.request: Request | None = None
        self.ended = False
        self.task: Any = None

    def resume(self, go_on: Callable[[], Request]) -> None:
        """Let it go on until it asks for something or ends; a divergence ends it alone."""
        self.request = self.task = None
        try:
            self.request = go_on()
        except StopIteration:
            self.ended = True
        except TrainingDiverged as error:
            self.ended = True
            self.run.history.failure = error

    def begin(self) -> None:
        """Let it ask for its first task."""
        self.resume(lambda: next(self.training))

    def throw(self, error: BaseException) -> None:
        """Let what it waits for end in this."""
        self.resume(lambda: self.training.throw(error))

    def interrupt(self) -> None:
        """Let it end here, wherever it is, unless it has ended."""
        if self.ended:
            return
        try:
            self.throw(KeyboardInterrupt())
        except KeyboardInterrupt:  # it had not begun
            self.run.history.interrupted = True

    def prepare(self) -> None:
        """Make the task of what it waits for; a task that had no turn is kept."""
        if self.task is None and self.request is not None:
            try:
                self.task = self.request.task()
            except Exception as error:
                self.throw(error)

    def finish(self) -> None:
        """Give it the result of its task."""
        assert self.request is not None
        try:
            result = self.request.result(self.task)
        except BaseException as error:
            self.throw(error)
        else:
            self.resume(lambda: self.training.send(result))

    def turn(self) -> tuple[int, int, int]:
        """Rank among the waiting: evaluations, which end an epoch, then who is least far, of those the furthest."""
        return (not isinstance(self.request, Evaluation), self.run.epoch, -self.run.step)


def train_together(trainers: Sequence[Trainer]) -> list[History]:
    """Train all of them to their end; Ctrl-C ends all and keeps all."""
    share_arrays(trainers)
    together = _core.Together()
    orders = SharedOrders(len(trainers))
    with DeferredInterrupt() as interrupt, ExitStack() as closing:
        members = [Member(trainer, interrupt) for trainer in trainers]
        for one, member in zip(trainers, members, strict=True):
            one.shuffled = orders
            closing.callback(member.training.close)  # after an error: its callbacks see the end
        try:
            for member in members:
                member.begin()
            while waiting := [member for member in members if member.request is not None]:
                _do_together(waiting, together, interrupt)
        except KeyboardInterrupt:
            for member in members:
                member.interrupt()
    return [member.run.history for member in members]


def _do_together(waiting: list[Member], together: _core.Together, interrupt: DeferredInterrupt) -> None:
    """Do what the members wait for, as much as fits into a slice, and let those whose task is done go on."""
    for member in waiting:
        # Evaluations are done still: they complete an epoch that has been trained.
        if interrupt.pending and not isinstance(member.request, Evaluation):
            member.throw(KeyboardInterrupt())
        member.prepare()
    ready = sorted((member for member in waiting if member.task is not None), key=Member.turn)
    together.run([member.task for member in ready], threads.get_num_threads(), trainer.SLICE_SECONDS)
    for member in ready:
        if member.task.done:
            member.finish()
