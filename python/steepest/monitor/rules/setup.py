"""Rules about how the data come and where the network starts."""

from __future__ import annotations

import numpy as np

from steepest.errors import NonFiniteData
from steepest.monitor.finding import Finding
from steepest.monitor.rules.measures import POOR, Measures


def non_finite_data(m: Measures) -> Finding | None:
    """Whether the data held a number that is not finite."""
    error = m.records.failure
    if not isinstance(error, NonFiniteData):
        return None
    first = m.records.layers[0].name if m.records.layers else None
    seen = "" if error.step is None else f"; it goes into layer {first} at step {error.step}"
    return Finding(
        "non-finite value",
        first,
        m.epochs + 1,
        str(error).partition(":")[0] + seen,
        "fill or drop such rows before training (steepest.tables.TablePreprocessor does)",
        step=error.step,
        threshold="any NaN or infinity",
        status="fail",
        gravity=0,
    )


def missing_shuffle(m: Measures) -> Finding | None:
    """Whether rows sorted by their targets are trained in that order."""
    if m.facts.agreement <= max(0.3, 5.0 / np.sqrt(m.facts.rows)):
        return None
    return Finding(
        "missing shuffle",
        None,
        1,
        f"shuffle=False, and the targets of neighbouring rows correlate by {m.facts.agreement:.2f}: "
        f"a batch of {m.facts.batch_size} is nearly of one kind, and every batch undoes the one before",
        "leave shuffle=True, or put the rows in random order once",
        threshold="correlation above 0.3 and above 5 standard errors",
        source="Bottou 2012, Stochastic gradient descent tricks",
        status="fail",
        gravity=1,
    )


def batch_norm_of_one(m: Measures) -> Finding | None:
    """Whether batch norm sees batches of one row, whose deviation is 0."""
    if not m.facts.normalized or min(m.facts.batch_size, m.facts.last_batch) > 1:
        return None
    every = m.facts.batch_size == 1
    which = "every batch" if every else "the last batch of every epoch"
    return Finding(
        "batch norm with one row",
        m.facts.normalized[0],
        1,
        f"{which} has one row, which batch norm turns into its own mean: its output is beta, whatever the input",
        "use batches of 16 rows or more" if every else f"use another batch_size than {m.facts.batch_size}",
        threshold="a batch of 1 row",
        source="Ioffe and Szegedy 2015",
        status="fail" if every else "warn",
        gravity=2,
    )


def exploding(m: Measures) -> Finding | None:
    """Whether the signal grows from layer to layer before anything is learnt."""
    std = m.records.first["unit_std"]
    if not len(std) or not m.weighted:
        return None
    k = m.weighted[-1]
    huge = std[k] > 10.0 if m.facts.classifies else std[k] ** 2 > 5.0 * m.records.scale
    if not (huge and m.first_left > 10.0) and np.isfinite(std[k]):
        return None
    norms = m.records.first["gradient_norm"]
    at = m.weighted[int(np.nanargmax(norms[m.weighted]))] if np.isfinite(norms[m.weighted]).any() else m.weighted[0]
    return Finding(
        "exploding gradient",
        m.layer(at).name,
        1,
        f"before anything is learnt the outputs deviate by {std[k]:.2g} and the loss leaves {m.first_left:.3g} times "
        f"what the best constant leaves; the gradient of layer {m.layer(at).name} has the norm {norms[at]:.2g}",
        "scale the inputs (steepest.preprocessing.Standardizer), initializer='he' or 'glorot', batch norm, clip_norm",
        threshold="10 times the constant's loss by outputs that deviate by more than 10",
        source="Glorot and Bengio 2010; He et al. 2015",
        status="fail",
        gravity=10,
    )


def _shrunk(m: Measures, k: int) -> bool:
    """Whether the layer's weights have gone, as under a penalty: then its units are zero for that."""
    norm = m.records.by_layer["weight_norm"][:, k]
    return bool(norm[-1] < 0.3 * m.records.first["weight_norm"][k])


def dying(m: Measures) -> Finding | None:
    """Whether ReLU units of a layer give zero for every row, and so learn nothing."""
    k, share = m.most(m.first_dead)
    born = share >= 0.8 and not m.final_left <= 0.3
    if not born:
        k, share = m.most(m.last_dead)
        if share < (0.5 if m.poor else 0.95) or (share < 0.95 and m.final_left < 0.5) or _shrunk(m, k):
            return None
    name = m.layer(k).name
    dead = m.records.by_layer["dead_share"][:, k]
    epoch = 1 if born or not len(dead) else int(np.argmax(dead >= 0.5)) + 1
    return Finding(
        "dying ReLU",
        name,
        epoch,
        f"{share:.0%} of the {m.layer(k).width} units of layer {name} are zero in every row looked at"
        + (", from the first step on" if born else f", {m.first_dead[k]:.0%} at the beginning"),
        "check the biases and the initialiser, or use activation='leaky_relu'"
        if born
        else "lower the learning rate, clip_norm, or use activation='leaky_relu'",
        threshold="80 % at the start, 50 % in a training that fails, 95 % in any",
        source="CS231n, neural networks 1: a dead unit never activates across the whole training set",
        status="fail" if m.poor else "warn",
        gravity=11 if born else 30,
    )


def saturated(m: Measures) -> Finding | None:
    """Whether the outputs of a hidden layer lie at the flat ends of its function."""
    k, share = m.most(m.records.first["saturated_share"])
    born = share >= 0.5 and not m.final_left <= 0.3
    if not born:
        series = m.records.by_layer["saturated_share"]
        k, share = m.most(series[-1]) if len(series) else (-1, 0.0)
        if share < 0.8 or m.final_left < 0.5:
            return None
    layer = m.layer(k)
    return Finding(
        "saturation",
        layer.name,
        1 if born else int(np.argmax(m.records.by_layer["saturated_share"][:, k] >= 0.8)) + 1,
        f"{share:.0%} of the outputs of layer {layer.name} lie within 2.5 % of an end of {layer.function}, "
        "where the slope is nearly 0" + (", from the first step on" if born else ""),
        "scale the inputs (steepest.preprocessing.Standardizer), use initializer='glorot'"
        + ("" if born else ", and lower the learning rate"),
        threshold="half of the outputs at the start, 80 % later",
        source="Glorot and Bengio 2010; CS231n, neural networks 2",
        status="fail" if m.poor else "warn",
        gravity=12 if born else 31,
    )


def vanishing(m: Measures) -> Finding | None:
    """Whether the gradient dies out on its way back to the first layers, and the training stands still."""
    late = m.left[len(m.left) // 2 :] if m.epochs else m.curve[:, 1]
    norms = m.records.first["gradient_norm"]
    known = [k for k in m.weighted if np.isfinite(norms[k])]
    if not len(late) or np.mean(late) <= POOR or len(known) < 2:
        return None
    largest = float(norms[known].max())
    k = min(known[:-1], key=lambda layer: float(norms[layer]))
    small = largest < 1e-3 * np.sqrt(m.records.scale)
    if norms[k] > 1e-2 * largest and not small:
        return None
    name = m.layer(k).name
    return Finding(
        "vanishing gradient",
        name,
        1,
        f"the gradient's norm at the first step is {norms[k]:.1e} in layer {name} and {largest:.1e} where it is "
        f"largest, and the loss leaves {np.mean(late):.0%} of what there is to learn",
        "use activation='relu' with initializer='he', batch norm, residual layers, or fewer layers",
        threshold="a hundredth of the largest layer's gradient, or all below a thousandth of the targets' deviation, "
        "in a training that stands still",
        source="Glorot and Bengio 2010; CS231n, neural networks 2",
        status="fail",
        gravity=13 if small else 12.4,
    )


def alike(m: Measures) -> Finding | None:
    """Whether units of a layer are copies of each other, or of zero, so that they stay so."""
    first = m.records.first
    for k in m.weighted[:-1]:
        layer, std = m.layer(k), float(first["unit_std"][k])
        if layer.kind != "dense" or layer.width < 2:
            continue
        zero = first["weight_norm"][k] == 0.0
        # The deviation of all outputs has that between the units' means in it, too: none where all are alike.
        copies = std > 0.0 and abs(float(first["activation_std"][k]) / std - 1.0) < 1e-6
        if not zero and not copies:
            continue
        return Finding(
            "flat start: initialisation",
            layer.name,
            1,
            f"the weights of layer {layer.name} are all zero at the start"
            if zero
            else f"the {layer.width} units of layer {layer.name} give the same outputs, and will stay copies of one",
            "draw the weights at random: initializer='he' for ReLU, 'glorot' for tanh and sigmoid",
            threshold="weights of zero, or units that differ by less than 1e-6 of their deviation",
            source="CS231n, neural networks 2: all-zero initialisation; Goodfellow et al. 2016, 8.4, breaking symmetry",
            status="fail",
            gravity=10.5,
        )
    return None


def same_outputs(m: Measures) -> Finding | None:
    """Whether the rows' differences die out on their way through the layers before anything is learnt."""
    if not m.poor or not m.hidden:
        return None
    std = m.records.first["unit_std"]
    size = np.abs(m.records.first["activation_mean"]) + m.records.first["activation_std"]
    most = 0.0
    for k in m.hidden:
        most = max(most, float(std[k]))
        if std[k] > 1e-3 * most and std[k] > 1e-6 * size[k]:
            continue
        name = m.layer(k).name
        return Finding(
            "flat start: initialisation",
            name,
            1,
            f"at the first step the outputs of layer {name} differ between rows by {std[k]:.1e} only "
            f"({most:.1e} in the layer where they differ most), and the loss leaves {m.final_left:.0%}",
            "larger initial weights: initializer='he' for ReLU, 'glorot' for tanh and sigmoid; or batch norm",
            threshold="a thousandth of an earlier layer's deviation between rows",
            source="Glorot and Bengio 2010; CS231n, neural networks 2: small random numbers",
            status="fail",
            gravity=12.5,
        )
    return None


def flat_start(m: Measures) -> Finding | None:
    """Whether the loss stood still for long and then fell: the network had to find out of its initialisation."""
    if m.epochs < 4 or m.final_left > 0.7:
        return None
    time, left = m.curve[:, 0], m.curve[:, 1]
    start = min(m.first_left, 1.2)
    drop = start - m.final_left
    if drop < 0.3 or not len(left):
        return None
    begun = np.flatnonzero(left < start - 0.1 * drop)
    done = np.flatnonzero(left < start - 0.6 * drop)
    if not len(begun) or not len(done):
        return None
    flat, fall = time[begun[0]], time[done[0]] - time[begun[0]]
    rates = m.records.curve("learning_rate")
    if flat < max(0.25 * m.epochs, 1.5) or fall > flat or np.max(rates[: int(flat) + 1]) < 0.5 * np.max(rates):
        return None
    return Finding(
        "flat start: initialisation",
        None,
        1,
        f"the loss stood still for {flat:.1f} epochs and then fell within {fall:.1f}",
        "use initializer='he' with ReLU or 'glorot' with tanh, scale the inputs, or put batch norm behind the layers",
        threshold="a quarter of the run with less than a tenth of the fall, most of which then takes less time",
        source="CS231n, neural networks 3: flat, then a sudden fall, is bad initialisation",
        gravity=35,
    )


RULES = (
    non_finite_data,
    missing_shuffle,
    batch_norm_of_one,
    exploding,
    dying,
    saturated,
    alike,
    same_outputs,
    vanishing,
    flat_start,
)
