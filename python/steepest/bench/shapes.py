"""The six networks that are measured, and the arithmetic of their roofline."""

from __future__ import annotations

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A ReLU network with a softmax cross-entropy on top, trained by Adam.

    Attributes
    ----------
    name : str
        As on the command line.
    widths : tuple of int
        Columns of the input, of every hidden layer and of the output.
    batch : int
        Rows of one step.
    steps : int
        Steps of a timed epoch.
    """

    name: str
    widths: tuple[int, ...]
    batch: int
    steps: int

    @property
    def rows(self) -> int:
        """Rows of a timed epoch."""
        return self.batch * self.steps

    @property
    def label(self) -> str:
        """Like `784-256-128-10 (128)`; a run of equal widths as `20x128`."""
        runs = [(width, len(list(run))) for width, run in itertools.groupby(self.widths)]
        text = "-".join(f"{count}x{width}" if count > 2 else "-".join([str(width)] * count) for width, count in runs)
        return f"{text} ({self.batch})"

    @property
    def weights(self) -> int:
        """Elements of all weight matrices."""
        return sum(n * k for n, k in itertools.pairwise(self.widths))

    @property
    def parameters(self) -> int:
        """Elements of all weights and biases."""
        return self.weights + sum(self.widths[1:])

    @property
    def flops_per_step(self) -> int:
        """Floating-point operations of the matrix products of one step.

        A row costs 2 per weight in `y = x W`, 2 in `dW = x^T dy`, and 2 in `dx = dy W^T`, which the first layer does
        not need. Biases, ReLU, loss and Adam are left out: below 1% except in the smallest networks.
        """
        return self.batch * (6 * self.weights - 2 * self.widths[0] * self.widths[1])

    @property
    def forward_flops_per_row(self) -> int:
        """Floating-point operations of the matrix products of one predicted row."""
        return 2 * self.weights

    def bytes_per_step(self, itemsize: int = 4) -> int:
        """Least bytes a step moves if nothing stays in a cache from one phase to the next.

        Adam reads and writes the parameter and both moments (6); the forward and backward products read every weight
        once each (2). A row of the batch is read, written by the gather, and read by the forward and the weight
        gradient product (4); a value of another layer is written and read twice, and so is its gradient (6).
        """
        per_row = 4 * self.widths[0] + 6 * sum(self.widths[1:])
        return itemsize * (8 * self.parameters + self.batch * per_row)

    def working_set(self, itemsize: int = 4) -> int:
        """Bytes a step touches: parameters, two moments, the batch, every value and its gradient."""
        return itemsize * (3 * self.parameters + self.batch * (self.widths[0] + 2 * sum(self.widths[1:])))


# Steps per epoch: long enough that starting an epoch does not show, short enough for many rounds.
SHAPES = {
    shape.name: shape
    for shape in (
        Shape("tiny", (64, 64, 10), 32, 512),
        Shape("tab", (30, 128, 128, 2), 128, 128),
        Shape("mnist", (784, 256, 128, 10), 128, 96),
        Shape("deep", (64, *[128] * 20, 10), 128, 48),
        Shape("wide", (784, 1024, 1024, 10), 256, 12),
        Shape("big", (1024, 4096, 4096, 1000), 512, 3),
    )
}
DEFAULT_SHAPES = ("tiny", "tab", "mnist", "deep")
