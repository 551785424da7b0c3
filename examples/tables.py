"""
Tables of numbers, categories and gaps
======================================

The UCI Adult census table (who earns more than 50,000 dollars?) with fourteen columns of both kinds and question marks
for what is missing; scikit-learn's wines where the environment variable STEEPEST_DATA names no folder that has it. One
command does the same from a file: `steepest train adult.csv --target classification`.
"""

import csv
import os
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_wine

import steepest as st


def read(path):
    with open(path, newline="") as file:
        header, *rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    return {name: typed(values) for name, values in zip(header, zip(*rows, strict=True), strict=True)}


def typed(values):
    try:
        return [float(value) for value in values]
    except ValueError:
        return list(values)


def wines():
    bunch = load_wine()
    columns = dict(zip(bunch.feature_names, bunch.data.T, strict=True))
    columns["classification"] = [str(bunch.target_names[k]) for k in bunch.target]
    return columns


folder = Path(os.environ.get("STEEPEST_DATA", "."), "adult")
table = read(folder / "adult.data") if (folder / "adult.data").exists() else wines()
print(len(table["classification"]), "rows of", ", ".join(table))

# %%
# The problem: the target's kind is guessed and said, a fifth of the rows is put aside, the preprocessing learns from
# the training rows only. Numbers become normal by their quantiles, few categories become 0/1 columns, many an
# embedding.
problem = st.tables.make_problem(table, "classification", seed=0)
print(problem.task)
print(problem.table.kinds)
print(len(problem.train), "training rows,", problem.train.x.shape[1], "columns for the network")

# %%
# A network for it: numbers cut into pieces, embeddings where there are codes, an output that begins with the shares of
# the classes.
model = st.tables.build_network(problem.table, problem.train.x, problem.train.y, loss=problem.loss)
recipe = st.tables.default_recipe(len(problem.train), epochs=8)
steps = recipe.epochs * -(-len(problem.train) // recipe.batch_size)
history = model.fit(
    problem.train.x,
    problem.train.y,
    loss=problem.loss,
    optimizer=st.optimizers.AdamW(
        st.schedules.Cosine(recipe.learning_rate, steps=steps), weight_decay=recipe.weight_decay
    ),
    epochs=recipe.epochs,
    batch_size=recipe.batch_size,
    validation_data=(problem.validation.x, problem.validation.y),
    early_stopping=recipe.patience,
    verbose=0,
)
figure = history.plot()

# %%
# Rows nobody has seen, beside always saying the most frequent class:
scores = model.evaluate(problem.test.x, problem.test.y)
constant = np.bincount(problem.test.y).max() / len(problem.test)
print({name: round(value, 4) for name, value in scores.items()}, f"constant: {constant:.4f}")

# %%
# Preprocessing and labels travel with the model: the file alone turns new rows into answers.
model.preprocessing, model.target = problem.table, problem.target
with tempfile.TemporaryDirectory() as kept:
    model.save(Path(kept, "adult.npz"))
    again = st.load(Path(kept, "adult.npz"))
few = {name: values[4:12] for name, values in table.items() if name != "classification"}
print(st.tables.predict(again, few).values.tolist())
