"""
Sixteen networks in one run
===========================

A small network leaves most of a machine idle. Many of them trained side by side do not, and each one is the network it
would be alone: learning rates compared, and a score with its deviation from five folds.
"""

import numpy as np
from matplotlib.figure import Figure

import steepest as st

X, y, X_test, y_test = st.datasets.load_digits()


def build(seed=0):
    return st.Sequential([st.layers.Dense(64, "relu"), st.layers.Dense(10)], seed=seed)


# %%
# Sixteen learning rates on a logarithmic scale. All members have one seed: they start at the same weights and see the
# same batches, so that nothing but the rate differs, and the rows of a batch are fetched once for several of them.
rates = np.geomspace(1e-5, 3.0, 16)
histories = st.train_many(
    [build() for _ in rates],
    X,
    y,
    loss="softmax_cross_entropy",
    optimizers=[st.optimizers.SGD(rate, momentum=0.9) for rate in rates],
    epochs=15,
    validation_data=(X_test, y_test),
    verbose=0,
)
figure = Figure(figsize=(7, 3.6), layout="constrained")
axes = figure.add_subplot()
for name in ("loss", "val_loss"):
    axes.plot(rates, [history[name][-1] if name in history else np.nan for history in histories], "o-", label=name)
axes.set(xscale="log", yscale="log", xlabel="learning rate", title="after fifteen epochs")
axes.legend()
best = min(range(16), key=lambda k: histories[k]["val_loss"][-1] if "val_loss" in histories[k] else np.inf)
print(f"the best rate is {rates[best]:.2g}, with a validation loss of {histories[best]['val_loss'][-1]:.3f}")
guessing = sum("val_loss" not in history or history["val_loss"][-1] >= np.log(10) for history in histories[best:])
print(f"{guessing} of 16 rates are so high that nothing is learnt; the other members did not notice")

# %%
# How good is that, on data no member has seen? Five folds at once; what is fitted to data, here the scaling, is fitted
# to the training rows of each fold.
result = st.cross_validate(
    build,
    X,
    y,
    folds=5,
    loss="softmax_cross_entropy",
    optimizer=st.optimizers.SGD(rates[best], momentum=0.9),
    epochs=15,
    preprocessing=st.preprocessing.Standardizer(),
    verbose=0,
)
print(result)
print(f"out-of-fold accuracy {st.metrics.accuracy(y, result.predictions):.3f}")
