"""Checks of whether the same seed gives the same result, and a saved model the same predictions."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .case import Case
from .registry import check, failed, passed, skipped
from .report import Check
from .trial import train


@check("same seed", needs=("finite features", "targets"), explains=("gradient check",))
def same_seed(case: Case) -> Check:
    """Whether two trainings from the same start end with the same bits."""
    threshold = "the same bits after 12 steps"
    part = case.part(case.draw(12 * case.batch_size, 12))
    results: list[list[np.ndarray[Any, Any]]] = []
    for _ in range(2):
        source: Any = case.model
        model = source.copy()
        optimizer = copy.deepcopy(case.optimizer)
        trial = train(
            case,
            model,
            part,
            optimizer,
            epochs=1 if not optimizer.full_batch else 2,
            batch_size=case.batch_size,
            seconds=case.share(0.5, 5.0),
        )
        results.append([array.copy() for array in (*model.parameters().values(), *model.states().values())])
        if trial.diverged:
            return skipped("the loss is not finite after a few steps")
    same = all(np.array_equal(a, b) for a, b in zip(*results, strict=True))
    if same:
        return passed(f"the same bits twice after {trial.steps} steps", threshold=threshold)
    worst = max(float(np.abs(a - b).max()) for a, b in zip(*results, strict=True) if a.size)
    return failed(
        f"two trainings from the same start differ, by up to {worst:.2g}",
        "a layer, loss or augment of yours draws from a generator of its own or keeps state: let its numbers depend on "
        "its arguments only",
        threshold=threshold,
    )


@check("save and load")
def save_and_load(case: Case) -> Check:
    """Whether a model that is saved and loaded predicts the same."""
    from steepest import saving

    model: Any = case.model
    threshold = "the same bits"
    rows = np.ascontiguousarray(case.x[case.sampled[:64]])
    try:
        twin = saving.loads(saving.dumps(model))
    except (ValueError, TypeError) as error:
        if "cannot be saved" in str(error):
            return skipped(f"this model cannot be saved: {error}")
        return failed(
            f"saving and loading does not work: {error}",
            "let the constructors of your layers take and store plain numbers and strings",
            threshold=threshold,
        )
    before, after = case.forward(model, rows, training=False)[-1], case.forward(twin, rows, training=False)[-1]
    if np.array_equal(before, after, equal_nan=True):
        return passed(f"{len(rows)} predictions, the same bits", threshold=threshold)
    return failed(
        f"the loaded model predicts otherwise, by up to {np.nanmax(np.abs(before - after)):.2g}",
        "let the constructors of your layers store every argument under its name",
        threshold=threshold,
    )
