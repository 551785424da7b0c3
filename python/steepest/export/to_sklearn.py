"""scikit-learn's own estimators with the weights of a model, and models with theirs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import layers
from steepest.export import samples
from steepest.export.errors import ExportError
from steepest.export.report import ExportReport, check_tolerance, compare
from steepest.export.sklearn_steps import from_step, set_fitted, to_steps
from steepest.export.source import Source, check_model
from steepest.lowering import passes
from steepest.preprocessing import Pipeline
from steepest.registry import LOSSES
from steepest.sequential import Sequential

if TYPE_CHECKING:
    from steepest.model import Model

Array = npt.NDArray[Any]

_ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
_BACK = {theirs: ours for ours, theirs in _ACTIVATIONS.items()}
_LOSSES = {
    "softmax": "softmax_cross_entropy",
    "logistic": "sigmoid_cross_entropy",
    "identity": "mse",
    "exp": "poisson",
}


def _load() -> Any:
    try:
        import sklearn
    except ImportError:
        raise ImportError("this needs scikit-learn: pip install steepest[sklearn]") from None
    return sklearn


def to_sklearn(
    model: Any, X: npt.ArrayLike | None = None, *, preprocessing: Any = None, tolerance: float | None = None
) -> ExportReport:
    """Return a fitted `MLPClassifier` or `MLPRegressor` of scikit-learn that predicts what the model predicts.

    It can hold a chain of dense layers with one activation out of identity, sigmoid, tanh and ReLU in all of the hidden
    ones, and outputs without any; batch norm and scaling become part of the weights, dropout and noise go. With
    preprocessing it is a `Pipeline` with scikit-learn's transformers in front. It is for prediction: `partial_fit`
    finds no optimiser in it.

    Parameters
    ----------
    model, X, preprocessing, tolerance
        As for `steepest.export.onnx`. The loss of the last `fit` says whether it is a classifier, and `model.target`
        which labels it has.

    Returns
    -------
    ExportReport
        With the estimator as `result`. Compared are probabilities, or the outputs of a regression.

    Raises
    ------
    ExportError
        Naming the layer that the estimators of scikit-learn do not have; or if the outputs differ.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential([st.layers.Dense(8, "tanh"), st.layers.BatchNorm(), st.layers.Dense(1)], input_shape=3)
    >>> report = st.export.to_sklearn(model)
    >>> report.result.hidden_layer_sizes, report.result.activation
    ((8,), 'tanh')
    """
    sklearn = _load()
    model = check_model(model, "an MLP of scikit-learn")
    classifier = model.loss is not None and model.loss.classifies and model.loss.has_link
    poisson = model.loss is not None and model.loss.kind == "poisson"
    source = Source(model, X, preprocessing=preprocessing, link=classifier or poisson)
    accepted = source.accepted(tolerance)
    weights, biases, activation = _weights(model)
    estimator = _classifier(model, weights, biases, activation) if classifier else None
    if estimator is None:
        estimator = _regressor(model, weights, biases, activation)
    result = estimator
    if source.preprocessing is not None:
        from sklearn.pipeline import make_pipeline

        result = make_pipeline(*to_steps(source.preprocessing), estimator)
    rows = source.rows
    given = result.predict_proba(rows) if classifier else result.predict(rows).reshape(len(rows), -1)
    expected = _complete(source.outputs, given) if classifier else source.outputs
    difference, largest = compare("the estimator", given.astype(model.dtype), expected, accepted)
    runner = f"scikit-learn {sklearn.__version__}"
    return ExportReport("scikit-learn", result, difference, largest, len(rows), accepted, runner)


def _complete(outputs: Array, given: Array) -> Array:
    """Return the probabilities with that of "no" where the network gives the one of "yes" only."""
    return np.hstack([1.0 - outputs, outputs]) if outputs.shape[1] == 1 < given.shape[1] else outputs


def _weights(model: Model) -> tuple[list[Array], list[Array], str]:
    """Return weights and biases of the dense layers, and the activation between them."""
    program, tensors = passes.fold(model.network.program, {**model.network.parameters, **model.network.states})
    weights: list[Array] = []
    biases: list[Array] = []
    between: list[str] = []
    value = 0
    for op in program.operations:
        name = op.attributes.get("activation", op.attributes.get("function", op.kind))
        plain = op.inputs == (value,) and (op.kind == "dense" or (op.kind == "activation" and weights))
        if not plain or name not in _ACTIVATIONS:
            what = name if op.kind in ("dense", "activation", "row_function") else op.kind
            raise ExportError(
                f"layer {op.layer!r} ({what}) has no place in scikit-learn's MLPs, which are chains of dense layers "
                f"with one activation out of {', '.join(_ACTIVATIONS)}: export to ONNX or PyTorch instead"
            )
        value = op.output
        if op.kind == "activation":
            between[-1] = _compose(op.layer, between[-1], name)
            continue
        arrays = [np.asarray(tensors[program.parameters[number].name], model.dtype) for number in op.parameters]
        weights.append(arrays[0].copy())
        biases.append(arrays[1].copy() if len(arrays) > 1 else np.zeros(arrays[0].shape[1], model.dtype))
        between.append(name)
    if not weights or between[-1] != "identity" or value != program.output:
        raise ExportError("the last layer must be dense without activation: scikit-learn's MLPs apply the loss's link")
    if len(set(between[:-1])) > 1:
        raise ExportError(
            f"the hidden layers have the activations {', '.join(between[:-1])}, scikit-learn's MLPs one for all"
        )
    return weights, biases, between[0] if len(between) > 1 else "relu"


def _compose(layer: str, first: str, second: str) -> str:
    if first != "identity" and second != "identity":
        raise ExportError(f"layer {layer!r} applies {second} to {first}: scikit-learn's MLPs have one in each layer")
    return second if first == "identity" else first


def _common(model: Model, weights: list[Array], biases: list[Array]) -> dict[str, Any]:
    return {
        "coefs_": weights,
        "intercepts_": biases,
        "n_features_in_": len(weights[0]),
        "n_layers_": len(weights) + 1,
        "n_outputs_": len(biases[-1]),
        "n_iter_": model.epochs_seen,
        "t_": model.steps,
        "loss_": math.nan,
        "loss_curve_": [],
    }


def _regressor(model: Model, weights: list[Array], biases: list[Array], activation: str) -> Any:
    from sklearn.neural_network import MLPRegressor

    sizes = tuple(len(bias) for bias in biases[:-1])
    settings: dict[str, Any] = {"hidden_layer_sizes": sizes, "activation": _ACTIVATIONS[activation]}
    poisson = model.loss is not None and model.loss.kind == "poisson"
    if poisson and "loss" not in MLPRegressor().get_params():
        raise ExportError("the MLPRegressor of scikit-learn before 1.7 has no Poisson loss: install a newer one")
    made = MLPRegressor(**settings, **({"loss": "poisson"} if poisson else {}))
    return set_fitted(made, **_common(model, weights, biases), out_activation_="exp" if poisson else "identity")


def _classifier(model: Model, weights: list[Array], biases: list[Array], activation: str) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import LabelBinarizer

    assert model.loss is not None
    softmax = model.loss.kind == "softmax_cross_entropy"
    outputs = len(biases[-1])
    if softmax and outputs == 2:  # softmax of two is the logistic function of the difference
        weights[-1] = weights[-1][:, 1:] - weights[-1][:, :1]
        biases[-1] = biases[-1][1:] - biases[-1][:1]
    count = outputs if outputs > 1 else 2
    labels = getattr(model.target, "classes", None)
    classes = np.arange(count) if labels is None or len(labels) != count else np.asarray(labels)
    binarizer = LabelBinarizer()
    if not softmax and outputs > 1:
        binarizer.fit(np.eye(outputs, dtype=int))  # several labels a row
    else:
        binarizer.fit(classes)
    sizes = tuple(len(bias) for bias in biases[:-1])
    made = MLPClassifier(hidden_layer_sizes=sizes, activation=_ACTIVATIONS[activation])
    return set_fitted(
        made,
        **_common(model, weights, biases),
        out_activation_="softmax" if softmax and outputs > 2 else "logistic",
        classes_=classes,
        _label_binarizer=binarizer,
    )


def from_sklearn(
    estimator: Any, X: npt.ArrayLike | None = None, *, seed: int | None = 0, tolerance: float | None = None
) -> ExportReport:
    """Return a model with the weights of a fitted MLP of scikit-learn.

    Takes `MLPClassifier` and `MLPRegressor`, and a `Pipeline` that ends with one behind StandardScaler, MinMaxScaler,
    MaxAbsScaler, RobustScaler, PCA or QuantileTransformer: they become `model.preprocessing`. The model knows its loss,
    so `fit` goes on from there, and of a classifier the labels, in `model.target`.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Pipeline
        Fitted; not changed.
    X : array (N, D), optional
        Rows to compare the two on; None draws some.
    seed : int or None
        Of the model.
    tolerance : float, optional
        As for `steepest.export.onnx`.

    Returns
    -------
    ExportReport
        With the model, a `Sequential`, as `result`. Compared are probabilities, or the outputs of a regression.

    Raises
    ------
    ExportError
        If a step has no counterpart, or the outputs differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neural_network import MLPRegressor
    >>> import steepest as st
    >>> X = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> regressor = MLPRegressor(hidden_layer_sizes=4, solver="lbfgs", random_state=0).fit(X, X.ravel())
    >>> model = st.export.from_sklearn(regressor).result
    >>> float(np.abs(model.predict(X)[:, 0] - regressor.predict(X)).max()) < 1e-12
    True
    """
    sklearn = _load()
    from sklearn.pipeline import Pipeline as SklearnPipeline

    from steepest.tables import ClassLabels

    *front, last = [step for _, step in estimator.steps] if isinstance(estimator, SklearnPipeline) else [estimator]
    if not hasattr(last, "coefs_") or not hasattr(last, "out_activation_"):
        raise TypeError(
            f"estimator must be a fitted MLPClassifier or MLPRegressor, or a Pipeline with one, got {last!r}"
        )
    model = _sequential(last, seed)
    steps = [made for step in front if step not in (None, "passthrough") for made in from_step(step)]
    if steps:
        model.preprocessing = Pipeline(steps)
        model.preprocessing.columns = steps[0].columns
    multilabel = last.out_activation_ == "logistic" and last.n_outputs_ > 1
    if hasattr(last, "classes_") and not multilabel:
        model.target = ClassLabels().fit(last.classes_)
    rows = samples.draw(model, model.preprocessing) if X is None else np.asarray(X)[: samples.MOST]
    assert model.loss is not None
    given = model.loss.link(model.predict(rows if not steps else model.preprocessing.transform(rows)))
    if hasattr(last, "classes_"):
        expected = estimator.predict_proba(rows)
        given = _complete(given, expected)
    else:
        expected = estimator.predict(rows).reshape(len(rows), -1)
    accepted = check_tolerance(tolerance, model.dtype, max(model.network.program.widths))
    difference, largest = compare("the model", given, expected.astype(model.dtype), accepted)
    runner = f"scikit-learn {sklearn.__version__} beside it"
    return ExportReport("steepest", model, difference, largest, len(rows), accepted, runner)


def _sequential(estimator: Any, seed: int | None) -> Sequential:
    if estimator.activation not in _BACK or estimator.out_activation_ not in _LOSSES:
        raise ExportError(f"the activations of {estimator!r} have no counterpart")
    widths = [len(bias) for bias in estimator.intercepts_]
    hidden = [layers.Dense(width, _BACK[estimator.activation]) for width in widths[:-1]]
    chain = [*hidden, layers.Dense(widths[-1])]
    dtype = "float32" if estimator.coefs_[0].dtype == np.float32 else "float64"
    model = Sequential(chain, seed=seed, dtype=dtype, input_shape=len(estimator.coefs_[0]))
    for layer, weight, bias in zip(chain, estimator.coefs_, estimator.intercepts_, strict=True):
        layer.weight[...], layer.bias[...] = weight, bias
    model.loss = LOSSES.create(_LOSSES[estimator.out_activation_])
    return model
