"""Every kernel of the C++ core as a NumPy function: the very code that trains, one piece at a time.

Arrays are float32 or float64, all of one call the same. Inputs may have any strides (what the kernels cannot walk is
copied), outputs are never converted. Large arrays are shared among `steepest.get_num_threads()` workers; the bits do
not depend on how many. Denormals are kept, as in NumPy; only training flushes them to zero. The instruction set is
the one of `steepest.build_info()`.
"""

from steepest.kernels.activations import (
    activation_backward,
    activation_forward,
    celu,
    elu,
    gelu,
    gelu_tanh,
    hard_sigmoid,
    hard_swish,
    leaky_relu,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    softsign,
    step,
    tanh,
)
from steepest.kernels.dense import (
    dense_backward,
    dense_forward,
    matmul,
)
from steepest.kernels.elementwise import (
    dropout,
    erf,
    exp,
    expm1,
    gaussian_noise,
    log,
    log1p,
    softplus,
)
from steepest.kernels.layers import (
    layer_norm_backward,
    layer_norm_forward,
    maxout_backward,
    maxout_forward,
    prelu_backward,
    prelu_forward,
)
from steepest.kernels.losses import (
    hinge,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from steepest.kernels.regression_losses import (
    huber,
    mae,
    mse,
    poisson,
    quantile,
)
from steepest.kernels.row_functions import (
    hardmax,
    log_softmax,
    log_softmax_backward,
    softmax,
    softmax_backward,
)
from steepest.kernels.rows import (
    batch_norm_backward,
    batch_norm_forward,
    column_sums,
    gather,
)
from steepest.kernels.updates import (
    adagrad,
    adam,
    adamw,
    momentum,
    nadam,
    nesterov,
    rmsprop,
    sgd,
)

__all__ = [
    "activation_backward",
    "activation_forward",
    "adagrad",
    "adam",
    "adamw",
    "batch_norm_backward",
    "batch_norm_forward",
    "celu",
    "column_sums",
    "dense_backward",
    "dense_forward",
    "dropout",
    "elu",
    "erf",
    "exp",
    "expm1",
    "gather",
    "gaussian_noise",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "hardmax",
    "hinge",
    "huber",
    "layer_norm_backward",
    "layer_norm_forward",
    "leaky_relu",
    "log",
    "log1p",
    "log_softmax",
    "log_softmax_backward",
    "mae",
    "matmul",
    "maxout_backward",
    "maxout_forward",
    "mish",
    "momentum",
    "mse",
    "nadam",
    "nesterov",
    "poisson",
    "prelu_backward",
    "prelu_forward",
    "quantile",
    "relu",
    "rmsprop",
    "selu",
    "sgd",
    "sigmoid",
    "sigmoid_cross_entropy",
    "silu",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "softplus",
    "softsign",
    "step",
    "tanh",
]
