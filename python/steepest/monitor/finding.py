"""A verdict of the monitor."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

_WIDTH = 100


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a training.

    Attributes
    ----------
    name : str
        What it is, such as `"learning rate too high"`.
    layer : str or None
        The layer it was seen in; None where it concerns them all.
    epoch : int or None
        The epoch it began in, counted from 1.
    evidence : str
        What was seen, with its numbers.
    advice : str
        What to change.
    step : int or None
        The model's training step it began at, counted from 0, where that is known.
    threshold, source : str
        From where on it counts, and where that comes from.
    status : {"warn", "fail"}
        Whether the training can go on like that.
    gravity : float
        Position among the findings: causes before what follows from them.
    """

    name: str
    layer: str | None
    epoch: int | None
    evidence: str
    advice: str
    step: int | None = None
    threshold: str = ""
    source: str = ""
    status: str = "warn"
    gravity: float = 0.0

    @property
    def title(self) -> str:
        """Name and place in a few words."""
        place = [f"layer {self.layer}"] if self.layer else []
        if self.step is not None:
            place.append(f"step {self.step}")
        elif self.epoch is not None:
            place.append(f"epoch {self.epoch}")
        return f"{self.name} ({', '.join(place)})" if place else self.name

    def __str__(self) -> str:
        lines = [f"{self.status.upper():<5} {self.title}: {self.evidence}", f"      -> {self.advice}"]
        if self.threshold:
            lines.append(f"      threshold: {self.threshold}" + (f" ({self.source})" if self.source else ""))
        return "\n".join(textwrap.fill(line, _WIDTH, subsequent_indent=" " * 9) for line in lines)
