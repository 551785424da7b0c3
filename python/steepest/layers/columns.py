"""Layers for tables whose columns are of different kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.checks import check_choice, check_int
from steepest.initializers import Initializer, as_initializer
from steepest.layers.base import Layer, TensorView, check_name, name_layers
from steepest.layers.chain import as_chain, lower_chain, rewrite_chain
from steepest.lowering.program import Builder, Value
from steepest.registry import LAYERS


@LAYERS.register("embedding")
class Embedding(Layer):
    """`y = table[x]`: a learned vector for each category of one column of whole numbers (Guo and Berkhahn 2016).

    A category outside 0..categories - 1 (and NaN) is unknown: its vector is zero, in training as in prediction. Of a
    fraction the whole part counts. For a table of several columns put it into `Columns`.

    Parameters
    ----------
    categories : int
        Number of categories, in 1..2^24 (float32 holds whole numbers up to there exactly).
    units : int
        Length of the vectors, at least 1.
    initializer : str or Initializer
        Of the table; by default vectors of length about 1 (LeCun: variance `1 / units`).
    name, trainable, rate_scale
        See `Layer`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Embedding(3, 2)], input_shape=1)
    >>> model.layers[0].table = [[0, 0], [1, 10], [2, 20]]
    >>> model.predict([[2], [1], [7]])
    array([[ 2., 20.],
           [ 1., 10.],
           [ 0.,  0.]], dtype=float32)
    """

    table = TensorView("View of the vectors (categories, units).")

    def __init__(
        self,
        categories: int,
        units: int,
        *,
        initializer: str | Initializer | dict[str, Any] = "lecun",
        name: str | None = None,
        trainable: bool = True,
        rate_scale: float = 1.0,
    ) -> None:
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        self.categories = check_int("categories", categories, 1, 2**24)
        self.units = check_int("units", units, 1, 2**31)
        self.initializer = as_initializer(initializer, "initializer")

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the choice of the rows."""
        if value.width != 1:
            raise ValueError(
                f"{builder.layer} takes one column of categories, got {value.width}: "
                "say which with layers.Columns({'name': (column, Embedding(...)), ...})"
            )
        shape = (self.categories, self.units)
        # A category is one input of many that is switched on: the units are what its vector's length depends on.
        table = builder.parameter("table", shape, self.initializer, fan_in=self.units, fan_out=self.units)
        return builder.emit("embedding", (value,), self.units, parameters=(table,))


@LAYERS.register("columns")
class Columns(Layer):
    """Sends groups of columns through layers of their own and puts the results side by side.

    The way into a network for a table of numbers and categories: each categorical column goes through an `Embedding`,
    the numbers through a normalisation or as they are.

    Parameters
    ----------
    groups : dict of str to (columns, layers)
        By the group's name, which begins its tensors' names: the columns (a number or a list of them, from 0), and a
        layer, a list of layers, or None for the columns as they are. A column may be in several groups. The output has
        the groups in this order.
    rest : {"keep", "drop"}
        What becomes of the columns that are in no group: they come last as they are, or are left out.
    name, trainable, rate_scale
        See `Layer`; they hold for everything inside.

    Examples
    --------
    >>> import steepest as st
    >>> front = st.layers.Columns({
    ...     "numbers": ([0, 1], st.layers.BatchNorm()),
    ...     "city": (2, st.layers.Embedding(50, 4)),
    ...     "weekday": (3, st.layers.Embedding(7, 2)),
    ... })
    >>> model = st.Sequential([front, st.layers.Dense(16, "relu"), st.layers.Dense(1)], input_shape=4)
    >>> model.parameters()["columns_1.city.embedding_1.table"].shape, model.layers[1].weight.shape
    ((50, 4), (8, 16))
    """

    def __init__(
        self,
        groups: Mapping[str, tuple[Any, Any]],
        *,
        rest: str = "keep",
        name: str | None = None,
        trainable: bool = True,
        rate_scale: float = 1.0,
    ) -> None:
        super().__init__(name, trainable=trainable, rate_scale=rate_scale)
        given: Any = groups
        if not isinstance(given, Mapping) or not given:
            raise TypeError(f"groups must be a dictionary of (columns, layers) by name, got {given!r}")
        self.groups = {key: _group(key, group) for key, group in groups.items()}
        self.rest = check_choice("rest", rest, ("keep", "drop"))

    def children(self) -> dict[str, Layer]:
        """Return the layers of all groups."""
        return {
            f"{group}.{name}": layer
            for group, (_, layers) in self.groups.items()
            for name, layer in zip(name_layers(layers), layers, strict=True)
        }

    def rewrite(self, change: Callable[[str, Layer], Layer | None]) -> None:
        """Put other layers in the place of the groups'."""
        self.groups = {
            group: (columns, rewrite_chain(f"{group}.", layers, change))
            for group, (columns, layers) in self.groups.items()
        }

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append for each group the choice of its columns and its layers, then put the results together."""
        taken = sorted({column for columns, _ in self.groups.values() for column in columns})
        if taken[-1] >= value.width:
            raise ValueError(f"groups of {builder.layer} ask for column {taken[-1]}, the input has {value.width}")
        parts = []
        for number, (group, (columns, layers)) in enumerate(self.groups.items()):
            with builder.scope(group, number):
                part = _select(builder, value, list(columns))
                parts.append(lower_chain(builder, layers, part) if layers else part)
        others = [column for column in range(value.width) if column not in taken]
        if others and self.rest == "keep":
            parts.append(_select(builder, value, others))
        if len(parts) == 1:
            return parts[0]
        return builder.emit("concatenate", tuple(parts), sum(part.width for part in parts))


def _group(name: Any, group: Any) -> tuple[tuple[int, ...], tuple[Layer, ...]]:
    check_name("groups: a group's name", name)
    if not isinstance(group, (tuple, list)) or len(group) != 2:
        raise TypeError(f"groups[{name!r}] must be (columns, layers), got {group!r}")
    columns, layers = group
    columns = [columns] if isinstance(columns, (int, np.integer)) else list(columns)
    argument = f"columns of groups[{name!r}]"
    if not columns:
        raise ValueError(f"{argument} must be at least one")
    numbers = tuple(check_int(argument, column, 0) for column in columns)
    # A file holds no layers as an empty list.
    if layers is None or (isinstance(layers, (list, tuple)) and not layers):
        return numbers, ()
    return numbers, as_chain(f"layers of groups[{name!r}]", layers)


def _select(builder: Builder, value: Value, columns: list[int]) -> Value:
    if columns == list(range(value.width)):
        return value
    return builder.emit("select", (value,), len(columns), columns=columns)
