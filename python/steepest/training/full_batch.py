"""Training by an optimiser that takes all rows at once and iterates in Python."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import threads
from steepest.lowering.network import Network
from steepest.optimizers import LBFGS
from steepest.training import divergence
from steepest.training.interrupt import DeferredInterrupt
from steepest.training.requests import Request
from steepest.training.trainer import Trainer
from steepest.training.training_set import EVALUATION_BATCH, DataSet, evaluate

Array = npt.NDArray[Any]

# Rows that go through the network together, where batch norm does not ask for all: bounds the memory.
_CHUNK = 8192


def check_function(network: Network) -> None:
    """Raise ValueError if the loss would not be one smooth enough function of the parameters."""
    for op in network.program.operations:
        if op.kind in ("dropout", "noise") and any(op.attributes.get(key, 0.0) > 0.0 for key in ("rate", "sigma")):
            raise ValueError(
                f"layer {op.layer!r} draws random numbers, and L-BFGS needs a loss that is the same at every call: "
                "leave the layer out, or train with another optimiser such as Adam"
            )
    for parameter in network.program.parameters:
        if parameter.max_norm > 0.0 and parameter.trainable:
            raise ValueError(
                f"{parameter.name} has max_norm={parameter.max_norm:g}, which L-BFGS cannot keep: "
                "use an L2 penalty, or another optimiser such as Adam"
            )


class FullBatchTrainer(Trainer):
    """One call of `fit` with L-BFGS: an epoch is one iteration."""

    optimizer: LBFGS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        assert isinstance(self.run.optimizer, LBFGS)
        self.optimizer = self.run.optimizer
        check_function(self.network)
        self.run.steps_per_epoch = 1
        # Batch norm takes its statistics over the batch.
        self.chunk = len(self.data) if self.network.program.states else _CHUNK
        # Parameters of the newest value and gradient, for as long as nobody else has changed them.
        self.known: tuple[Array, float, Array] | None = None

    def objective(self) -> tuple[float, Array]:
        """Return loss and gradient, penalty included, over all training rows at the present parameters.

        The gradient is zero where nothing is trained, so these parameters never move.
        """
        rows = self.data.rows
        count = len(self.data)
        value, gradient = 0.0, np.zeros_like(self.network.parameter_arena)
        weight = self.data.weight
        whole = float(count) if weight is None else float((weight if rows is None else weight[rows]).sum())
        penalty = 0.0
        for start in range(0, count, self.chunk):
            part = slice(start, start + self.chunk) if rows is None else rows[start : start + self.chunk]
            weights = None if weight is None else weight[part]
            share = (len(self.data.y[part]) if weights is None else float(weights.sum())) / whole
            if share == 0.0:
                continue
            # All of it in one chunk is written where it belongs, without another array.
            flat = gradient if share == 1.0 else np.zeros_like(gradient)
            loss, penalty = self.network.core.loss_and_gradients(
                self.data.x[part],
                self.data.y[part],
                weights,
                self.run.loss.to_core(),
                True,
                flat,
                None,
                0,
                self.run.model.seed,
                threads.get_num_threads(),
            )
            value += share * loss
            if share != 1.0:
                # The shares add up to 1, so the penalty's part comes out once.
                gradient += np.asarray(share, gradient.dtype) * flat
        return value + penalty, gradient

    def steps(self, interrupt: DeferredInterrupt, counters: tuple[int, int]) -> Generator[Request, Any, bool]:
        """Make one iteration, which asks for nothing: its line search decides at every loss what comes next."""
        yield from ()
        run, arena, optimizer = self.run, self.network.parameter_arena, self.optimizer
        if self.known is None or not np.array_equal(self.known[0], arena):
            self.known = (arena.copy(), *self.objective())
        _, value, gradient = self.known
        if not np.isfinite(value):
            raise divergence.explain(self, divergence.Place(run.model.steps, None, "the loss alone"), counters)
        steepest = float(np.abs(gradient).max(initial=0.0))
        if steepest <= optimizer.tolerance:
            run.stop(f"L-BFGS has converged: no gradient entry is larger than {optimizer.tolerance:g}")
        else:
            found = optimizer.iterate(arena, value, gradient, self.objective)
            if found is None:
                run.stop(
                    f"L-BFGS finds no lower loss in {self.network.dtype} (the largest gradient entry is {steepest:.2g})"
                )
            else:
                assert found.gradient is not None
                self.known = (arena.copy(), found.value, found.gradient)
        run.step = 1
        run.model.steps += 1
        run.logs = {**self.scores(), "learning_rate": optimizer.rate()}
        self.call("on_slice_end")
        return True

    def scores(self) -> dict[str, float]:
        """Return the data loss at the new parameters, and the accuracy where there is one; renew running statistics."""
        assert self.known is not None
        scores = {"loss": self.known[1] - self.network.penalty()}
        if self.network.program.states:
            self._renew_statistics()
        if self.run.loss.classifies:
            rows = slice(None) if self.data.rows is None else self.data.rows
            weight = None if self.data.weight is None else self.data.weight[rows]
            part = DataSet(self.data.x[rows], self.data.y[rows], weight)
            scores["accuracy"] = evaluate(self.network, self.run.loss, part, EVALUATION_BATCH)["accuracy"]
        return scores

    def _renew_statistics(self) -> None:
        """Let the running statistics see the batch: a step of gradient descent at rate zero."""
        description = {
            "kind": "sgd", "beta1": 0.0, "beta2": 0.0, "epsilon": 0.0, "weight_decay": 0.0, "bias_correction": False,
        }  # fmt: skip
        order = np.arange(len(self.data), dtype=np.int64) if self.data.rows is None else self.data.rows
        self.network.core.train(
            self.data.x,
            self.data.y,
            self.data.weight,
            order,
            np.zeros(1),
            len(order),
            self.run.loss.to_core(),
            description,
            [],
            0,
            0,
            self.run.model.seed,
            threads.get_num_threads(),
            0.0,
        )
