"""Every kernel of the C++ core as a NumPy function: the very code that trains, one piece at a time.

Arrays are float32 or float64, all of one call the same. Inputs may have any strides (what the kernels cannot walk is
copied), outputs are never converted. Large arrays are shared among `steepest.get_num_threads()` workers; the bits do
not depend on how many. Denormals are kept, as in NumPy; only training flushes them to zero. The instruction set is
the one of `steepest.build_info()`.
"""

from steepest.kernels.dense import dense_backward, dense_forward, matmul
from steepest.kernels.elementwise import (
    activation_backward,
    activation_forward,
    dropout,
    erf,
    exp,
    expm1,
    leaky_relu,
    log,
    log1p,
    relu,
    sigmoid,
    softplus,
    tanh,
)
from steepest.kernels.losses import mse, sigmoid_cross_entropy, softmax, softmax_cross_entropy
from steepest.kernels.rows import batch_norm_backward, batch_norm_forward, column_sums, gather
from steepest.kernels.updates import adam, adamw, momentum, nesterov, rmsprop, sgd

__all__ = [
    "activation_backward",
    "activation_forward",
    "adam",
    "adamw",
    "batch_norm_backward",
    "batch_norm_forward",
    "column_sums",
    "dense_backward",
    "dense_forward",
    "dropout",
    "erf",
    "exp",
    "expm1",
    "gather",
    "leaky_relu",
    "log",
    "log1p",
    "matmul",
    "momentum",
    "mse",
    "nesterov",
    "relu",
    "rmsprop",
    "sgd",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "tanh",
]
