"""Pictures of trainings, checkups and monitors: matplotlib figures, and one self-contained HTML page.

matplotlib is imported when the first picture is drawn (``pip install 'steepest[plot]'``).
"""

from __future__ import annotations

from steepest.pictures.history import plot_history
from steepest.pictures.page import page
from steepest.pictures.run import plot_monitor
from steepest.pictures.start import plot_report

__all__ = ["page", "plot_history", "plot_monitor", "plot_report"]
