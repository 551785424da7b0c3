"""Each kind of a graph's node as ONNX operators.

In float32 an activation is the operator of its name, which other tools know. ONNX Runtime has no float64 kernels for
most of them; there they are made of the elementary operators, which it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.export.errors import ExportError
from steepest.export.graph import Graph, Node
from steepest.export.onnx_model import DATA_TYPES, OnnxGraph
from steepest.preprocessing import quantile_normal

Array = npt.NDArray[Any]

# erf in float64 by the polynomials of cpp/simd/math_constants.hpp: below 1 in x^2, above in (|x| - 2) / (|x| + 2).
_ERF_SMALL = (
    0.12837916709551259, -0.37612638903183754, 0.11283791670955126, -0.026866170645131252, 0.0052239776254421879,
    -0.00085483270234508176, 0.00012055332981786873, -1.4925650358250584e-05, 1.6462114359638961e-06,
    -1.636584450650579e-07, 1.4807188745599973e-08, -1.2290488135612006e-09, 9.421931953721263e-11,
    -6.7038645696110264e-12, 4.4143876160686014e-13, -2.5657563083250449e-14, 1.0234910735667391e-15,
)  # fmt: skip
_ERFCX = (
    0.25539567631050575, -0.42718584741395838, 0.24165819424246635, -0.078978581015733115, 0.0037328924043450165,
    0.0069974617392940574, -0.00084714325201339308, -0.00098197703026027213, 4.3555637774879728e-05,
    0.00017436123530124899, 2.7524819609205997e-05, -2.7580465027982318e-05, -1.3960863250756434e-05,
    1.393439667993715e-06, 3.7443735332653078e-06, 1.1995052231035317e-06, -3.9035732044924439e-07,
    -5.4941441041245587e-07, -1.632065834667942e-07, 1.8927635062490272e-07,
)  # fmt: skip
_ERF_HIGH = 6.0

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


class Writer:
    """Writes the nodes of one graph; a value is a name."""

    def __init__(self, graph: Graph, onnx: OnnxGraph) -> None:
        self.graph = graph
        self.onnx = onnx
        self.dtype = "float32"
        self.scope = ""

    def __call__(self, operator: str, *inputs: str | float, **attributes: Any) -> str:
        """Append the operator and return its output; a number stands for a constant of the present dtype."""
        names = [value if isinstance(value, str) else self.number(value) for value in inputs]
        return self.onnx.node(operator, names, self.scope, **attributes)

    def number(self, value: float) -> str:
        """Return the constant."""
        return self.onnx.constant("constant", np.asarray(value, self.dtype))

    def tensor(self, name: str, array: Array) -> str:
        """Return the constant array of the present layer."""
        return self.onnx.constant(f"{self.scope}.{name}", array)

    def integers(self, *values: int) -> str:
        """Return the constant int64 vector."""
        return self.onnx.constant("integers", np.array(values, np.int64))

    def cast(self, value: str, dtype: str) -> str:
        """Return the value in another dtype."""
        return self("Cast", value, to=DATA_TYPES[dtype])

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str:
        """Return the polynomial by Horner's rule, highest power first."""
        value: str | float = coefficients[0]
        for coefficient in coefficients[1:]:
            value = self("Add", self("Mul", value, x), coefficient)
        assert isinstance(value, str)
        return value

    def write(self, node: Node, inputs: list[str]) -> str:
        """Append the node's operators and return its output."""
        self.scope, self.dtype = node.source, self.graph.dtypes[node.output]
        return _NODES[node.kind](self, node, inputs)


# ---------------------------------------------------------------------------------------------------------- activations
def _erf(w: Writer, x: str) -> str:
    if w.dtype == "float32":
        return w("Erf", x)
    size = w("Min", w("Abs", x), _ERF_HIGH)
    square = w("Mul", size, size)
    inner = w("Add", w("Mul", size, w.polynomial(square, _ERF_SMALL[::-1])), size)
    t = w("Div", w("Sub", size, 2.0), w("Add", size, 2.0))
    outer = w("Sub", 1.0, w("Mul", w("Exp", w("Neg", square)), w.polynomial(t, _ERFCX[::-1])))
    return w("Mul", w("Sign", x), w("Where", w("Less", size, 1.0), inner, outer))


def _bounded(w: Writer, x: str) -> str:
    """Return x, not below -1e38: infinity times zero is no number, and what is called with this has long been 0."""
    return w("Where", w("Less", x, -1e38), -1e38, x)


def _expm1_below(w: Writer, x: str, factor: float, stretch: float, slope: float) -> str:
    """`slope x` above 0, below `factor (exp(x / stretch) - 1)`."""
    low = w("Min", x, 0.0)
    low = low if stretch == 1.0 else w("Div", low, stretch)
    below = w("Mul", w("Sub", w("Exp", low), 1.0), factor)
    return w("Where", w("Greater", x, 0.0), x if slope == 1.0 else w("Mul", x, slope), below)


def _softplus(w: Writer, x: str) -> str:
    if w.dtype == "float32":
        return w("Softplus", x)
    return w("Add", w("Max", x, 0.0), w("Log", w("Add", w("Exp", w("Neg", w("Abs", x))), 1.0)))


def _silu(w: Writer, x: str) -> str:
    x = _bounded(w, x)
    if w.dtype == "float32":
        return w("Mul", x, w("Sigmoid", x))
    # ONNX Runtime up to 1.20 makes an operator of that product which it does not have in float64.
    return w("Div", x, w("Add", w("Exp", w("Neg", x)), 1.0))


def _hard_sigmoid(w: Writer, x: str) -> str:
    if w.dtype == "float32":
        return w("HardSigmoid", x, alpha=1.0 / 6.0, beta=0.5)
    return w("Div", w("Min", w("Max", w("Add", x, 3.0), 0.0), 6.0), 6.0)


def _gelu(w: Writer, x: str, inner: str) -> str:
    return w("Mul", w("Mul", _bounded(w, x), 0.5), w("Add", inner, 1.0))


def _gelu_tanh(w: Writer, x: str) -> str:
    cube = w("Mul", w("Mul", w("Mul", x, x), x), 0.044715)
    return _gelu(w, x, w("Tanh", w("Mul", w("Add", x, cube), float(np.sqrt(2.0 / np.pi)))))


def _softsign(w: Writer, x: str) -> str:
    x = _bounded(w, w("Where", w("Greater", x, 1e38), 1e38, x))
    return w("Softsign", x) if w.dtype == "float32" else w("Div", x, w("Add", w("Abs", x), 1.0))


def _native(name: str, otherwise: Callable[[Writer, str, float], str], alpha: bool = False) -> Any:
    """Return the operator of this name for float32, what it is made of for float64."""

    def write(w: Writer, x: str, a: float) -> str:
        if w.dtype != "float32":
            return otherwise(w, x, a)
        return w(name, x, alpha=a) if alpha else w(name, x)

    return write


_hard_swish = _native("HardSwish", lambda w, x, a: w("Mul", x, _hard_sigmoid(w, x)))

ACTIVATIONS: dict[str, Callable[[Writer, str, float], str]] = {
    "identity": lambda w, x, a: w("Identity", x),
    "sigmoid": lambda w, x, a: w("Sigmoid", x),
    "tanh": lambda w, x, a: w("Tanh", x),
    "relu": lambda w, x, a: w("Relu", x),
    "leaky_relu": lambda w, x, a: w("LeakyRelu", x, alpha=a) if w.dtype == "float32" else w("Max", x, w("Mul", x, a)),
    "elu": _native("Elu", lambda w, x, a: _expm1_below(w, x, a, 1.0, 1.0), alpha=True),
    "selu": _native("Selu", lambda w, x, a: _expm1_below(w, x, SELU_ALPHA * SELU_SCALE, 1.0, SELU_SCALE)),
    "celu": _native("Celu", lambda w, x, a: _expm1_below(w, x, a, a, 1.0), alpha=True),
    "gelu": lambda w, x, a: _gelu(w, x, _erf(w, w("Mul", x, float(np.sqrt(0.5))))),
    "gelu_tanh": lambda w, x, a: _gelu_tanh(w, x),
    "silu": lambda w, x, a: _silu(w, x),
    "mish": lambda w, x, a: w("Mul", _bounded(w, x), w("Tanh", _softplus(w, x))),
    "softplus": lambda w, x, a: _softplus(w, x),
    "softsign": lambda w, x, a: _softsign(w, x),
    "hard_sigmoid": lambda w, x, a: _hard_sigmoid(w, x),
    "hard_swish": lambda w, x, a: _hard_swish(w, _bounded(w, x), a),
    "step": lambda w, x, a: w("Where", w("IsNaN", x), x, w.cast(w("Greater", x, 0.0), w.dtype)),
    "exp": lambda w, x, a: w("Exp", x),
}


def _activation(w: Writer, node: Node, inputs: list[str]) -> str:
    name = node.attributes["activation"]
    if name not in ACTIVATIONS:
        raise ExportError(f"layer {node.source!r}: activation {name!r} has no form in ONNX here")
    return ACTIVATIONS[name](w, inputs[0], float(node.attributes["alpha"]))


def _hardmax(w: Writer, x: str, width: int) -> str:
    gaps = w("IsNaN", x)
    filled = w("Where", gaps, float(np.finfo(w.dtype).min), x)
    if w.dtype == "float32":
        return w("Where", gaps, x, w("Hardmax", filled, axis=1))
    largest = w("ArgMax", filled, axis=1, keepdims=1)
    return w("Where", gaps, x, w.cast(w("Equal", w.integers(*range(width)), largest), w.dtype))


def _row_function(w: Writer, node: Node, inputs: list[str]) -> str:
    name = node.attributes["function"]
    if name == "hardmax":
        return _hardmax(w, inputs[0], w.graph.widths[node.output])
    return w({"softmax": "Softmax", "log_softmax": "LogSoftmax"}[name], inputs[0], axis=1)


# --------------------------------------------------------------------------------------------------------------- layers
def _dense(w: Writer, node: Node, inputs: list[str]) -> str:
    weight = w.tensor("weight", node.tensors["weight"])
    if "bias" not in node.tensors:
        return w("MatMul", inputs[0], weight)
    return w("Gemm", inputs[0], weight, w.tensor("bias", node.tensors["bias"]))


def _shift_scale(w: Writer, node: Node, inputs: list[str]) -> str:
    value = inputs[0]
    for name, operator in (("subtract", "Sub"), ("divide", "Div"), ("multiply", "Mul"), ("add", "Add")):
        if name in node.tensors:
            value = w(operator, value, w.tensor(name, node.tensors[name]))
    return value


def _layer_norm(w: Writer, node: Node, inputs: list[str]) -> str:
    gamma, beta = (w.tensor(name, node.tensors[name]) for name in ("gamma", "beta"))
    x, epsilon = inputs[0], float(node.attributes["epsilon"])
    if w.dtype == "float32":
        return w("LayerNormalization", x, gamma, beta, axis=1, epsilon=epsilon)
    # The operator's epsilon is a float32 whatever the tensors are.
    centred = w("Sub", x, w("ReduceMean", x, axes=[1], keepdims=1))
    variance = w("ReduceMean", w("Mul", centred, centred), axes=[1], keepdims=1)
    return w("Add", w("Mul", w("Div", centred, w("Sqrt", w("Add", variance, epsilon))), gamma), beta)


def _maxout(w: Writer, node: Node, inputs: list[str]) -> str:
    pieces = node.attributes["pieces"]
    split = w("Reshape", inputs[0], w.integers(0, w.graph.widths[node.output], pieces))
    return w("ReduceMax", split, axes=[2], keepdims=0)


def _embedding(w: Writer, node: Node, inputs: list[str]) -> str:
    table, x = node.tensors["table"], inputs[0]
    w.dtype = w.graph.dtypes[node.inputs[0]]
    # Numbers that are no category take the row of zeros behind the table; so does NaN, with which no comparison holds.
    known = w("And", w("GreaterOrEqual", x, 0.0), w("Less", x, float(len(table))))
    rows = w.cast(w("Where", known, x, float(len(table))), "int64")
    extended = np.concatenate([table, np.zeros_like(table[:1])])
    return w("Gather", w.tensor("table", extended), w("Squeeze", rows, w.integers(1)), axis=0)


def _select(w: Writer, node: Node, inputs: list[str]) -> str:
    return w("Gather", inputs[0], w.integers(*node.attributes["columns"]), axis=1)


# -------------------------------------------------------------------------------------------------------- preprocessing
def _smooth_clip(w: Writer, node: Node, inputs: list[str]) -> str:
    x = w("Min", w("Max", inputs[0], -1e150), 1e150)  # of which the square is still finite
    part = w("Div", x, float(node.attributes["bend"]))
    return w("Div", x, w("Sqrt", w("Add", w("Mul", part, part), 1.0)))


def _quantile_normal(w: Writer, node: Node, inputs: list[str]) -> str:
    points, x = node.tensors["points"], inputs[0]
    columns, size = points.shape
    flat = {name: w.tensor(name, array.ravel()) for name, array in node.tensors.items()}
    # The last point that is not larger, by halving; place counts through all columns' tables one behind the other.
    place = w.onnx.constant(f"{w.scope}.first", np.arange(columns, dtype=np.int64) * size)
    step = size // 2
    while step:
        further = w("Add", place, w.integers(step))
        reached = w("LessOrEqual", w("Gather", flat["points"], further, axis=0), x)
        place = w("Add", place, w("Mul", w.cast(reached, "int64"), w.integers(step)))
        step //= 2
    at = {name: w("Gather", table, place, axis=0) for name, table in flat.items()}
    beyond = w("Mul", w("Div", w("Sub", x, at["base"]), at["gap"]), at["rise"])
    p = w("Where", w("Equal", x, at["points"]), at["middle"], w("Add", at["start"], beyond))
    p = w("Min", w("Max", p, quantile_normal.EDGE), 1.0 - quantile_normal.EDGE)
    q = w("Sub", p, 0.5)
    near = w("LessOrEqual", w("Abs", q), 0.425)
    z = w("Sub", 0.180625, w("Mul", q, q))
    middle = w("Mul", q, _ratio(w, z, quantile_normal.MIDDLE))
    t = w("Sub", w("Sqrt", w("Neg", w("Log", w("Min", p, w("Sub", 1.0, p))))), 1.6)
    outside = w("Mul", w("Sign", q), _ratio(w, t, quantile_normal.TAIL))
    value = w("Where", near, middle, outside)
    return w("Min", w("Max", value, -quantile_normal.LIMIT), quantile_normal.LIMIT)


def _ratio(w: Writer, x: str, coefficients: Any) -> str:
    above, below = coefficients
    return w("Div", w.polynomial(x, above), w.polynomial(x, below))


def _slot(w: Writer, node: Node, inputs: list[str]) -> str:
    x, a = inputs[0], node.attributes
    known = w("And", w("GreaterOrEqual", x, 0.0), w("Less", x, float(a["levels"])))
    return w("Where", w("IsNaN", x), a["missing"], w("Where", known, x, a["unknown"]))


def _time_parts(w: Writer, node: Node, inputs: list[str]) -> str:
    days = w("Div", inputs[0], 86400.0)
    whole = w("Floor", days)
    day = w("Sub", days, whole)
    week = w("Div", w("Add", days, 3.0), 7.0)
    phases = [_year_phase(w, whole, day), w("Sub", week, w("Floor", week)), day]
    parts = [days]
    for phase in phases:
        angle = w("Mul", phase, 2.0 * np.pi)
        # ONNX Runtime up to 1.20 has no cosine in float64.
        parts += [w("Sin", angle), w("Sin", w("Add", angle, 0.5 * np.pi))]
    return w("Concat", *parts, axis=1)


def _year_phase(w: Writer, whole: str, day: str) -> str:
    """Return which share of its year has passed, by the Gregorian calendar: 146097 days are 400 years from 1 March."""

    def quotient(x: str, divisor: float) -> str:
        return w("Floor", w("Div", x, divisor))

    def divides(divisor: float, x: str) -> str:
        return w.cast(w("Equal", x, w("Mul", quotient(x, divisor), divisor)), w.dtype)

    z = w("Add", whole, 719468.0)
    era_day = w("Sub", z, w("Mul", quotient(z, 146097.0), 146097.0))
    corrected = w("Sub", w("Add", w("Sub", era_day, quotient(era_day, 1460.0)), quotient(era_day, 36524.0)),
                  quotient(era_day, 146096.0))  # fmt: skip
    march_year = quotient(corrected, 365.0)
    before = w("Sub", w("Add", w("Mul", march_year, 365.0), quotient(march_year, 4.0)), quotient(march_year, 100.0))
    march_day = w("Sub", era_day, before)
    early = w("GreaterOrEqual", march_day, 306.0)  # January and February belong to the next year
    year = w("Add", march_year, w.cast(early, w.dtype))
    leap = w("Add", w("Sub", divides(4.0, year), divides(100.0, year)), divides(400.0, year))
    passed = w("Where", early, w("Sub", march_day, 306.0), w("Add", w("Add", march_day, 59.0), leap))
    return w("Div", w("Add", passed, day), w("Add", leap, 365.0))


def _one_hot(w: Writer, node: Node, inputs: list[str]) -> str:
    numbers = np.arange(w.graph.widths[node.output], dtype=w.dtype)
    return w.cast(w("Equal", inputs[0], w.tensor("slots", numbers)), w.dtype)


_NODES: dict[str, Callable[[Writer, Node, list[str]], str]] = {
    "cast": lambda w, node, inputs: w.cast(inputs[0], w.dtype),
    "shift_scale": _shift_scale,
    "smooth_clip": _smooth_clip,
    "quantile_normal": _quantile_normal,
    "dense": _dense,
    "activation": _activation,
    "row_function": _row_function,
    "layer_norm": _layer_norm,
    "prelu": lambda w, node, inputs: w("PRelu", inputs[0], w.tensor("slope", node.tensors["slope"])),
    "maxout": _maxout,
    "sum": lambda w, node, inputs: w("Sum", *inputs),
    "concatenate": lambda w, node, inputs: w("Concat", *inputs, axis=1),
    "select": _select,
    "embedding": _embedding,
    "fill": lambda w, node, x: w("Where", w("IsNaN", x[0]), w.tensor("values", node.tensors["values"]), x[0]),
    "is_missing": lambda w, node, inputs: w.cast(w("IsNaN", inputs[0]), w.dtype),
    "slot": _slot,
    "time_parts": _time_parts,
    "one_hot": _one_hot,
}
