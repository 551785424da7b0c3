"""A program as a PyTorch module: modules of `torch.nn` where they exist, traced into one graph without our code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from steepest.export.errors import ExportError
from steepest.export.graph import Graph, Node
from steepest.export.torch_modules import (
    Categories,
    Fill,
    Hardmax,
    Images,
    QuantileNormal,
    ShiftScale,
    Slot,
    SmoothClip,
    Step,
    TimeParts,
    fill,
)
from steepest.lowering.program import Op, Program

Array = npt.NDArray[Any]


def _prelu(slope: Array) -> nn.Module:
    module: nn.Module = fill(nn.PReLU(len(slope), dtype=torch.float64), weight=slope)
    return module


# By the name of the core's function, from its alpha.
ACTIVATIONS: dict[str, Callable[[float], nn.Module]] = {
    "identity": lambda alpha: nn.Identity(),
    "sigmoid": lambda alpha: nn.Sigmoid(),
    "tanh": lambda alpha: nn.Tanh(),
    "relu": lambda alpha: nn.ReLU(),
    "leaky_relu": lambda alpha: nn.LeakyReLU(alpha),
    "elu": lambda alpha: nn.ELU(alpha),
    "selu": lambda alpha: nn.SELU(),
    "celu": lambda alpha: nn.CELU(alpha),
    "gelu": lambda alpha: nn.GELU(),
    "gelu_tanh": lambda alpha: nn.GELU(approximate="tanh"),
    "silu": lambda alpha: nn.SiLU(),
    "mish": lambda alpha: nn.Mish(),
    # PyTorch's is x beyond its threshold, where the two are the same from 40 on in float64.
    "softplus": lambda alpha: nn.Softplus(threshold=40),
    "softsign": lambda alpha: nn.Softsign(),
    "hard_sigmoid": lambda alpha: nn.Hardsigmoid(),
    "hard_swish": lambda alpha: nn.Hardswish(),
    "step": lambda alpha: Step(),
}


def _activation(layer: str, name: str, alpha: float) -> nn.Module:
    if name not in ACTIVATIONS:
        raise ExportError(f"layer {layer!r}: activation {name!r} has no form in PyTorch here")
    return ACTIVATIONS[name](alpha)


def _batch_norm(op: Op, width: int, arrays: list[Array], states: list[Array]) -> nn.Module:
    gamma, beta, mean, variance = (*arrays, *states)
    channels, epsilon = len(gamma), op.attributes["epsilon"]
    if op.attributes["frozen"]:
        scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
        tensors = {"subtract": mean, "multiply": scale.astype(gamma.dtype), "add": beta}
        return ShiftScale({name: np.repeat(array, width // channels) for name, array in tensors.items()})
    norm: nn.Module = nn.BatchNorm1d(channels, eps=epsilon, momentum=op.attributes["momentum"])
    # Filled after the change of dtype, or digits would be lost.
    fill(norm.to(torch.float64), weight=gamma, bias=beta, running_mean=mean, running_var=variance)
    return norm if channels == width else Images(norm, channels)


def operation(op: Op, widths: tuple[int, int], arrays: list[Array], states: list[Array]) -> list[nn.Module]:
    """Return the modules of an operation with one input, of these widths; in float64 until the whole is converted."""
    width, output = widths
    if op.kind == "dense":
        linear = nn.Linear(width, output, bias=len(arrays) > 1, dtype=torch.float64)
        fill(linear, weight=arrays[0].T)
        if len(arrays) > 1:
            fill(linear, bias=arrays[1])
        name = op.attributes["activation"]
        return [linear] if name == "identity" else [linear, _activation(op.layer, name, op.attributes["alpha"])]
    if op.kind == "activation":
        return [_activation(op.layer, op.attributes["activation"], op.attributes["alpha"])]
    if op.kind == "row_function":
        made = {"softmax": nn.Softmax(1), "log_softmax": nn.LogSoftmax(1), "hardmax": Hardmax(width)}
        return [made[op.attributes["function"]]]
    if op.kind == "batch_norm":
        return [_batch_norm(op, width, arrays, states)]
    if op.kind == "layer_norm":
        norm = nn.LayerNorm(width, eps=op.attributes["epsilon"], dtype=torch.float64)
        return [fill(norm, weight=arrays[0], bias=arrays[1])]
    if op.kind == "prelu":
        slopes = len(arrays[0])
        return [_prelu(arrays[0]) if slopes in (1, width) else Images(_prelu(arrays[0]), slopes)]
    if op.kind == "maxout":  # a row counts as the channels of an unbatched signal
        return [nn.MaxPool1d(op.attributes["pieces"])]
    if op.kind == "dropout":
        return [nn.Dropout(op.attributes["rate"])]
    if op.kind == "noise":
        return []
    if op.kind == "embedding":
        return [Categories(arrays[0])]
    if op.kind == "host":
        raise ExportError(
            f"layer {op.layer!r} is written in Python ({type(op.function).__name__}) and cannot be exported: "
            "replace it by layers of steepest, or write it as a PyTorch module yourself"
        )
    raise ExportError(f"layer {op.layer!r}: operation {op.kind!r} has no form in PyTorch here")


def _rotation(node: Node) -> nn.Module:
    weight = node.tensors["weight"]
    inputs, outputs = weight.shape
    linear = nn.Linear(inputs, outputs, bias=False, dtype=torch.float64).requires_grad_(False)
    module: nn.Module = fill(linear, weight=weight.T)
    return module


_STEPS: dict[str, Callable[[Node], nn.Module]] = {
    "shift_scale": lambda node: ShiftScale(node.tensors),
    "smooth_clip": lambda node: SmoothClip(node.attributes["bend"]),
    "quantile_normal": lambda node: QuantileNormal(node.tensors),
    "dense": _rotation,
    "fill": lambda node: Fill(node.tensors["values"]),
    "time_parts": lambda node: TimeParts(),
    "slot": lambda node: Slot(**node.attributes),
}


class Nodes(nn.Module):
    """Nodes of a graph that are no part of the network: the preprocessing, or what follows the outputs."""

    def __init__(self, graph: Graph, nodes: list[Node], start: int) -> None:
        super().__init__()
        self.nodes, self.start = nodes, start
        self.dtypes = [getattr(torch, graph.dtypes[node.output]) for node in nodes]
        for node in nodes:
            if node.kind in _STEPS:
                self.add_module(f"{node.kind}_{node.output}", _STEPS[node.kind](node))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        values = {self.start: x}
        for node, dtype in zip(self.nodes, self.dtypes, strict=True):
            read = [values[number] for number in node.inputs]
            if node.kind == "cast":
                value = read[0].to(dtype)
            elif node.kind == "select":
                value = read[0][:, list(node.attributes["columns"])]
            elif node.kind == "concatenate":
                value = torch.cat(read, 1)
            elif node.kind == "is_missing":
                value = torch.isnan(read[0]).to(dtype)
            elif node.kind == "one_hot":
                value = torch.eq(read[0], torch.arange(node.attributes["slots"], device=read[0].device)).to(dtype)
            else:
                value = getattr(self, f"{node.kind}_{node.output}")(read[0])
            values[node.output] = value
        return values[self.nodes[-1].output]


class Network(nn.Module):
    """A program's operations one after the other."""

    def __init__(self, program: Program, tensors: Mapping[str, Array], dtype: str) -> None:
        super().__init__()
        self.plan: list[tuple[Op, list[str]]] = []
        self.result = program.output
        for op in program.operations:
            made: list[str] = []
            self.plan.append((op, made))
            if op.kind in ("sum", "concatenate", "select"):
                continue
            parameters = [program.parameters[number] for number in op.parameters]
            states = [tensors[program.states[number].name] for number in op.states]
            widths = program.widths[op.inputs[0]], program.widths[op.output]
            for module in operation(op, widths, [tensors[p.name] for p in parameters], states):
                module.to(getattr(torch, dtype))
                if not all(p.trainable for p in parameters):
                    module.requires_grad_(False)
                made.append(self._name(op.layer.replace(".", "_"), module))
                self.add_module(made[-1], module)

    def _name(self, layer: str, module: nn.Module) -> str:
        """Return the layer's name, for its second module with what that is: `dense_1_relu`."""
        return layer if not hasattr(self, layer) else f"{layer}_{type(module).__name__.lower()}"

    def chain(self) -> list[tuple[str, nn.Module]] | None:
        """Return the modules with their names if each reads what the one before it wrote, else None."""
        before = 0
        for op, _ in self.plan:
            if op.inputs != (before,) or op.kind == "select":
                return None
            before = op.output
        return [(name, self.get_submodule(name)) for _, names in self.plan for name in names]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        values = {0: x}
        for op, names in self.plan:
            read = [values[number] for number in op.inputs]
            value = read[0]
            if op.kind == "concatenate":
                value = torch.cat(read, 1)
            elif op.kind == "select":
                value = value[:, list(op.attributes["columns"])]
            else:
                for other in read[1:]:  # of a sum
                    value = torch.add(value, other)
                for name in names:
                    value = getattr(self, name)(value)
            values[op.output] = value
        return values[self.result]
