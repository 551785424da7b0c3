"""
A checkup before the training
=============================

`st.checkup` looks at the data, the network and the settings, never changes the model, and says what is wrong, how it
knows, and what to do. Here: the measurements of the breast-cancer data as they come, from 0.001 to 4000.
"""

import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import steepest as st

X, y = load_breast_cancer(return_X_y=True)
X, X_valid, y, y_valid = train_test_split(X, y, random_state=0)


def network():
    return st.Sequential([st.layers.Dense(32, "relu"), st.layers.Dense(2)], seed=0)


before = st.checkup(network(), X, y, validation_data=(X_valid, y_valid))
print(before)

# %%
# The advice, taken:
scaler = st.preprocessing.Standardizer().fit(X)
X, X_valid = scaler.transform(X), scaler.transform(X_valid)
after = st.checkup(network(), X, y, validation_data=(X_valid, y_valid))
print(after.verdict)

# %%
# What was measured, as pictures:
figure = after.plot()

# %%
# The same as one HTML page that can be mailed: verdicts first, then the curves, nothing loaded from anywhere.
# `st.pictures.page` takes the history and the monitor of a training as well.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "checkup.html")
    before.to_html(path)
    print(f"{path.stat().st_size / 1000:.0f} kB")
