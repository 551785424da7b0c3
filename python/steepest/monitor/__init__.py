"""Watching a training from inside the core, naming what is wrong with it, and recovering from a divergence.

The classes are reached as `steepest.callbacks.Monitor` and `steepest.callbacks.Recovery`.
"""

from __future__ import annotations

from steepest.monitor.callback import Monitor
from steepest.monitor.finding import Finding
from steepest.monitor.recovery import Recovery

__all__ = ["Finding", "Monitor", "Recovery"]
