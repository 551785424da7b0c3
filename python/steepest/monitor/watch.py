"""Which steps of a training are looked at, and what of each layer: the settings of the core's monitor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steepest.diagnostics.statistics import _NEAR, _RANGES
from steepest.lowering.program import Program

if TYPE_CHECKING:
    from steepest.training.run import Run

# Share of a training's work that looking may take. The estimates below are good to a factor of two.
SHARE = 0.0075
# Steps of one epoch that are looked at, at most.
MOST_LOOKS = 16
# Nanoseconds on one core, measured; only their ratios count. An epoch costs the Python around it, too.
_PRODUCT, _UPDATE, _LOOK_AT_VALUE, _EPOCH = 0.05, 0.5, 1.2, 150e3
_LOOK_AT_PARAMETER, _LOOK_FAR, _NEAR_BY = 0.4, 1.0, 1 << 16  # in the second-level cache and beyond
_ROWS = 64  # that the core looks at in a batch, at most
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class WatchedLayer:
    """A layer as the core watches it.

    Attributes
    ----------
    name, kind, function : str
        The layer, its last operation, and its activation.
    value : int
        Its output in the program.
    width : int
        Units.
    parameters : tuple of int
        Those whose gradient and update are measured: its matrices, or where it has none its vectors.
    last : bool
        Whether its output is the network's.
    passive : bool
        Whether no gradient has to flow through it, as through a frozen encoding of the inputs: its ends do no harm.
    """

    name: str
    kind: str
    function: str
    value: int
    width: int
    parameters: tuple[int, ...]
    last: bool
    passive: bool = False

    def to_core(self) -> dict[str, Any]:
        """Return the description the core takes."""
        ends = None
        if self.function in _RANGES and not self.passive:
            low, high = _RANGES[self.function]
            near = _NEAR * (high - low)
            ends = (low + near, high - near)
        return {
            "value": self.value,
            "parameters": list(self.parameters),
            "dies": self.function == "relu" and not self.passive,
            "ends": ends,
        }


def layers_of(program: Program) -> tuple[WatchedLayer, ...]:
    """Return the layers in order, each with the value it ends with."""
    found: dict[str, WatchedLayer] = {}
    trained_values = program.trained_values()
    for op in program.operations:
        if op.kind == "host" and op.layer == "augmentation":
            continue
        before = found.get(op.layer)
        numbers = {*(before.parameters if before else ()), *op.parameters}
        trained = sorted(number for number in numbers if program.parameters[number].trainable)
        matrices = tuple(number for number in trained if len(program.parameters[number].shape) == 2)
        function = str(op.attributes.get("activation", "identity")) if op.kind in ("dense", "activation") else op.kind
        found[op.layer] = WatchedLayer(
            name=op.layer,
            kind=op.kind,
            function=function,
            value=op.output,
            width=program.widths[op.output],
            parameters=matrices or tuple(trained),
            last=op.output == program.output,
            passive=op.output not in trained_values,
        )
    return tuple(found.values())


def cost_of_look(program: Program, batch_size: int) -> tuple[float, float]:
    """Return the estimated cost of a step, and of looking at one, in nanoseconds of one core."""
    elements = sum(math.prod(p.shape) for p in program.parameters if p.trainable)
    step = elements * (_PRODUCT * batch_size + _UPDATE) + _PRODUCT * batch_size * sum(program.widths)
    look = (_LOOK_AT_PARAMETER if elements <= _NEAR_BY else _LOOK_FAR) * elements
    look += _LOOK_AT_VALUE * min(batch_size, _ROWS) * sum(program.widths)
    return step, look


def choose_steps(epoch: int, count: int, step_cost: float, look_cost: float) -> list[int]:
    """Return the steps, of the `count` of an epoch, that are looked at: a function of counts alone.

    As many as `SHARE` of the epoch's cost pays for, at most `MOST_LOOKS`, one in each of as many equal parts, at places
    that differ from epoch to epoch; the first epoch begins with the very first step. Where an epoch does not pay for
    one, every so many epochs have one.

    Parameters
    ----------
    epoch : int
        From 0.
    count : int
        Steps of the epoch.
    step_cost, look_cost : float
        From `cost_of_look`.
    """
    affordable = SHARE * (count * step_cost + _EPOCH) / max(look_cost, 1.0)
    looks = min(MOST_LOOKS, count, int(affordable))
    if looks == 0:
        if epoch % math.ceil(1.0 / affordable) != 0:
            return []
        looks = 1
    steps = []
    for part in range(looks):
        begin, end = part * count // looks, (part + 1) * count // looks
        place = (epoch * looks + part) * _GOLDEN % 1.0
        steps.append(begin + int(place * (end - begin)))
    return steps


class Watch:
    """The core's monitor during one run, shared by the callbacks that use it.

    Attributes
    ----------
    layers : tuple of WatchedLayer
        What is watched.
    looking, halting : bool
        Whether steps are looked at, and whether a leap of the loss ends the epoch.
    partial : dict or None
        The core's record of an epoch that failed, until the next one begins.
    """

    def __init__(self) -> None:
        self.layers: tuple[WatchedLayer, ...] = ()
        self.looking = False
        self.halting = False
        self.partial: dict[str, Any] | None = None
        self._program: Program | None = None
        self._state: list[float] | None = None
        self._costs = (0.0, 0.0)

    @classmethod
    def of(cls, run: Run) -> Watch:
        """Return the run's, which is made at the first call."""
        if not isinstance(run.watch, cls):
            run.watch = cls()
        return run.watch

    def begin_epoch(self, run: Run) -> None:
        """Tell the core which steps of the coming epoch to look at."""
        network = run.model.network
        if run.optimizer.full_batch:
            return
        if self._program is not network.running:
            self._program = network.running
            self.layers = layers_of(network.running)
            self._costs = cost_of_look(network.running, min(run.batch_size, len(run.data)))
            network.core.watch([layer.to_core() for layer in self.layers])
        chosen: list[int] = []
        if self.looking:
            chosen = choose_steps(run.epoch - 1, run.steps_per_epoch, *self._costs)
        first = run.model.steps
        self.partial = None
        network.core.watch_epoch(first, run.steps_per_epoch, [first + step for step in chosen], self.halting)
        if self.halting:
            # An epoch that is trained again begins with the detector as it was.
            if self._state is not None:
                network.core.spike_state = self._state
            self._state = network.core.spike_state

    def work_of_epoch(self, run: Run) -> float:
        """Return the estimated cost of an epoch of the training, in nanoseconds of one core."""
        return run.steps_per_epoch * self._costs[0] + _EPOCH

    def end_epoch(self, run: Run) -> dict[str, Any] | None:
        """Return the core's record of the epoch; None with an optimiser that makes no steps in the core."""
        if run.optimizer.full_batch or self._program is None:
            return None
        if self.halting:
            self._state = run.model.network.core.spike_state
        record: dict[str, Any] = run.model.network.core.watched()
        return record

    def fail(self, run: Run) -> None:
        """Keep the record of the epoch so far, which is about to be undone, and look no more until the next begins."""
        if self._program is None:
            return
        core = run.model.network.core
        self.partial = core.watched()
        core.watch_epoch(run.model.steps, 1, [], False)

    @property
    def state(self) -> list[float]:
        """State of the detector of leaps at the end of the last epoch; may be set before the first."""
        return self._state or []

    @state.setter
    def state(self, numbers: list[float]) -> None:
        self._state = [float(number) for number in numbers] or None

    def close(self, run: Run) -> None:
        """Watch no longer."""
        if self._program is not None:
            run.model.network.core.unwatch()
            self._program = None
