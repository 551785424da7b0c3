"""Planted faults and healthy set-ups: does `checkup`, or the monitor, name what is wrong, and nothing else?

An entry is a function that returns a `Setup`, marked with `@fault(...)` or `@healthy(...)`; see `entry`.
"""

from .entry import FAULTS, HEALTHY, Entry, Setup, fault, healthy, load

__all__ = ["FAULTS", "HEALTHY", "Entry", "Setup", "fault", "healthy", "load"]
