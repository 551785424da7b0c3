"""
A first network
===============

Handwritten digits: train, watch the curves, look at the mistakes, prove that the gradients are right, keep the model.
"""

import tempfile

from matplotlib.figure import Figure

import steepest as st

X, y, X_test, y_test = st.datasets.load_digits()
print(X.shape, X_test.shape)

# %%
# A model is a list of layers. Nothing is allocated until it sees data; a dense weight then has the shape `(in, out)`.
model = st.Sequential(
    [
        st.layers.Dense(128, activation="relu"),
        st.layers.BatchNorm(),
        st.layers.Dropout(0.2),
        st.layers.Dense(10),
    ],
    seed=0,
)
history = model.fit(
    X,
    y,
    loss="softmax_cross_entropy",
    optimizer=st.optimizers.Adam(1e-3),
    epochs=30,
    batch_size=64,
    validation_data=(X_test, y_test),
    verbose=0,
)
print(model.evaluate(X_test, y_test))

# %%
# The history draws itself. Training loss is measured with dropout on and while the weights change, so it may lie above
# the validation loss.
figure = history.plot()

# %%
# `predict` gives the network's outputs, here logits; `predict_proba` their softmax. The digits the model is least sure
# of:
probability = model.predict_proba(X_test)
doubtful = probability.max(axis=1).argsort()[:8]
pictures = Figure(figsize=(8, 1.6), layout="constrained")
for axes, row in zip(pictures.subplots(1, 8), doubtful, strict=True):
    axes.imshow(X_test[row].reshape(8, 8), cmap="Greys")
    axes.set_title(f"{probability[row].argmax()}? is {y_test[row]}", fontsize=8)
    axes.set_axis_off()

# %%
# The gradients that trained it, against difference quotients of the loss:
report = st.gradcheck(model, X[:16], y[:16], loss="softmax_cross_entropy")
print(report.verdict)

# %%
# A saved model is one `.npz` file without pickle; loaded, it predicts the same bits.
with tempfile.TemporaryDirectory() as folder:
    model.save(f"{folder}/digits.npz")
    again = st.load(f"{folder}/digits.npz")
print((again.predict(X_test) == model.predict(X_test)).all())
