"""PyTorch modules that give what a model gives."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from steepest.export.graph import LINKS
from steepest.export.report import ExportReport, compare
from steepest.export.source import Source, check_model

if TYPE_CHECKING:
    import torch


def to_torch(
    model: Any,
    X: npt.ArrayLike | None = None,
    *,
    preprocessing: Any = None,
    link: bool = False,
    input_dtype: npt.DTypeLike | None = None,
    tolerance: float | None = None,
) -> ExportReport:
    """Return a PyTorch module that gives the model's outputs and can be trained on.

    The report's `result` is an `nn.Sequential` where the model is a chain of modules that PyTorch has, else a
    `torch.fx.GraphModule`, which needs nothing of steepest either: both can be scripted, saved and exported. It stands
    in evaluation mode. Batch norm, dropout and the trained slopes are there as modules; what is frozen needs no
    gradient, and a frozen batch norm is fixed numbers. Noise, which PyTorch has no module for, is left out.

    Parameters
    ----------
    model, X, preprocessing, link, input_dtype, tolerance
        As for `steepest.export.onnx`. With preprocessing the module takes float64 and goes on in the model's dtype.

    Returns
    -------
    ExportReport
        With the module as `result`.

    Raises
    ------
    ExportError
        If a layer has no form in PyTorch, or the outputs differ.
    ImportError
        If PyTorch is missing.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(8, "silu"), st.layers.Dense(2)], input_shape=3)
    >>> st.export.to_torch(model).result  # doctest: +SKIP
    Sequential(
      (dense_1): Linear(in_features=3, out_features=8, bias=True)
      (dense_1_silu): SiLU()
      (dense_2): Linear(in_features=8, out_features=2, bias=True)
    )
    """
    torch = load()
    source = Source(
        check_model(model, "a PyTorch module"), X, preprocessing=preprocessing, link=link, input_dtype=input_dtype
    )
    module = _module(source)
    module.eval()
    with torch.no_grad():
        given = module(torch.from_numpy(source.shaped_rows.copy())).numpy()
    accepted = source.accepted(tolerance)
    difference, largest = compare("the PyTorch module", given, source.outputs, accepted)
    noisy = [op.layer for op in source.models[0].network.program.operations if op.kind == "noise"]
    notes = (f"left out, since PyTorch has no such module: {', '.join(noisy)}",) if noisy else ()
    runner = f"PyTorch {torch.__version__}"
    return ExportReport("PyTorch", module, difference, largest, len(source.rows), accepted, runner, notes)


def load() -> Any:
    """Return PyTorch, or say how to get it."""
    try:
        import torch
    except ImportError:
        raise ImportError("this needs PyTorch, which is not installed: see https://pytorch.org") from None
    return torch


def _module(source: Source) -> torch.nn.Module:
    """Return the module, as plain as it can be."""
    from torch import fx, nn

    from steepest.export import torch_modules, torch_network

    graph = source.graph
    core = source.models[0].network
    network = torch_network.Network(core.program, {**core.parameters, **core.states}, source.dtype)
    parts: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())] if len(graph.shape) > 1 else []
    front = [node for node in graph.nodes if node.output <= graph.start]
    if front:
        parts.append(("preprocessing", torch_network.Nodes(graph, front, 0)))
    parts += network.chain() or [("network", network)]
    if source.link is not None:
        links = {"softmax": nn.Softmax(1), "sigmoid": nn.Sigmoid(), "exp": torch_modules.Exp()}
        _, attributes = LINKS[source.link.kind]
        parts.append(("link", links[attributes.get("activation") or attributes["function"]]))
    behind = [node for node in graph.nodes if node.source == "target"]
    if behind:
        parts.append(("target", torch_network.Nodes(graph, behind, behind[0].inputs[0])))
    whole = nn.Sequential(OrderedDict(parts))
    if all(type(module).__module__.startswith("torch.nn") for module in whole):
        return whole
    # Tracing leaves modules of torch.nn and operations of torch, and nothing of ours.
    traced: nn.Module = fx.symbolic_trace(whole)
    return traced
