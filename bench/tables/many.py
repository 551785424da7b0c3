"""Table 9: K networks in one run beside K single trainings, on all threads."""

import gc
import os
import resource
import statistics
import time

import steepest as st
from bench.problem import LEARNING_RATE, make_data
from bench.tables.common import Table, progress, readable, spec_of
from steepest.bench.shapes import SHAPES

NETWORKS = 16
# What the members differ in: everything, or the learning rate alone, when they see the same rows in the same order.
KINDS = {"seeds": lambda number: number, "rates": lambda number: 0}


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def networks(shape, kind):
    """Fresh models and optimisers."""
    models, optimizers = [], []
    for number in range(NETWORKS):
        layers = [st.layers.Dense(width, activation="relu") for width in shape.widths[1:-1]]
        layers.append(st.layers.Dense(shape.widths[-1]))
        models.append(st.Sequential(layers, seed=KINDS[kind](number), input_shape=shape.widths[0]))
        optimizers.append(st.optimizers.Adam(LEARNING_RATE * (1 + number) / NETWORKS))
    return models, optimizers


def single(models, optimizers, x, y, settings):
    for model, optimizer in zip(models, optimizers, strict=True):
        model.fit(x, y, optimizer=optimizer, **settings)


def together(models, optimizers, x, y, settings):
    st.train_many(models, x, y, optimizers=optimizers, **settings)


WAYS = {"single": single, "together": together}


def same_bits(pairs):
    return all((a.network.parameter_arena == b.network.parameter_arena).all() for a, b in zip(*pairs, strict=True))


def measure_shape(shape, kind, x, y, epochs, budget):
    """Rounds of both ways in turn: wall and CPU seconds of each, and whether all networks had the same bits."""
    settings = {"loss": "softmax_cross_entropy", "epochs": epochs, "batch_size": shape.batch, "verbose": 0}
    seconds, cpu, right = {way: [] for way in WAYS}, {way: [] for way in WAYS}, True
    started = time.perf_counter()
    while len(seconds["single"]) < 3 or time.perf_counter() - started < budget:
        trained = []
        # Who goes first changes from round to round.
        for way in list(WAYS)[:: 1 if len(seconds["single"]) % 2 == 0 else -1]:
            models, optimizers = networks(shape, kind)
            gc.collect()
            began, used = time.perf_counter(), cpu_seconds()
            WAYS[way](models, optimizers, x, y, settings)
            seconds[way].append(time.perf_counter() - began)
            cpu[way].append(cpu_seconds() - used)
            trained.append(models)
        right = right and same_bits(trained)
    return seconds, cpu, right


def measure(options):
    columns = ["network (batch)", "differ in", "rows", "16 x fit", "train_many", "time", "spread", "CPU time"]
    table = Table("Sixteen networks: samples per second, all together", columns)
    table.notes.append(
        f"{NETWORKS} fits one after the other on {options.threads} threads, against one train_many on as many; Adam, "
        "float32; median of the rounds' ratios, whose middle half spans the spread. Everything in one process, in turn."
    )
    names = [name for name in ("tiny", "tab", "mnist") if name in options.shapes] or options.shapes[:1]
    cases = [(SHAPES[name], kind, SHAPES[name].rows) for name in names for kind in KINDS]
    # Few rows: an epoch is over in a millisecond, and what Python does between two of them shows.
    cases += [(SHAPES[name], "seeds", 1024) for name in names if name in ("tiny", "tab")]
    st.set_num_threads(options.threads)
    for shape, kind, rows in cases:
        progress(f"many: {shape.name}, {kind}, {rows} rows")
        x, y = make_data(spec_of(shape, options, rows=rows))
        epochs = 1 if options.quick else max(2, 16384 // rows)
        seconds, cpu, right = measure_shape(shape, kind, x, y.astype("int32"), epochs, options.seconds / len(cases))
        ratios = sorted(b / a for a, b in zip(seconds["single"], seconds["together"], strict=True))
        share = sum(cpu["together"]) / sum(cpu["single"])
        done = NETWORKS * epochs * rows
        speeds = [readable(done / statistics.median(seconds[way])) for way in WAYS]
        half = f"{100 * ratios[len(ratios) // 4]:.0f}-{100 * ratios[(3 * len(ratios)) // 4]:.0f} %"
        cells = [*speeds, f"{100 * statistics.median(ratios):.0f} %", half, f"{100 * share:.0f} %"]
        table.rows.append([f"{shape.name} {shape.label}", kind, f"{rows:,}", *cells])
        if not right:
            table.wrong.append(f"{shape.name}, {kind}: WRONG: train_many has other bits than fit")
        measured = {"seconds": seconds, "cpu_seconds": cpu, "load_average": os.getloadavg(), "same_bits": right}
        table.record.append(
            {"shape": shape.name, "kind": kind, "rows": rows, "epochs": epochs, "networks": NETWORKS, **measured}
        )
    st.set_num_threads(None)
    return table
