"""Curves of a training: loss, metrics, learning rate."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.pictures.colors import TRAINING, VALIDATION, WARN, Color
from steepest.pictures.figure import finish, style
from steepest.pictures.panel import (
    Array,
    Panel,
    curve,
    epochs_axis,
    finite,
    guide,
    label_ends,
    literal,
    mark_not_finite,
    number,
    percent_axis,
    scale,
    sheet,
)

if TYPE_CHECKING:
    from steepest.history import History

_BEFORE = "val_"
_NOT_DRAWN = ("seconds",)
_CAPTIONS = {
    "loss": "A validation loss that rises while the other falls is over-fitting; two high curves are under-fitting.",
    "accuracy": "Share of right answers. The circle marks the best validation epoch.",
    "penalty": "What regularisation adds to the loss, at the end of each epoch.",
    "learning_rate": "The rate of each epoch's last step.",
}


def history_panels(history: History) -> list[Panel]:
    """Return one panel for each recorded number, validation beside training."""
    names = [name for name in history if not name.startswith(_BEFORE) and name not in _NOT_DRAWN]
    names += [name for name in _validation_only(history) if name not in names]
    panels = []
    for name in sorted(names, key=_rank):
        values = finite(history[name]) if name in history else None
        if name == "learning_rate" and values is not None and np.nanmax(values) == np.nanmin(values):
            continue  # a straight line says nothing that a number does not
        validation = finite(history[_BEFORE + name]) if _BEFORE + name in history else None
        panels.append(_panel(name, values, validation, _recoveries(history) if name == "loss" else []))
    return panels


def _recoveries(history: History) -> list[int]:
    """Return the epochs that a recovery began anew."""
    return sorted({int(event["epoch"]) for event in history.events if event.get("kind") == "recovery"})


def _rank(name: str) -> tuple[int, str]:
    order = ("loss", "accuracy")
    late = ("penalty", "learning_rate")
    return (order.index(name), "") if name in order else (3 + late.index(name), "") if name in late else (2, name)


def _validation_only(history: History) -> list[str]:
    return [name.removeprefix(_BEFORE) for name in history if name.startswith(_BEFORE)]


def _rises(name: str) -> bool:
    """Whether more is better; of unknown numbers nobody knows, they get no mark."""
    return any(part in name for part in ("accuracy", "auc", "f1", "precision", "recall", "r2", "score", "mcc"))


def _panel(name: str, training: Array | None, validation: Array | None, recoveries: Sequence[int]) -> Panel:
    curves: list[tuple[str, Array, Color]] = []
    if training is not None:
        curves.append(("training", training, TRAINING))
    if validation is not None:
        curves.append(("validation", validation, VALIDATION))
    best = _best(name, validation)

    def draw(axes: Any) -> None:
        _draw(axes, name, curves, best)
        for count, epoch in enumerate(recoveries):
            guide(axes, epoch, "" if count else "recovery", color=WARN)

    title, form = name.replace("_", " ").capitalize(), _form(name, curves)
    result = None if best is None else (f"best validation {title.lower()}", form(curves[-1][1][best]))
    return Panel(title, _CAPTIONS.get(name, ""), _describe(title, curves, best, form), draw, result=result)


def _best(name: str, validation: Array | None) -> int | None:
    """Return the index of the best validation epoch."""
    if validation is None or not np.isfinite(validation).any() or not (name.endswith("loss") or _rises(name)):
        return None
    return int(np.nanargmax(validation) if _rises(name) else np.nanargmin(validation))


def _is_share(name: str, curves: Sequence[tuple[str, Array, Color]]) -> bool:
    return "accuracy" in name and all(np.nanmax(values, initial=0.0) <= 1.0 for _, values, _ in curves)


def _form(name: str, curves: Sequence[tuple[str, Array, Color]]) -> Any:
    return (lambda value: f"{100.0 * value:.2f} %") if _is_share(name, curves) else number


def _draw(axes: Any, name: str, curves: Sequence[tuple[str, Array, Color]], best: int | None) -> None:
    count = max(values.size for _, values, _ in curves)
    epochs_axis(axes, count)
    for label, values, color in curves:
        curve(axes, np.arange(1.0, values.size + 1), values, color, dashed=label == "validation")
    scale(axes, np.concatenate([values for _, values, _ in curves]))
    if _is_share(name, curves):
        percent_axis(axes)
    if best is not None:
        values = curves[-1][1]
        axes.plot(best + 1, values[best], "o", ms=6, mfc="none", mec=VALIDATION.light, mew=1.5)
    mark_not_finite(axes, np.arange(1.0, count + 1), curves[0][1])
    if len(curves) > 1:
        label_ends(axes, curves)


def _describe(title: str, curves: Sequence[tuple[str, Array, Color]], best: int | None, form: Any) -> str:
    parts = []
    for label, values, _ in curves:
        known = values[np.isfinite(values)]
        if not known.size:
            parts.append(f"{label} never finite")
            continue
        parts.append(f"{label} from {form(known[0])} to {form(known[-1])}")
    count = max(values.size for _, values, _ in curves)
    text = f"{title} over {count} epoch{'' if count == 1 else 's'}: {'; '.join(parts)}"
    if best is not None:
        text += f"; best validation {form(curves[-1][1][best])} in epoch {best + 1}"
    return text + "."


def plot_history(history: History, axes: Any = None, path: str | os.PathLike[str] | None = None) -> Any:
    """Draw the curves of a training: loss, every metric, penalty and learning rate, validation beside training.

    Parameters
    ----------
    history : History
        What `fit` returned.
    axes : matplotlib axes or sequence of axes, optional
        To draw into, one for each curve; as many are drawn as there are axes. By default a new figure.
    path : str or path-like, optional
        The picture is also written there, in the format of its suffix.

    Returns
    -------
    matplotlib.figure.Figure
        Belongs to no window: notebooks show it, `figure.savefig` writes it.

    Raises
    ------
    ImportError
        Without matplotlib (``pip install 'steepest[plot]'``).
    ValueError
        If no epoch was finished.

    Examples
    --------
    >>> from steepest.history import History
    >>> history = History()
    >>> for loss in (2.0, 1.0, 0.5):
    ...     history.append({"loss": loss, "val_loss": loss + 0.1})
    >>> figure = history.plot()  # doctest: +SKIP
    """
    if history.epochs == 0:
        raise ValueError("history has no finished epoch: there is nothing to draw")
    panels = history_panels(history)
    if axes is None:
        count = history.epochs
        return sheet(panels, path, f"Training, {count} epoch{'' if count == 1 else 's'}")
    chosen = list(np.ravel(axes))
    with style():
        for panel, each in zip(panels, chosen, strict=False):
            each.set_title(literal(panel.title, 80))
            panel.draw(each)
    return finish(chosen[0].figure, path)
