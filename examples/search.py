"""
Searching for hyper-parameters
==============================

From coarse to fine: many short trainings over the whole space, longer ones of the best, and new ones around these. The
trials run side by side on the cores; a trial whose loss explodes ends at once; the same seed gives the same trials, to
the bit, with any number of jobs.
"""

import steepest as st

X, y, X_test, y_test = st.datasets.load_digits()

space = {
    "learning_rate": st.search.loguniform(1e-5, 1.0),
    "l2": st.search.loguniform(1e-6, 1e-1),
    "width": st.search.width(16, 512),
    "activation": st.search.activation("relu", "tanh", "silu"),
}
search = st.search.Search(
    st.search.perceptron(outputs=10),
    space,
    X,
    y,
    epochs=12,
    loss="softmax_cross_entropy",
    validation_split=0.2,
    objective="val_accuracy",
    fit={"batch_size": 64},
    verbose=0,
)
result = search.coarse_to_fine()
print(result.best_parameters)

# %%
# The trials by each parameter: where a curve still rises at the edge of a panel, the space was too small.
scatter = result.plot_parameters()

# %%
# One line for each trial, through all of its parameters to what it reached.
lines = result.plot_parallel()

# %%
# The best model, on rows that no trial has seen:
accuracy = float((result.model.predict(X_test).argmax(axis=1) == y_test).mean())
print(f"{accuracy:.3f}")
