"""
The C++ core of steepest: networks, kernels and the worker team. Use the package steepest instead.
"""

from __future__ import annotations
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "Network32",
    "Network64",
    "RunResult",
    "available_isas",
    "build_info",
    "force_isa",
    "isa",
    "max_threads",
]

class RunResult:
    """
    What a slice of training or an evaluation did.
    """
    @property
    def bad_operation(self) -> int: ...
    @property
    def correct(self) -> int: ...
    @property
    def finite(self) -> bool: ...
    @property
    def loss_sum(self) -> float: ...
    @property
    def rows(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def weight_sum(self) -> float: ...

class Network32:
    """
    A program with the memory of its tensors, and the runs over it.
    """
    def __init__(self, program: dict) -> None: ...
    def evaluate(
        self,
        x: numpy.ndarray,
        y: numpy.ndarray,
        sample_weight: typing.Any,
        loss: dict,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> RunResult: ...
    def forward(
        self,
        x: numpy.ndarray,
        training: bool,
        step: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> list[numpy.typing.NDArray[numpy.float32]]: ...
    def loss_and_gradients(
        self,
        x: numpy.ndarray,
        y: numpy.ndarray,
        sample_weight: typing.Any,
        loss: dict,
        training: bool,
        gradients: numpy.ndarray,
        input_gradient: typing.Any,
        step: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> tuple: ...
    def parameter(self, index: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]: ...
    def predict(
        self,
        x: numpy.ndarray,
        out: numpy.ndarray,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def state(self, index: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]: ...
    def train(
        self,
        x: numpy.ndarray,
        y: numpy.ndarray,
        sample_weight: typing.Any,
        order: numpy.typing.NDArray[numpy.int64],
        learning_rates: numpy.typing.NDArray[numpy.float64],
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        loss: dict,
        optimizer: dict,
        slots: list,
        optimizer_step: typing.SupportsInt | typing.SupportsIndex,
        step: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
        budget: typing.SupportsFloat | typing.SupportsIndex,
    ) -> RunResult: ...
    @property
    def parameter_arena(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def penalty(self) -> float: ...
    @property
    def state_arena(self) -> numpy.typing.NDArray[numpy.float32]: ...

class Network64:
    """
    A program with the memory of its tensors, and the runs over it.
    """
    def __init__(self, program: dict) -> None: ...
    def evaluate(
        self,
        x: numpy.ndarray,
        y: numpy.ndarray,
        sample_weight: typing.Any,
        loss: dict,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> RunResult: ...
    def forward(
        self,
        x: numpy.ndarray,
        training: bool,
        step: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> list[numpy.typing.NDArray[numpy.float64]]: ...
    def loss_and_gradients(
        self,
        x: numpy.ndarray,
        y: numpy.ndarray,
        sample_weight: typing.Any,
        loss: dict,
        training: bool,
        gradients: numpy.ndarray,
        input_gradient: typing.Any,
        step: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> tuple: ...
    def parameter(self, index: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]: ...
    def predict(
        self,
        x: numpy.ndarray,
        out: numpy.ndarray,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def state(self, index: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]: ...
    def train(
        self,
        x: numpy.ndarray,
        y: numpy.ndarray,
        sample_weight: typing.Any,
        order: numpy.typing.NDArray[numpy.int64],
        learning_rates: numpy.typing.NDArray[numpy.float64],
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        loss: dict,
        optimizer: dict,
        slots: list,
        optimizer_step: typing.SupportsInt | typing.SupportsIndex,
        step: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
        budget: typing.SupportsFloat | typing.SupportsIndex,
    ) -> RunResult: ...
    @property
    def parameter_arena(self) -> numpy.typing.NDArray[numpy.float64]: ...
    @property
    def penalty(self) -> float: ...
    @property
    def state_arena(self) -> numpy.typing.NDArray[numpy.float64]: ...

def available_isas() -> list[str]:
    """
    Instruction sets this CPU can run.
    """

def build_info() -> dict:
    """
    How the core was built, and what it uses.
    """

def force_isa(name: str) -> None:
    """
    Put an instruction set in force for networks made from now on.
    """

def isa() -> str:
    """
    The instruction set in force.
    """

def max_threads() -> int:
    """
    Workers that OMP_NUM_THREADS, CPU affinity and cgroup quotas allow.
    """
