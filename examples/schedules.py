"""
Learning-rate schedules
=======================

The shapes, and one schedule that watches the training instead of the clock.
"""

import math

import numpy as np
from matplotlib.figure import Figure

import steepest as st
from steepest import schedules

STEPS = 1000
SHAPES = {
    "Constant(1.0)": schedules.Constant(1.0),
    "Step(1.0, every=250, factor=0.5)": schedules.Step(1.0, every=250, factor=0.5),
    "Exponential(1.0, steps=500)": schedules.Exponential(1.0, steps=500),
    "InverseTime(1.0, decay=0.01)": schedules.InverseTime(1.0, decay=0.01),
    "Polynomial(1.0, steps=900, power=2)": schedules.Polynomial(1.0, steps=900, power=2.0),
    "Piecewise([300, 700], [1.0, 0.3, 0.1])": schedules.Piecewise([300, 700], [1.0, 0.3, 0.1]),
    "Cosine(1.0, steps=1000, warmup=100)": schedules.Cosine(1.0, steps=STEPS, warmup=100),
    "OneCycle(1.0, steps=1000)": schedules.OneCycle(1.0, steps=STEPS),
    "Warmup(Exponential(1.0, steps=500), steps=100)": schedules.Warmup(schedules.Exponential(1.0, steps=500), 100),
    "lambda t: abs(math.cos(t / 100))": lambda t: abs(math.cos(t / 100)),
}

figure = Figure(figsize=(12, 6.5), layout="constrained")
for axes, (name, schedule) in zip(figure.subplots(3, 4).ravel(), SHAPES.items(), strict=False):
    axes.plot([schedule(step) for step in range(STEPS)])
    axes.set_title(name, fontsize=8)
    axes.set_ylim(-0.05, 1.1)
for axes in figure.axes[len(SHAPES) :]:
    axes.remove()


# %%
# A rate that falls whenever the validation loss has stood still for five epochs:
def train():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, size=(600, 1))
    y = np.sin(2 * x[:, 0]) + 0.1 * rng.normal(size=600)
    model = st.Sequential([st.layers.Dense(64, "tanh"), st.layers.Dense(1)], seed=0)
    rate = schedules.ReduceOnPlateau(0.1, factor=0.5, patience=5, minimum=1e-4)
    optimizer = st.optimizers.SGD(rate, momentum=0.9)
    return model.fit(x, y, loss="mse", optimizer=optimizer, epochs=120, validation_split=0.25, verbose=0)


history = train()
curves = history.plot()
