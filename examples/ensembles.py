"""
Several networks instead of one
===============================

Networks that differ by their seed make different mistakes: their average is better than they are, and where they
disagree, none of them knows.
"""

import numpy as np
from matplotlib.figure import Figure

import steepest as st

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-3, -0.5, 60), rng.uniform(1.0, 3, 60)])[:, None]
y = np.sin(2 * x[:, 0]) + 0.15 * rng.normal(size=len(x))


def build(seed):
    layers = [st.layers.Dense(64, "relu"), st.layers.Dense(64, "relu"), st.layers.Dense(1)]
    return st.Sequential(layers, seed=seed)


ensemble = st.ensembles.seed_ensemble(
    build, x, y, members=8, optimizer=lambda: st.optimizers.Adam(5e-3), loss="mse", epochs=400, verbose=0
)

# %%
# Between and beyond the points the members part: the band is two deviations wide.
grid = np.linspace(-4, 4, 300)[:, None]
spread = ensemble.spread(grid)
figure = Figure(figsize=(8, 3.6), layout="constrained")
axes = figure.add_subplot()
for member in spread.members:
    axes.plot(grid, member, color="0.75", lw=0.8)
mean, deviation = spread.mean[:, 0], spread.deviation[:, 0]
axes.fill_between(grid[:, 0], mean - 2 * deviation, mean + 2 * deviation, color="tab:blue", alpha=0.2, lw=0)
axes.plot(grid, mean, color="tab:blue", lw=2)
axes.plot(x, y, ".", color="k", ms=3)
axes.set(title="eight members, their mean and two deviations", ylim=(-2.5, 2.5))

# %%
# In numbers, on handwritten digits with few rows: the members alone, and their average.
X, y, X_test, y_test = st.datasets.load_digits()


def small(seed):
    return st.Sequential([st.layers.Dense(32, "relu"), st.layers.Dense(10)], seed=seed)


digits = st.ensembles.seed_ensemble(
    small, X[:400], y[:400], members=8, loss="softmax_cross_entropy", epochs=40, verbose=0
)
alone = [float((member.predict(X_test).argmax(axis=1) == y_test).mean()) for member in digits.models]
together = float((digits.predict_proba(X_test).argmax(axis=1) == y_test).mean())
print(f"members {np.mean(alone):.3f} on average, the best {max(alone):.3f}; together {together:.3f}")
