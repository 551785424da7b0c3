"""The vectors that the ONNX project publishes with its standard, and each operator by what steepest has for it.

`vectors()` makes a list of all whose operators the catalogue could have; `run` gives the outputs of steepest, or raises
`NotRunError` with the reason. `python tests/onnx_vectors.py` prints which are run and which are not.
"""

import importlib
import pkgutil
import sys
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onnx_operators import OPERATORS, PLUMBING, NotRunError

# Modules of onnx.backend.test.case.node whose operators are looked at.
MODULES = (
    "adagrad", "adam", "batch_normalization", "batchnorm", "celu", "concat", "dropout", "elu", "erf", "exp",
    "flatten", "gather", "gelu", "gemm", "hardmax", "hardsigmoid", "hardswish", "identity", "layernormalization",
    "leakyrelu", "log", "logsoftmax", "matmul", "mish", "momentum", "negativeloglikelihoodloss", "onehot", "prelu",
    "relu", "selu", "shrink", "sigmoid", "softmax", "softmax_cross_entropy_loss", "softmaxcrossentropy", "softplus",
    "softsign", "sum", "swiglu", "swish", "tanh", "thresholdedrelu",
)  # fmt: skip
# Relatives of the catalogue's functions that it does not have.
OTHERS = ("OneHot", "Shrink", "SwiGLU", "ThresholdedRelu")
# Folders of vectors that PyTorch's exporter wrote.
FOLDERS = ("pytorch-converted", "pytorch-operator", "simple")


@dataclass
class Vector:
    """A model of a few nodes, its inputs and the outputs it must have."""

    name: str
    group: str
    model: object
    inputs: list
    outputs: list


def vectors():
    """Return every published vector of these modules and folders."""
    return [*_node_vectors(), *_folder_vectors()]


def _node_vectors():
    import onnx.backend.test.case.node as node

    names = [module.name for module in pkgutil.iter_modules(node.__path__) if module.name in MODULES]
    state = np.random.get_state()  # noqa: NPY002 (the vectors are drawn from the global generator)
    np.random.seed(0)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                importlib.import_module(f"{node.__name__}.{name}")
    finally:
        np.random.set_state(state)  # noqa: NPY002
    found = []
    for case in node._NodeTestCases:
        operators = {n.op_type for n in case.model.graph.node}
        # An expanded one is the same vector again, its operator taken apart into others: nothing of ours is in that.
        if "_expanded" not in case.name and operators & {*OPERATORS, *OTHERS}:
            (inputs, outputs), *_ = case.data_sets
            found.append(Vector(case.name.removeprefix("test_"), "node", case.model, list(inputs), list(outputs)))
    return found


def _folder_vectors():
    import onnx
    from onnx import numpy_helper

    found = []
    root = Path(onnx.__file__).parent / "backend" / "test" / "data"
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("*/model.onnx")):
            model = onnx.load(path)
            if not {n.op_type for n in model.graph.node} & {*OPERATORS}:
                continue
            data = {}
            for kind in ("input", "output"):
                files = sorted((path.parent / "test_data_set_0").glob(f"{kind}_*.pb"))
                data[kind] = [numpy_helper.to_array(onnx.load_tensor(file)) for file in files]
            found.append(Vector(path.parent.name.removeprefix("test_"), folder, model, data["input"], data["output"]))
    return found


def run(vector, dtype):
    """Return what steepest makes of the inputs, one list of outputs for each way it has, in float32 or float64."""
    from onnx import helper, numpy_helper

    graph = vector.model.graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    given = [value.name for value in graph.input if value.name not in values]
    if not all(isinstance(value, np.ndarray) or np.isscalar(value) for value in vector.inputs):
        raise NotRunError("its inputs are no arrays")
    values.update(zip(given, vector.inputs, strict=True))
    values = {name: _converted(value, dtype) for name, value in values.items()}
    ways = [values]
    used = False
    for node in graph.node:
        if node.op_type not in OPERATORS and node.op_type not in PLUMBING:
            raise NotRunError(f"has an operator that the catalogue does not have: {node.op_type}")
        used |= node.op_type in OPERATORS
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        attributes = {k: numpy_helper.to_array(v) if hasattr(v, "data_type") else v for k, v in attributes.items()}
        function = OPERATORS.get(node.op_type) or PLUMBING[node.op_type]
        following = []
        for values in ways:
            inputs = [values[name] if name else None for name in node.input]
            for outputs in function(inputs, attributes, dtype, list(node.output)):
                following.append({**values, **dict(zip(node.output, outputs, strict=False))})
        ways = following
    if not used:
        raise NotRunError("plumbing only")
    return [[values.get(value.name) for value in graph.output] for values in ways]


def _converted(value, dtype):
    value = np.asarray(value)
    if value.dtype in (np.float32, np.float64):
        return value.astype(dtype)
    if value.dtype.kind in "iub":
        return value
    raise NotRunError("steepest computes in float32 and float64 only")


def main():
    """Print what is run, and what is not and why."""
    count, reasons = defaultdict(int), defaultdict(list)
    for vector in vectors():
        try:
            run(vector, "float32")
        except NotRunError as reason:
            reasons[str(reason)].append(vector.name)
        else:
            count[vector.group, ", ".join(dict.fromkeys(n.op_type for n in vector.model.graph.node))] += 1
    for (group, operators), number in sorted(count.items()):
        print(f"{group}: {operators}: {number}")
    print(f"\nrun: {sum(count.values())}, not run: {sum(map(len, reasons.values()))}")
    for reason, names in reasons.items():
        print(f"- {reason}: {', '.join(names)}")


if __name__ == "__main__":
    sys.exit(main())
