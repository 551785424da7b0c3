"""Functions of every element by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from steepest.activations.base import Activation, Array
from steepest.checks import check_bool, check_choice, check_float
from steepest.initializers import Constant
from steepest.registry import ACTIVATIONS

if TYPE_CHECKING:
    from steepest.lowering.program import Builder, Value


@ACTIVATIONS.register("identity")
class Identity(Activation):
    """`y = x`.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Identity()([-2.0, 0.0, 1.0]).round(4)
    array([-2.,  0.,  1.])
    """


@ACTIVATIONS.register("sigmoid")
class Sigmoid(Activation):
    """Logistic function, `y = 1 / (1 + exp(-x))`, in (0, 1); never overflows.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Sigmoid()([-2.0, 0.0, 1.0]).round(4)
    array([0.1192, 0.5   , 0.7311])
    """


@ACTIVATIONS.register("tanh")
class Tanh(Activation):
    """Hyperbolic tangent, `y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))`, in (-1, 1).

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Tanh()([-2.0, 0.0, 1.0]).round(4)
    array([-0.964 ,  0.    ,  0.7616])
    """


@ACTIVATIONS.register("relu")
class Relu(Activation):
    """Rectified linear unit, `y = max(x, 0)`, derivative 0 at 0 (Nair and Hinton 2010).

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Relu()([-2.0, 0.0, 1.0]).round(4)
    array([0., 0., 1.])
    """

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

    The layer that has this activation gets the parameter `slope`: one number per unit `(width,)`, one per channel of
    images `(C,)`, or `(1,)` for all.

    Parameters
    ----------
    slope : float
        Initial slope.
    shared : bool or "channel"
        True learns one slope for the whole layer, "channel" one for each channel of samples `(C, H, W)`; rows `(D,)`
        have a channel per unit.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(3, activation="prelu")], input_shape=2)
    >>> model.layers[0].tensor("slope")
    array([0.25, 0.25, 0.25], dtype=float32)
    """

    derivative_from_output = False
    rectifier = True

    def __init__(self, slope: float = 0.25, shared: bool | str = False) -> None:
        self.slope = check_float("slope", slope)
        self.shared: bool | str = (
            check_choice("shared", shared, ("channel",)) if isinstance(shared, str) else check_bool("shared", shared)
        )

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return the function with its initial slope of an array."""
        array = np.asarray(x)
        return np.where(array > 0, array, self.slope * array)

    def lower(self, builder: Builder, value: Value) -> Value:
        """Append the function with its parameter."""
        channels = value.shape[0] if self.shared == "channel" else 1 if self.shared else value.width
        slope = builder.parameter("slope", (channels,), Constant(self.slope))
        return builder.emit("prelu", (value,), value.shape, parameters=(slope,), channels=channels)


@ACTIVATIONS.register("elu")
class Elu(Activation):
    """Exponential linear unit: `y = x` for x > 0, else `alpha (exp(x) - 1)` (Clevert et al. 2016).

    Parameters
    ----------
    alpha : float
        `-alpha` is the limit towards minus infinity; at least 0. Smooth at 0 for `alpha = 1` only.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Elu()([-2.0, 0.0, 1.0]).round(4)
    array([-0.8647,  0.    ,  1.    ])
    """

    rectifier = True

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_float("alpha", alpha, 0.0)


@ACTIVATIONS.register("selu")
class Selu(Activation):
    """Self-normalising ELU: `1.0507 x` for x > 0, else `1.0507 * 1.6733 (exp(x) - 1)` (Klambauer et al. 2017).

    With LeCun initialisation, which `"auto"` takes, mean 0 and variance 1 are a fixed point from layer to layer.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Selu()([-2.0, 0.0, 1.0]).round(4)
    array([-1.5202,  0.    ,  1.0507])
    """


@ACTIVATIONS.register("celu")
class Celu(Activation):
    """`y = x` for x > 0, else `alpha (exp(x / alpha) - 1)`: an ELU of slope 1 at 0 for every alpha (Barron 2017).

    Parameters
    ----------
    alpha : float
        `-alpha` is the limit towards minus infinity; above 0.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Celu()([-2.0, 0.0, 1.0]).round(4)
    array([-0.8647,  0.    ,  1.    ])
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
    """Sigmoid linear unit, also called swish: `y = x / (1 + exp(-x))` (Elfwing, Uchibe and Doya 2018).

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Silu()([-2.0, 0.0, 1.0]).round(4)
    array([-0.2384,  0.    ,  0.7311])
    """

    derivative_from_output = False
    rectifier = True


@ACTIVATIONS.register("mish")
class Mish(Activation):
    """`y = x tanh(log(1 + exp(x)))` (Misra 2020).

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Mish()([-2.0, 0.0, 1.0]).round(4)
    array([-0.2525,  0.    ,  0.8651])
    """

    derivative_from_output = False
    rectifier = True


@ACTIVATIONS.register("softplus")
class Softplus(Activation):
    """`y = log(1 + exp(x))`, above 0 and without overflow (Dugas et al. 2001).

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Softplus()([-2.0, 0.0, 1.0]).round(4)
    array([0.1269, 0.6931, 1.3133])
    """


@ACTIVATIONS.register("softsign")
class Softsign(Activation):
    """`y = x / (1 + |x|)`, in (-1, 1) (Bergstra et al. 2009).

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Softsign()([-2.0, 0.0, 1.0]).round(4)
    array([-0.6667,  0.    ,  0.5   ])
    """


@ACTIVATIONS.register("hard_sigmoid")
class HardSigmoid(Activation):
    """`y = min(max(x + 3, 0), 6) / 6`, in [0, 1]; derivative 0 at the kinks (Howard et al. 2019).

    Examples
    --------
    >>> from steepest import activations
    >>> activations.HardSigmoid()([-2.0, 0.0, 1.0]).round(4)
    array([0.1667, 0.5   , 0.6667])
    """


@ACTIVATIONS.register("hard_swish")
class HardSwish(Activation):
    """`y = x min(max(x + 3, 0), 6) / 6` (Howard et al. 2019).

    Examples
    --------
    >>> from steepest import activations
    >>> activations.HardSwish()([-2.0, 0.0, 1.0]).round(4)
    array([-0.3333,  0.    ,  0.6667])
    """

    derivative_from_output = False
    rectifier = True


@ACTIVATIONS.register("step")
class Step(Activation):
    """`y = 1` for x > 0, else 0. Its derivative is taken as 0 everywhere: nothing before it is trained.

    Examples
    --------
    >>> from steepest import activations
    >>> activations.Step()([-2.0, 0.0, 1.0]).round(4)
    array([0., 0., 1.])
    """


ACTIVATIONS.alias("gelu_tanh", {"kind": "gelu", "approximate": "tanh"})
ACTIVATIONS.alias("swish", "silu")
