"""
Plateaus and saddle points
==========================

Two networks of two parameters, so that the whole loss can be drawn, and four optimisers at the same learning rate.

- Saddle: two linear units in a row, y = w2 w1 x, shall learn y = x. The loss (w1 w2 - 1)^2 has a saddle point at the
  origin, as every network of several layers has at zero weights. The start lies next to it, almost on the line that
  leads straight into it.
- Plateau: a sigmoid unit with a squared loss that starts out sure of the wrong answer, where the sigmoid is flat.

Momentum adds up small steps in one direction; RMSprop and Adam divide by the size of the gradient, so a small gradient
does not mean a small step.
"""

import numpy as np
from matplotlib.figure import Figure

import steepest as st

OPTIMIZERS = {
    "gradient descent": lambda rate: st.optimizers.SGD(rate),
    "momentum 0.9": lambda rate: st.optimizers.SGD(rate, momentum=0.9),
    "RMSprop": lambda rate: st.optimizers.RMSprop(rate),
    "Adam": lambda rate: st.optimizers.Adam(rate),
}


class Saddle:
    title = "saddle point: loss (w1 w2 - 1)^2"
    labels = ("w1", "w2")
    x = np.array([[-1.0], [1.0]])
    y = np.array([[-1.0], [1.0]])
    rate, steps, solved = 0.01, 2000, 0.05
    start = (0.02, -0.0199)
    window = (-0.4, 1.4, -0.4, 1.4)

    @staticmethod
    def model(first, second):
        layers = [st.layers.Dense(1, use_bias=False, initializer=float(w)) for w in (first, second)]
        return st.Sequential(layers, dtype="float64", input_shape=1)


class Plateau:
    title = "plateau: a sigmoid unit, sure of the wrong answer"
    labels = ("weight", "bias")
    x = np.array([[-1.0], [1.0]])
    y = np.array([[1.0], [0.0]])
    rate, steps, solved = 0.1, 4000, 0.05
    start = (6.0, 0.1)
    window = (-6.0, 8.0, -2.0, 6.0)

    @staticmethod
    def model(weight, bias):
        layer = st.layers.Dense(1, "sigmoid", initializer=float(weight), bias_initializer=float(bias))
        return st.Sequential([layer], dtype="float64", input_shape=1)


class Path(st.callbacks.Callback):
    """Keeps the parameters after every step."""

    def __init__(self):
        self.points = []

    def on_epoch_end(self, run):
        self.points.append([value.item() for value in run.model.parameters().values()])


def descend(problem, make_optimizer):
    """Train with all rows in every batch; return the points (steps + 1, 2) and the losses there."""
    model, path = problem.model(*problem.start), Path()
    model.fit(
        problem.x,
        problem.y,
        loss="mse",
        optimizer=make_optimizer(problem.rate),
        epochs=problem.steps,
        callbacks=[path],
        verbose=0,
    )
    points = np.array([problem.start, *path.points])
    return points, loss_at(problem, points)


def loss_at(problem, points):
    """The loss at given parameters, by the network itself."""
    model = problem.model(*problem.start)
    first, second = model.parameters().values()
    losses = []
    for point in points:
        first[...], second[...] = point
        losses.append(model.evaluate(problem.x, problem.y, loss="mse")["loss"])
    return np.array(losses)


def steps_needed(problem, losses):
    """Steps until the loss is below `problem.solved`; one more than were made if it never is."""
    below = np.flatnonzero(losses < problem.solved)
    return int(below[0]) if below.size else problem.steps + 1


runs = {(problem, name): descend(problem, make) for problem in (Saddle, Plateau) for name, make in OPTIMIZERS.items()}
for (problem, name), (_, losses) in runs.items():
    needed = steps_needed(problem, losses)
    text = f"{needed} steps" if needed <= problem.steps else f"not in {problem.steps} steps"
    print(f"{problem.__name__:<8} {name:<17} {text} to a loss below {problem.solved}")

# %%
# The ways they took, over the loss (dark is low), and the loss after each step.
figure = Figure(figsize=(10, 7.5), layout="constrained")
for (left, right), problem in zip(figure.subplots(2, 2), (Saddle, Plateau), strict=True):
    low, high, bottom, top = problem.window
    across, up = np.meshgrid(np.linspace(low, high, 61), np.linspace(bottom, top, 61))
    surface = loss_at(problem, np.column_stack([across.ravel(), up.ravel()])).reshape(across.shape)
    left.contourf(across, up, np.sqrt(surface), 24, cmap="Greys_r")
    for name in OPTIMIZERS:
        points, losses = runs[problem, name]
        left.plot(points[:, 0], points[:, 1], linewidth=2)
        right.semilogx(np.arange(1, len(losses) + 1), losses, linewidth=2, label=name)
    left.plot(*problem.start, "k*", markersize=12)
    left.set(title=problem.title, xlabel=problem.labels[0], ylabel=problem.labels[1])
    left.set(xlim=(low, high), ylim=(bottom, top))
    right.set(title=f"loss, all at the learning rate {problem.rate}", xlabel="step + 1", ylabel="loss")
    right.legend()
