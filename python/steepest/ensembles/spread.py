"""What several predictions of the same rows say together."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_choice, check_float

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Spread:
    """The predictions of M members, and how far they agree.

    It shows what the members do not know, not the noise of the data: members that all make the same mistake agree.

    Attributes
    ----------
    members : ndarray (M, N, K)
        Predictions of every member.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.ensembles import Spread
    >>> spread = Spread(np.array([1.0, 2.0, 3.0, 4.0, 5.0]).reshape(5, 1, 1))
    >>> spread.mean.item(), round(spread.deviation.item(), 6)
    (3.0, 1.581139)
    >>> lower, upper = spread.interval(0.5)
    >>> lower.item(), upper.item()
    (2.0, 4.0)
    """

    members: Array

    @property
    def mean(self) -> Array:
        """Mean over the members `(N, K)`."""
        mean: Array = self.members.mean(axis=0, dtype=np.float64)
        return mean.astype(self.members.dtype)

    @property
    def deviation(self) -> Array:
        """Standard deviation of a member `(N, K)`, `sqrt(sum (p_m - mean)^2 / (M - 1))`; 0 for a single member."""
        if len(self.members) == 1:
            return np.zeros_like(self.members[0])
        deviation: Array = self.members.std(axis=0, ddof=1, dtype=np.float64)
        return deviation.astype(self.members.dtype)

    def interval(self, level: float = 0.9, kind: str = "quantile") -> tuple[Array, Array]:
        """Return the lower and upper ends `(N, K)` of a central interval of the members' predictions.

        Parameters
        ----------
        level : float
            Share of the predictions inside, in (0, 1).
        kind : {"quantile", "normal"}
            `"quantile"` takes the quantiles `(1 - level) / 2` and `(1 + level) / 2` of the M predictions, linear
            between them: no assumption, but with few members little more than the smallest and largest prediction.
            `"normal"` takes `mean -+ z deviation` with the quantile z of the normal distribution.
        """
        level = check_float("level", level, 0.0, 1.0, open_minimum=True, open_maximum=True)
        if check_choice("kind", kind, ("quantile", "normal")) == "normal":
            reach = NormalDist().inv_cdf(0.5 + 0.5 * level) * self.deviation
            mean = self.mean
            return mean - reach, mean + reach
        ends = np.quantile(self.members, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
        lower, upper = ends.astype(self.members.dtype)
        return lower, upper
