"""
Why initial weights have a right size
=====================================

The same ten layers, right after initialisation, with different initialisers: the signal dies out, sticks to the ends of
tanh, or arrives.
"""

from matplotlib.figure import Figure

import steepest as st

EXPERIMENTS = (
    ("tanh", "small_normal"),
    ("tanh", {"kind": "normal", "std": 1.0}),
    ("tanh", "glorot"),
    ("relu", "small_normal"),
    ("relu", "glorot"),
    ("relu", "he"),
)


def look(activation, initializer):
    return st.diagnostics.activation_statistics(activation=activation, initializer=initializer, depth=10, width=128)


reports = [look(*experiment) for experiment in EXPERIMENTS]
figure = Figure(figsize=(12, 1.7 * len(reports)), layout="constrained")
for part, report in zip(figure.subfigures(len(reports), 1), reports, strict=True):
    part.suptitle(f"{report.title}: activations {report.verdict}, gradients {report.gradient_verdict}", fontsize=10)
    report.plot_histograms(part.subplots(1, 10))

# %%
# The numbers behind the last row, mean and deviation of every layer and of the gradients on their way back:
print(reports[-1])

# %%
# Why small deviations matter: fifty linear layers whose weight is a factor times the identity are a power of it. With
# 1.5 the output explodes, with 0.5 it vanishes, and so does the gradient.
growth = st.diagnostics.linear_growth()
print(growth)
curves = growth.plot()
