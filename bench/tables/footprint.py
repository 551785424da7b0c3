"""Table 5: memory of a training process, import time, installed size."""

import importlib.metadata
import importlib.util
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.pool import RivalError, Worker
from bench.rivals import RIVALS
from bench.tables.common import Table, progress, spec_of
from steepest.bench.shapes import SHAPES

# What a user imports, and the distribution that brings it.
IMPORTS = {
    "steepest": ("import steepest; steepest.Sequential", "steepest"),
    "numpy": ("import numpy", "numpy"),
    "sklearn": ("from sklearn.neural_network import MLPClassifier", "scikit-learn"),
    "torch": ("import torch", "torch"),
    "jax": ("import jax.numpy", "jax"),
    "onnx": ("import onnxruntime", "onnxruntime"),
}


def import_seconds(statement, times):
    """Median of fresh processes, less an empty one's."""
    # Python may keep what it compiles, as pip does for a package it installs: in a checkout nothing is kept yet.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken = {}
    for code in ("pass", statement):
        seconds = []
        for _ in range(times):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
            seconds.append(time.perf_counter() - started)
        taken[code] = statistics.median(seconds)
    return taken[statement] - taken["pass"]


def with_dependencies(distribution, seen=None):
    """The installed distributions that this one cannot do without, itself included."""
    seen = {} if seen is None else seen
    name = re.sub(r"[-_.]+", "-", distribution).lower()
    if name in seen:
        return seen
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return seen
    seen[name] = found
    for requirement in found.requires or []:
        if "extra ==" not in requirement:
            with_dependencies(re.match(r"[\w.-]+", requirement)[0], seen)
    return seen


def folder_bytes(folder):
    return sum(
        path.stat().st_size for path in Path(folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )


def installed_bytes(distribution):
    """Bytes of the files of a distribution: alone, and with all it needs."""
    needed = with_dependencies(distribution)
    sizes = {}
    for name, found in needed.items():
        paths = [found.locate_file(file) for file in found.files or [] if "__pycache__" not in str(file)]
        sizes[name] = sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
    if distribution == "steepest" and sizes.get("steepest", 0) < 100_000:
        # Run from the checkout, or installed editable: the package's folder is what would be installed.
        folder = Path(importlib.util.find_spec("steepest").origin).parent
        sizes = {"steepest": folder_bytes(folder), "numpy": installed_bytes("numpy")[0]}
    return sizes.get(re.sub(r"[-_.]+", "-", distribution).lower(), 0), sum(sizes.values())


def training_memory(name, spec):
    with Worker(name, spec) as worker:
        return worker.ask(do="memory")


def measure(options):
    columns = [
        "",
        "import",
        "installed alone",
        "with all it needs",
        "process with data",
        "peak of training",
        "added by training",
    ]
    table = Table("Footprint", columns)
    shape = SHAPES["mnist" if "mnist" in options.shapes else options.shapes[0]]
    table.notes.append(
        f"Memory: ru_maxrss of a process that trains {shape.name} {shape.label} for an epoch of {shape.rows} rows, "
        "its data included."
    )
    table.notes.append(
        "Import: median of fresh processes less an empty one's. Sizes: files in site-packages, without __pycache__."
    )
    for name in options.rivals:
        missing = RIVALS[name].missing()
        if name not in IMPORTS or missing:
            if missing:
                table.notes.append(f"{RIVALS[name].label}: not installed: {', '.join(missing)}")
            continue
        progress(f"footprint: {name}")
        statement, distribution = IMPORTS[name]
        record = {"rival": name, "import_seconds": import_seconds(statement, 3 if options.quick else 9)}
        record["installed_bytes"], record["installed_bytes_with_dependencies"] = installed_bytes(distribution)
        memory = ["–"] * 3
        if RIVALS[name].trains:
            try:
                record |= training_memory(name, spec_of(shape, options))
                sizes = (record["before"], record["peak"], record["peak"] - record["before"])
                memory = [f"{size / 1e6:.0f} MB" for size in sizes]
            except RivalError as failure:
                table.notes.append(f"{RIVALS[name].label}: {failure}")
        sizes = [f"{record[key] / 1e6:.1f} MB" for key in ("installed_bytes", "installed_bytes_with_dependencies")]
        table.rows.append([RIVALS[name].label, f"{1e3 * record['import_seconds']:.0f} ms", *sizes, *memory])
        table.record.append(record)
    return table
