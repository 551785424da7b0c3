"""Modules that `torch.nn` does not have; tracing takes them apart, so that what is handed out needs none of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from steepest.preprocessing import quantile_normal

Array = npt.NDArray[Any]


def as_tensor(array: Array) -> torch.Tensor:
    """Return a tensor with a copy of the numbers."""
    return torch.from_numpy(np.array(array, order="C"))


def fill(module: Any, **tensors: Array) -> Any:
    """Copy the arrays into the module's tensors of these names."""
    with torch.no_grad():
        for name, array in tensors.items():
            getattr(module, name).copy_(as_tensor(array))
    return module


class Step(nn.Module):
    """`x > 0` as numbers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        return torch.gt(x, 0).to(x.dtype)


class Hardmax(nn.Module):
    """1 at the first largest element of each row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        return nn.functional.one_hot(x.argmax(1), self.width).to(x.dtype)


class Categories(nn.Module):
    """Embedding of a column of numbers, with a row of zeros for those that are no category."""

    def __init__(self, table: Array) -> None:
        super().__init__()
        self.count = len(table)
        extended = np.concatenate([table, np.zeros_like(table[:1])])
        self.table = nn.Embedding.from_pretrained(as_tensor(extended), freeze=False, padding_idx=self.count)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        column = x.select(1, 0)
        known = torch.logical_and(torch.ge(column, 0), torch.lt(column, self.count))
        return self.table(torch.where(known, column, float(self.count)).long())


class Images(nn.Module):
    """Batch norm or PReLU of rows that are images, a channel's pixels side by side."""

    def __init__(self, module: nn.Module, channels: int) -> None:
        super().__init__()
        self.module = module
        self.channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        return self.module(x.unflatten(1, (self.channels, -1))).flatten(1)


class ShiftScale(nn.Module):
    """`(x - subtract) / divide * multiply + add` with fixed numbers."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        super().__init__()
        self.parts = list(tensors)
        for name, array in tensors.items():
            self.register_buffer(name, as_tensor(array))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        for name, function in (
            ("subtract", torch.sub),
            ("divide", torch.div),
            ("multiply", torch.mul),
            ("add", torch.add),
        ):
            if name in self.parts:
                x = function(x, getattr(self, name))
        return x


class SmoothClip(nn.Module):
    """`x / sqrt(1 + (x / bend)^2)`."""

    def __init__(self, bend: float) -> None:
        super().__init__()
        self.bend = bend

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        return x / torch.hypot(torch.ones_like(x), x / self.bend)


class QuantileNormal(nn.Module):
    """Normal quantiles of the columns' distributions."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        super().__init__()
        for name, array in tensors.items():
            self.register_buffer(name, as_tensor(array))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        columns = x.t().contiguous()
        at = (torch.searchsorted(self.points, columns, right=True) - 1).clamp(min=0)
        points, base, start, gap, rise, middle = (
            getattr(self, name).gather(1, at) for name in ("points", "base", "start", "gap", "rise", "middle")
        )
        p = torch.where(torch.eq(columns, points), middle, start + (columns - base) / gap * rise)
        z = torch.special.ndtri(p.clamp(quantile_normal.EDGE, 1.0 - quantile_normal.EDGE))
        return z.clamp(-quantile_normal.LIMIT, quantile_normal.LIMIT).t()


class Slot(nn.Module):
    """The number of a level, of a missing value or of an unknown one."""

    def __init__(self, levels: int, unknown: float, missing: float) -> None:
        super().__init__()
        self.levels, self.unknown, self.missing = levels, unknown, missing

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        known = torch.logical_and(torch.ge(x, 0), torch.lt(x, self.levels))
        return torch.where(torch.isnan(x), self.missing, torch.where(known, x, self.unknown))


class TimeParts(nn.Module):
    """Of seconds since 1970 the days, and the phases of year, week and day."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        days = x / 86400.0
        whole = torch.floor(days)
        era_day = torch.remainder(whole + 719468.0, 146097.0)
        skipped = torch.floor(era_day / 1460) - torch.floor(era_day / 36524) + torch.floor(era_day / 146096)
        march_year = torch.floor((era_day - skipped) / 365)
        march_day = era_day - (365 * march_year + torch.floor(march_year / 4) - torch.floor(march_year / 100))
        early = torch.ge(march_day, 306)  # January and February belong to the next year
        year = march_year + early.to(x.dtype)
        four, hundred, all_four = (torch.eq(torch.remainder(year, n), 0).to(x.dtype) for n in (4, 100, 400))
        leap = four - hundred + all_four
        passed = torch.where(early, march_day - 306, march_day + 59 + leap)
        phases = [(passed + days - whole) / (365 + leap), torch.remainder((days + 3) / 7, 1.0), days - whole]
        waves = [wave(2 * math.pi * phase) for phase in phases for wave in (torch.sin, torch.cos)]
        return torch.cat([days, *waves], 1)


class Fill(nn.Module):
    """Other numbers for NaN."""

    def __init__(self, values: Array) -> None:
        super().__init__()
        self.register_buffer("values", as_tensor(values))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        return torch.where(torch.isnan(x), self.values, x)


class Exp(nn.Module):
    """The rates of a Poisson loss."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the rows x."""
        return torch.exp(x)
