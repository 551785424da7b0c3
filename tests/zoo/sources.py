"""Data of the zoo: real ones, standardised where that is the healthy thing to do, and a few that are made."""

import csv
import os
from functools import cache
from pathlib import Path

import numpy as np

import steepest as st


def folder(name):
    """The folder of a real data set; None where STEEPEST_DATA is not set, then scikit-learn's sets stand in."""
    root = os.environ.get("STEEPEST_DATA")
    return Path(root) / name if root else None


def standard(X):
    """Standardised columns as float32."""
    return st.preprocessing.Standardizer().fit(X).transform(X).astype("float32")


@cache
def digits():
    """8 x 8 digits in [0, 1]: X, y, and the held-out part."""
    X, y, Xv, yv = st.datasets.load_digits()
    return X / 16, y, Xv / 16, yv


@cache
def mnist(rows=2000):
    """Rows of MNIST as uint8, or digits in [0, 255]."""
    if folder("mnist") is None:
        X, y, Xv, yv = digits()
        return (X * 255).astype(np.uint8), y, (Xv * 255).astype(np.uint8), yv
    X, y, Xv, yv = st.datasets.load_mnist(folder("mnist"))
    return X[:rows], y[:rows].astype(int), Xv[:500], yv[:500].astype(int)


@cache
def letter():
    """Sixteen whole numbers 0..15 and 26 classes, or the digits and 10."""
    if folder("letter") is None:
        X, y, _, _ = digits()
        return X * 15, y, 10
    with open(folder("letter") / "letter-recognition.data", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    first = 0 if rows[0][0].isalpha() else -1
    y = np.array([ord(row[first]) - ord("A") for row in rows])
    X = np.array([[float(v) for i, v in enumerate(row) if i != first % len(row)] for row in rows])
    return X[:6000], y[:6000], 26


@cache
def adult():
    """Income above 50,000 or not: columns by name as read, and the target; breast cancer without the real data."""
    if folder("adult") is None:
        from sklearn.datasets import load_breast_cancer

        data = load_breast_cancer()
        return {str(n): column for n, column in zip(data.feature_names, data.data.T, strict=True)}, data.target
    with open(folder("adult") / "adult.data", encoding="utf-8") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    names, rows = rows[0], rows[1:5001]
    columns = {name: np.array([row[i] for row in rows], dtype=object) for i, name in enumerate(names)}
    y = np.array([">" in value for value in columns.pop(names[-1])]).astype(int)
    for name, column in columns.items():
        if all(str(value).lstrip("-").isdigit() for value in column):
            columns[name] = column.astype(float)
    return columns, y


@cache
def housing():
    """Eight numbers of Californian districts as read (missing ones filled by the median) and the price; or diabetes."""
    if folder("housing") is None:
        from sklearn.datasets import load_diabetes

        X, y = load_diabetes(return_X_y=True, scaled=False)
        return X, y * 1000.0
    with open(folder("housing") / "housing.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    target = "median_house_value"
    names = [name for name in rows[0] if name not in (target, "ocean_proximity")]
    X = np.array([[float(row[name]) if row[name] else np.nan for name in names] for row in rows])
    X = np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
    order = np.random.default_rng(0).permutation(len(X))[:4000]
    return X[order], np.array([float(rows[i][target]) for i in order])


@cache
def adult_matrix(categorical):
    """The mixed table as a matrix, its codes (column, categories) for embeddings, and the target."""
    columns, y = adult()
    step = st.tables.TablePreprocessor(categorical=categorical).fit(columns)
    return step.transform(columns).astype("float32"), dict(step.codes), y


def dense(*widths, activation="relu", seed=0, **options):
    """Dense layers, the last one without activation."""
    layers = [st.layers.Dense(width, activation, **options) for width in widths[:-1]]
    return st.Sequential([*layers, st.layers.Dense(widths[-1])], seed=seed)


def blobs(rows=600, columns=10, classes=3, seed=0, spread=1.0):
    """Classes around random centres."""
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=rows)
    X = rng.normal(size=(classes, columns))[y] + spread * rng.normal(size=(rows, columns))
    return X.astype("float32"), y


def surface(rows=600, columns=6, noise=0.1, seed=0):
    """A smooth function of a few columns, of mean 0 and deviation about 1, and noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.5 * X[:, 3] + noise * rng.normal(size=rows)
    return X.astype("float32"), (y - y.mean()) / y.std()


CLASSES = {"loss": "softmax_cross_entropy"}
NUMBERS = {"loss": "mse"}


def adam(rate=1e-3, **options):
    """A new Adam."""
    return st.optimizers.Adam(rate, **options)
