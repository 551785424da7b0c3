"""Does coarse to fine find what a random search of 60 trials finds, in a third of the time?

    python -m bench.search --data /folder/of/data --out bench/results/search.md

Both look for the learning rate of Adam and the L2 penalty of a network with one hidden layer, on MNIST and on letter
recognition, judged by the loss on validation rows. What they found is then trained anew from other seeds and judged on
the test rows, which no search has seen: the best of many trials looks better than it is.
"""

import argparse
import math
import os
import time
import warnings
from pathlib import Path

import numpy as np

import steepest as st
from steepest import search

TRIALS = 60
FRESH = 8  # trainings of what was found
SPACE = {"learning_rate": search.loguniform(1e-5, 1.0), "l2": search.loguniform(1e-8, 1e-1)}
METHODS = {
    "random": lambda it: it.random(TRIALS),
    "coarse to fine": lambda it: it.coarse_to_fine(),
}


def mnist(folder):
    split = st.datasets.load_mnist(folder / "mnist")
    pixels = [x.astype("float32") / 255 for x in (split.X_train, split.X_test)]
    return pixels[0], split.y_train, pixels[1], split.y_test


def letter(folder):
    table = np.genfromtxt(folder / "letter" / "letter-recognition.data", delimiter=",", dtype=str, skip_header=1)
    named = [table[:, column] for column in range(table.shape[1])]
    target = next(i for i, values in enumerate(named) if values[0].isalpha())
    y = np.array([ord(c) - ord("A") for c in named[target]])
    x = np.stack([v.astype("float32") for i, v in enumerate(named) if i != target], axis=1)
    x = st.preprocessing.Standardizer().fit(x[:16000]).transform(x).astype("float32")
    return x[:16000], y[:16000], x[16000:], y[16000:]


# Reader, classes, width, epochs of a full training, validation share.
SETS = {"mnist": (mnist, 10, 64, 9, 1 / 6), "letter": (letter, 26, 128, 27, 0.2)}


def run(name, folder, seed, jobs):
    """Search by every method, train anew what was found; return a row per method."""
    read, classes, width, epochs, share = SETS[name]
    x, y, x_test, y_test = read(folder)
    rows = []
    for method, begin in METHODS.items():
        build = search.perceptron(classes, seed=seed, width=width, batch_size=128)
        task = search.Search(
            build,
            SPACE,
            x,
            y,
            epochs=epochs,
            loss="softmax_cross_entropy",
            validation_split=share,
            jobs=jobs,
            seed=seed,
            verbose=0,
        )
        wall, cpu = time.perf_counter(), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = begin(task)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        scores = []
        for fresh in range(FRESH):
            model, fit = search.perceptron(classes, seed=1000 + fresh, width=width, batch_size=128)(
                result.best_parameters
            )
            model.fit(x, y, loss="softmax_cross_entropy", epochs=epochs, verbose=0, **fit)
            scores.append(model.evaluate(x_test, y_test))
        rows.append(
            {
                "data": name,
                "method": method,
                "seed": seed,
                "trials": len(result),
                "epochs": result.epochs,
                "seconds": wall,
                "CPU seconds": cpu,
                "learning rate": result.best_parameters.learning_rate,
                "L2": result.best_parameters.l2,
                "validation loss": result.best.value,
                "test loss": float(np.mean([s["loss"] for s in scores])),
                "test error %": 100 * (1 - float(np.mean([s["accuracy"] for s in scores]))),
                "deviation": float(np.std([s["loss"] for s in scores], ddof=1) / math.sqrt(FRESH)),
            }
        )
        print(rows[-1], flush=True)
    return rows


def text(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(rows):
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "| " + " | ".join("---" for _ in names) + " |"]
    lines += ["| " + " | ".join(text(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def summary(rows):
    """Means over the seeds, and the ratios to the random search."""
    lines = []
    for data in dict.fromkeys(row["data"] for row in rows):
        means, found = {}, {}
        for method in METHODS:
            own = [row for row in rows if row["data"] == data and row["method"] == method]
            found[method] = [row["validation loss"] for row in own]
            numbers = [name for name, value in own[0].items() if isinstance(value, (int, float)) and name != "seed"]
            means[method] = {name: float(np.mean([row[name] for row in own])) for name in numbers}
        a, b = means["coarse to fine"], means["random"]
        no_worse = sum(x <= y for x, y in zip(found["coarse to fine"], found["random"], strict=True))
        lines.append(
            f"- {data}: coarse to fine took {a['epochs'] / b['epochs']:.2f} of the epochs, "
            f"{a['CPU seconds'] / b['CPU seconds']:.2f} of the CPU time and {a['seconds'] / b['seconds']:.2f} of the "
            f"time of the random search; mean validation loss of the best trial {a['validation loss']:.4g} against "
            f"{b['validation loss']:.4g}, not above it in {no_worse} of {len(found['random'])} searches; trained anew, "
            f"mean test loss {a['test loss']:.4g} against {b['test loss']:.4g}, "
            f"test error {a['test error %']:.2f} % against {b['test error %']:.2f} %."
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("STEEPEST_DATA"))
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data or STEEPEST_DATA must name the folder of the data sets")
    rows = []
    for name in options.sets:
        for seed in options.seeds:
            rows += run(name, Path(options.data), seed, options.jobs)
    page = f"{table(rows)}\n\n{summary(rows)}\n"
    print(page)
    if options.out is not None:
        options.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
