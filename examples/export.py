"""
Taking a model elsewhere
========================

ONNX, one C file, one Python file that needs only NumPy, safetensors, PyTorch, scikit-learn: every export carries the
preprocessing, is run on sample rows before it is kept, and says how far its outputs are from the model's.
"""

import tempfile
from pathlib import Path

from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer

import steepest as st

X, y = load_breast_cancer(return_X_y=True)
scaler = st.preprocessing.Standardizer().fit(X)
model = st.Sequential(
    [
        st.layers.Dense(32, "gelu"),
        st.layers.BatchNorm(),
        st.layers.Dropout(0.2),
        st.layers.Dense(2),
    ],
    seed=0,
)
model.fit(scaler.transform(X), y, loss="softmax_cross_entropy", epochs=20, verbose=0)
model.preprocessing = scaler  # raw measurements go in, wherever the model goes

# %%
# Files. `link=True` gives probabilities instead of logits.
reports = []
with tempfile.TemporaryDirectory() as folder:
    for write, name in (
        (st.export.onnx, "net.onnx"),
        (st.export.c99, "net.c"),
        (st.export.numpy_function, "net.py"),
    ):
        report = write(model, Path(folder, name), X, link=True)
        size = Path(folder, name).stat().st_size
        print(f"{report.format}: {size / 1000:.0f} kB, checked with {report.checked_with}")
        reports.append(report)
    source = Path(folder, "net.py").read_text().splitlines()
print("\n".join(source[:14]))

# %%
# How far the probabilities are from the model's over all rows. An export that is off by more than its tolerance is
# refused and leaves nothing behind.
figure = Figure(figsize=(7, 2.2), layout="constrained")
axes = figure.add_subplot()
checked = [report for report in reports if report.largest_difference > 0]
axes.barh([report.format for report in checked], [report.largest_difference for report in checked], height=0.5)
axes.axvline(1e-5, color="0.4", ls=":")
axes.set(xscale="log", xlim=(1e-9, 1e-4), title="largest difference of a probability (dotted: what is accepted)")
