"""
Few labels: layers from another task
====================================

A network that tells the digits 0 to 4 apart gives its first layer to one for 5 to 9, of which there are 20 labelled
images each. With MNIST (its folder in `STEEPEST_DATA`) that is worth two points of accuracy over a training from
scratch; on scikit-learn's small digits, the fallback, too little is learnt from the first task to help.
"""

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import steepest as st

folder = os.environ.get("STEEPEST_DATA")
if folder and Path(folder, "mnist").is_dir():
    name, split, top = "MNIST", st.datasets.load_mnist(Path(folder, "mnist")), 255
    X, y = split.X_train[:20000].astype("float32") / top, split.y_train[:20000]
else:
    name, split, top = "8 x 8 digits", st.datasets.load_digits(test_share=0.4), 16
    X, y = split.X_train / top, split.y_train
X_test, y_test = split.X_test.astype("float32")[split.y_test >= 5] / top, split.y_test[split.y_test >= 5] - 5

# %%
# The first task has plenty of labels.
source = st.Sequential([st.layers.Dense(256, "relu"), st.layers.Dense(128, "relu"), st.layers.Dense(5)], seed=0)
source.fit(X[y < 5], y[y < 5], loss="softmax_cross_entropy", epochs=5, batch_size=64, verbose=0)

# %%
# The second has 20 of each class.
rng = np.random.default_rng(0)
rows = np.concatenate([rng.choice(np.flatnonzero(y == digit), 20, replace=False) for digit in range(5, 10)])


def train(model, rate, epochs):
    """Train on the few labels; return the accuracy on the test rows after every epoch."""
    return model.fit(
        X[rows],
        y[rows] - 5,
        loss="softmax_cross_entropy",
        optimizer=st.optimizers.Adam(rate),
        epochs=epochs,
        batch_size=20,
        validation_data=(X_test, y_test),
        verbose=0,
    )["val_accuracy"]


scratch = st.Sequential([st.layers.Dense(256, "relu"), st.layers.Dense(128, "relu"), st.layers.Dense(5)], seed=0)
alone = train(scratch, 1e-3, 60)

# %%
# The first layer is kept and frozen until the new ones are good for something; then everything is trained, slowly.
model = st.transfer.new_head(source, [st.layers.Dense(128, "relu"), st.layers.Dense(5)], keep=1)
moved = train(model, 3e-3, 20)
st.transfer.unfreeze(model)
moved = moved + train(model, 1e-3, 40)
print(f"{name}: accuracy from scratch {alone[-1]:.3f}, with the first layer of the other task {moved[-1]:.3f}")

# %%
figure = Figure(figsize=(6, 3.2), layout="constrained")
axes = figure.add_subplot()
axes.plot(alone, label="from scratch")
axes.plot(moved, label="transfer: frozen for 20 epochs, then all")
axes.set(xlabel="epoch", ylabel="accuracy on 5 to 9", title=name, ylim=(max(min(alone + moved) - 0.02, 0.5), None))
axes.legend()
