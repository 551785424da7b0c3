"""Ways out and in: files and objects of other libraries that give what the model gives, each run before it is kept.

Files: `onnx`, `safetensors`, `c99`, `numpy_function`. Objects: `to_torch`, `to_sklearn`. Models: `from_torch`,
`from_sklearn`, `from_safetensors`. What runs a model carries its preprocessing, and says in its report how near its
outputs came; docs/export.md has the table of what each can hold.
"""

from __future__ import annotations

from steepest.export.errors import ExportError
from steepest.export.from_torch import from_torch
from steepest.export.report import ExportReport
from steepest.export.tensors import from_safetensors, safetensors
from steepest.export.to_c import c99
from steepest.export.to_numpy import numpy_function
from steepest.export.to_onnx import onnx
from steepest.export.to_sklearn import from_sklearn, to_sklearn
from steepest.export.to_torch import to_torch

__all__ = [
    "ExportError",
    "ExportReport",
    "c99",
    "from_safetensors",
    "from_sklearn",
    "from_torch",
    "numpy_function",
    "onnx",
    "safetensors",
    "to_sklearn",
    "to_torch",
]
