"""Activation functions as declarative objects; the arithmetic is in the core."""

from __future__ import annotations

from steepest.activations.base import Activation
from steepest.activations.custom import Custom
from steepest.activations.elementwise import (
    Celu,
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    Identity,
    LeakyRelu,
    Mish,
    PReLU,
    Relu,
    Selu,
    Sigmoid,
    Silu,
    Softplus,
    Softsign,
    Step,
    Tanh,
)
from steepest.activations.rows import Hardmax, LogSoftmax, RowFunction, Softmax

__all__ = [
    "Activation",
    "Celu",
    "Custom",
    "Elu",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "LeakyRelu",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "Relu",
    "RowFunction",
    "Selu",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Softsign",
    "Step",
    "Tanh",
]
