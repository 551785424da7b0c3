"""
Is the gradient right?
======================

A backward pass that is almost right trains almost well, which is why wrong ones live long. `st.gradcheck` compares it
with difference quotients of the forward pass, in double precision, and knows how far a quotient itself can be trusted.
"""

import numpy as np

import steepest as st

# %%
# A whole model, every parameter and the input:
rng = np.random.default_rng(0)
X, y = rng.normal(size=(12, 5)), rng.integers(0, 3, 12)
layers = [st.layers.Dense(16, "tanh"), st.layers.LayerNorm(), st.layers.Dense(3)]
model = st.Sequential(layers, seed=0)
right = st.gradcheck(model, X, y, loss="softmax_cross_entropy")
print(right)


# %%
# A layer of one's own with a mistake in one entry of its gradient. The norm of the difference would hardly show it; the
# check names the entry.
def forward(x):
    return x * x


def backward(dy, x):
    dx = 2.0 * x * dy
    dx[0, 1] *= 1.01
    return dx


wrong = st.gradcheck.check_pair(forward, backward, X)
print(wrong.verdict)
entry = wrong.worst[0]
print(f"{entry.name}{list(entry.index)}: {entry.analytic:.6f} by the backward pass, {entry.numeric:.6f} measured")

# %%
# Why two-sided quotients, and why that step? The error of a one-sided quotient falls like eps, that of a two-sided one
# like eps squared, until rounding takes over, which grows like 1 / eps. The circles are where `gradcheck` measures.
point = np.array([0.3, -1.2])
curve = st.gradcheck.step_curve(lambda t: (np.sum(np.exp(t)), np.exp(t)), point)
print(curve)
figure = curve.plot()
