"""
The C++ core of steepest: networks, kernels and the worker team. Use the package steepest instead.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "Network32",
    "Network64",
    "RunResult",
    "Task",
    "Together",
    "activation_needs",
    "all_finite",
    "available_isas",
    "bandwidth",
    "build_info",
    "copy_array",
    "evaluate_task",
    "fma_peak",
    "force_isa",
    "isa",
    "kernel_activation_backward",
    "kernel_activation_forward",
    "kernel_batch_norm_backward",
    "kernel_batch_norm_forward",
    "kernel_column_sums",
    "kernel_dense_backward",
    "kernel_dense_forward",
    "kernel_dropout",
    "kernel_gather",
    "kernel_gaussian_noise",
    "kernel_layer_norm_backward",
    "kernel_layer_norm_forward",
    "kernel_loss",
    "kernel_math",
    "kernel_maxout_backward",
    "kernel_maxout_forward",
    "kernel_prelu_backward",
    "kernel_prelu_forward",
    "kernel_row_backward",
    "kernel_row_forward",
    "kernel_update",
    "max_threads",
    "shuffle",
    "train_task",
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
    def leaps(self) -> bool: ...
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
        x: typing.Any,
        y: numpy.ndarray,
        sample_weight: typing.Any,
        loss: dict,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> RunResult: ...
    def forward(
        self,
        x: typing.Any,
        training: bool,
        step: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> list[numpy.typing.NDArray[numpy.float32]]: ...
    def loss_and_gradients(
        self,
        x: typing.Any,
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
    def outputs(
        self,
        x: numpy.ndarray,
        out: typing.Any,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> typing.Any: ...
    def parameter(self, index: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]: ...
    def predict(
        self,
        x: typing.Any,
        out: numpy.ndarray,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def replace_program(self, program: dict) -> None: ...
    def state(self, index: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]: ...
    def train(
        self,
        x: typing.Any,
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
        loss_sum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        weight_sum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        unchanged: bool = False,
    ) -> RunResult: ...
    def unwatch(self) -> None: ...
    def watch(self, layers: list) -> None: ...
    def watch_epoch(
        self,
        first: typing.SupportsInt | typing.SupportsIndex,
        count: typing.SupportsInt | typing.SupportsIndex,
        chosen: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        halting: bool,
    ) -> None: ...
    def watched(self) -> dict: ...
    @property
    def parameter_arena(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def penalty(self) -> float: ...
    @property
    def spike_state(self) -> list[float]: ...
    @spike_state.setter
    def spike_state(self, arg1: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex]) -> None: ...
    @property
    def state_arena(self) -> numpy.typing.NDArray[numpy.float32]: ...

class Network64:
    """
    A program with the memory of its tensors, and the runs over it.
    """
    def __init__(self, program: dict) -> None: ...
    def evaluate(
        self,
        x: typing.Any,
        y: numpy.ndarray,
        sample_weight: typing.Any,
        loss: dict,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> RunResult: ...
    def forward(
        self,
        x: typing.Any,
        training: bool,
        step: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> list[numpy.typing.NDArray[numpy.float64]]: ...
    def loss_and_gradients(
        self,
        x: typing.Any,
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
    def outputs(
        self,
        x: numpy.ndarray,
        out: typing.Any,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> typing.Any: ...
    def parameter(self, index: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]: ...
    def predict(
        self,
        x: typing.Any,
        out: numpy.ndarray,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def replace_program(self, program: dict) -> None: ...
    def state(self, index: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]: ...
    def train(
        self,
        x: typing.Any,
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
        loss_sum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        weight_sum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        unchanged: bool = False,
    ) -> RunResult: ...
    def unwatch(self) -> None: ...
    def watch(self, layers: list) -> None: ...
    def watch_epoch(
        self,
        first: typing.SupportsInt | typing.SupportsIndex,
        count: typing.SupportsInt | typing.SupportsIndex,
        chosen: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        halting: bool,
    ) -> None: ...
    def watched(self) -> dict: ...
    @property
    def parameter_arena(self) -> numpy.typing.NDArray[numpy.float64]: ...
    @property
    def penalty(self) -> float: ...
    @property
    def spike_state(self) -> list[float]: ...
    @spike_state.setter
    def spike_state(self, arg1: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex]) -> None: ...
    @property
    def state_arena(self) -> numpy.typing.NDArray[numpy.float64]: ...

class Task:
    """
    Something to do for one network, beside others: see Together.
    """
    def result(self) -> RunResult:
        """
        What train() or evaluate() would have returned or raised.
        """
    @property
    def done(self) -> bool: ...

class Together:
    """
    A queue of tasks of several networks, and workers that run them side by side.
    """
    def __init__(self) -> None: ...
    def add(self, task: typing.Any, owner: typing.Any, first: bool) -> None:
        """
        Put a task of the owner's at the head or the end of the queue.
        """
    def run(
        self,
        trainings: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
        seconds: typing.SupportsFloat | typing.SupportsIndex,
        turn: collections.abc.Callable,
    ) -> None:
        """
        Run tasks, about `seconds` each; call turn(owners of tasks that are done), which adds what is next and returns how many trainings are left, between two tasks of this thread, until none is.
        """
    def withdraw(self) -> list:
        """
        Take back the tasks nobody has begun; return their owners.
        """

def activation_needs(name: str) -> str:
    """
    What the backward kernel of an activation reads: 'nothing', 'output' or 'input'.
    """

def all_finite(array: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex) -> bool:
    """
    Whether a vector has neither NaN nor infinity.
    """

def available_isas() -> list[str]:
    """
    Instruction sets this CPU can run.
    """

def bandwidth(
    bytes: typing.SupportsInt | typing.SupportsIndex,
    seconds: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> float:
    """
    Measure bytes/s of x += y over a working set of so many bytes, all workers together.
    """

def build_info() -> dict:
    """
    How the core was built, and what it uses.
    """

def copy_array(
    source: numpy.ndarray, target: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
) -> None:
    """
    Copy a vector of float32 or float64.
    """

@typing.overload
def evaluate_task(
    network: Network32,
    x: typing.Any,
    y: numpy.ndarray,
    sample_weight: typing.Any,
    loss: dict,
    batch_size: typing.SupportsInt | typing.SupportsIndex,
) -> Task: ...
@typing.overload
def evaluate_task(
    network: Network64,
    x: typing.Any,
    y: numpy.ndarray,
    sample_weight: typing.Any,
    loss: dict,
    batch_size: typing.SupportsInt | typing.SupportsIndex,
) -> Task: ...
def fma_peak(
    dtype: str, seconds: typing.SupportsFloat | typing.SupportsIndex, threads: typing.SupportsInt | typing.SupportsIndex
) -> float:
    """
    Measure FLOP/s of fused multiply-adds on registers alone, with the instruction set in force.
    """

def force_isa(name: str) -> None:
    """
    Put an instruction set in force for networks made from now on.
    """

def isa() -> str:
    """
    The instruction set in force.
    """

def kernel_activation_backward(
    name: str,
    saved: numpy.ndarray,
    dy: numpy.ndarray,
    out: numpy.ndarray,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_activation_forward(
    name: str,
    x: numpy.ndarray,
    out: numpy.ndarray,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_batch_norm_backward(
    x: numpy.ndarray,
    dy: numpy.ndarray,
    mean: numpy.ndarray,
    inv_std: numpy.ndarray,
    gamma: numpy.ndarray,
    dx: numpy.ndarray,
    dgamma: numpy.ndarray,
    dbeta: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_batch_norm_forward(
    x: numpy.ndarray,
    gamma: numpy.ndarray,
    beta: numpy.ndarray,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    out: numpy.ndarray,
    mean: numpy.ndarray,
    variance: numpy.ndarray,
    inv_std: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_column_sums(
    x: numpy.ndarray, out: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def kernel_dense_backward(
    x: numpy.ndarray,
    weight: numpy.ndarray,
    y: numpy.ndarray,
    dy: numpy.ndarray,
    activation: str,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    dx: numpy.ndarray,
    dweight: numpy.ndarray,
    dbias: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_dense_forward(
    x: numpy.ndarray,
    weight: numpy.ndarray,
    bias: typing.Any,
    activation: str,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    out: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_dropout(
    x: numpy.ndarray,
    out: numpy.ndarray,
    rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    stream: typing.SupportsInt | typing.SupportsIndex,
    first_row: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_gather(
    x: numpy.ndarray, rows: numpy.ndarray, out: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def kernel_gaussian_noise(
    x: numpy.ndarray,
    out: numpy.ndarray,
    sigma: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    stream: typing.SupportsInt | typing.SupportsIndex,
    first_row: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_layer_norm_backward(
    x: numpy.ndarray,
    dy: numpy.ndarray,
    mean: numpy.ndarray,
    inv_std: numpy.ndarray,
    gamma: numpy.ndarray,
    dx: numpy.ndarray,
    dgamma: numpy.ndarray,
    dbeta: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_layer_norm_forward(
    x: numpy.ndarray,
    gamma: numpy.ndarray,
    beta: numpy.ndarray,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    out: numpy.ndarray,
    mean: numpy.ndarray,
    inv_std: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_loss(
    name: str,
    output: numpy.ndarray,
    labels: typing.Any,
    targets: typing.Any,
    weights: typing.Any,
    scale: typing.SupportsFloat | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    smoothing: typing.SupportsFloat | typing.SupportsIndex,
    row_loss: numpy.ndarray,
    gradient: typing.Any,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> int: ...
def kernel_math(
    name: str, x: numpy.ndarray, out: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def kernel_maxout_backward(
    which: numpy.ndarray,
    pieces: typing.SupportsInt | typing.SupportsIndex,
    dy: numpy.ndarray,
    dz: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_maxout_forward(
    z: numpy.ndarray,
    pieces: typing.SupportsInt | typing.SupportsIndex,
    out: numpy.ndarray,
    which: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_prelu_backward(
    x: numpy.ndarray,
    slope: numpy.ndarray,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    dslope: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_prelu_forward(
    x: numpy.ndarray, slope: numpy.ndarray, out: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def kernel_row_backward(
    name: str,
    y: numpy.ndarray,
    dy: numpy.ndarray,
    out: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kernel_row_forward(
    name: str, x: numpy.ndarray, out: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def kernel_update(
    name: str,
    parameter: numpy.ndarray,
    gradient: numpy.ndarray,
    state1: typing.Any,
    state2: typing.Any,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta1: typing.SupportsFloat | typing.SupportsIndex,
    beta2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
    correction1: typing.SupportsFloat | typing.SupportsIndex,
    correction2: typing.SupportsFloat | typing.SupportsIndex,
    correction_next: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def max_threads() -> int:
    """
    Workers that OMP_NUM_THREADS, CPU affinity and cgroup quotas allow.
    """

def shuffle(
    rows: typing.Any,
    target: numpy.ndarray,
    seed: typing.SupportsInt | typing.SupportsIndex,
    epoch: typing.SupportsInt | typing.SupportsIndex,
) -> None:
    """
    Write the rows (None: 0, 1, ...) in the order of an epoch into the target, both int64 vectors.
    """

@typing.overload
def train_task(
    network: Network32,
    x: typing.Any,
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
    loss_sum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    weight_sum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    unchanged: bool = False,
) -> Task: ...
@typing.overload
def train_task(
    network: Network64,
    x: typing.Any,
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
    loss_sum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    weight_sum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    unchanged: bool = False,
) -> Task: ...
