"""Each kind of a graph's node as a line of NumPy, and the functions these lines call."""

from __future__ import annotations

from collections.abc import Callable

from steepest.export.errors import ExportError
from steepest.export.graph import Node
from steepest.preprocessing import quantile_normal

# Source of the functions that the lines call, by name; only those that are called are written.
FUNCTIONS = {
    "relu": """
def relu(x):
    return np.maximum(x, 0)
""",
    "leaky_relu": """
def leaky_relu(x, alpha):
    return np.where(x > 0, x, alpha * x)
""",
    "sigmoid": """
def sigmoid(x):
    power = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, power) / (1 + power)
""",
    "elu": """
def elu(x, alpha):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
""",
    "selu": """
def selu(x):
    return np.where(x > 0, 1.0507009873554805 * x, 1.0507009873554805 * 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
""",
    "celu": """
def celu(x, alpha):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))
""",
    "erf": """
_erf = np.frompyfunc(math.erf, 1, 1)


def erf(x):
    return _erf(x).astype(x.dtype)
""",
    "bounded": """
def bounded(x):
    # Infinity times zero is no number; what is called with this has reached its limit long before.
    return np.maximum(x, -1e38)
""",
    "gelu": """
def gelu(x):
    return bounded(x) * 0.5 * (1 + erf(x * 0.7071067811865476))
""",
    "gelu_tanh": """
def gelu_tanh(x):
    return bounded(x) * 0.5 * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
""",
    "silu": """
def silu(x):
    return bounded(x) * sigmoid(x)
""",
    "softplus": """
def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
""",
    "mish": """
def mish(x):
    return bounded(x) * np.tanh(softplus(x))
""",
    "softsign": """
def softsign(x):
    x = np.clip(x, -1e38, 1e38)
    return x / (1 + np.abs(x))
""",
    "hard_sigmoid": """
def hard_sigmoid(x):
    return np.clip(x + 3, 0, 6) / 6
""",
    "hard_swish": """
def hard_swish(x):
    return bounded(x) * hard_sigmoid(x)
""",
    "step": """
def step(x):
    return np.where(np.isnan(x), x, x > 0).astype(x.dtype)
""",
    "softmax": """
def softmax(x):
    power = np.exp(x - x.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)
""",
    "log_softmax": """
def log_softmax(x):
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
""",
    "hardmax": """
def hardmax(x):
    largest = np.where(np.isnan(x), -np.inf, x).argmax(axis=1)
    return np.where(np.isnan(x), x, np.arange(x.shape[1]) == largest[:, np.newaxis]).astype(x.dtype)
""",
    "layer_norm": """
def layer_norm(x, gamma, beta, epsilon):
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + epsilon) * gamma + beta
""",
    "embedding": """
def embedding(x, table):
    with np.errstate(invalid="ignore"):
        known = (x >= 0) & (x < len(table))
    return np.where(known, table[np.where(known, x, 0).astype(np.int64)[:, 0]], 0)
""",
    "slot": """
def slot(x, levels, unknown, missing):
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(x), missing, np.where((x >= 0) & (x < levels), x, unknown))
""",
    "time_parts": """
def time_parts(x):
    # Days since 1970, and the phases of year, week and day: 146097 days are 400 years from 1 March.
    days = x / 86400.0
    whole = np.floor(days)
    era_day = (whole + 719468) % 146097
    march_year = (era_day - era_day // 1460 + era_day // 36524 - era_day // 146096) // 365
    march_day = era_day - (365 * march_year + march_year // 4 - march_year // 100)
    year = march_year + (march_day >= 306)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    passed = np.where(march_day >= 306, march_day - 306, march_day + 59 + leap)
    phases = [(passed + days - whole) / (365 + leap), (days + 3) / 7 % 1, days - whole]
    return np.hstack([days] + [f(2 * np.pi * phase) for phase in phases for f in (np.sin, np.cos)])
""",
    "smooth_clip": """
def smooth_clip(x, bend):
    return x / np.hypot(1.0, x / bend)
""",
    "quantile_normal": f"""
def ratio(above, below, x):
    return np.polyval(above, x) / np.polyval(below, x)


def quantile_normal(x, points, base, start, gap, rise, middle):
    # The distribution function: which point is the last that is not larger, and how far x is beyond it.
    at = np.stack([np.searchsorted(p, x[:, j], side="right") - 1 for j, p in enumerate(points)], axis=1)
    at = np.maximum(at, 0), np.arange(x.shape[1])
    points, base, start, gap, rise, middle = (table.T[at] for table in (points, base, start, gap, rise, middle))
    p = np.where(x == points, middle, start + (x - base) / gap * rise)
    p = np.clip(p, {quantile_normal.EDGE!r}, 1 - {quantile_normal.EDGE!r})
    # The normal quantile by Wichura's algorithm AS 241.
    q = p - 0.5
    near = np.abs(q) <= 0.425
    t = np.sqrt(-np.log(np.where(near, 0.5, np.minimum(p, 1 - p)))) - 1.6
    middle = q * ratio(
        {list(quantile_normal.MIDDLE[0])!r},
        {list(quantile_normal.MIDDLE[1])!r},
        0.180625 - np.square(np.where(near, q, 0)),
    )
    tail = ratio(
        {list(quantile_normal.TAIL[0])!r},
        {list(quantile_normal.TAIL[1])!r},
        t,
    )
    return np.clip(np.where(near, middle, np.copysign(tail, q)), {-quantile_normal.LIMIT!r}, {quantile_normal.LIMIT!r})
""",
}
# What a function calls in turn.
CALLS = {
    "gelu": ["erf", "bounded"],
    "gelu_tanh": ["bounded"],
    "silu": ["sigmoid", "bounded"],
    "mish": ["softplus", "bounded"],
    "hard_swish": ["hard_sigmoid", "bounded"],
}

_WITH_ALPHA = ("leaky_relu", "elu", "celu")
_OF_NUMPY = {"identity": "{x}", "tanh": "np.tanh({x})", "exp": "np.exp({x})"}


def activation(node: Node, x: list[str], tensors: dict[str, str]) -> str:
    """Return the activation."""
    name = node.attributes["activation"]
    if name in _OF_NUMPY:
        return _OF_NUMPY[name].format(x=x[0])
    if name not in FUNCTIONS:
        raise ExportError(f"layer {node.source!r}: activation {name!r} has no form in NumPy here")
    return f"{name}({x[0]}, {node.attributes['alpha']!r})" if name in _WITH_ALPHA else f"{name}({x[0]})"


def _shift_scale(node: Node, x: list[str], tensors: dict[str, str]) -> str:
    value = x[0]
    for name, operator in (("subtract", "-"), ("divide", "/"), ("multiply", "*"), ("add", "+")):
        if name in tensors:
            value = f"{value} {operator} {tensors[name]}"
            value = f"({value})" if name == "subtract" and len(tensors) > 1 else value
    return value


def _dense(node: Node, x: list[str], tensors: dict[str, str]) -> str:
    product = f"{x[0]} @ {tensors['weight']}"
    return f"{product} + {tensors['bias']}" if "bias" in tensors else product


def _quantile_normal(node: Node, x: list[str], tensors: dict[str, str]) -> str:
    names = ("points", "base", "start", "gap", "rise", "middle")
    return f"quantile_normal({x[0]}, {', '.join(tensors[name] for name in names)})"


# (node, names of its inputs, names of its tensors) -> expression; `cast` is written by itself.
NODES: dict[str, Callable[[Node, list[str], dict[str, str]], str]] = {
    "shift_scale": _shift_scale,
    "smooth_clip": lambda node, x, t: f"smooth_clip({x[0]}, {node.attributes['bend']!r})",
    "quantile_normal": _quantile_normal,
    "dense": _dense,
    "activation": activation,
    "row_function": lambda node, x, t: f"{node.attributes['function']}({x[0]})",
    "layer_norm": lambda node, x, t: f"layer_norm({x[0]}, {t['gamma']}, {t['beta']}, {node.attributes['epsilon']!r})",
    "prelu": lambda node, x, t: f"np.where({x[0]} > 0, {x[0]}, {t['slope']} * {x[0]})",
    "maxout": lambda node, x, t: f"{x[0]}.reshape(len({x[0]}), -1, {node.attributes['pieces']}).max(axis=2)",
    "sum": lambda node, x, t: " + ".join(x),
    "concatenate": lambda node, x, t: f"np.concatenate([{', '.join(x)}], axis=1)",
    "select": lambda node, x, t: f"{x[0]}[:, {list(node.attributes['columns'])!r}]",
    "fill": lambda node, x, t: f"np.where(np.isnan({x[0]}), {t['values']}, {x[0]})",
    "is_missing": lambda node, x, t: f"np.isnan({x[0]}).astype({x[0]}.dtype)",
    "slot": lambda node, x, t: (
        f"slot({x[0]}, {node.attributes['levels']}, {node.attributes['unknown']}, {node.attributes['missing']})"
    ),
    "time_parts": lambda node, x, t: f"time_parts({x[0]})",
    "one_hot": lambda node, x, t: f"({x[0]} == np.arange({node.attributes['slots']})).astype({x[0]}.dtype)",
    "embedding": lambda node, x, t: f"embedding({x[0]}, {t['table']})",
}
