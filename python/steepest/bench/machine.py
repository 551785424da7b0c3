"""The machine's roofs: how fast arithmetic and memory can be, and the time they allow a case at best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import steepest
from steepest import _core

# Where the caches' sizes are unknown; common in the field.
FALLBACK = {"l1d": 32 << 10, "l2": 1 << 20}
# Working sets beyond a core's own caches, in bytes for all workers.
BEYOND = (32 << 20, 256 << 20)


@dataclass(frozen=True)
class Machine:
    """Measured limits for one dtype and number of threads.

    Attributes
    ----------
    dtype : str
        Of the arithmetic.
    threads : int
        Workers that measured it together.
    peak : float
        FLOP/s of fused multiply-adds on registers alone.
    bandwidths : tuple of (int, float)
        Working set in bytes (of all workers), and bytes/s of `x += y` over it; increasing working sets.
    """

    dtype: str
    threads: int
    peak: float
    bandwidths: tuple[tuple[int, float], ...]

    def bandwidth(self, working_set: int) -> float:
        """Bytes/s over a working set: that of the largest measured one which is not larger, so never too low."""
        rates = [rate for size, rate in self.bandwidths if size <= working_set]
        return rates[-1] if rates else self.bandwidths[0][1]

    def least_seconds(self, flops: float, moved: float, working_set: int) -> float:
        """Return the time below which a case cannot go by these measurements (the roofline).

        Parameters
        ----------
        flops : float
            Floating-point operations of it.
        moved : float
            Bytes it must read and write.
        working_set : int
            Bytes it touches, which says in what memory they lie.
        """
        return max(flops / self.peak, moved / self.bandwidth(working_set))

    def to_json(self) -> dict[str, Any]:
        """Return the measurements as JSON can hold them."""
        return {
            "dtype": self.dtype,
            "threads": self.threads,
            "fma_peak_flops": self.peak,
            "bandwidths": [{"working_set_bytes": size, "bytes_per_second": rate} for size, rate in self.bandwidths],
        }


def measure(dtype: str, threads: int, seconds: float = 1.0) -> Machine:
    """Measure the roofs.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Of the arithmetic.
    threads : int
        Workers at once.
    seconds : float
        For all measurements together.
    """
    caches = {level: steepest.build_info()[f"{level}_bytes"] or size for level, size in FALLBACK.items()}
    # Half of the first cache, where all is fast; around the second, where speed falls off step by step.
    near = [caches["l1d"] // 2, caches["l2"] // 4, caches["l2"], 2 * caches["l2"]]
    sizes = sorted({*(size * threads for size in near), *BEYOND})
    share = seconds / (1 + len(sizes))
    peak = _core.fma_peak(dtype, share, threads)
    rates = [_core.bandwidth(size, share, threads) for size in sizes]
    # What fits into a smaller memory is at least as fast there: noise must not say otherwise.
    rates = [max(rates[i:]) for i in range(len(rates))]
    return Machine(dtype, threads, peak, tuple(zip(sizes, rates, strict=True)))


def describe(machine: Machine) -> list[str]:
    """Return the lines that say it in a report."""
    memory = ", ".join(f"{rate / 1e9:.0f} ({readable(size)})" for size, rate in machine.bandwidths)
    threads = f"{machine.threads} thread{'s' if machine.threads > 1 else ''}"
    return [f"FMA peak {machine.peak / 1e9:.0f} GFLOP/s in {machine.dtype} on {threads}", f"x += y in GB/s: {memory}"]


def readable(size: int) -> str:
    """Return a number of bytes as people write it."""
    for unit, bits in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << bits:
            return f"{size / (1 << bits):.4g} {unit}"
    return f"{size} B"
