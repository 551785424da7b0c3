"""Each kind of a graph's node as C99 statements, and the functions these call.

In the texts `T` stands for float or double, `@` for the suffix of numbers and of the library's functions (`f` or
nothing), and `_T` for the ending of our own (`_f` or `_d`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steepest.export.errors import ExportError
from steepest.export.graph import Graph, Node
from steepest.preprocessing import quantile_normal


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(map(repr, values))


FUNCTIONS = {
    "dense": """
/* y = x weight + bias; weight is n rows of m, bias may be absent */
static void dense_T(size_t n, size_t m, const T *x, const T *weight, const T *bias, T *y)
{
    for (size_t j = 0; j < m; ++j) y[j] = bias ? bias[j] : 0.0@;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < m; ++j) y[j] += x[i] * weight[i * m + j];
}
""",
    "relu": "\nstatic T relu_T(T x) { return x < 0.0@ ? 0.0@ : x; }\n",
    "leaky_relu": "\nstatic T leaky_relu_T(T x, T alpha) { return x > 0.0@ ? x : alpha * x; }\n",
    "sigmoid": """
static T sigmoid_T(T x)
{
    const T power = exp@(-fabs@(x));
    return (x >= 0.0@ ? 1.0@ : power) / (1.0@ + power);
}
""",
    "elu": "\nstatic T elu_T(T x, T alpha) { return x > 0.0@ ? x : alpha * expm1@(x); }\n",
    "selu": """
static T selu_T(T x)
{
    return 1.0507009873554805@ * (x > 0.0@ ? x : 1.6732632423543772@ * expm1@(x));
}
""",
    "celu": "\nstatic T celu_T(T x, T alpha) { return x > 0.0@ ? x : alpha * expm1@(x / alpha); }\n",
    "bounded": """
/* infinity times zero is no number; what is called with this has reached its limit long before */
static T bounded_T(T x) { return x < -1e38@ ? -1e38@ : x; }
""",
    "gelu": "\nstatic T gelu_T(T x) { return 0.5@ * bounded_T(x) * (1.0@ + erf@(x * 0.7071067811865476@)); }\n",
    "gelu_tanh": """
static T gelu_tanh_T(T x)
{
    return 0.5@ * bounded_T(x) * (1.0@ + tanh@(0.7978845608028654@ * (x + 0.044715@ * x * x * x)));
}
""",
    "silu": "\nstatic T silu_T(T x) { return bounded_T(x) * sigmoid_T(x); }\n",
    "softplus": "\nstatic T softplus_T(T x) { return (x > 0.0@ ? x : 0.0@) + log1p@(exp@(-fabs@(x))); }\n",
    "mish": "\nstatic T mish_T(T x) { return bounded_T(x) * tanh@(softplus_T(x)); }\n",
    "softsign": """
static T softsign_T(T x)
{
    const T size = fabs@(x);
    return size > 1e38@ ? (x > 0.0@ ? 1.0@ : -1.0@) : x / (1.0@ + size);
}
""",
    "hard_sigmoid": """
static T hard_sigmoid_T(T x)
{
    return (x <= -3.0@ ? 0.0@ : x >= 3.0@ ? 6.0@ : x + 3.0@) / 6.0@;
}
""",
    "hard_swish": "\nstatic T hard_swish_T(T x) { return bounded_T(x) * hard_sigmoid_T(x); }\n",
    "step": "\nstatic T step_T(T x) { return x > 0.0@ ? 1.0@ : x != x ? x : 0.0@; }\n",
    "largest": """
static size_t largest_T(size_t n, const T *x)
{
    size_t k = 0;
    for (size_t i = 1; i < n; ++i)
        if (x[i] > x[k]) k = i;
    return k;
}
""",
    "softmax": """
static void softmax_T(size_t n, const T *x, T *y)
{
    const T top = x[largest_T(n, x)];
    T sum = 0.0@;
    for (size_t i = 0; i < n; ++i) sum += y[i] = exp@(x[i] - top);
    for (size_t i = 0; i < n; ++i) y[i] /= sum;
}
""",
    "log_softmax": """
static void log_softmax_T(size_t n, const T *x, T *y)
{
    const T top = x[largest_T(n, x)];
    T sum = 0.0@;
    for (size_t i = 0; i < n; ++i) sum += exp@(x[i] - top);
    sum = log@(sum);
    for (size_t i = 0; i < n; ++i) y[i] = x[i] - top - sum;
}
""",
    "hardmax": """
static void hardmax_T(size_t n, const T *x, T *y)
{
    size_t k = 0;
    for (size_t i = 1; i < n; ++i)
        if (x[i] > x[k] || x[k] != x[k]) k = i;
    for (size_t i = 0; i < n; ++i) y[i] = x[i] != x[i] ? x[i] : i == k ? 1.0@ : 0.0@;
}
""",
    "layer_norm": """
static void layer_norm_T(size_t n, const T *x, const T *gamma, const T *beta, T epsilon, T *y)
{
    T mean = 0.0@, variance = 0.0@;
    for (size_t i = 0; i < n; ++i) mean += x[i];
    mean /= (T)n;
    for (size_t i = 0; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean);
    variance /= (T)n;
    for (size_t i = 0; i < n; ++i) y[i] = (x[i] - mean) / sqrt@(variance + epsilon) * gamma[i] + beta[i];
}
""",
    "maxout": """
static void maxout_T(size_t m, size_t pieces, const T *x, T *y)
{
    for (size_t j = 0; j < m; ++j) y[j] = x[j * pieces + largest_T(pieces, x + j * pieces)];
}
""",
    "embedding": """
/* the row of the table by number; zeros for numbers that are no category */
static void embedding_T(size_t categories, size_t m, T x, const T *table, T *y)
{
    const int known = x >= 0.0@ && x < (T)categories;
    const size_t row = known ? (size_t)x : 0;
    for (size_t j = 0; j < m; ++j) y[j] = known ? table[row * m + j] : 0.0@;
}
""",
    "slot": """
static T slot_T(T x, T levels, T unknown, T missing)
{
    if (x != x) return missing;
    return x >= 0.0@ && x < levels ? x : unknown;
}
""",
    "time_parts": """
/* days since 1970, and the phases of year, week and day: 146097 days are 400 years from 1 March */
static void time_parts_T(T seconds, T *y)
{
    const T days = seconds / 86400.0@, whole = floor@(days), week = (days + 3.0@) / 7.0@;
    const T z = whole + 719468.0@, era_day = z - 146097.0@ * floor@(z / 146097.0@);
    const T skipped = floor@(era_day / 1460.0@) - floor@(era_day / 36524.0@) + floor@(era_day / 146096.0@);
    const T march_year = floor@((era_day - skipped) / 365.0@);
    const T march_day = era_day - (365.0@ * march_year + floor@(march_year / 4.0@) - floor@(march_year / 100.0@));
    const int early = march_day >= 306.0@; /* January and February belong to the next year */
    const int year = (int)march_year + early;
    const int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const T passed = early ? march_day - 306.0@ : march_day + 59.0@ + (leap ? 1.0@ : 0.0@);
    const T phases[3] = {(passed + days - whole) / (leap ? 366.0@ : 365.0@), week - floor@(week), days - whole};
    y[0] = days;
    for (size_t i = 0; i < 3; ++i) {
        y[1 + 2 * i] = sin@(6.283185307179586@ * phases[i]);
        y[2 + 2 * i] = cos@(6.283185307179586@ * phases[i]);
    }
}
""",
    "ratio": """
static T ratio_T(const T above[8], const T below[8], T x)
{
    T a = above[0], b = below[0];
    for (int i = 1; i < 8; ++i) {
        a = a * x + above[i];
        b = b * x + below[i];
    }
    return a / b;
}
""",
    "quantile_normal": f"""
/* normal quantile of the column's distribution: Wichura's algorithm AS 241 */
static T quantile_normal_T(size_t size, T x, const T *points, const T *base, const T *start, const T *gap,
                           const T *rise, const T *middle)
{{
    static const T near_above[8] = {{{_numbers(quantile_normal.MIDDLE[0])}}};
    static const T near_below[8] = {{{_numbers(quantile_normal.MIDDLE[1])}}};
    static const T tail_above[8] = {{{_numbers(quantile_normal.TAIL[0])}}};
    static const T tail_below[8] = {{{_numbers(quantile_normal.TAIL[1])}}};
    size_t k = 0; /* the last point that is not larger */
    for (size_t step = size / 2; step > 0; step /= 2)
        if (points[k + step] <= x) k += step;
    T p = x == points[k] ? middle[k] : start[k] + (x - base[k]) / gap[k] * rise[k];
    if (p < {quantile_normal.EDGE!r}) p = {quantile_normal.EDGE!r};
    if (p > 1.0 - {quantile_normal.EDGE!r}) p = 1.0 - {quantile_normal.EDGE!r};
    const T q = p - 0.5;
    if (fabs@(q) <= 0.425) return q * ratio_T(near_above, near_below, 0.180625 - q * q);
    T z = ratio_T(tail_above, tail_below, sqrt@(-log@(p < 0.5 ? p : 1.0 - p)) - 1.6);
    if (z > {quantile_normal.LIMIT!r}) z = {quantile_normal.LIMIT!r};
    return q < 0.0 ? -z : z;
}}
""",
}
_WITH_ALPHA = ("leaky_relu", "elu", "celu")
_OF_LIBRARY = {"identity": "{x}", "tanh": "tanh@({x})", "exp": "exp@({x})"}
# Kinds that look at one element at a time, so that the result may overwrite what it is made of.
IN_PLACE = ("shift_scale", "smooth_clip", "quantile_normal", "activation", "prelu")


@dataclass(frozen=True)
class Place:
    """Where a node's statement finds what it needs: names of inputs and output, of its tensors, and sizes."""

    x: list[str]
    y: str
    tensors: dict[str, str]
    widths: list[int]  # of the inputs
    width: int


def resolve(text: str, dtype: str) -> str:
    """Return the text with the placeholders replaced."""
    single = dtype == "float32"
    text = re.sub(r"(?<=\w)_T\b", "_f" if single else "_d", text)
    text = re.sub(r"\bT\b", "float" if single else "double", text)
    return text.replace("@", "f" if single else "")


def statement(graph: Graph, node: Node, place: Place) -> str:
    """Return the statements of the node, with the placeholders replaced."""
    return resolve(_NODES[node.kind](node, place), graph.dtypes[node.output])


def _loop(width: int, y: str, expression: str) -> str:
    return f"for (size_t i = 0; i < {width}; ++i) {y}[i] = {expression};"


def _activation(node: Node, p: Place) -> str:
    name, x = node.attributes["activation"], f"{p.x[0]}[i]"
    if name in _OF_LIBRARY:
        return _loop(p.width, p.y, _OF_LIBRARY[name].format(x=x))
    if name not in FUNCTIONS:
        raise ExportError(f"layer {node.source!r}: activation {name!r} has no form in C here")
    alpha = f", {node.attributes['alpha']!r}@" if name in _WITH_ALPHA else ""
    return _loop(p.width, p.y, f"{name}_T({x}{alpha})")


def _shift_scale(node: Node, p: Place) -> str:
    value = f"{p.x[0]}[i]"
    for name, operator in (("subtract", "-"), ("divide", "/"), ("multiply", "*"), ("add", "+")):
        if name in p.tensors:
            value = f"{value} {operator} {p.tensors[name]}[i]"
            value = f"({value})" if name == "subtract" and len(p.tensors) > 1 else value
    return _loop(p.width, p.y, value)


def _quantile_normal(node: Node, p: Place) -> str:
    size = node.tensors["points"].shape[1]
    names = ("points", "base", "start", "gap", "rise", "middle")
    tables = ", ".join(f"{p.tensors[name]} + i * {size}" for name in names)
    return _loop(p.width, p.y, f"quantile_normal_T({size}, {p.x[0]}[i], {tables})")


def _concatenate(node: Node, p: Place) -> str:
    lines, start = [], 0
    for x, width in zip(p.x, p.widths, strict=True):
        lines.append(_loop(width, f"({p.y} + {start})", f"{x}[i]"))
        start += width
    return "\n    ".join(lines)


def _select(node: Node, p: Place) -> str:
    columns = list(node.attributes["columns"])
    listed = ", ".join(map(str, columns))
    return (
        f"{{\n        static const size_t columns[{len(columns)}] = {{{listed}}};\n        "
        f"{_loop(p.width, p.y, f'{p.x[0]}[columns[i]]')}\n    }}"
    )


_NODES: dict[str, Callable[[Node, Place], str]] = {
    "cast": lambda node, p: _loop(p.width, p.y, f"(T){p.x[0]}[i]"),
    "shift_scale": _shift_scale,
    "smooth_clip": lambda node, p: _loop(
        p.width, p.y, f"{p.x[0]}[i] / hypot@(1.0@, {p.x[0]}[i] / {node.attributes['bend']!r}@)"
    ),
    "quantile_normal": _quantile_normal,
    "dense": lambda node, p: (
        f"dense_T({p.widths[0]}, {p.width}, {p.x[0]}, {p.tensors['weight']}, {p.tensors.get('bias', 'NULL')}, {p.y});"
    ),
    "activation": _activation,
    "row_function": lambda node, p: f"{node.attributes['function']}_T({p.width}, {p.x[0]}, {p.y});",
    "layer_norm": lambda node, p: (
        f"layer_norm_T({p.width}, {p.x[0]}, {p.tensors['gamma']}, {p.tensors['beta']}, "
        f"{node.attributes['epsilon']!r}@, {p.y});"
    ),
    "prelu": lambda node, p: _loop(
        p.width, p.y, f"{p.x[0]}[i] > 0.0@ ? {p.x[0]}[i] : {p.tensors['slope']}[i] * {p.x[0]}[i]"
    ),
    "maxout": lambda node, p: f"maxout_T({p.width}, {node.attributes['pieces']}, {p.x[0]}, {p.y});",
    "sum": lambda node, p: _loop(p.width, p.y, " + ".join(f"{x}[i]" for x in p.x)),
    "concatenate": _concatenate,
    "select": _select,
    "fill": lambda node, p: _loop(p.width, p.y, f"{p.x[0]}[i] == {p.x[0]}[i] ? {p.x[0]}[i] : {p.tensors['values']}[i]"),
    "is_missing": lambda node, p: _loop(p.width, p.y, f"{p.x[0]}[i] == {p.x[0]}[i] ? 0.0@ : 1.0@"),
    "slot": lambda node, p: (
        f"{p.y}[0] = slot_T({p.x[0]}[0], {node.attributes['levels']}.0@, {node.attributes['unknown']}@, "
        f"{node.attributes['missing']}@);"
    ),
    "time_parts": lambda node, p: f"time_parts_T({p.x[0]}[0], {p.y});",
    "one_hot": lambda node, p: _loop(p.width, p.y, f"{p.x[0]}[0] == (T)i ? 1.0@ : 0.0@"),
    "embedding": lambda node, p: (
        f"embedding_T({len(node.tensors['table'])}, {p.width}, {p.x[0]}[0], {p.tensors['table']}, {p.y});"
    ),
}
