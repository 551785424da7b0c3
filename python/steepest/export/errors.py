"""What goes wrong with an export."""

from __future__ import annotations


class ExportError(ValueError):
    """The format cannot hold the model, or the export did not give its outputs; nothing was written."""
