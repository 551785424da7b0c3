"""Models from PyTorch modules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import data, layers
from steepest.export import samples
from steepest.export.errors import ExportError
from steepest.export.report import ExportReport, check_tolerance, compare
from steepest.export.to_torch import load
from steepest.sequential import Sequential

if TYPE_CHECKING:
    from torch import nn

Array = npt.NDArray[Any]
# A layer, and what its tensors become.
Made = tuple[layers.Layer, dict[str, Any]]


def from_torch(
    module: nn.Module,
    X: npt.ArrayLike | None = None,
    *,
    input_shape: int | tuple[int, ...] | None = None,
    seed: int | None = 0,
    tolerance: float | None = None,
) -> ExportReport:
    """Return a model that gives what a PyTorch module gives in evaluation mode.

    Reads `nn.Sequential`, nested ones too, of Linear, BatchNorm1d and 2d, LayerNorm, Dropout, Flatten, Identity, the
    activations of the catalogue, and an Embedding of the input's columns with the Flatten behind it.

    Parameters
    ----------
    module : torch.nn.Module
        Not changed.
    X : array (N, D), optional
        Rows to compare the two on; None draws some.
    input_shape : int or tuple of int, optional
        Number of input columns or shape of a sample; needed where the first module does not say it.
    seed : int or None
        Of the model.
    tolerance : float, optional
        As for `steepest.export.onnx`.

    Returns
    -------
    ExportReport
        With the model, a `Sequential`, as `result`.

    Raises
    ------
    ExportError
        Naming the first module that has no layer here; or if the outputs differ.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))  # doctest: +SKIP
    >>> st.export.from_torch(net).result.layers[0]  # doctest: +SKIP
    Dense(units=8, activation='relu')
    """
    torch = load()
    found = list(_leaves("", module))
    for name, leaf in found:
        if _kind(leaf) not in (*_KNOWN, *_ACTIVATIONS):
            why = f"there is none for it, only for nn.Sequential of {', '.join((*_KNOWN, *_ACTIVATIONS))}"
            raise _refuse(name, leaf, why)
    notes: list[str] = []
    shape = _input_shape(found, input_shape)
    made = [pair for name, leaf in _grouped(found) for pair in _layers(name, leaf, shape, notes)]
    if not made:
        made = [(layers.Activation("identity"), {})]
    dtype = "float64" if any(p.dtype == torch.float64 for p in module.parameters()) else "float32"
    model = Sequential([layer for layer, _ in made], seed=seed, dtype=dtype, input_shape=shape)
    for layer, tensors in made:
        for name, tensor in tensors.items():
            view = layer.tensor(name)
            view[...] = np.reshape(tensor.detach().cpu().to(torch.float64).numpy(), view.shape)
    rows = samples.draw(model, None) if X is None else data.check_matrix("X", X, model.input_size)[: samples.MOST]
    if X is None and found and _kind(found[0][1]) == "Embedding":  # PyTorch knows no unknown categories
        rows = np.clip(rows, 0, found[0][1].num_embeddings - 1)
    given, expected = model.predict(rows), _outputs(module, rows, shape, dtype, found)
    accepted = check_tolerance(tolerance, dtype, max(model.network.program.widths))
    difference, largest = compare("the model", given, expected, accepted)
    runner = f"PyTorch {torch.__version__} beside it"
    return ExportReport("steepest", model, difference, largest, len(rows), accepted, runner, tuple(notes))


def _leaves(prefix: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules of a chain with their names."""
    from torch import nn

    if type(module) is not nn.Sequential:
        yield prefix or "module", module
        return
    for name, child in module.named_children():
        yield from _leaves(f"{prefix}.{name}" if prefix else name, child)


def _input_shape(found: list[tuple[str, nn.Module]], given: int | tuple[int, ...] | None) -> int | tuple[int, ...]:
    """Return the shape of a sample from the first module that says it."""
    from torch import nn

    if given is not None:
        return given
    for i, (_, module) in enumerate(found):
        if isinstance(module, nn.Linear):
            return int(module.in_features)
        if isinstance(module, nn.BatchNorm1d):
            return int(module.num_features)
        if isinstance(module, nn.LayerNorm):
            return int(math.prod(module.normalized_shape))
        if isinstance(module, nn.Embedding):
            following = next((m for _, m in found[i:] if isinstance(m, nn.Linear)), None)
            return 1 if following is None else int(following.in_features // module.embedding_dim)
    raise ValueError("the module does not say how many columns it takes: pass input_shape")


def _grouped(found: list[tuple[str, nn.Module]]) -> Iterator[tuple[str, tuple[nn.Module, ...]]]:
    """Put a Linear together with its activation or the maximum of its pieces, and an Embedding with its Flatten."""
    i = 0
    while i < len(found):
        name, module = found[i]
        following = found[i + 1][1] if i + 1 < len(found) else None
        suitable = {"Linear": ("MaxPool1d", *_ACTIVATIONS), "Embedding": ("Flatten",)}.get(_kind(module), ())
        if following is not None and _kind(following) in suitable:
            yield name, (module, following)
            i += 2
        else:
            yield name, (module,)
            i += 1


def _kind(module: Any) -> str:
    """Return the name of the module's class; a class of the user's may be called anything and has none."""
    return type(module).__name__ if type(module).__module__.startswith("torch.nn.") else ""


def _refuse(name: str, module: Any, why: str) -> ExportError:
    return ExportError(f"module {name!r}, {repr(module).splitlines()[0]:.100}, cannot become a layer: {why}")


_KNOWN = (
    "Linear",
    "BatchNorm1d",
    "BatchNorm2d",
    "LayerNorm",
    "PReLU",
    "Dropout",
    "Flatten",
    "Identity",
    "Embedding",
    "MaxPool1d",
)


def _softplus(module: Any) -> str | None:
    # Beyond its threshold PyTorch's softplus is x, in float32 to rounding from 20 on.
    return "softplus" if module.beta == 1 and module.threshold >= 20 else None


# By the name of the module's class: the activation, or None where its settings have none here.
_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "Sigmoid": lambda m: "sigmoid",
    "Tanh": lambda m: "tanh",
    "ReLU": lambda m: "relu",
    "LeakyReLU": lambda m: {"kind": "leaky_relu", "alpha": m.negative_slope} if 0 <= m.negative_slope <= 1 else None,
    "ELU": lambda m: {"kind": "elu", "alpha": m.alpha} if m.alpha >= 0 else None,
    "SELU": lambda m: "selu",
    "CELU": lambda m: {"kind": "celu", "alpha": m.alpha} if m.alpha > 0 else None,
    "GELU": lambda m: {"kind": "gelu", "approximate": m.approximate},
    "SiLU": lambda m: "silu",
    "Mish": lambda m: "mish",
    "Softplus": _softplus,
    "Softsign": lambda m: "softsign",
    "Hardsigmoid": lambda m: "hard_sigmoid",
    "Hardswish": lambda m: "hard_swish",
    "Softmax": lambda m: "softmax" if m.dim in (1, -1) else None,
    "LogSoftmax": lambda m: "log_softmax" if m.dim in (1, -1) else None,
}


def _activation(name: str, module: nn.Module) -> Any:
    activation = _ACTIVATIONS[type(module).__name__](module)
    if activation is None:
        raise _refuse(name, module, "the activation of that name takes other settings, see steepest.activations")
    return activation


def _layers(name: str, group: tuple[nn.Module, ...], shape: Any, notes: list[str]) -> list[Made]:
    """Return the layers of a module, with its tensors by the names that they have here."""
    module: Any = group[0]
    kind = _kind(module)
    if kind == "Linear":
        return [_linear(name, module, group[1] if len(group) > 1 else None)]
    if kind in _ACTIVATIONS:
        return [(layers.Activation(_activation(name, module)), {})]
    if kind in ("BatchNorm1d", "BatchNorm2d"):
        return [_batch_norm(name, module)]
    if kind == "LayerNorm":
        return [(layers.LayerNorm(module.eps), _affine(module))]
    if kind == "PReLU":
        # Beside one for all PyTorch has one slope per channel, which of a row is the column.
        own = False if isinstance(shape, int) else "channel"
        return [(layers.PReLU(shared=module.num_parameters == 1 or own), {"slope": module.weight})]
    if kind == "Dropout":
        if module.p == 1.0:
            raise _refuse(name, module, "its rate must be below 1")
        return [(layers.Dropout(module.p), {})]
    if kind == "Flatten":
        if (module.start_dim, module.end_dim) != (1, -1):
            raise _refuse(name, module, "it must make a row of each sample: start_dim=1, end_dim=-1")
        return [(layers.Flatten(), {})]
    if kind == "MaxPool1d":
        raise _refuse(name, module, "only directly after a Linear, as the maximum of neighbouring outputs")
    return [] if kind == "Identity" else _embedding(name, group, shape, notes)


def _linear(name: str, module: Any, following: Any) -> Made:
    tensors = {"weight": module.weight.T}
    if module.bias is not None:
        tensors["bias"] = module.bias
    bias = module.bias is not None
    if _kind(following) != "MaxPool1d":
        activation = _activation(name, following) if following is not None else "identity"
        return layers.Dense(module.out_features, activation, use_bias=bias), tensors
    pieces = following.kernel_size
    plain = (following.stride, following.padding, following.dilation, following.ceil_mode) == (pieces, 0, 1, False)
    if not plain or module.out_features % pieces:
        raise _refuse(name, following, "it must take the maxima of neighbours that divide the outputs evenly")
    return layers.Maxout(module.out_features // pieces, pieces, use_bias=bias), tensors


def _affine(module: Any) -> dict[str, Any]:
    tensors = {"gamma": module.weight, "beta": module.bias}
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def _batch_norm(name: str, module: Any) -> Made:
    if module.running_mean is None:
        raise _refuse(name, module, "without running statistics it depends on the batch in prediction, too")
    if module.momentum is None:
        raise _refuse(name, module, "a cumulative average (momentum=None) is not there: set its momentum first")
    tensors = {**_affine(module), "running_mean": module.running_mean, "running_variance": module.running_var}
    return layers.BatchNorm(module.momentum, module.eps), tensors


def _embedding(name: str, group: tuple[nn.Module, ...], shape: Any, notes: list[str]) -> list[Made]:
    module: Any = group[0]
    if len(group) == 1:
        raise _refuse(name, module, "a Flatten() must stand behind it, so that its vectors stand side by side")
    if module.max_norm is not None:
        raise _refuse(name, module, "its max_norm changes the table while it is read")
    columns = shape if isinstance(shape, int) else math.prod(shape)
    made = [layers.Embedding(module.num_embeddings, module.embedding_dim) for _ in range(columns)]
    if columns == 1:
        return [(made[0], {"table": module.weight})]
    notes.append(f"the {columns} columns read by {name!r} have a table each, equal at first, where PyTorch has one")
    groups = {f"column_{i}": (i, embedding) for i, embedding in enumerate(made)}
    tensors = {f"column_{i}.embedding_1.table": module.weight for i in range(columns)}
    return [(layers.Columns(groups), tensors)]


def _outputs(module: nn.Module, rows: Array, shape: Any, dtype: str, found: list[tuple[str, nn.Module]]) -> Array:
    """Return what the module gives for the rows in evaluation mode."""
    import torch
    from torch import nn

    parameter = next(iter(module.parameters()), None)
    device = "cpu" if parameter is None else parameter.device
    x = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    x = x if isinstance(shape, int) else x.reshape(len(x), *shape)
    if found and isinstance(found[0][1], nn.Embedding):
        x = x.long()
    elif parameter is not None:
        x = x.to(parameter.dtype)
    training = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            result: Array = module(x).cpu().to(getattr(torch, dtype)).flatten(1).numpy()
    finally:
        for part, was in training.items():
            part.training = was
    return result
