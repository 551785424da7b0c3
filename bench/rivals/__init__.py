"""The rivals by name: module, label, the packages it needs, and what it can do."""

import importlib
import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    module: str
    label: str
    packages: tuple
    trains: bool = True
    norm_and_dropout: bool = True
    big: bool = True

    def missing(self):
        """The packages that are not installed."""
        return [name for name in self.packages if importlib.util.find_spec(name) is None]

    def load(self):
        return importlib.import_module(f"bench.rivals.{self.module}").RIVAL


RIVALS = {
    "steepest": Entry("steepest_fit", "steepest", ("steepest",)),
    "numpy": Entry("numpy_by_hand", "NumPy", ("numpy",), norm_and_dropout=False),
    "sklearn": Entry("sklearn_mlp", "scikit-learn", ("sklearn",), norm_and_dropout=False),
    "torch": Entry("torch_eager", "PyTorch", ("torch",)),
    "compile": Entry("torch_compiled", "torch.compile", ("torch",)),
    "jax": Entry("jax_scan", "JAX", ("jax",)),
    "onnx": Entry("onnx_runtime", "ONNX Runtime", ("onnx", "onnxruntime"), trains=False),
}
