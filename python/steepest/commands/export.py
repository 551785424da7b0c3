"""`steepest export`: a model in a form that runs without steepest."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from steepest.commands import output, reading

HELP = "write a model as ONNX, C, NumPy or safetensors"
DESCRIPTION = (
    "Write a model in a form that runs without steepest, with its preprocessing, and run it before it is kept: what is "
    "printed is the largest difference to the model's own predictions on sample rows. Classifications give "
    "probabilities, regressions numbers in the unit of the target."
)
# Ending of the file and function of steepest.export, by format.
FORMATS = {
    "onnx": (".onnx", "onnx"),
    "c": (".c", "c99"),
    "numpy": (".py", "numpy_function"),
    "safetensors": (".safetensors", "safetensors"),
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("model", metavar="MODEL", help="folder of steepest train, or a model file")
    parser.add_argument("--format", choices=tuple(FORMATS), help="(default: by the ending of the file, else onnx)")
    parser.add_argument("-o", "--output", metavar="FILE", help="(default: the model's name + the format's ending)")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(options: argparse.Namespace) -> int:
    """Export, and print the report."""
    import steepest as st

    source = os.path.join(options.model, "model.npz") if os.path.isdir(options.model) else options.model
    if not os.path.exists(source):
        raise reading.FileError(f"there is no model {source}")
    kind = options.format or _by_ending(options.output) or "onnx"
    ending, name = FORMATS[kind]
    path = options.output or f"{_stem(options.model)}{ending}"
    if os.path.exists(path) and not os.path.isdir(path) and not options.force:
        raise reading.FileError(f"{path} exists already: give --output another file, or --force to replace it")
    output.check_file(path)
    model = st.load(source)
    arguments: dict[str, Any] = {} if kind == "safetensors" else {"link": True}
    print(getattr(st.export, name)(model, path, **arguments))
    return 0


def _by_ending(path: str | None) -> str | None:
    return next((kind for kind, (ending, _) in FORMATS.items() if path and path.lower().endswith(ending)), None)


def _stem(model: str) -> str:
    """Return the name of a folder, or of a file without its ending."""
    path = Path(os.path.abspath(model))
    return path.name if path.is_dir() else path.stem
