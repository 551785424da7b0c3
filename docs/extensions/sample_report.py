"""A real report for the site: checkup, monitor and history of one small training, as users write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write(app: Any) -> None:
    """Write extra/report.html, which the site copies as it is."""
    import numpy as np

    import steepest as st

    path = Path(app.srcdir) / "extra" / "report.html"
    if path.exists() and path.stat().st_mtime > Path(st.pictures.__file__).stat().st_mtime:
        return
    path.parent.mkdir(exist_ok=True)
    X, y, X_valid, y_valid = st.datasets.load_digits()
    X, y = X[:400], y[:400].copy()
    wrong = np.random.default_rng(0).choice(len(y), 80, replace=False)
    y[wrong] = (y[wrong] + 1) % 10
    model = st.Sequential(
        [
            st.layers.Dense(256, "relu"),
            st.layers.Dense(128, "tanh"),
            st.layers.Dense(64, "relu"),
            st.layers.Dense(10),
        ],
        seed=0,
    )
    settings: dict[str, Any] = {
        "loss": "softmax_cross_entropy",
        "optimizer": st.optimizers.Adam(1e-3),
        "epochs": 40,
        "batch_size": 32,
        "validation_data": (X_valid, y_valid),
    }
    report = st.checkup(model, X, y, **settings)
    monitor = st.callbacks.Monitor(verbose=False)
    history = model.fit(X, y, **settings, callbacks=[monitor], verbose=0)
    st.pictures.page(path, title="Digits with some wrong labels", report=report, monitor=monitor, history=history)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
