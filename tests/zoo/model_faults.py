"""Faults planted in networks, losses and optimisers."""

import numpy as np

import steepest as st

from . import sources as src
from .data_faults import classes, numbers
from .entry import fault

layers = st.layers


# ------------------------------------------------------------------------------------------------------------- set-up
@fault("output activation")
def softmax_twice():
    """Softmax as the output layer of a loss that takes logits."""
    X, y, _, _ = src.digits()
    model = st.Sequential([layers.Dense(64, "relu"), layers.Dense(10), layers.Activation("softmax")])
    return classes(model, X, y)


@fault("output activation")
def sigmoid_twice():
    """Sigmoid as the output activation of a loss that takes logits."""
    X, y, _, _ = src.digits()
    model = st.Sequential([layers.Dense(64, "relu"), layers.Dense(1, "sigmoid")])
    return classes(model, X, y % 2, loss="sigmoid_cross_entropy")


@fault("output activation")
def tanh_for_large_numbers():
    """Outputs in -1..1 for targets far outside."""
    X, y = src.surface()
    return numbers(st.Sequential([layers.Dense(64, "relu"), layers.Dense(1, "tanh")]), X, 5 * y)


@fault("output activation")
def rectified_output():
    """ReLU behind the output layer, half of the targets below 0."""
    X, y = src.surface()
    return numbers(st.Sequential([layers.Dense(64, "relu"), layers.Dense(1, "relu")]), X, y)


@fault("redundant bias")
def bias_before_batch_norm():
    """A bias that batch norm subtracts again."""
    X, y, _, _ = src.digits()
    model = st.Sequential([layers.Dense(64), layers.BatchNorm(), layers.Activation("relu"), layers.Dense(10)], seed=0)
    return classes(model, X, y)


@fault("batch size")
def batch_norm_of_one_row():
    """Batch norm with batches of one."""
    X, y, _, _ = src.digits()
    model = st.Sequential([layers.Dense(64, "relu"), layers.BatchNorm(), layers.Dense(10)])
    return classes(model, X[:300], y[:300], batch_size=1)


@fault("linear stack")
def activation_forgotten():
    """Three dense layers without an activation."""
    X, y = src.surface()
    return numbers(src.dense(32, 32, 1, activation="identity"), X, y)


@fault("dropout")
def dropout_behind_the_output():
    """Dropout of the logits."""
    X, y, _, _ = src.digits()
    return classes(st.Sequential([layers.Dense(64, "relu"), layers.Dense(10), layers.Dropout(0.5)]), X, y)


@fault("dropout")
def dropout_of_nearly_everything():
    """The share to keep taken for the share to drop."""
    X, y, _, _ = src.digits()
    return classes(st.Sequential([layers.Dense(64, "relu"), layers.Dropout(0.95), layers.Dense(10)]), X, y)


@fault("trainable parameters")
def everything_frozen():
    """No layer is trained."""
    X, y, _, _ = src.digits()
    model = st.Sequential([layers.Dense(64, "relu", trainable=False), layers.Dense(10, trainable=False)])
    return classes(model, X, y)


@fault("regularisation")
def penalty_that_rules():
    """An L2 penalty of 10."""
    X, y, _, _ = src.digits()
    model = st.Sequential([layers.Dense(64, "relu"), layers.Dense(10)], regularizer=st.regularizers.L2(10.0))
    return classes(model, X, y)


@fault("optimiser settings")
def weight_decay_of_one_tenth_a_step():
    """AdamW whose decay was meant as a factor."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 10), X, y, optimizer=st.optimizers.AdamW(1e-3, weight_decay=100.0))


@fault("bottleneck")
def one_unit_before_ten_classes():
    """A hidden layer of a single unit."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 1, 10), X, y)


@fault("output activation")
def batch_norm_of_the_outputs():
    """Batch norm behind the output layer."""
    X, y = src.surface()
    model = st.Sequential([layers.Dense(64, "relu"), layers.Dense(1, use_bias=False), layers.BatchNorm()])
    return numbers(model, X, y)


@fault("optimiser settings", "learning rate")
def gradient_clipped_to_nothing():
    """A bound of the gradient's length a thousand times too low."""
    X, y, _, _ = src.digits()
    sgd = st.optimizers.SGD(0.05, momentum=0.9, clip_norm=1e-4)
    return classes(src.dense(64, 10), X, y, optimizer=sgd)


@fault("finite parameters")
def model_that_diverged_before():
    """A weight that is NaN already."""
    X, y, _, _ = src.digits()
    model = src.dense(64, 10)
    model.build(64)
    model.layers[0].weight[3, 5] = np.nan
    return classes(model, X, y)


# ----------------------------------------------------------------------------------------------------- initialisation
@fault("symmetric initialisation")
def zero_weights():
    """All weights start at 0."""
    X, y, _, _ = src.digits()
    model = st.Sequential([layers.Dense(64, "relu", initializer="zeros"), layers.Dense(10, initializer="zeros")])
    return classes(model, X, y)


@fault("symmetric initialisation")
def constant_weights():
    """All weights start at one number."""
    X, y = src.surface()
    constant = st.initializers.Constant(0.1)
    model = st.Sequential([layers.Dense(16, "tanh", initializer=constant), layers.Dense(1, initializer=constant)])
    return numbers(model, X, y)


@fault("weight scale", "activation scale", "loss at initialisation")
def much_too_large_weights():
    """Standard normal weights in three layers."""
    X, y, _, _ = src.digits()
    wide = {"kind": "normal", "std": 1.0}
    return classes(src.dense(128, 128, 10, initializer=wide), src.standard(X), y)


@fault("weight scale", "saturated units")
def saturated_from_the_start():
    """Large weights before tanh."""
    X, y = src.surface()
    return numbers(src.dense(64, 64, 1, activation="tanh", initializer={"kind": "normal", "std": 3.0}), X, y)


@fault("weight scale", "activation scale")
def much_too_small_weights():
    """Weights of a thousandth in a deep network."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 64, 64, 10, initializer={"kind": "normal", "std": 1e-3}), src.standard(X), y)


@fault("activation scale", "gradient scale")
def deep_stack_of_sigmoids():
    """Eight layers of sigmoids."""
    X, y, _, _ = src.digits()
    return classes(src.dense(*[32] * 8, 10, activation="sigmoid"), src.standard(X), y)


@fault("dead units")
def dead_by_negative_bias():
    """Rectified units whose bias starts at -10."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 64, 10, bias_initializer=-10.0), src.standard(X), y)


@fault("loss at initialisation", "weight scale")
def wild_output_layer():
    """An output layer with weights of deviation 5."""
    X, y, _, _ = src.digits()
    model = st.Sequential(
        [layers.Dense(64, "relu"), layers.Dense(10, initializer={"kind": "normal", "std": 5.0})], seed=0
    )
    return classes(model, X, y)


# ----------------------------------------------------------------------------------------------------------- gradient
class Wrong(layers.Custom):
    """A layer that scales its columns and forgets a factor of its gradient."""

    def parameters(self, width):
        return {"factor": ((width,), 1.0)}

    def forward(self, x, parameters, training):
        return np.tanh(x) * parameters["factor"]

    def backward(self, dy, x, y, parameters, training):
        return dy * parameters["factor"], {"factor": (dy * np.tanh(x)).sum(axis=0)}


@fault("gradient check")
def wrong_gradient_of_a_layer():
    """A layer whose backward pass forgets the derivative of tanh."""
    X, y, _, _ = src.digits()
    return classes(st.Sequential([layers.Dense(32), Wrong(), layers.Dense(10)]), X, y)


@fault("gradient check")
def wrong_gradient_of_a_loss():
    """A loss whose gradient has the wrong sign where the outputs are too large."""

    def loss(z, y):
        return np.abs(z - y).mean(axis=1), np.ones_like(z) / z.shape[1]

    X, y = src.surface()
    return numbers(src.dense(32, 1), X, y, loss=st.losses.Custom(loss))


@fault("gradient check")
def wrong_gradient_of_an_activation():
    """A softplus of the user's with the derivative of another function."""
    wrong = st.activations.Custom(lambda x: np.logaddexp(0, x), lambda dy, x: dy * (x > 0))
    X, y, _, _ = src.digits()
    return classes(src.dense(32, 10, activation=wrong), X, y)


class Mixing(layers.Custom):
    """A layer that subtracts the batch's mean, with its right gradient."""

    def forward(self, x, parameters, training):
        return x - x.mean(axis=0)

    def backward(self, dy, x, y, parameters, training):
        return dy - dy.mean(axis=0), {}


@fault("row independence")
def rows_that_mix():
    """A layer that takes a mean over the rows of the batch."""
    X, y, _, _ = src.digits()
    return classes(st.Sequential([layers.Dense(32, "relu"), Mixing(), layers.Dense(10)]), X, y)


@fault("gradient scale")
def step_function():
    """A hidden layer of steps, through which no gradient passes."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 64, 10, activation="step"), X, y)


# --------------------------------------------------------------------------------------------------------------- rate
@fault("learning rate")
def rate_a_hundred_times_too_high():
    """Adam with a rate of 0.5."""
    X, y, _, _ = src.digits()
    return classes(src.dense(128, 64, 10), src.standard(X), y, optimizer=src.adam(0.5))


@fault("learning rate")
def gradient_descent_that_explodes():
    """Gradient descent on squared error with a rate of 2."""
    X, y = src.surface()
    return numbers(src.dense(64, 1), X, y, optimizer=st.optimizers.SGD(2.0))


@fault("learning rate")
def rate_a_hundred_times_too_low():
    """Adam with a rate of a hundred thousandth."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 10), X, y, optimizer=src.adam(1e-5))


@fault("learning rate")
def gradient_descent_that_stands_still():
    """Gradient descent with a rate of 1e-5."""
    X, y = src.housing()
    y = (y - y.mean()) / y.std()
    return numbers(src.dense(64, 1), src.standard(X), y, optimizer=st.optimizers.SGD(1e-5))


@fault("learning rate")
def rate_of_zero():
    """A schedule that has come to its end before the first step."""
    X, y, _, _ = src.digits()
    return classes(src.dense(64, 10), X, y, optimizer=st.optimizers.SGD(0.0))


# ---------------------------------------------------------------------------------------------------- reproducibility
class Drawing(layers.Custom):
    """Noise from the global generator."""

    def forward(self, x, parameters, training):
        return x * (1 + 0.1 * np.random.normal(size=x.shape)) if training else x  # noqa: NPY002

    def backward(self, dy, x, y, parameters, training):
        return dy, {}


@fault("same seed", "gradient check")
def noise_without_a_seed():
    """A layer that draws from the global random numbers."""
    X, y, _, _ = src.digits()
    return classes(st.Sequential([Drawing(), layers.Dense(32, "relu"), layers.Dense(10)]), X, y)


# ---------------------------------------------------------------------------------------------------------- own code
class Broken(layers.Custom):
    """A layer that returns one column too many."""

    def forward(self, x, parameters, training):
        return np.column_stack([x, x[:, 0]])

    def backward(self, dy, x, y, parameters, training):
        return dy[:, :-1], {}


@fault("own code")
def layer_of_the_wrong_width():
    """A layer whose result has another shape than it says."""
    X, y, _, _ = src.digits()
    return classes(st.Sequential([layers.Dense(32, "relu"), Broken(), layers.Dense(10)]), X, y)
