"""What a training asks the core for, so that somebody else may decide when, and beside what, it is done."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from steepest import _core, threads
from steepest.losses import Loss
from steepest.lowering.network import Network
from steepest.training.training_set import DataSet, evaluate, read_scores

Result = TypeVar("Result")


class Request(Protocol):
    """Something for the core to do."""

    def run(self) -> Any:
        """Do it now and return the result."""

    def task(self) -> Any:
        """Return it as a task of the core, to be run together with others."""

    def result(self, task: Any) -> Any:
        """Return the result of that task, or raise what it raised."""


@dataclass(frozen=True)
class Slice:
    """Steps of training: what the core's `train` takes before the number of threads, the time, what it takes after."""

    core: Any
    before: tuple[Any, ...]
    seconds: float
    sums: tuple[float, float]
    unchanged: bool  # whether nobody has written to the parameters since the last slice

    def run(self) -> Any:
        """Do as many as the time allows; return the core's record of them."""
        return self.core.train(*self.before, threads.get_num_threads(), self.seconds, *self.sums, self.unchanged)

    def task(self) -> Any:
        """Return them as a task; how many threads and how much time it gets is found when it is run."""
        arguments: tuple[Any, ...] = (*self.before, 1, 0.0, *self.sums, self.unchanged)
        return _core.train_task(self.core, *arguments)

    def result(self, task: Any) -> Any:
        """Return the core's record."""
        return task.result()


@dataclass(frozen=True)
class Evaluation:
    """An evaluation in inference mode."""

    network: Network
    loss: Loss
    part: DataSet
    batch_size: int

    def run(self) -> dict[str, float]:
        """Do it now; return the scores."""
        return evaluate(self.network, self.loss, self.part, self.batch_size)

    def task(self) -> Any:
        """Return it as a task."""
        part = self.part
        return _core.evaluate_task(self.network.core, part.x, part.y, part.weight, self.loss.to_core(), self.batch_size)

    def result(self, task: Any) -> dict[str, float]:
        """Return the scores."""
        return read_scores(self.loss, self.part, task.result())


def drive(training: Generator[Request, Any, Result]) -> Result:
    """Do what a training asks for, one request after the other, and return what it returns."""
    try:
        request = next(training)
        while True:
            try:
                result = request.run()
            except BaseException as error:
                request = training.throw(error)
            else:
                request = training.send(result)
    except StopIteration as end:
        value: Result = end.value
        return value
