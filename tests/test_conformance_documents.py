"""Numbers that the documentation of Keras and scikit-learn gives for small inputs, and NIST's certified regressions."""

import numpy as np
import pytest

import steepest as st
from steepest import kernels

P = st.preprocessing

# Activations: https://www.tensorflow.org/api_docs/python/tf/keras/activations, the examples of each function.
ACTIVATIONS = {
    "sigmoid": ([-20.0, -1.0, 0.0, 1.0, 20.0], [2.0611537e-09, 2.6894143e-01, 5.0e-01, 7.3105860e-01, 1.0]),
    "tanh": ([-3.0, -1.0, 0.0, 1.0, 3.0], [-0.9950547, -0.7615942, 0.0, 0.7615942, 0.9950547]),
    "softplus": ([-20.0, -1.0, 0.0, 1.0, 20.0], [2.0611537e-09, 3.1326166e-01, 6.9314718e-01, 1.3132616e00, 20.0]),
    "softsign": ([-1.0, 0.0, 1.0], [-0.5, 0.0, 0.5]),
    "silu": ([-20.0, -1.0, 0.0, 1.0, 20.0], [-4.1223075e-08, -2.6894143e-01, 0.0, 7.3105860e-01, 20.0]),
    "gelu": ([-3.0, -1.0, 0.0, 1.0, 3.0], [-0.00404951, -0.15865529, 0.0, 0.8413447, 2.9959507]),
    "gelu_tanh": ([-3.0, -1.0, 0.0, 1.0, 3.0], [-0.00363752, -0.15880796, 0.0, 0.841192, 2.9963627]),
    "relu": ([-10.0, -5.0, 0.0, 5.0, 10.0], [0.0, 0.0, 0.0, 5.0, 10.0]),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations(name, dtype):
    x, y = ACTIVATIONS[name]
    # There erf and tanh near -1 are right to an ulp of 1 in float32, times x / 2, up to 1.5; given are eight decimals.
    atol = 1.5 * np.finfo(np.float32).eps + 1e-8 if name.startswith("gelu") else 0.0
    np.testing.assert_allclose(kernels.activation_forward(name, np.array(x, dtype)), y, rtol=1e-6, atol=atol)


# Losses: https://keras.io/api/losses, the examples of each class.
TWO_BY_TWO = [[0.0, 1.0], [0.0, 0.0]]
NEAR = [[0.6, 0.4], [0.4, 0.6]]
LOSSES = {
    "mse": ("mse", [[1.0, 1.0], [1.0, 0.0]], TWO_BY_TWO, 0.5),
    "mae": ("mae", [[1.0, 1.0], [1.0, 0.0]], TWO_BY_TWO, 0.5),
    "huber": ("huber", NEAR, TWO_BY_TWO, 0.155),
    "hinge": ("hinge", NEAR, [[-1.0, 1.0], [-1.0, -1.0]], 1.3),
    "binary cross-entropy of logits": (
        "sigmoid_cross_entropy",
        [[-18.6], [0.51], [2.94], [-12.8]],
        [[0.0], [1.0], [0.0], [0.0]],
        0.865,
    ),
    # -(ln 0.95 + ln 0.1) / 2, the probabilities' logarithms being logits of the same softmax
    "categorical cross-entropy": (
        "softmax_cross_entropy",
        np.log([[0.05, 0.95, 1e-300], [0.1, 0.8, 0.1]]),
        [1, 2],
        1.177,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    loss, outputs, targets, expected = LOSSES[name]
    outputs = np.asarray(outputs)
    model = st.Sequential([st.layers.Activation("identity")], input_shape=outputs.shape[1], dtype="float64")
    assert model.evaluate(outputs, targets, loss=loss)["loss"] == pytest.approx(expected, abs=5e-4)


# Optimisers: https://keras.io/api/optimizers, one variable with the loss v^2 / 2, whose gradient is v.
@pytest.mark.parametrize(
    ("optimizer", "start", "after"),
    [
        (st.optimizers.SGD(0.1), 1.0, [0.9]),
        (st.optimizers.SGD(0.1, momentum=0.9), 1.0, [0.9, 0.72]),  # the second step is 0.18
        (st.optimizers.Adam(0.1), 10.0, [9.9]),
        (st.optimizers.RMSprop(0.1), 10.0, [9.683772]),
    ],
    ids=["sgd", "momentum", "adam", "rmsprop"],
)
def test_optimizers(optimizer, start, after):
    model = st.Sequential([st.layers.Dense(1, use_bias=False)], input_shape=1, dtype="float64")
    model.layers[0].weight[...] = start
    half_square = st.losses.Custom(lambda z, y: (z[:, 0] ** 2 / 2, z))
    for expected in after:
        model.fit([[1.0]], [[0.0]], loss=half_square, optimizer=optimizer, epochs=1, verbose=0)
        assert model.layers[0].weight[0, 0] == pytest.approx(expected, abs=1e-6)


# Preprocessing: the examples of scikit-learn's classes, https://scikit-learn.org/stable/api/sklearn.preprocessing.html.
def test_standard_scaler():
    step = P.Standardizer().fit([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    np.testing.assert_array_equal(step.mean, [0.5, 0.5])
    np.testing.assert_array_equal(step.transform([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), [[-1, -1], [1, 1], [3, 3]])


def test_min_max_scaler():
    step = P.MinMax().fit([[-1.0, 2.0], [-0.5, 6.0], [0.0, 10.0], [1.0, 18.0]])
    np.testing.assert_array_equal(step.transform([[-0.5, 6.0], [0.0, 10.0]]), [[0.25, 0.25], [0.5, 0.5]])
    np.testing.assert_array_equal(step.transform([[2.0, 2.0]]), [[1.5, 0.0]])


def test_robust_scaler():
    x = [[1.0, -2.0, 2.0], [-2.0, 1.0, 3.0], [4.0, 1.0, -2.0]]
    expected = [[0.0, -2.0, 0.0], [-1.0, 0.0, 0.4], [1.0, 0.0, -1.6]]
    np.testing.assert_allclose(P.Robust().fit_transform(x), expected, rtol=1e-12)


def test_pca():
    x = np.array([[-1, -1], [-2, -1], [-3, -2], [1, 1], [2, 1], [3, 2]], dtype=float)
    step = P.PCA(2).fit(x)
    np.testing.assert_allclose(step.variances / step.total_variance, [0.9924, 0.0075], atol=6e-5)
    # Its singular values are the roots of six times the biased variances.
    np.testing.assert_allclose(np.sqrt(6 * step.variances), [6.30061, 0.54980], atol=6e-6)


# Statistical reference data sets of NIST with certified least-squares coefficients, constant first:
# https://www.itl.nist.gov/div898/strd/lls/lls.shtml. Longley's columns are almost dependent ("higher" difficulty).
NORRIS = """
0.1 0.2 338.8 337.4 118.1 118.2 888.0 884.6 9.2 10.1 228.1 226.5 668.5 666.3 998.5 996.3 449.1 448.6 778.9 777.0
559.2 558.2 0.3 0.4 0.1 0.6 778.1 775.5 668.8 666.9 339.3 338.0 448.9 447.5 10.8 11.6 557.7 556.0 228.3 228.1
998.0 995.8 888.8 887.6 119.6 120.2 0.3 0.3 0.6 0.3 557.6 556.8 339.3 339.1 888.0 887.2 998.5 999.0 778.9 779.0
10.2 11.1 117.6 118.3 228.9 229.2 668.4 669.1 449.2 448.9 0.2 0.5
"""
LONGLEY = """
60323 83.0 234289 2356 1590 107608 1947  61122 88.5 259426 2325 1456 108632 1948
60171 88.2 258054 3682 1616 109773 1949  61187 89.5 284599 3351 1650 110929 1950
63221 96.2 328975 2099 3099 112075 1951  63639 98.1 346999 1932 3594 113270 1952
64989 99.0 365385 1870 3547 115094 1953  63761 100.0 363112 3578 3350 116219 1954
66019 101.2 397469 2904 3048 117388 1955  67857 104.6 419180 2822 2857 118734 1956
68169 108.4 442769 2936 2798 120445 1957  66513 110.8 444546 4681 2637 121950 1958
68655 112.6 482704 3813 2552 123366 1959  69564 114.2 502601 3931 2514 125368 1960
69331 115.7 518173 4806 2572 127852 1961  70551 116.9 554894 4007 2827 130081 1962
"""
CERTIFIED = {
    "Norris": (NORRIS, [-0.262323073774029, 1.00211681802045], 1e-9),
    "Longley": (
        LONGLEY,
        [
            -3482258.63459582,
            15.0618722713733,
            -0.358191792925910e-01,
            -2.02022980381683,
            -1.03322686717359,
            -0.511041056535807e-01,
            1829.15146461355,
        ],
        1e-7,  # the loss in float64 leaves a gradient of 1e-10, and the columns have a condition of 12,000
    ),
}


@pytest.mark.parametrize("name", CERTIFIED)
def test_certified_regressions(name):
    """A linear layer trained by L-BFGS on standardised columns, the scaling folded into it afterwards."""
    text, certified, tolerance = CERTIFIED[name]
    table = np.array(text.split(), dtype=float).reshape(-1, len(certified))
    X, y = table[:, 1:], table[:, 0]
    scaling, target = P.Standardizer().fit(X), st.tables.TargetScaler().fit(y)
    model = st.Sequential([st.layers.Dense(1, initializer="zeros")], dtype="float64")
    rule = st.optimizers.LBFGS(tolerance=1e-13)
    model.fit(scaling.transform(X), target.transform(y), loss="mse", optimizer=rule, epochs=300, verbose=0)
    layer = model.folded(scaling).layers[0]
    found = np.append(layer.bias * target.scale + target.mean, layer.weight[:, 0] * target.scale)
    np.testing.assert_allclose(found, certified, rtol=tolerance)
