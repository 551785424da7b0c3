"""The list of all kernels' cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from steepest.bench.kernels import (
    activations,
    batch_norm,
    elementwise,
    layers,
    losses,
    numpy_activations,
    products,
    row_functions,
    rows,
    updates,
)
from steepest.bench.kernels.case import Case, Setup

# (rows, inputs, outputs) of dense layers of `tiny`, `tab`, `deep`, `mnist` and `wide`, then one beyond the caches.
PRODUCTS = {
    "small": [(32, 64, 64)],
    "medium": [(32, 64, 64), (128, 30, 128), (128, 128, 128), (128, 784, 256)],
    "large": [(32, 64, 64), (128, 30, 128), (128, 128, 128), (128, 784, 256), (256, 1024, 1024), (512, 4096, 4096)],
}
# (rows, columns) of what flows between layers; the last does not fit into a core's caches.
MATRICES = {"small": [(32, 64)], "medium": [(128, 256), (512, 1024)], "large": [(128, 256), (512, 1024), (2048, 4096)]}
# (rows, classes)
LOGITS = {"small": [(32, 10)], "medium": [(128, 10), (512, 1000)], "large": [(128, 10), (512, 1000)]}
# Parameters of one array.
PARAMETERS = {"small": [4096], "medium": [16384, 200704], "large": [16384, 200704, 16777216]}


def makers(size: str) -> Iterator[tuple[str, Callable[[Setup], Case]]]:
    """Yield the name and the maker of every case; its arrays exist only once it is made."""
    # One element: what the call itself costs, to be thought off the small ones.
    yield "relu forward", partial(activations.activation_forward, name="relu", n=1, d=1)
    for shape in PRODUCTS[size]:
        yield "dense forward, ReLU", partial(products.dense_forward, n=shape[0], d=shape[1], k=shape[2])
        yield "dense backward, ReLU", partial(products.dense_backward, n=shape[0], d=shape[1], k=shape[2])
        yield "matmul", partial(products.matmul, n=shape[0], d=shape[1], k=shape[2])
    for n, d in MATRICES[size]:
        for name in numpy_activations.ACTIVATIONS:
            yield f"{name} forward", partial(activations.activation_forward, name=name, n=n, d=d)
            yield f"{name} backward", partial(activations.activation_backward, name=name, n=n, d=d)
        yield "dropout", partial(elementwise.dropout, n=n, d=d)
        yield "gaussian noise", partial(elementwise.gaussian_noise, n=n, d=d)
        yield "layer norm forward", partial(layers.layer_norm_forward, n=n, d=d)
        yield "layer norm backward", partial(layers.layer_norm_backward, n=n, d=d)
        yield "prelu forward", partial(layers.prelu_forward, n=n, d=d)
        yield "prelu backward", partial(layers.prelu_backward, n=n, d=d)
        yield "maxout forward", partial(layers.maxout_forward, n=n, d=d)
        yield "maxout backward", partial(layers.maxout_backward, n=n, d=d)
        yield "batch norm forward", partial(batch_norm.batch_norm_forward, n=n, d=d)
        yield "batch norm backward", partial(batch_norm.batch_norm_backward, n=n, d=d)
        yield "column sums", partial(rows.column_sums, n=n, d=d)
        for source in ("float32", "float64", "uint8"):
            yield f"gather from {source}", partial(rows.gather, source=source, n=n, d=d)
    for n, k in LOGITS[size]:
        yield "softmax", partial(row_functions.softmax, n=n, k=k)
        yield "softmax backward", partial(row_functions.softmax_backward, n=n, k=k)
        yield "log-softmax", partial(row_functions.log_softmax, n=n, k=k)
        yield "log-softmax backward", partial(row_functions.log_softmax_backward, n=n, k=k)
        yield "hardmax", partial(row_functions.hardmax, n=n, k=k)
        yield "softmax cross-entropy", partial(losses.softmax_cross_entropy, n=n, k=k)
        yield "sigmoid cross-entropy", partial(losses.sigmoid_cross_entropy, n=n, k=k)
        for name in losses.ELEMENTS:
            yield f"{name} loss", partial(losses.element_loss, name=name, n=n, k=k)
    for count in PARAMETERS[size]:
        for rule in updates.RULES:
            yield f"{rule} update", partial(updates.update, rule=rule, size=count)


def all_cases(dtype: str, size: str, words: Sequence[str] = ()) -> Iterator[Case]:
    """Yield the cases, one at a time.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Of the arithmetic.
    size : {"small", "medium", "large"}
        How large the arrays become.
    words : sequence of str
        Only cases whose name contains one of them; none means all.
    """
    setup = Setup(dtype)
    for name, make in makers(size):
        if not words or any(word.lower() in name.lower() for word in words):
            yield make(setup)
