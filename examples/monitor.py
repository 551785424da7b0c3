"""
A monitor during the training
=============================

`st.callbacks.Monitor` looks into a few steps of every epoch from inside the core, for at most two percent of the time,
and says what it sees: too high a rate, dying units, over-fitting. The training is bit for bit the same with and without
it.
"""

import numpy as np

import steepest as st

X, y, X_valid, y_valid = st.datasets.load_digits()
X, y = X[:300], y[:300].copy()
wrong = np.random.default_rng(0).choice(300, 60, replace=False)
y[wrong] = (y[wrong] + 1) % 10  # a fifth of the few labels is wrong


def train(layers, optimizer, epochs=60):
    model = st.Sequential([*layers, st.layers.Dense(10)], seed=0)
    monitor = st.callbacks.Monitor(verbose=False)
    history = model.fit(
        X,
        y,
        loss="softmax_cross_entropy",
        optimizer=optimizer,
        epochs=epochs,
        batch_size=32,
        validation_data=(X_valid, y_valid),
        callbacks=[monitor],
        verbose=0,
    )
    return history, monitor


# %%
# A rate that is far too high:
_, hasty = train([st.layers.Dense(64, "relu"), st.layers.Dense(64, "relu")], st.optimizers.Adam(0.3))
print(hasty)

# %%
# A wide network learns three hundred rows by heart, the wrong labels too:
learnt, monitor = train([st.layers.Dense(512, "relu"), st.layers.Dense(512, "relu")], st.optimizers.Adam(1e-3))
print(monitor)
curves = learnt.plot()

# %%
# What it recorded, by layer and epoch; the guide at 0.001 is where the ratio of update to weight usually is.
figure = monitor.plot()
print({name: record.shape for name, record in monitor.records.items()})

# %%
# A training that explodes ends with the step and the layer where it began, and the model as it was before. With
# `st.callbacks.Recovery` it goes back to the last good epoch, lowers the rate, and goes on.
layers = [st.layers.Dense(64, "leaky_relu"), st.layers.Dense(64, "leaky_relu"), st.layers.Dense(10)]
settings = {"loss": "softmax_cross_entropy", "epochs": 30, "verbose": 0}
model = st.Sequential(layers, seed=0)
try:
    model.fit(X, y, optimizer=st.optimizers.SGD(3.0), **settings)
except st.TrainingDiverged as error:
    print(error)
rescue = st.callbacks.Recovery(verbose=False)
rescued = model.fit(X, y, optimizer=st.optimizers.SGD(3.0), callbacks=[rescue], **settings)
print(rescue.events)
after = rescued.plot()
