"""C99 files, and the compiler that tries them."""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import archive
from steepest.checks import check_path
from steepest.export import c_source
from steepest.export.errors import ExportError
from steepest.export.report import ExportReport, compare
from steepest.export.source import Source

Array = npt.NDArray[Any]

FLAGS = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
# Reads samples from the standard input and writes outputs to the standard output.
_DRIVER = """
#include <stdio.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif
#include "network.c"

int main(void)
{{
#ifdef _WIN32
    _setmode(0, _O_BINARY);
    _setmode(1, _O_BINARY);
#endif
    {input_type} driver_x[{upper}_INPUTS];
    {output_type} driver_y[{upper}_OUTPUTS];
    while (fread(driver_x, sizeof driver_x, 1, stdin) == 1) {{
        {name}(driver_x, driver_y);
        if (fwrite(driver_y, sizeof driver_y, 1, stdout) != 1) return 1;
    }}
    return 0;
}}
"""
_KEYWORDS = re.compile(
    "auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long|main|"
    "register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|union|unsigned|void|volatile|while"
)

# What the file calls other things itself.
_TAKEN = re.compile("main|x|y|i|row|samples|expected|largest|difference|printf|size_t")


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or _KEYWORDS.fullmatch(name):
        raise ValueError(f"name must be a name that C allows, got {name!r}")
    if _TAKEN.fullmatch(name):
        raise ValueError(f"name={name!r} is what the C file calls something else: give another, such as 'predict'")


def c99(
    model: Any,
    path: str | os.PathLike[str],
    X: npt.ArrayLike | None = None,
    *,
    preprocessing: Any = None,
    link: bool = False,
    input_dtype: npt.DTypeLike | None = None,
    tolerance: float | None = None,
    name: str = "predict",
) -> ExportReport:
    """Write the model as one C99 file with a function `predict` of one sample.

    No allocation, no state, nothing but `<math.h>`: for microcontrollers, plug-ins and services without Python. The
    comment at its top says the sizes. Compiled with `-DPREDICT_SELF_TEST` it is a program that checks a few samples on
    the machine where it will run. It is compiled without warnings and run before it is kept, if there is a compiler
    here (`$CC`, cc, gcc or clang); otherwise the report says that it was not.

    Parameters
    ----------
    model, path, X, preprocessing, link, input_dtype, tolerance
        As for `steepest.export.onnx`.
    name : str
        Of the function, and in capitals of its macros.

    Returns
    -------
    ExportReport
        With `largest_difference` to the model's outputs, NaN where there is no compiler.

    Raises
    ------
    ExportError
        If a layer cannot be exported, the outputs differ, or the compiler does not take the file.

    Examples
    --------
    >>> import os, tempfile
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(8, "tanh"), st.layers.Dense(2)], input_shape=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = st.export.c99(model, os.path.join(folder, "net.c"))
    >>> report.format
    'C99'
    """
    _check_name(name)
    path = check_path("path", path)
    source = Source(model, X, preprocessing=preprocessing, link=link, input_dtype=input_dtype)
    accepted = source.accepted(tolerance)
    largest = float(np.abs(source.outputs).max(initial=0.0))
    text = c_source.write(source, name, os.path.basename(os.fspath(path)), accepted * max(1.0, largest))
    compiler = find_compiler()
    notes: tuple[str, ...] = ()
    difference, runner = math.nan, "nothing"
    if compiler is None:
        notes = (f"no C compiler found: compile it with -D{name.upper()}_SELF_TEST where it will run, and run that",)
    else:
        given, runner = _run(compiler, text, source, name)
        difference, largest = compare("the compiled C function", given, source.outputs, accepted)
    with archive.replacing(path) as file:
        file.write(text.encode())
    return ExportReport("C99", os.fspath(path), difference, largest, len(source.rows), accepted, runner, notes)


def find_compiler() -> list[str] | None:
    """Return the command of a C compiler that takes gcc's flags, or None."""
    for command in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        words = shlex.split(command, posix=os.name != "nt")
        if words and shutil.which(words[0]):
            return words
    return None


def _run(compiler: list[str], text: str, source: Source, name: str) -> tuple[Array, str]:
    """Return the outputs of the compiled file for the sample rows, and what compiled it."""
    facts = {
        "name": name,
        "upper": name.upper(),
        "input_type": c_source.C_TYPES[source.graph.input_dtype],
        "output_type": c_source.C_TYPES[source.graph.output_dtype],
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "network.c").write_text(text, encoding="utf-8")
        Path(folder, "driver.c").write_text(_DRIVER.format(**facts), encoding="utf-8")
        program = Path(folder, "driver.exe")  # which Windows wants and others do not mind
        command = [*compiler, *FLAGS, "driver.c", "-o", str(program), "-lm"]
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if made.returncode:
            raise ExportError(f"{' '.join(command)} does not take the C file:\n{made.stderr[:2000]}")
        rows = np.ascontiguousarray(source.rows).tobytes()
        done = subprocess.run([str(program)], input=rows, capture_output=True, check=False)
    if done.returncode:
        raise ExportError(f"the compiled C function ended with code {done.returncode}")
    return np.frombuffer(done.stdout, source.graph.output_dtype).reshape(len(source.rows), -1), " ".join(compiler)
