"""What the classifier and the regressor share: the fit, the fitted attributes, the state between two fits."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from steepest.history import History
from steepest.losses import Loss
from steepest.optimizers import Optimizer
from steepest.sequential import Sequential
from steepest.sklearn import architecture, inputs, members, messages, parameters, solver
from steepest.sklearn.scores import Validation
from steepest.sklearn.watch import Watch

Array = npt.NDArray[Any]


def full_batch(spec: Any) -> bool:
    """Whether the solver takes all rows at once."""
    return getattr(spec, "full_batch", False) is True or (isinstance(spec, str) and spec == "lbfgs")


def can_learn_in_parts(estimator: Any) -> bool:
    """Whether the solver takes batches; scikit-learn hides `partial_fit` where it does not."""
    if full_batch(estimator.solver):
        raise AttributeError(
            f"partial_fit needs a solver that takes batches, solver={estimator.solver!r} takes all rows"
        )
    return True


def _take(weight: Any, rows: Any) -> Any:
    return None if weight is None else weight[rows]


class BaseMLP(BaseEstimator, ABC):  # type: ignore[misc]
    """Base of the estimators; see `MLPClassifier` and `MLPRegressor`."""

    loss: Any
    solver: Any
    # Set by fit.
    model_: Sequential
    history_: History
    n_outputs_: int
    out_activation_: str
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None

    # ------------------------------------------------------------------------------------------- what subclasses define
    @abstractmethod
    def _encode(self, y: Any, *, first: bool, incremental: bool) -> Array:
        """Return the targets as the core takes them, and set `n_outputs_` and `out_activation_` at the first fit."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """Return the loss to train with."""

    @abstractmethod
    def _to_loss(self, value: float, targets: Array, weight: Any) -> float:
        """Return the loss as scikit-learn reports it."""

    @abstractmethod
    def _predict_from(self, outputs: Array) -> Any:
        """Return the predictions of the network's outputs."""

    @abstractmethod
    def _decode_targets(self, targets: Array) -> Any:
        """Return the user's targets of the encoded ones."""

    preprocessor_: Any
    ensemble_: Any = None
    _others: Sequence[Any] = ()
    _numeric_targets: bool
    _measure: Any

    # -------------------------------------------------------------------------------------------- weights as attributes
    @property
    def coefs_(self) -> list[Array]:
        """Weights `(in, out)` of the layers; views on the network's memory, so writing into them changes the model.

        With batch norm they are read-only, those of the plain network that predicts the same.
        """
        return self._plain("_coefs", 0)

    @coefs_.setter
    def coefs_(self, value: Any) -> None:
        self._coefs = list(value)

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of the layers, like `coefs_`."""
        return self._plain("_intercepts", 1)

    @intercepts_.setter
    def intercepts_(self, value: Any) -> None:
        self._intercepts = list(value)

    def _plain(self, name: str, which: int) -> list[Array]:
        if "model_" in vars(self) and self.model_.states():
            return architecture.plain_weights(self.model_)[which]
        if name not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name[1:]}_ before fit")
        value: list[Array] = vars(self)[name]
        return value

    @property
    def _optimizer(self) -> Optimizer | None:
        return self.model_.optimizer if "model_" in vars(self) else None

    def _link(self) -> None:
        """Make the attributes views on the model's memory."""
        dense = architecture.dense_layers(self.model_)
        if not self.model_.states():
            self._coefs = [layer.weight for layer in dense]
            self._intercepts = [layer.bias for layer in dense]

    def _take_over(self) -> None:
        """Write into the model what the user has put in the place of its views."""
        if self.model_.states():
            return
        for i, layer in enumerate(architecture.dense_layers(self.model_)):
            if self._coefs[i] is not layer.weight:
                layer.weight = self._coefs[i]
                self._coefs[i] = layer.weight
            if self._intercepts[i] is not layer.bias:
                layer.bias = self._intercepts[i]
                self._intercepts[i] = layer.bias

    # ---------------------------------------------------------------------------------------------------------- the fit
    def _fit(self, X: Any, y: Any, sample_weight: Any, eval_set: Any = None, incremental: bool = False) -> Any:
        given = {"X": X, "y": y, "sample_weight": sample_weight, "eval_set": eval_set, "incremental": incremental}
        members.train(self._prepare(**given), given)
        return self

    def _prepare(self, X: Any, y: Any, sample_weight: Any, eval_set: Any, incremental: bool) -> members.Fit:
        """Check the arguments of a fit, make or find the network, and return what is left to do."""
        parameters.check(self)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        X, y = inputs.receive(self, X, y, reset=first, numeric=self._numeric_targets)
        targets = self._encode(y, first=first, incremental=incremental)
        weight = self._weigh(y, inputs.row_weights(sample_weight, X.shape[0]), incremental)
        if first:
            self._start(X)
        else:
            self._resume(X)
        return self._prepare_training(X, targets, weight, eval_set, first, incremental)

    def _weigh(self, y: Any, weight: Any, incremental: bool) -> Any:
        """Return the weights of the training rows."""
        return weight

    def _start(self, X: Any) -> None:
        """Make the network and all attributes of a first fit."""
        self._random_state = check_random_state(self.random_state)
        self._member_state = inputs.copy_state(self._random_state)
        # Dropout and what else is ours draws by this seed; scikit-learn's own draws stay as they are.
        seed = int(inputs.copy_state(self._random_state).randint(2**31))
        dtype = inputs.network_dtype(self, X)
        self.model_ = architecture.build(self, X.shape[1], self.n_outputs_, dtype, seed)
        architecture.initialize(self, self.model_, self._random_state)
        self.model_.preprocessing = self.preprocessor_
        self.model_.target = getattr(self, "target_scaler_", None)
        self._link()
        self._reset_record()

    def _reset_record(self) -> None:
        self.n_layers_ = len(architecture.dense_layers(self.model_)) + 1
        self.n_iter_ = self.t_ = 0
        self.loss_curve_ = []
        self._no_improvement_count = 0
        self._index: Any = None
        self._rule: Any = None
        self._rate: Any = None
        # What the validation rows are drawn with, at a warm start again.
        self._split_state = inputs.copy_state(self._random_state)
        self.best_loss_ = None if self._splits() else np.inf
        self.validation_scores_ = self.best_validation_score_ = None
        self.validation_loss_curve_: list[float] | None = None

    def _resume(self, X: Any) -> None:
        """Go on with the network as it is."""
        if "model_" not in vars(self):
            self._random_state = check_random_state(self.random_state)
            seed = int(inputs.copy_state(self._random_state).randint(2**31))
            dtype = inputs.network_dtype(self, X)
            self.model_ = architecture.from_weights(self, self._coefs, self._intercepts, dtype, seed)
            self._reset_record()
        self._take_over()
        sizes = [layer.units for layer in architecture.dense_layers(self.model_)]
        wanted = [*parameters.hidden_sizes(self), self.n_outputs_]
        if sizes != wanted:
            raise ValueError(
                f"the network has layers of {sizes} units and cannot go on with {wanted}: set warm_start=False, or "
                "make a new estimator"
            )

    def _splits(self) -> bool:
        """Whether rows are held back for early stopping; L-BFGS takes them all, as in scikit-learn."""
        return bool(self.early_stopping) and not full_batch(self.solver)

    def _prepare_training(
        self, X: Any, targets: Array, weight: Any, eval_set: Any, first: bool, incremental: bool
    ) -> members.Fit:
        train, held = self._split(targets, eval_set)
        rows = X.shape[0] if train is None else len(train)
        batch = rows if full_batch(self.solver) else self._batch_size(rows)
        own_targets, own_weight = (targets, weight) if train is None else (targets[train], _take(weight, train))
        optimizer = self._choose_optimizer(-(-rows // batch), incremental)
        # alpha is divided by the weight of each batch; the penalty that the network knows is that of a usual one.
        usual = batch * (1.0 if own_weight is None or not own_weight.any() else float(own_weight.mean()))
        architecture.set_penalty(self.model_, float(self.alpha) / usual)
        optimizer.penalty_weight = usual
        validation = self._make_validation(X, targets, weight, held, eval_set)
        order = inputs.Order(train, rows, self._random_state, bool(self.shuffle), self._index)
        score = None if validation is None else validation.score
        watch = Watch(self, rows, batch, lambda loss: self._to_loss(loss, own_targets, own_weight), score, incremental)
        if self.checkup and self.t_ == 0:
            self._check_up(X, targets, weight, batch)
        self.n_iter_ = 0
        settings = {
            "X": X,
            "y": self._smooth(targets),
            "loss": self._make_loss(),
            "optimizer": optimizer,
            "epochs": 1 if incremental else self.max_iter,
            "batch_size": batch,
            "shuffle": order,
            "sample_weight": weight,
            "callbacks": [watch, *(self.callbacks or ())],
            "verbose": 0,
            **({} if validation is None else validation.arguments),
        }
        return members.Fit(self, first, incremental, watch, order, settings)

    def _complete(self, fit: members.Fit, history: History) -> None:
        """Take over what the training recorded; what ended it badly comes as an error or a warning."""
        error, history.failure = history.failure, None
        if error is not None:
            self._diverge(error, history, fit.watch)
            return
        self.history_ = history
        self._index = fit.order.index if self.warm_start and not fit.incremental else None
        self._conclude(fit.watch, fit.incremental)

    def _make_validation(self, X: Any, targets: Array, weight: Any, held: Any, eval_set: Any) -> Validation | None:
        """Return the validation set, if there is one, and make room for its records at the first."""
        if held is None and eval_set is None:
            return None
        if self.validation_scores_ is None:
            self.validation_scores_, self.validation_loss_curve_ = [], []
            self.best_validation_score_ = -np.inf
        return Validation(self, X, targets, weight, held, eval_set)

    def _check_up(self, X: Any, targets: Array, weight: Any, batch: int) -> None:
        """Look at data, network and settings before the training, and warn of what is wrong."""
        from steepest.checkup import checkup

        settings = {"loss": self._make_loss(), "batch_size": batch, "sample_weight": weight, "epochs": self.max_iter}
        self.checkup_ = checkup(self.model_, X, targets, **settings)
        for check in self.checkup_.findings:
            warnings.warn(f"checkup: {check.name}: {check.evidence} {check.advice}", stacklevel=6)

    def _smooth(self, targets: Array) -> Array:
        """Return the targets that the network is trained on."""
        return targets

    def _split(self, targets: Array, eval_set: Any) -> tuple[Any, Any]:
        """Return training and validation rows of early stopping, drawn as scikit-learn draws them; else None twice."""
        if not self._splits() or eval_set is not None:
            return None, None
        stratify = targets if targets.dtype.kind == "b" and targets.shape[1] == 1 else None
        first = self.t_ == 0
        train, held = train_test_split(
            np.arange(len(targets), dtype=np.int64),
            random_state=self._random_state if first else inputs.copy_state(self._split_state),
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if len(held) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return train, held

    def _batch_size(self, rows: int) -> int:
        if isinstance(self.batch_size, str):
            return min(200, rows)
        if self.batch_size > rows:
            warnings.warn(
                f"Got `batch_size` larger than sample size, {self.batch_size} for {rows} rows. It is clipped",
                stacklevel=6,
            )
        return min(int(self.batch_size), rows)

    def _choose_optimizer(self, steps: int, incremental: bool) -> Optimizer:
        """Return the optimiser that goes on, or a new one where the parameters ask for another rule."""
        span = steps * self.max_iter
        rule, rate = solver.rule_key(self), solver.rate_key(self, span)
        present = self.model_.optimizer
        if present is None or rule != self._rule:
            present = solver.make_optimizer(self, solver.make_rate(self, span, 0))
        elif (rate[:-1] != self._rate[:-1] or (rate != self._rate and not incremental)) and not isinstance(
            self.solver, Optimizer
        ):
            present.learning_rate = solver.make_rate(self, span, present.iterations)
        self._rule, self._rate = rule, rate
        return present

    def _diverge(self, error: Exception, history: History, watch: Watch) -> None:
        if watch.best is None:
            raise messages.non_finite(error) from error
        assert self.validation_scores_ is not None
        self.history_ = history
        self.n_iter_ += 1
        self.loss_curve_.append(float("nan"))
        self.validation_scores_.append(float("nan"))
        messages.warn_diverged(error)

    def _conclude(self, watch: Watch, incremental: bool) -> None:
        anneals = isinstance(self.learning_rate, str) and self.learning_rate in solver.ENDING and not watch.full_batch
        if self.history_.interrupted:
            warnings.warn("Training interrupted by user.", stacklevel=7)
        elif incremental or watch.converged or watch.out_of_time or anneals:
            return
        elif self.n_iter_ == self.max_iter or watch.out_of_evaluations:
            messages.warn_not_converged(self)

    # --------------------------------------------------------------------------------------------------- the prediction
    def _outputs(self, X: Any) -> Array:
        """Return the network's outputs `(N, K)` as they are."""
        check_is_fitted(self, "coefs_")
        return self._forward(inputs.receive_samples(self, X))

    def _forward(self, X: Any) -> Array:
        if "model_" not in vars(self):
            self._resume(X)
        self._take_over()
        if self._others:
            for member in self._others:
                member._take_over()
            averaged: Array = self.ensemble_.predict(X)
            return averaged
        return self.model_.predict(X)

    # ----------------------------------------------------------------------------------------------- copies and pickles
    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "model_" in state:
            self._take_over()
            # The views would be written a second time, and be no views any more.
            state.pop("_coefs", None)
            state.pop("_intercepts", None)
            state.pop("ensemble_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in vars(self):
            self._link()
            members.gather(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
