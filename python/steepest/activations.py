"""Activation functions as declarative objects; the arithmetic is in the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from steepest.checks import check_bool, check_choice, check_float
from steepest.initializers import Constant
from steepest.registry import ACTIVATIONS, Configurable

if TYPE_CHECKING:
    from steepest.program import Builder, Value

Array = npt.NDArray[Any]


class Activation(Configurable):
    """What a dense or activation layer applies to its values.

    Attributes
    ----------
    alpha : float
        The function's parameter, 0 where it has none.
    derivative_from_output : bool
        Whether the derivative can be written in terms of the output alone; then the function can be fused into the
        dense operation before it, which keeps no second array.
    rectifier : bool
        Whether the automatic initialisation treats it as one of the ReLU family.
    """

    derivative_from_output: ClassVar[bool] = True
    rectifier: ClassVar[bool] = False
    alpha: float = 0.0

    @property
    def function(self) -> str:
        """Name of the core's function."""
        return self.kind

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the function's operation, reading `value`, and return its output."""
        return builder.emit("activation", (value,), value.shape, activation=self.function, alpha=self.alpha)


@ACTIVATIONS.register("identity")
class Identity(Activation):
    """`y = x`."""


@ACTIVATIONS.register("sigmoid")
class Sigmoid(Activation):
    """Logistic function, `y = 1 / (1 + exp(-x))`, in (0, 1); never overflows."""


@ACTIVATIONS.register("tanh")
class Tanh(Activation):
    """Hyperbolic tangent, in (-1, 1)."""


@ACTIVATIONS.register("relu")
class Relu(Activation):
    """Rectified linear unit, `y = max(x, 0)`, derivative 0 at 0 (Nair and Hinton 2010)."""

    rectifier = True


@ACTIVATIONS.register("leaky_relu")
class LeakyRelu(Activation):
    """`y = x` for x > 0, else `alpha x` (Maas et al. 2013).

    Parameters
    ----------
    alpha : float
        Slope below zero, in [0, 1].

    Examples
    --------
    >>> from steepest import activations
    >>> activations.LeakyRelu(alpha=0.1)
    LeakyRelu(alpha=0.1)
    """

    rectifier = True

    def __init__(self, alpha: float = 0.01) -> None:
        self.alpha = check_float("alpha", alpha, 0.0, 1.0)


@ACTIVATIONS.register("prelu")
class PReLU(Activation):
    """`y = x` for x > 0, else `slope x` with a slope that is learned (He et al. 2015).

    The layer that has this activation gets the parameter `slope`: one number per unit `(width,)`, or `(1,)` for all.

    Parameters
    ----------
    slope : float
        Initial slope.
    shared : bool
        True learns one slope for the whole layer.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(3, activation="prelu")], input_shape=2)
    >>> model.layers[0].tensor("slope")
    array([0.25, 0.25, 0.25], dtype=float32)
    """

    derivative_from_output = False
    rectifier = True

    def __init__(self, slope: float = 0.25, shared: bool = False) -> None:
        self.slope = check_float("slope", slope)
        self.shared = check_bool("shared", shared)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the function with its parameter."""
        slope = builder.parameter("slope", (1 if self.shared else value.width,), Constant(self.slope))
        return builder.emit("prelu", (value,), value.shape, parameters=(slope,))


@ACTIVATIONS.register("elu")
class Elu(Activation):
    """Exponential linear unit: `y = x` for x > 0, else `alpha (exp(x) - 1)` (Clevert et al. 2016).

    Parameters
    ----------
    alpha : float
        `-alpha` is the limit towards minus infinity; at least 0. Smooth at 0 for `alpha = 1` only.
    """

    rectifier = True

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_float("alpha", alpha, 0.0)


@ACTIVATIONS.register("selu")
class Selu(Activation):
    """Self-normalising ELU: `1.0507 x` for x > 0, else `1.0507 * 1.6733 (exp(x) - 1)` (Klambauer et al. 2017).

    With LeCun initialisation, which `"auto"` takes, mean 0 and variance 1 are a fixed point from layer to layer.
    """


@ACTIVATIONS.register("celu")
class Celu(Activation):
    """`y = x` for x > 0, else `alpha (exp(x / alpha) - 1)`: an ELU of slope 1 at 0 for every alpha (Barron 2017).

    Parameters
    ----------
    alpha : float
        `-alpha` is the limit towards minus infinity; above 0.
    """

    rectifier = True

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_float("alpha", alpha, 0.0, open_minimum=True)


@ACTIVATIONS.register("gelu")
class Gelu(Activation):
    """Gaussian error linear unit, `y = x P(x)`, P the standard normal distribution (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    approximate : {"none", "tanh"}
        `"none"` takes `P(x) = (1 + erf(x / sqrt 2)) / 2`; `"tanh"`, also called `"gelu_tanh"`, the approximation
        `(1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.

    Examples
    --------
    >>> import steepest as st
    >>> st.layers.Activation("gelu_tanh").activation
    Gelu(approximate='tanh')
    """

    derivative_from_output = False
    rectifier = True

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = check_choice("approximate", approximate, ("none", "tanh"))

    @property
    def function(self) -> str:
        """Name of the core's function."""
        return "gelu" if self.approximate == "none" else "gelu_tanh"


@ACTIVATIONS.register("silu")
class Silu(Activation):
    """Sigmoid linear unit, also called swish: `y = x / (1 + exp(-x))` (Elfwing, Uchibe and Doya 2018)."""

    derivative_from_output = False
    rectifier = True


@ACTIVATIONS.register("mish")
class Mish(Activation):
    """`y = x tanh(log(1 + exp(x)))` (Misra 2020)."""

    derivative_from_output = False
    rectifier = True


@ACTIVATIONS.register("softplus")
class Softplus(Activation):
    """`y = log(1 + exp(x))`, above 0 and without overflow (Dugas et al. 2001)."""


@ACTIVATIONS.register("softsign")
class Softsign(Activation):
    """`y = x / (1 + |x|)`, in (-1, 1) (Bergstra et al. 2009)."""


@ACTIVATIONS.register("hard_sigmoid")
class HardSigmoid(Activation):
    """`y = min(max(x + 3, 0), 6) / 6`, in [0, 1]; derivative 0 at the kinks (Howard et al. 2019)."""


@ACTIVATIONS.register("hard_swish")
class HardSwish(Activation):
    """`y = x min(max(x + 3, 0), 6) / 6` (Howard et al. 2019)."""

    derivative_from_output = False
    rectifier = True


@ACTIVATIONS.register("step")
class Step(Activation):
    """`y = 1` for x > 0, else 0. Its derivative is taken as 0 everywhere: nothing before it is trained."""


class RowFunction(Activation):
    """Base of the functions of a whole row: every output depends on all columns."""

    derivative_from_output = False

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the function's operation."""
        if len(value.shape) > 1:
            raise ValueError(
                f"activation {self.kind!r} acts on rows, the values of {builder.layer} have shape {value.shape}: "
                "put Flatten() before it"
            )
        return builder.emit("row_function", (value,), value.shape, function=self.kind)


@ACTIVATIONS.register("softmax")
class Softmax(RowFunction):
    """`y_j = exp(x_j) / sum_k exp(x_k)` over each row; adding a number to a row changes nothing (Bridle 1990).

    A last layer before `"softmax_cross_entropy"` must not have it: that loss takes logits.
    """


@ACTIVATIONS.register("log_softmax")
class LogSoftmax(RowFunction):
    """`y_j = x_j - log sum_k exp(x_k)` over each row, without overflow or cancellation."""


@ACTIVATIONS.register("hardmax")
class Hardmax(RowFunction):
    """1 at the first largest element of each row, 0 elsewhere. Its derivative is 0: nothing before it is trained."""


ACTIVATIONS.alias("gelu_tanh", {"kind": "gelu", "approximate": "tanh"})
ACTIVATIONS.alias("swish", "silu")


class Custom(Activation):
    """An activation written in NumPy.

    Every batch passes through Python while the other threads wait, so it is slower than the built-in ones. A model with
    it trains, copies and is checked by `steepest.gradcheck` as any other; to save it, make a subclass whose constructor
    needs no functions and register it: `@steepest.registry.ACTIVATIONS.register("my_name")`. The module with the
    subclass must be imported before the file is loaded.

    Parameters
    ----------
    forward : callable
        `forward(x)` returns y of x's shape `(rows, width)`. Each row must depend on that row alone, and x is read-only.
    backward : callable
        `backward(dy, x)` returns dx, for an element-wise function `dy * derivative(x)`; the order that
        `steepest.gradcheck.check_pair(forward, backward, x)` takes.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> sine = st.activations.Custom(np.sin, lambda dy, x: dy * np.cos(x))
    >>> model = st.Sequential([st.layers.Dense(4, activation=sine), st.layers.Dense(1)])
    >>> st.gradcheck(model, np.ones((3, 2)), np.zeros(3), loss="mse").passed
    True
    """

    derivative_from_output = False

    def __init__(self, forward: Callable[[Array], Any], backward: Callable[[Array, Array], Any]) -> None:
        for name, function in (("forward", forward), ("backward", backward)):
            if not callable(function):
                raise TypeError(f"{name} must be a function of arrays, got {function!r}")
        self.forward = forward
        self.backward = backward

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the call of the functions."""
        return builder.emit("host", (value,), value.shape, host=_Calls(self))


class _Calls:
    """A custom activation as the core calls it."""

    def __init__(self, activation: Custom) -> None:
        self.activation = activation

    def forward(self, training: bool, inputs: list[Array], parameters: list[Array]) -> Array:
        return self._checked("forward", self.activation.forward(inputs[0]), inputs[0])

    def backward(
        self, training: bool, inputs: list[Array], output: Array, output_gradient: Array, parameters: list[Array]
    ) -> tuple[list[Array], list[Array]]:
        result = self.activation.backward(output_gradient, inputs[0])
        return [self._checked("backward", result, inputs[0])], []

    @staticmethod
    def _checked(name: str, result: Any, x: Array) -> Array:
        array = np.asarray(result)
        if array.shape != x.shape:
            raise ValueError(f"{name} of an activation must return shape {x.shape}, that of x, got {array.shape}")
        return array
