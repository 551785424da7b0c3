"""One trial: its parameters and what came of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["running", "complete", "dropped", "stopped", "failed"]


class Parameters(dict[str, Any]):
    """The values of one trial by name, also as attributes: `p["width"]` is `p.width`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the space has no parameter {name!r}, only {', '.join(self)}") from None


@dataclass
class Trial:
    """A trial of a search.

    Attributes
    ----------
    number : int
        From 0, in the order in which the trials were drawn.
    parameters : Parameters
        Its values by name.
    state : str
        `"complete"`; `"dropped"`: trained well, but others were better and went on; `"stopped"`: its loss passed three
        times the initial loss or was not finite; `"failed"`: it raised an error; `"running"`: not finished yet.
    stage : int
        Pass of coarse-to-fine or rung of successive halving that it reached, from 0.
    value : float or None
        The objective after its last epoch; None if it has none.
    values : dict of int to float
        The objective by the number of epochs after which it was taken.
    epochs : int
        Epochs trained.
    seconds : float
        Time of building, training and evaluating.
    initial_loss : float or None
        Loss before the first step, as in training.
    message : str
        Why it stopped or failed.
    """

    number: int
    parameters: Parameters
    state: State = "running"
    stage: int = 0
    value: float | None = None
    values: dict[int, float] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    initial_loss: float | None = None
    message: str = ""

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold, without number and parameters."""
        content = asdict(self)
        del content["number"], content["parameters"]
        content["values"] = {str(epochs): value for epochs, value in self.values.items()}
        if content["initial_loss"] is not None and not math.isfinite(content["initial_loss"]):
            content["initial_loss"] = None
        return content

    def restore(self, content: dict[str, Any]) -> None:
        """Take over what `record` returned."""
        for name, value in content.items():
            setattr(self, name, value)
        self.values = {int(epochs): value for epochs, value in content["values"].items()}

    def row(self) -> dict[str, Any]:
        """Return the trial as one flat row of a table."""
        return {
            "trial": self.number,
            "stage": self.stage,
            "state": self.state,
            "value": self.value,
            "epochs": self.epochs,
            "seconds": self.seconds,
            **self.parameters,
            "message": self.message,
        }
