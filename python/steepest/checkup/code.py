"""Check of the functions the user wrote: whether they run at all."""

from __future__ import annotations

import numpy as np

from .case import Case
from .registry import check, failed, passed, skipped
from .report import Check

_ROWS = 4


@check("own code")
def own_code(case: Case) -> Check:
    """Whether layers, activations, loss and augmentation of the user's run, forward and backward."""
    if not case.has_own_code:
        return skipped("no layer, activation, loss or augment function of yours")
    advice = "correct it; fit would stop there, too"
    rows = case.sampled[:_ROWS]
    step = "predicting"
    try:
        case.forward(case.model, case.x[rows], training=False)
        if case.train is not None:
            step = "the gradient"
            part = case.part(rows)
            case.model.loss_and_gradients(part.x, case.raw_targets(part), loss=case.loss)
        if case.augment is not None:
            step = "augment"
            batch = np.ascontiguousarray(case.x[rows], dtype=case.network.dtype)
            batch = batch.reshape(len(rows), *case.network.program.input_shape)
            shape = np.shape(case.augment(batch.copy(), case.generator(14)))
            if shape != batch.shape:
                return failed(f"augment makes {shape} of a batch {batch.shape}", advice, threshold="the same shape")
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        case.raised.add(words)
        return failed(f"{step} raised {words}", advice, threshold="no error")
    return passed(f"it runs, forward and backward, on {len(rows)} rows", threshold="no error")
