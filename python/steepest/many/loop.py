"""Many training loops side by side: the core does what they ask for while others of them go on in Python."""

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
from steepest.rng import Rows, shuffle_rows
from steepest.training import trainer
from steepest.training.interrupt import DeferredInterrupt
from steepest.training.requests import Evaluation, Request
from steepest.training.trainer import Trainer

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
    task : Task or None
        What the core has for that.
    """

    def __init__(self, trainer: Trainer, interrupt: DeferredInterrupt) -> None:
        self.run = trainer.run
        self.training: Generator[Request, Any, History] = trainer.train(interrupt)
        self.request: Request | None = None
        self.task: Any = None
        self._ended = False

    def _resume(self, go_on: Callable[[], Request]) -> None:
        """Let it go on until it asks for something or ends; a divergence ends it alone."""
        self.request = self.task = None
        try:
            self.request = go_on()
        except StopIteration:
            self._ended = True
        except TrainingDiverged as error:
            self._ended = True
            self.run.history.failure = error

    def begin(self) -> None:
        """Let it ask for its first task."""
        self._resume(lambda: next(self.training))

    def finish(self) -> None:
        """Give it the result of its task."""
        assert self.request is not None
        request, task = self.request, self.task
        self._give(lambda: request.result(task))

    def train_alone(self) -> None:
        """Train it to its end, with all workers for whatever it does."""
        self.begin()
        while self.request is not None:
            self._give(self.request.run)

    def _give(self, result: Callable[[], Any]) -> None:
        try:
            value = result()
        except BaseException as error:
            self.throw(error)
        else:
            self._resume(lambda: self.training.send(value))

    def throw(self, error: BaseException) -> None:
        """Let what it waits for end in this."""
        self._resume(lambda: self.training.throw(error))

    def interrupt(self) -> None:
        """Let it end here, wherever it is, unless it has ended."""
        if self.task is not None and self.task.done:
            self.finish()  # the counters must not fall behind the parameters
        if self._ended:
            return
        try:
            self.throw(KeyboardInterrupt())
        except KeyboardInterrupt:  # it had not begun
            self.run.history.interrupted = True

    def prepare(self) -> None:
        """Make the task of what it waits for."""
        while self.request is not None and self.task is None:
            try:
                self.task = self.request.task()
            except Exception as error:
                self.throw(error)

    @property
    def goes_first(self) -> bool:
        """Whether it is to be served before others: an epoch that was begun is finished, and its validation made."""
        return self.run.step > 0 or isinstance(self.request, Evaluation)


class Loops:
    """The members that still train, and the core's queue of what they ask for."""

    def __init__(self, members: Sequence[Member], interrupt: DeferredInterrupt) -> None:
        self._new = list(members)
        self._left = len(self._new)
        self._interrupt = interrupt
        self._queue = _core.Together()

    def run(self) -> None:
        """Train all of them to their end."""
        self._queue.run(self._left, threads.get_num_threads(), trainer.SLICE_SECONDS, self.turn)

    def turn(self, done: list[Member]) -> int:
        """Let those whose task is done go on, which others train during; return how many still do."""
        while self._new:
            member = self._new.pop(0)
            member.begin()
            self._ask(member)
        for member in done:
            member.finish()
            self._ask(member)
        if self._interrupt.pending:
            for member in self._queue.withdraw():
                # Evaluations are done still: they complete an epoch that has been trained.
                if isinstance(member.request, Evaluation):
                    self._queue.add(member.task, member, True)
                else:
                    member.throw(KeyboardInterrupt())
                    self._ask(member)
        return self._left

    def _ask(self, member: Member) -> None:
        member.prepare()
        if member.request is None:
            self._left -= 1
        else:
            self._queue.add(member.task, member, member.goes_first)


def train_together(trainers: Sequence[Trainer]) -> list[History]:
    """Train all of them to their end; Ctrl-C ends all and keeps all."""
    share_arrays(trainers)
    orders = SharedOrders(len(trainers))
    with DeferredInterrupt() as interrupt, ExitStack() as closing:
        members = [Member(trainer, interrupt) for trainer in trainers]
        for one, member in zip(trainers, members, strict=True):
            one.shuffled = orders
            closing.callback(member.training.close)  # after an error: its callbacks see the end
        try:
            # What iterates in Python asks the core for nothing that could be done beside others.
            for member in members:
                if member.run.optimizer.full_batch:
                    member.train_alone()
            Loops([member for member in members if not member.run.optimizer.full_batch], interrupt).run()
        except KeyboardInterrupt:
            for member in members:
                member.interrupt()
    return [member.run.history for member in members]
