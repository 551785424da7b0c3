"""What a measurement must be read with: machine, versions, threads, date."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

import steepest

# The libraries of NumPy and of the rivals each read one of these, before they start.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
OTHER_VARIABLES = ("OMP_WAIT_POLICY", "OMP_PROC_BIND", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "STEEPEST_ISA")


def thread_variables(threads: int) -> dict[str, str]:
    """Return the variables that give every library the same number of threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def numpy_blas() -> str:
    """Return name and version of NumPy's BLAS, or "unknown"."""
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    except (KeyError, TypeError):  # NumPy below 1.25 prints only
        return "unknown"


def record(threads: int) -> dict[str, Any]:
    """Return the environment of this process as JSON can hold it."""
    build = steepest.build_info()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": build["cpu"],
        "isa": build["isa"],
        "available_isas": build["available_isas"],
        "caches_bytes": {level: build[f"{level}_bytes"] for level in ("l1d", "l2", "l3")},
        "cpus": os.cpu_count(),
        "threads": threads,
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "steepest": build["version"],
        "compiler": build["compiler"],
        "numpy": np.__version__,
        "numpy_blas": numpy_blas(),
        "variables": {name: os.environ.get(name) for name in (*THREAD_VARIABLES, *OTHER_VARIABLES)},
    }


def describe(environment: Mapping[str, Any]) -> list[str]:
    """Return the lines that say it in a report."""
    load = environment["load_average"]
    busy = f", load {load[0]:.1f} at the start" if load else ""
    return [
        f"steepest {environment['steepest']} ({environment['compiler']}), NumPy {environment['numpy']} "
        f"({environment['numpy_blas']}), Python {environment['python']}, {environment['date']}",
        f"{environment['cpu']}, {environment['cpus']} CPUs, instruction set {environment['isa']}, "
        f"{environment['threads']} threads for all{busy}",
    ]
