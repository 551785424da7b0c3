"""Before anything is timed: does every rival train the same network on the same batches to the same loss?"""

from dataclasses import replace

import numpy as np

from bench.pool import RivalError, Worker, drop

# Two epochs of eight steps. Longer proves less: the 20 layers of `deep` magnify float32's rounding step by step, and
# after a hundred steps right implementations are 1% apart.
STEPS, EPOCHS = 8, 2
# Adam's first steps are about lr * sign(g), and rounding moves some weights either way. A learning rate that is a tenth
# off moves the losses of every network by more than this.
TOLERANCE = 1e-3
# Each rival draws its own dropout masks.
DROPOUT_TOLERANCE = 0.05
PROBABILITY_TOLERANCE = 1e-4


def reference_losses(spec):
    """The NumPy network's in float64; None where it cannot train the problem (batch norm, dropout)."""
    if spec.batch_norm or spec.dropout:
        return None
    with Worker("numpy", replace(spec, dtype="float64")) as worker:
        return worker.ask(do="losses", steps=STEPS, epochs=EPOCHS)["losses"]


def sklearn_tolerance(spec):
    """What scikit-learn's reported loss may be off for reasons that are its own."""
    # Two logits have one more direction to move in than their difference; see rivals/sklearn_mlp.py. Elsewhere it is
    # the logarithm's argument, which scikit-learn keeps above float32's epsilon: Adam's first steps in a wide network
    # overshoot, and rows whose loss is 20 count as 16. The gradients are not clipped.
    return 0.15 if spec.widths[-1] == 2 else 0.02


def verify_training(workers, measured, spec):
    """Drop the workers whose first losses are not the reference's, or the median of all where there is no reference."""
    for name in list(workers):
        try:
            measured[name].losses = workers[name].ask(do="losses", steps=STEPS, epochs=EPOCHS)["losses"]
        except RivalError as failure:
            drop(workers, measured, name, str(failure))
    wanted = reference_losses(spec)
    tolerance = TOLERANCE if wanted is not None else DROPOUT_TOLERANCE
    if wanted is None:
        wanted = np.median([measured[name].losses for name in workers], axis=0)
    for name in list(workers):
        losses = measured[name].losses
        allowed = max(tolerance, sklearn_tolerance(spec)) if name == "sklearn" else tolerance
        off = float(np.max(np.abs(np.array(losses) / wanted - 1)))
        if not off <= allowed:
            drop(workers, measured, name, f"WRONG: losses {losses}, expected {list(wanted)}")
        elif not losses[-1] < losses[0]:
            drop(workers, measured, name, f"WRONG: the loss does not fall: {losses}")
    return wanted


def verify_predictions(workers, measured, rows=50):
    """Drop the workers whose probabilities differ from the median of all."""
    answers = {}
    for name in list(workers):
        try:
            answers[name] = np.array(workers[name].ask(do="outputs", rows=rows)["probabilities"])
        except RivalError as failure:
            drop(workers, measured, name, str(failure))
    wanted = np.median(list(answers.values()), axis=0)
    for name, answer in answers.items():
        off = float(np.max(np.abs(answer - wanted)))
        if not off <= PROBABILITY_TOLERANCE:
            drop(workers, measured, name, f"WRONG: probabilities differ by {off:.2g}")
