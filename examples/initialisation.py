"""What the size of the initial weights does to a deep network: vanishing, saturating, healthy.

    python examples/initialisation.py initialisation.png growth.png

The first picture shows the activations of ten layers right after initialisation, one row per initialiser; the second
the linear network whose output is the input times a power of its depth. Needs matplotlib.
"""

import sys

import steepest as st

EXPERIMENTS = (
    ("tanh", "small_normal"),
    ("tanh", "large_normal"),
    ("tanh", {"kind": "normal", "std": 1.0}),
    ("tanh", "glorot"),
    ("relu", "small_normal"),
    ("relu", "glorot"),
    ("relu", "he"),
)


def look(activation, initializer):
    return st.diagnostics.activation_statistics(activation=activation, initializer=initializer, depth=10, width=256)


def draw(path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 2.0 * len(EXPERIMENTS)), layout="constrained")
    for part, experiment in zip(figure.subfigures(len(EXPERIMENTS), 1), EXPERIMENTS, strict=True):
        report = look(*experiment)
        print(report, end="\n\n")
        part.suptitle(f"{report.title}: activations {report.verdict}, gradients {report.gradient_verdict}", fontsize=10)
        report.plot_histograms(part.subplots(1, 10))
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    names = [*sys.argv[1:], "initialisation.png", "growth.png"]
    draw(names[0])
    growth = st.diagnostics.linear_growth()
    print(growth)
    growth.plot(names[1])
