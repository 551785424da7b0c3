"""The text of a C99 file: constants, the functions that are used, and `predict` with its buffers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from steepest.export import table
from steepest.export.c_nodes import FUNCTIONS, IN_PLACE, Place, resolve, statement
from steepest.export.graph import Graph, Node
from steepest.export.source import Source

Array = npt.NDArray[np.floating]

C_TYPES = {"float32": "float", "float64": "double"}
_TEST_ROWS = 4

_HEAD = """/* {about}

   void {name}(const {input_type} x[{inputs}], {output_type} y[{outputs}]);

   takes one sample of {inputs} numbers and writes {outputs}. It allocates nothing, keeps nothing and calls the C
   library's mathematics only; its buffers are {stack} bytes on the stack (compile with -D{upper}_STORAGE=static to
   have them elsewhere; it then serves one thread at a time).

   cc -std=c99 -O2 -c {file}
   makes the function; link with -lm.

   cc -std=c99 -O2 -D{upper}_SELF_TEST {file} -lm
   makes a program that checks {rows} samples on the machine where it runs.{columns}
*/
#include <math.h>
#include <stddef.h>{string}

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF /* as other compilers have it in C99: a fused sum is not that of the model */
#endif

#define {upper}_INPUTS {inputs}
#define {upper}_OUTPUTS {outputs}
#ifndef {upper}_STORAGE
#define {upper}_STORAGE
#endif

void {name}(const {input_type} x[{inputs}], {output_type} y[{outputs}]);
"""
_CODES = """
/* The number that stands for a category in its place of x: NAN if it is missing, -1 if it is none of those known. */
double {name}_code(size_t column, const char *text);
double {name}_code(size_t column, const char *text)
{{
    static const char *const missing[] = {{{missing}}};
    static const char *const levels[] = {{{levels}}};
    static const size_t first[{count}] = {{{first}}};
    if (column >= {columns}) return -1.0;
    for (size_t i = first[column]; i < first[column + 1]; ++i)
        if (strcmp(levels[i], text) == 0) return (double)(i - first[column]);
    for (size_t i = 0; i < sizeof missing / sizeof *missing; ++i)
        if (strcmp(missing[i], text) == 0) return (double)NAN;
    return -1.0;
}}
"""
_TEST = """
#ifdef {upper}_SELF_TEST
#include <stdio.h>

int main(void)
{{
{samples}
{expected}
    double largest = 0.0;
    for (size_t row = 0; row < {rows}; ++row) {{
        {output_type} y[{outputs}];
        {name}(samples + row * {inputs}, y);
        for (size_t i = 0; i < {outputs}; ++i) {{
            const double difference = fabs((double)y[i] - (double)expected[row * {outputs} + i]);
            if (!(difference <= largest)) largest = difference;
        }}
    }}
    printf("largest difference over {rows} samples: %.3g, accepted %.3g\\n", largest, {accepted!r});
    return largest <= {accepted!r} ? 0 : 1;
}}
#endif
"""


class _Buffers:
    """Names of arrays that values share when their times do not overlap."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.sizes: list[int] = []
        self.dtypes: list[str] = []
        self._free: list[int] = []
        self._of: dict[int, int] = {}
        self._last = {value: i for i, node in enumerate(graph.nodes) for value in node.inputs}
        self._last[graph.output] = len(graph.nodes)

    def take(self, value: int) -> None:
        """Give the value an array: the free one of its dtype whose size fits best, which may have to grow."""
        dtype, width = self.graph.dtypes[value], self.graph.widths[value]
        fitting = [k for k in self._free if self.dtypes[k] == dtype]
        if fitting:
            chosen = min(fitting, key=lambda k: abs(self.sizes[k] - width))
            self._free.remove(chosen)
            self.sizes[chosen] = max(self.sizes[chosen], width)
        else:
            chosen = len(self.sizes)
            self.sizes.append(width)
            self.dtypes.append(dtype)
        self._of[value] = chosen

    def release(self, values: Iterable[int], step: int) -> None:
        """Take back the arrays of the values that are not read after the node number `step`."""
        for value in set(values):
            if value in self._of and self._last[value] <= step:
                self._free.append(self._of.pop(value))

    def name(self, value: int) -> str:
        """Return the C name of the value's array."""
        return "x" if value == 0 else f"b{self._of[value]}"


def identifier(name: str) -> str:
    """Return the name with what C does not allow replaced."""
    return re.sub(r"\W", "_", name)


def write(source: Source, name: str, file: str, accepted: float) -> str:
    """Return the text of the file; `accepted` is the difference that its self test allows."""
    graph, upper = source.graph, name.upper()
    buffers = _Buffers(graph)
    constants, body = [], []
    for step, node in enumerate(graph.nodes):
        tensors = {key: f"{identifier(node.source)}_{node.output}_{key}" for key in node.tensors}
        constants += [_array(tensors[key], array) for key, array in node.tensors.items()]
        body.append("    " + statement(graph, node, _place(graph, node, step, buffers, tensors)))
    declared = [
        f"    {upper}_STORAGE {C_TYPES[dtype]} b{k}[{size}];"
        for k, (size, dtype) in enumerate(zip(buffers.sizes, buffers.dtypes, strict=True))
    ]
    stack = sum(size * np.dtype(dtype).itemsize for size, dtype in zip(buffers.sizes, buffers.dtypes, strict=True))
    rows = min(_TEST_ROWS, len(source.rows))
    facts = {
        "about": _comment(source),
        "name": name,
        "upper": upper,
        "file": file,
        "stack": stack,
        "rows": rows,
        "accepted": accepted,
        "inputs": graph.widths[0],
        "outputs": graph.widths[graph.output],
        "input_type": C_TYPES[graph.input_dtype],
        "output_type": C_TYPES[graph.output_dtype],
        "string": "\n#include <string.h>" if source.table else "",
        "columns": _columns(source, name) if source.table else "",
        "samples": _array("samples", source.rows[:rows], indent="    "),
        "expected": _array("expected", source.outputs[:rows], indent="    "),
    }
    result = f"    for (size_t i = 0; i < {upper}_OUTPUTS; ++i) y[i] = {buffers.name(graph.output)}[i];\n"
    signature = "\nvoid {name}(const {input_type} x[{inputs}], {output_type} y[{outputs}])\n".format(**facts)
    return "".join(
        [
            _HEAD.format(**facts),
            "\n",
            *constants,
            *_functions("\n".join(body)),
            _codes(source, name) if source.table else "",
            signature,
            "{\n",
            "\n".join([*declared, *body]),
            f"\n{result}}}\n",
            _TEST.format(**facts),
        ]
    )


def _place(graph: Graph, node: Node, step: int, buffers: _Buffers, tensors: dict[str, str]) -> Place:
    names = [buffers.name(value) for value in node.inputs]
    if node.kind in IN_PLACE:
        buffers.release(node.inputs, step)
    buffers.take(node.output)
    buffers.release(node.inputs, step)
    widths = [graph.widths[value] for value in node.inputs]
    return Place(names, buffers.name(node.output), tensors, widths, graph.widths[node.output])


def _functions(body: str) -> list[str]:
    """Return the functions that the body calls, directly or not, in an order in which each knows those it calls."""
    texts = {
        f"{name}{ending}": resolve(text, dtype)
        for name, text in FUNCTIONS.items()
        for ending, dtype in (("_f", "float32"), ("_d", "float64"))
    }
    called: set[str] = set()
    waiting = [body]
    while waiting:
        found = set(re.findall(r"\b\w+_[fd](?=\()", waiting.pop())) & texts.keys()
        waiting += [texts[name] for name in found - called]
        called |= found
    return [text for name, text in texts.items() if name in called]


def _array(name: str, array: Array, indent: str = "") -> str:
    """Return the definition of a constant array, every number to all its digits."""
    single = array.dtype == np.float32
    if single:  # nine digits tell all float32 numbers apart
        numbers = [f"{number:.9g}" for number in array.ravel().tolist()]
        numbers = [n if n == "nan" else f"{n}f" if "." in n or "e" in n else f"{n}.0f" for n in numbers]
    else:
        numbers = [repr(number) for number in array.ravel().tolist()]
    numbers = ["NAN" if n == "nan" else n for n in numbers]  # a gap in the samples of the self test
    lines = [f"{indent}    {', '.join(numbers[i : i + 8])},\n" for i in range(0, len(numbers), 8)]
    head = f"{indent}static const {'float' if single else 'double'} {name}[{array.size}] = {{\n"
    return "".join([head, *lines, f"{indent}}};\n"])


def _comment(source: Source) -> str:
    about = source.metadata
    text = f"A neural network, written by {about['producer']}. Outputs: {about['outputs']}."
    if "preprocessing" in about:
        text += f" The preprocessing is part of it: {about['preprocessing']}."
    return textwrap.fill(text.replace("*/", "* /"), 110, subsequent_indent="   ", break_long_words=False)


def _text(text: str) -> str:
    """Return the text as a C string of its UTF-8 bytes."""
    plain = set(b" !#$%&'()*+,-./:;<=>@[]^_`{|}~") | set(range(48, 58)) | set(range(65, 91)) | set(range(97, 123))
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode()) + '"'


def _columns(source: Source, name: str) -> str:
    """Return the part of the comment that says what the columns of x are."""
    levels, times = table.levels(source.preprocessing), table.times(source.preprocessing)
    numbers = ("a number, NAN if it is missing", "seconds since 1970-01-01 UTC, NAN if it is missing")
    lines = [
        f"   x[{i}] {column}: {f'{name}_code({i}, text)' if column in levels else numbers[column in times]}"
        for i, column in enumerate(source.preprocessing.names)
    ]
    return "\n\n" + "\n".join(lines).replace("*/", "* /").replace("/*", "/ *")


def _codes(source: Source, name: str) -> str:
    """Return the function that numbers categories."""
    levels = table.levels(source.preprocessing)
    listed = [levels.get(column, ()) for column in source.preprocessing.names]
    first = np.cumsum([0, *(len(each) for each in listed)])
    names = ", ".join(_text(level) for each in listed for level in each)
    missing = ", ".join(map(_text, ("", *source.preprocessing.missing)))
    return _CODES.format(
        name=name,
        missing=missing,
        levels=names or '""',
        first=", ".join(map(str, first)),
        count=len(first),
        columns=len(listed),
    )
