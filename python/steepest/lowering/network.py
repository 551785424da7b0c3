"""The core's network with names: parameters, states, and arrays laid out like them."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import _core, rng, threads
from steepest.lowering import passes
from steepest.lowering.program import Program

Array = npt.NDArray[Any]


class Network:
    """A program and the memory it trains.

    Attributes
    ----------
    program, running : Program
        What the layers say, and what the core runs: the same, except while `fit` augments its batches
        or gives parameters learning rates of their own.
    core : _core.Network32 or _core.Network64
        Does the work.
    parameters, states : dict of str to ndarray
        Views on the tensors, in the order of the program.
    parameter_arena, state_arena : ndarray
        The whole memory, flat: the tensors with zeros between them.
    """

    def __init__(self, program: Program, dtype: str) -> None:
        self.program = program
        self.running = program
        self._first: Any = None
        self._rate_scales: Mapping[str, float] = {}
        self.dtype = dtype
        try:
            self.core: Any = (_core.Network32 if dtype == "float32" else _core.Network64)(program.to_core())
        except MemoryError:
            numbers = sum(math.prod(parameter.shape) for parameter in program.parameters)
            size = numbers * np.dtype(dtype).itemsize / 1e9
            raise MemoryError(
                f"there is no memory for the network's {numbers:,} parameters, {size:,.1f} GB in {dtype}"
            ) from None
        self.parameter_arena: Array = self.core.parameter_arena
        self.state_arena: Array = self.core.state_arena
        self.parameters: dict[str, Array] = {p.name: self.core.parameter(i) for i, p in enumerate(program.parameters)}
        self.states: dict[str, Array] = {s.name: self.core.state(i) for i, s in enumerate(program.states)}
        start = self.parameter_arena.ctypes.data
        self._offsets = {name: (view.ctypes.data - start) // view.itemsize for name, view in self.parameters.items()}

    @property
    def signature(self) -> tuple[Any, ...]:
        """What an optimiser's state must agree with: the layout of the parameters."""
        return (self.dtype, tuple(p.shape for p in self.program.parameters))

    def initialize(self, seed: int) -> None:
        """Draw every parameter's initial values and set the states."""
        for parameter in self.program.parameters:
            generator = rng.generator(seed, rng.INITIALIZE, *parameter.key)
            values = parameter.initializer.draw(generator, parameter.shape, parameter.fan_in, parameter.fan_out)
            self.parameters[parameter.name][...] = values
        for state in self.program.states:
            self.states[state.name][...] = state.initial

    def replace_program(self, program: Program) -> None:
        """Do something else with the same tensors, which stay where they are; their names and shapes must agree."""
        for mine, theirs in ((self.program.parameters, program.parameters), (self.program.states, program.states)):
            have, need = ({t.name: t.shape for t in tensors} for tensors in (mine, theirs))
            if list(have.items()) != list(need.items()):
                other = next((n for n in [*need, *have] if have.get(n) != need.get(n)), "their order")
                raise ValueError(f"the tensors would be others: {other} is {have.get(other)}, not {need.get(other)}")
        self.program = program
        self._run()

    def _run(self) -> None:
        """Give the core the program with what the present training asks for."""
        self.running = passes.scale_rates(self.program, self._rate_scales)
        if self._first is not None:
            self.running = passes.prepend(self.running, self._first)
        self.core.replace_program(self.running.to_core())

    @contextmanager
    def training(self, first: Any, rate_scales: Mapping[str, float]) -> Iterator[None]:
        """Begin every run with the host function `first`, if it is not None, and scale parameters' learning rates."""
        if first is None and all(scale == 1.0 for scale in rate_scales.values()):
            yield
            return
        self._first, self._rate_scales = first, rate_scales
        self._run()
        try:
            yield
        finally:
            self._first, self._rate_scales = None, {}
            self._run()

    def split(self, flat: Array) -> dict[str, Array]:
        """Return views by parameter name on an array laid out like `parameter_arena`: gradients, slots."""
        return {
            name: flat[self._offsets[name] : self._offsets[name] + view.size].reshape(view.shape)
            for name, view in self.parameters.items()
        }

    def copy_from(self, other: Network) -> None:
        """Take over the parameters and states of a network of the same program, whatever its dtype."""
        for mine, theirs in ((self.parameters, other.parameters), (self.states, other.states)):
            for name, view in mine.items():
                view[...] = theirs[name]

    def penalty(self) -> float:
        """Return what regularisation adds to the loss, `l1 * sum|W| + 0.5 * l2 * sum(W^2)`, in float64."""
        return float(self.core.penalty)

    def find_non_finite(self) -> str | None:
        """Return the name of the first parameter or state that is not finite; None if all are."""
        workers = threads.get_num_threads()
        if all(_core.all_finite(arena, workers) for arena in (self.parameter_arena, self.state_arena)):
            return None
        tensors = {**self.parameters, **self.states}
        return next((name for name, array in tensors.items() if not np.isfinite(array).all()), None)


class Snapshot:
    """Room for a copy of memory that can be taken, taken again and put back.

    Parameters
    ----------
    arrays : list of ndarray
        What to copy from and restore to: vectors.
    """

    def __init__(self, arrays: list[Array]) -> None:
        self._arrays = arrays
        self._copies = [np.empty_like(array) for array in arrays]

    @classmethod
    def of_training(cls, network: Network, slots: list[Array]) -> Snapshot:
        """Return room for all that a training of the network changes; what the last one left, if nothing else has."""
        arrays = [network.parameter_arena, network.state_arena, *slots]
        left = _left.pop(network, None)
        if left is None or len(left._copies) != len(arrays):
            return cls(arrays)
        left._arrays = arrays  # all in the dtype and the layout of the parameters
        return left

    def leave(self, network: Network) -> None:
        """Leave the room to the network's next training, if it is the next of all.

        Memory fresh from the system costs a page fault every few kilobytes, more than the copy. One network of the
        process has such room beside it, as long as it lives: a hundred trained one after the other hold no more.
        """
        self._arrays = []
        _left.clear()
        _left[network] = self

    def take(self) -> None:
        """Copy the present content."""
        for copy, array in zip(self._copies, self._arrays, strict=True):
            _core.copy_array(array, copy, threads.get_num_threads())

    def restore(self) -> None:
        """Put the copied content back."""
        for copy, array in zip(self._copies, self._arrays, strict=True):
            _core.copy_array(copy, array, threads.get_num_threads())


_left: weakref.WeakKeyDictionary[Network, Snapshot] = weakref.WeakKeyDictionary()
