"""Dense neural networks trained on the CPU at the speed of the CPU, and shown to train right.

Everything is imported at first use, so `import steepest` loads NumPy and the C++ core only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from steepest import _core

if TYPE_CHECKING:
    from steepest import (
        activations,
        callbacks,
        datasets,
        diagnostics,
        ensembles,
        export,
        initializers,
        kernels,
        layers,
        losses,
        many,
        metrics,
        optimizers,
        pictures,
        preprocessing,
        registry,
        regularizers,
        schedules,
        search,
        tables,
        transfer,
    )
    from steepest.checkup import checkup
    from steepest.errors import TrainingDiverged
    from steepest.gradcheck import gradcheck
    from steepest.history import History
    from steepest.many import cross_validate, train_many
    from steepest.saving import load
    from steepest.sequential import Sequential
    from steepest.threads import get_num_threads, set_num_threads

_MODULES = (
    "activations",
    "callbacks",
    "checkup",  # a module that can be called
    "datasets",
    "diagnostics",
    "ensembles",
    "export",
    "gradcheck",  # a module that can be called
    "initializers",
    "kernels",
    "layers",
    "losses",
    "many",
    "metrics",
    "optimizers",
    "pictures",
    "preprocessing",
    "registry",
    "regularizers",
    "schedules",
    "search",
    "sklearn",
    "tables",
    "transfer",
)
_NAMES = {
    "History": "history",
    "Sequential": "sequential",
    "TrainingDiverged": "errors",
    "cross_validate": "many",
    "get_num_threads": "threads",
    "load": "saving",
    "set_num_threads": "threads",
    "train_many": "many",
}

__all__ = [
    "History",
    "Sequential",
    "TrainingDiverged",
    "__version__",
    "activations",
    "build_info",
    "callbacks",
    "checkup",
    "cross_validate",
    "datasets",
    "diagnostics",
    "ensembles",
    "export",
    "get_num_threads",
    "gradcheck",
    "initializers",
    "kernels",
    "layers",
    "load",
    "losses",
    "many",
    "metrics",
    "optimizers",
    "pictures",
    "preprocessing",
    "registry",
    "regularizers",
    "schedules",
    "search",
    "set_num_threads",
    "tables",
    "train_many",
    "transfer",
]

__version__: str = _core.build_info()["version"]


def build_info() -> dict[str, Any]:
    """Return how the core was built and which instruction set it uses.

    Examples
    --------
    >>> import steepest as st
    >>> st.build_info()["version"] == st.__version__
    True
    """
    return dict(_core.build_info())


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
