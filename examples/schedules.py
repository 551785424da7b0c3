"""The shapes of the learning-rate schedules, and one that watches the training.

    python examples/schedules.py schedules.png

Needs matplotlib.
"""

import math
import sys

import numpy as np

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


def train():
    """Fit noisy data with a rate that falls whenever the validation loss stands still; return the history."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, size=(600, 1))
    y = np.sin(2 * x[:, 0]) + 0.1 * rng.normal(size=600)
    model = st.Sequential([st.layers.Dense(64, "tanh"), st.layers.Dense(1)], seed=0)
    rate = schedules.ReduceOnPlateau(0.1, factor=0.5, patience=5, minimum=1e-4)
    optimizer = st.optimizers.SGD(rate, momentum=0.9)
    return model.fit(x, y, loss="mse", optimizer=optimizer, epochs=120, validation_split=0.25, verbose=0)


def draw(path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 9), layout="constrained")
    axes = figure.subplots(3, 4).ravel()
    for ax, (name, schedule) in zip(axes, SHAPES.items(), strict=False):
        ax.plot([schedule(step) for step in range(STEPS)])
        ax.set_title(name, fontsize=8)
        ax.set_ylim(-0.05, 1.1)
    history = train()
    axes[10].semilogy(history["val_loss"], color="tab:orange")
    axes[10].set_title("validation loss by epoch", fontsize=8)
    axes[11].semilogy(history["learning_rate"])
    axes[11].set_title("ReduceOnPlateau(0.1, factor=0.5, patience=5, minimum=1e-4)", fontsize=8)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else "schedules.png")
