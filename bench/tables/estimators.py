"""Table 8: the estimators beside scikit-learn's own, with the same settings: how well, and how long."""

import os
import statistics
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.tables.common import Table, progress

# A network of scikit-learn's defaults; epochs that bring each task near its end and the table to one in minutes.
SETTINGS = {
    "digits": {"max_iter": 200},
    "letter": {"max_iter": 60},
    "adult": {"max_iter": 30},
    "housing": {"max_iter": 60},
    "mnist": {"max_iter": 20},
}
MNIST_ROWS = 10_000
SEEDS = 5


@dataclass
class Task:
    name: str
    train: tuple
    test: tuple
    classifies: bool


def folder():
    """Return the folder of the data sets, or None."""
    path = os.environ.get("STEEPEST_DATA")
    return Path(path) if path else None


def digits():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16.0, y, random_state=0, stratify=y)
    return Task("digits", (X, y), (X_test, y_test), True)


def letter():
    import pandas as pd

    frame = pd.read_csv(folder() / "letter" / "letter-recognition.data")
    y = frame.pop(frame.columns[0]).to_numpy()
    return standardised("letter", frame.to_numpy(float), y, 16_000)


def standardised(name, X, y, rows):
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(X[:rows])
    return Task(name, (scaler.transform(X[:rows]), y[:rows]), (scaler.transform(X[rows:]), y[rows:]), True)


def encode(train, test):
    """One-hot categories and standardised numbers, missing ones filled with the median: one matrix for both rivals."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encoder = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        remainder=OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    return encoder.fit_transform(train), encoder.transform(test)


def adult():
    import pandas as pd

    parts = []
    for name in ("adult.data", "adult.test"):
        frame = pd.read_csv(folder() / "adult" / name, skipinitialspace=True)
        y = frame.pop("classification").str.rstrip(".").to_numpy()
        parts.append((frame, y))
    X, X_test = encode(parts[0][0], parts[1][0])
    return Task("adult", (X, parts[0][1]), (X_test, parts[1][1]), True)


def housing():
    import pandas as pd
    from sklearn.model_selection import train_test_split

    frame = pd.read_csv(folder() / "housing" / "housing.csv")
    y = frame.pop("median_house_value").to_numpy(float)
    frame, frame_test, y, y_test = train_test_split(frame, y, random_state=0)
    X, X_test = encode(frame, frame_test)
    mean, deviation = y.mean(), y.std()
    return Task("housing", (X, (y - mean) / deviation), (X_test, (y_test - mean) / deviation), False)


def mnist():
    from steepest import datasets

    X, y, X_test, y_test = datasets.load_mnist(folder() / "mnist")
    return Task("mnist", (X[:MNIST_ROWS] / 255.0, y[:MNIST_ROWS]), (X_test / 255.0, y_test), True)


TASKS = {"digits": digits, "letter": letter, "adult": adult, "housing": housing, "mnist": mnist}


def rivals(task):
    """Return the estimators by label, each a function of the seed, and the dtype of its samples."""
    from sklearn import neural_network

    from steepest import sklearn as ours

    name = "MLPClassifier" if task.classifies else "MLPRegressor"
    settings = SETTINGS[task.name]
    return {
        "scikit-learn": lambda seed: getattr(neural_network, name)(random_state=seed, **settings),
        "steepest": lambda seed: getattr(ours, name)(random_state=seed, **settings),
        "steepest, float32": lambda seed: getattr(ours, name)(random_state=seed, dtype="float32", **settings),
    }


def measure_task(task, seeds, threads):
    """Fit all rivals, seed by seed and in turn; return {label: {"scores", "seconds", "epochs"}}."""
    from threadpoolctl import threadpool_limits

    import steepest as st

    found = {label: {"scores": [], "seconds": [], "epochs": []} for label in rivals(task)}
    st.set_num_threads(threads)
    with warnings.catch_warnings(), threadpool_limits(threads):
        warnings.simplefilter("ignore")
        for seed in range(seeds):
            makers = list(rivals(task).items())
            # Who begins turns seed by seed.
            for label, make in makers[seed % len(makers) :] + makers[: seed % len(makers)]:
                estimator = make(seed)
                begun = time.perf_counter()
                estimator.fit(*task.train)
                found[label]["seconds"].append(time.perf_counter() - begun)
                found[label]["scores"].append(float(estimator.score(*task.test)))
                found[label]["epochs"].append(int(estimator.n_iter_))
    return found


def measure(options):
    seeds = 2 if options.quick else SEEDS
    columns = ["data", "rows", "scikit-learn", "steepest", "steepest, float32", "time ratio", "time ratio, float32"]
    table = Table(f"Estimators with the same settings: test score (mean of {seeds} seeds) and time of fit", columns)
    table.notes += [
        "Scores: accuracy, for housing R2 of the standardised price. Times: seconds of fit, median of the seeds.",
        "Ratios: scikit-learn's time over ours, seed by seed in one process, median (smallest to largest).",
        f"MLPClassifier and MLPRegressor of 100 hidden units, scikit-learn's defaults but for max_iter: {SETTINGS}.",
        f"MNIST: the first {MNIST_ROWS:,} training rows and all test rows.",
    ]
    for name, load in TASKS.items():
        if name != "digits" and folder() is None:
            table.notes.append(f"{name}: left out, STEEPEST_DATA names no folder.")
            continue
        progress(f"estimators: {name}")
        task = load()
        found = measure_task(task, seeds, options.threads)
        table.rows.append([name, f"{len(task.train[0]):,}", *(cell(found[label]) for label in columns[2:5]),
                           *(ratio(found, label) for label in columns[3:5])])  # fmt: skip
        table.record.append({"data": name, "rows": len(task.train[0]), "estimators": found})
        judge(table, name, found)
    return table


def cell(one):
    return f"{statistics.mean(one['scores']):.4f} in {statistics.median(one['seconds']):.2f} s"


def ratio(found, label):
    ratios = sorted(
        theirs / ours for theirs, ours in zip(found["scikit-learn"]["seconds"], found[label]["seconds"], strict=True)
    )
    return f"{statistics.median(ratios):.1f}x ({ratios[0]:.1f} to {ratios[-1]:.1f})"


def judge(table, name, found):
    """The same settings and seeds must give the same score, to what two runs of one program differ by."""
    theirs = np.array(found["scikit-learn"]["scores"])
    for label in ("steepest", "steepest, float32"):
        difference = np.array(found[label]["scores"]) - theirs
        spread = max(float(theirs.std(ddof=1)), 1e-3) / np.sqrt(len(theirs))
        if difference.mean() < -2.0 * spread:
            table.wrong.append(f"WRONG: {name}: {label} scores {-difference.mean():.4f} less than scikit-learn")
