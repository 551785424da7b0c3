"""The classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import unique_labels

from steepest.losses import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy
from steepest.sklearn.base import BaseMLP, can_learn_in_parts
from steepest.sklearn.labels import Labels

Array = npt.NDArray[Any]


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """Multi-layer perceptron for classes, a drop-in for `sklearn.neural_network.MLPClassifier`.

    The parameters up to `max_fun` are scikit-learn's, with its defaults and its meaning; so are the fitted attributes.
    How close the two are: docs/sklearn-compatibility.md.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of the hidden layers.
    activation : str, Activation, or sequence of them
        Of the hidden layers, one for all or one each: scikit-learn's names and all of `steepest.activations`.
    solver : str or Optimizer
        `"adam"`, `"sgd"` and `"lbfgs"` as in scikit-learn; `"adamw"`, `"nadam"`, `"rmsprop"`, `"adagrad"`, or an object
        of `steepest.optimizers`, which then brings its own learning rate.
    alpha : float
        L2 penalty: `0.5 alpha sum(W^2)` is added to the sum of a batch's losses, and both are divided by its weight.
    batch_size : int or "auto"
        Rows of a step; `"auto"`: 200, or all where there are fewer. L-BFGS takes all rows.
    learning_rate : str, Schedule, dict or callable
        `"constant"`; `"invscaling"` and `"adaptive"`, which count for `solver="sgd"` only; for every solver `"cosine"`,
        `"warmup_cosine"`, `"one_cycle"`, `"linear"`, `"polynomial"`, `"step"`, `"exponential"`, `"inverse_time"`,
        `"warmup"`, which span `max_iter` epochs and then begin anew, and `"reduce_on_plateau"`; a schedule of
        `steepest.schedules`, its configuration, or a function of the step.
    learning_rate_init : float
        The rate, or a schedule's first or highest one.
    power_t : float
        Exponent of `"invscaling"`.
    max_iter : int
        Epochs at most; for L-BFGS iterations. A `ConvergenceWarning` says why they did not suffice, unless the learning
        rate was meant to end with them (`"cosine"` and the like).
    shuffle : bool
        Whether every epoch takes the rows in a new order.
    random_state : int, RandomState or None
        Decides weights, validation rows, order and dropout.
    tol : float
        Training ends when the loss, or the validation score, has not improved by this much for `n_iter_no_change`
        epochs; for L-BFGS the largest gradient entry.
    verbose : bool or int
        0 is silent, 1 prints scikit-learn's lines, 2 also validation loss and seconds.
    warm_start : bool
        Whether `fit` goes on from where the last one ended: weights, optimiser state, learning rate, random numbers.
    momentum, nesterovs_momentum : float, bool
        Of `"sgd"`.
    early_stopping : bool
        Whether rows are held back, scored after every epoch, and training ends when the score stands still. The weights
        of the best epoch are kept.
    validation_fraction : float
        Share of the rows that is held back.
    beta_1, beta_2, epsilon : float
        Of `"adam"` and its kin.
    n_iter_no_change : int
        See `tol`.
    max_fun : int
        Loss evaluations of L-BFGS at most.
    batch_norm : bool
        Whether batch norm stands before every hidden activation.
    dropout : float or sequence of float
        Behind the hidden activations, one for all or one each.
    class_weight : dict, "balanced" or None
        Weights of the classes by label; multiplies `sample_weight`, of rows held back too.
    label_smoothing : float
        e in [0, 1): the targets become `(1 - e) t + e / K`; of two classes, and of each label of several, `+ e / 2`.
    weight_decay : float
        Decoupled decay of `"adamw"`.
    clip_norm, clip_value : float or None
        Bounds of the gradient's length and of its entries.
    initializer : str or Initializer
        `"auto"`: scikit-learn's for its activations, that of `layers.Dense` for the others.
    dtype : {"auto", "float32", "float64"}
        In which the network computes; `"auto"`: float32 for samples of float32 and for mixed tables, else float64.
    validation_metric : str or callable
        `"score"` (accuracy), `"loss"` (its negative), the name of a scorer of scikit-learn, or a scorer
        `f(estimator, X, y)`; larger is better.
    max_time : float or None
        Seconds that `fit` may take; the learning rate falls so that it ends with them. The result then depends on the
        machine.
    callbacks : list of Callback or None
        See `steepest.callbacks`.
    preprocessing : {"auto", "standard", "quantile", "robust"}, TablePreprocessor or None
        `"auto"`: frames with columns that are no numbers, tables of pyarrow and dictionaries of columns go through a
        `steepest.tables.TablePreprocessor`; anything else is taken as it is. A scaling, or a preprocessor of your own:
        everything goes through it. None: nothing does.
    n_members : int
        Networks trained with different random numbers, whose probabilities are averaged; `coefs_` are the first one's.
        They train in one run, side by side, each to the bits it would get alone, and Ctrl-C ends all of them. With
        `callbacks`, `verbose`, `max_time` (an equal share each) or L-BFGS they train one after the other.
    checkup : bool
        Whether `steepest.checkup` looks at data, network and settings before the first epoch; what it finds comes as
        warnings, the report is in `checkup_`.

    Attributes
    ----------
    classes_ : ndarray (K,)
        Labels in order.
    coefs_, intercepts_ : list of ndarray
        Weights `(in, out)` and biases; views on the network's memory. With batch norm read-only, those of the plain
        network that predicts the same.
    loss_, best_loss_, loss_curve_ : float, float or None, list of float
        Training loss with penalty: of the last epoch, the smallest, of all epochs.
    validation_scores_, best_validation_score_, validation_loss_curve_ : list or float, or None
        Where there is validation: the score of every epoch, the best, and the loss.
    n_iter_, t_ : int
        Epochs of the last fit; rows seen in all.
    n_layers_, n_outputs_, out_activation_ : int, int, str
        Layers with the input, outputs, and "softmax" or "logistic".
    n_features_in_, feature_names_in_ : int, ndarray of str
        Of the samples; names only where they came with some.
    model_ : Sequential
        The network, which can be saved and exported.
    history_ : History
        Records of the last fit.
    preprocessor_ : TablePreprocessor or None
        What the samples go through.
    ensemble_ : Ensemble or None
        Of all members, where there are several.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from steepest.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((16,), activation="tanh", solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    >>> classifier.score(X, y) > 0.95
    True
    >>> [coef.shape for coef in classifier.coefs_]
    [(4, 16), (16, 3)]
    """

    loss = "log_loss"
    _numeric_targets = False
    _measure = staticmethod(accuracy_score)

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        batch_norm: bool = False,
        dropout: Any = 0.0,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        weight_decay: float = 0.01,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        initializer: Any = "auto",
        dtype: Any = "auto",
        validation_metric: Any = "score",
        max_time: float | None = None,
        callbacks: Any = None,
        preprocessing: Any = "auto",
        n_members: int = 1,
        checkup: bool = False,
    ) -> None:
        self.__dict__.update({name: value for name, value in locals().items() if name != "self"})

    # ---------------------------------------------------------------------------------------------------------- the fit
    def fit(self, X: Any, y: Any, sample_weight: Any = None, eval_set: Any = None) -> MLPClassifier:
        """Train the network.

        Parameters
        ----------
        X : array, sparse matrix or frame (N, D)
            Samples in rows.
        y : array (N,) or (N, K)
            Labels of any type, or a label indicator of zeros and ones for several labels per row.
        sample_weight : array (N,), optional
            Not negative.
        eval_set : tuple (X, y) or (X, y, sample_weight), optional
            Validation data of your own, scored after every epoch; the weights of the best epoch are kept.

        Returns
        -------
        MLPClassifier
            This object.
        """
        return self._fit(X, y, sample_weight, eval_set)  # type: ignore[no-any-return]

    @available_if(can_learn_in_parts)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Train for one epoch over the given rows.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`; y need not hold all classes.
        classes : array (K,), optional
            All labels that will ever come; needed at the first call.

        Returns
        -------
        MLPClassifier
            This object.
        """
        self._learn_classes(y, classes)
        return self._fit(X, y, sample_weight, incremental=True)  # type: ignore[no-any-return]

    def _learn_classes(self, y: Any, classes: Any) -> None:
        """Set the classes at the first `partial_fit`, compare them at the later ones."""
        if "classes_" not in vars(self):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            by_y = np.ndim(y) == 2 and np.shape(y)[1] > 1
            self._label_binarizer = Labels(y if by_y else classes)
            self.classes_ = self._label_binarizer.classes_
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    def _encode(self, y: Any, *, first: bool, incremental: bool) -> Array:
        if getattr(y, "ndim", 0) == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if "classes_" not in vars(self) or not (self.warm_start or incremental):
            self._label_binarizer = Labels(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._compare_classes(unique_labels(y), some=incremental)
        if first or "n_outputs_" not in vars(self):
            self.n_outputs_ = self._label_binarizer.outputs
            self.out_activation_ = "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"
        return self._label_binarizer.encode(y)

    def _compare_classes(self, classes: Array, *, some: bool) -> None:
        """Raise ValueError unless these are the classes of the first fit, or some of them where that will do."""
        if self.warm_start and not some:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _weigh(self, y: Any, weight: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return weight
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all rows at once: give partial_fit a dictionary of weights"
            )
        own = compute_sample_weight(self.class_weight, y)
        return own if weight is None else own * weight

    def _smooth(self, targets: Array) -> Array:
        # Of labels the loss smooths itself.
        if not self.label_smoothing or targets.ndim == 1:
            return targets
        smooth: Array = targets * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        return smooth

    def _make_loss(self) -> Loss:
        if self.out_activation_ == "softmax":
            return SoftmaxCrossEntropy(label_smoothing=self.label_smoothing)
        return SigmoidCrossEntropy()

    def _to_loss(self, value: float, targets: Array, weight: Any) -> float:
        return value

    # --------------------------------------------------------------------------------------------------- the prediction
    def _predict_from(self, outputs: Array) -> Any:
        return self._label_binarizer.decode(outputs)

    def _decode_targets(self, targets: Array) -> Any:
        if targets.ndim == 1:
            return self.classes_[targets]
        return self._label_binarizer.decode(targets.astype(np.float64) - 0.5)

    def predict(self, X: Any) -> Any:
        """Return the labels `(N,)`, or the label indicator `(N, K)`.

        Parameters
        ----------
        X : array or sparse matrix (N, D)
            Samples in rows.
        """
        return self._predict_from(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities `(N, K)` of the classes in the order of `classes_`.

        Parameters
        ----------
        X : array or sparse matrix (N, D)
            Samples in rows.
        """
        outputs = self._outputs(X)
        probabilities = self._make_loss().link(outputs)
        if self.n_outputs_ == 1:
            probabilities = np.hstack([1.0 - probabilities, probabilities])
        return probabilities

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`, minus infinity where a probability is 0.

        Parameters
        ----------
        X : array or sparse matrix (N, D)
            Samples in rows.
        """
        with np.errstate(divide="ignore"):
            logarithms: Array = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
