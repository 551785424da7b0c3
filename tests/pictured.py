"""Small reports, monitors and histories for the tests of the pictures, with the members these rely on."""

from types import SimpleNamespace

import numpy as np

from steepest.checkup.report import Check, Report
from steepest.history import History

LAYERS = ["dense_1", "dense_2", "dense_3"]


def a_history(epochs):
    history = History()
    for epoch in range(1, epochs + 1):
        history.append(
            {
                "loss": 2.0 / epoch,
                "accuracy": 1.0 - 0.5 / epoch,
                "val_loss": 2.1 / epoch + 0.02 * epoch,
                "val_accuracy": 0.9 - 0.4 / epoch - 0.003 * epoch,
                "penalty": 0.01 * epoch,
                "learning_rate": 0.1 / epoch,
                "seconds": 0.5,
            }
        )
    return history


def check(name, status, evidence, advice="", threshold="", source="", data=None, explained_by=""):
    return Check(name, status, evidence, advice, threshold, source, data or {}, explained_by=explained_by)


def report_of(checks):
    """Return the report with its findings, the failures first."""
    return Report("a model", checks, [c for status in ("fail", "warn") for c in checks if c.status == status])


def a_report():
    rng = np.random.default_rng(0)
    names = ["input", *LAYERS]
    edges = np.tile(np.linspace(-1.0, 1.0, 11), (4, 1))
    rates = np.logspace(-5, 1, 30)
    return report_of(
        [
            check("same_seed", "pass", "Two runs gave the same bits."),
            check(
                "feature_scale",
                "fail",
                "Features differ in scale by a factor of 3410.",
                "Standardise them.",
                "a factor of 100",
                "LeCun et al. 1998",
                {"feature_std": rng.lognormal(size=9), "value": 3410.0},
            ),
            check(
                "loss_at_start",
                "warn",
                "The loss starts at 3.9 instead of ln 10 = 2.3.",
                "Smaller weights.",
                "1.1",
                data={"loss": 3.9, "expected": 2.3},
                explained_by="feature_scale",
            ),
            check(
                "activations",
                "pass",
                "Deviations between 0.4 and 0.9.",
                data={
                    "layers": names,
                    "mean": [0.1, 0.2, 0.0, -0.3],
                    "std": [1.0, 0.6, 0.5, 0.9],
                    "dead": [0.0, 0.1, 0.0, 0.0],
                    "saturated": [0.0, 0.0, 0.2, 0.0],
                    "gradient_std": [np.nan, 1e-5, 2e-3, 0.1],
                    "counts": rng.integers(0, 50, (4, 10)),
                    "edges": edges,
                },
            ),
            check(
                "learning_rate_range",
                "pass",
                "Falls from 1e-4 to 0.1.",
                data={"rates": rates, "losses": 2.3 / (1 + rates) + rates, "suggested": 0.01, "low": 1e-4, "high": 0.1},
            ),
            check("classes", "pass", "Balanced.", data={"classes": ["a", "b", "c"], "class_counts": [5, 9, 7]}),
            check(
                "shuffled-label baseline",
                "pass",
                "Much worse.",
                data={"losses_real": [2.3, 1.0, 0.2], "losses_shuffled": [2.3, 2.2, 2.1], "constant": 2.3},
            ),
            check("row_independence", "skip", "The model has batch norm."),
        ]
    )


def a_monitor(epochs):
    rng = np.random.default_rng(1)
    record = np.exp(rng.normal(-7.0, 1.0, (epochs, 3)))
    shares = np.full((epochs, 3), np.nan)
    shares[:, 0] = np.linspace(0.0, 0.4, epochs)
    return SimpleNamespace(
        layers=LAYERS,
        records={"update_ratio": record, "gradient_norm": 30.0 * record, "dead_share": shares},
        noise_scale=np.linspace(10.0, 900.0, epochs),
        findings=[
            SimpleNamespace(
                name="dying ReLU",
                layer="dense_1",
                epoch=3,
                step=41,
                evidence="40 % of dense_1 are dead.",
                advice="Lower the rate.",
                threshold=0.2,
                source="Lu et al. 2019",
            )
        ],
    )
