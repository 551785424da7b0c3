"""Preprocessing steps of scikit-learn as steps of steepest and the other way: the fitted numbers are handed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest import preprocessing as pre
from steepest.export.errors import ExportError


def set_fitted(estimator: Any, **attributes: Any) -> Any:
    """Set what `fit` would have set, and return the object."""
    for name, value in attributes.items():
        setattr(estimator, name, value)
    return estimator


# --------------------------------------------------------------------------------------------------------- to steepest
def from_step(step: Any) -> list[pre.Preprocessor]:
    """Return the steps that do what a fitted transformer of scikit-learn does."""
    for cls in type(step).__mro__:
        if cls.__module__.startswith("sklearn.") and cls.__name__ in _FROM:
            return _FROM[cls.__name__](step)
    raise ExportError(
        f"step {type(step).__name__} of the pipeline has no counterpart among {', '.join(_FROM)}: "
        "apply it before the model sees the rows"
    )


def _columns(step: pre.Preprocessor, columns: int, **fitted: Any) -> list[pre.Preprocessor]:
    return [set_fitted(step, columns=columns, **{k: np.asarray(v, np.float64) for k, v in fitted.items()})]


def _shift(step: Any, mean: Any, scale: Any) -> list[pre.Preprocessor]:
    width = step.n_features_in_
    mean = np.zeros(width) if mean is None else mean
    scale = np.ones(width) if scale is None else scale
    return _columns(pre.Standardizer(), width, mean=mean, scale=scale)


def _from_min_max(step: Any) -> list[pre.Preprocessor]:
    if step.clip:
        raise ExportError("MinMaxScaler(clip=True) has no counterpart: make it clip=False, or clip the rows yourself")
    # Its own numbers: scale_ and min_ of a constant column are not what data_min_ and data_max_ say.
    return _shift(step, -step.min_ / step.scale_, 1.0 / step.scale_)


def _from_pca(step: Any) -> list[pre.Preprocessor]:
    fitted = {"mean": step.mean_, "axes": step.components_, "variances": step.explained_variance_}
    total = np.asarray(step.explained_variance_.sum() / max(step.explained_variance_ratio_.sum(), 1e-300))
    if not step.whiten:
        return _columns(pre.PCA(len(step.components_)), step.n_features_in_, **fitted, total_variance=total)
    whitening = pre.Whitening(components=len(step.components_), epsilon=1e-300)
    fitted["variances"] = np.maximum(step.explained_variance_, np.finfo(step.explained_variance_.dtype).eps ** 2)
    return _columns(whitening, step.n_features_in_, **fitted, total_variance=total)


def _refuse_constant(quantiles: Any) -> None:
    constant = np.flatnonzero(quantiles[0] == quantiles[-1])
    if len(constant):
        raise ExportError(
            f"column {constant[0]} was constant in the training set: QuantileTransformer makes -5.2 of it and "
            "QuantileNormal 0, so leave it out"
        )


def _from_quantiles(step: Any) -> list[pre.Preprocessor]:
    if step.output_distribution != "normal":
        raise ExportError('QuantileTransformer has a counterpart with output_distribution="normal" only')
    _refuse_constant(step.quantiles_)
    made = pre.QuantileNormal(max(2, len(step.quantiles_)))
    return _columns(made, step.n_features_in_, points=step.quantiles_)


_FROM: dict[str, Callable[[Any], list[pre.Preprocessor]]] = {
    "StandardScaler": lambda s: _shift(s, s.mean_ if s.with_mean else None, s.scale_),
    "MaxAbsScaler": lambda s: _shift(s, None, s.scale_),
    "RobustScaler": lambda s: _shift(s, s.center_, s.scale_),
    "MinMaxScaler": _from_min_max,
    "PCA": _from_pca,
    "QuantileTransformer": _from_quantiles,
}


# ----------------------------------------------------------------------------------------------------- to scikit-learn
def to_steps(step: Any) -> list[Any]:
    """Return fitted transformers of scikit-learn that do what the step does."""
    if isinstance(step, pre.Pipeline):
        return [made for inner in step.steps for made in to_steps(inner)]
    kind = type(step).__dict__.get("kind", type(step).__name__)
    if kind not in _TO:
        raise ExportError(
            f"preprocessing step {kind!r} has no counterpart in scikit-learn: transform the rows yourself, and export "
            "the model with preprocessing=Pipeline of the others, or without"
        )
    return [_TO[kind](step)]


def _scaler(step: Any, mean: Any, scale: Any) -> Any:
    from sklearn.preprocessing import StandardScaler

    made = StandardScaler(with_std=scale is not None)
    variance = None if scale is None else np.square(scale)
    return set_fitted(made, mean_=mean, scale_=scale, var_=variance, n_features_in_=step.columns, n_samples_seen_=1)


def _to_min_max(step: pre.MinMax) -> Any:
    from sklearn.preprocessing import MinMaxScaler

    span = step.largest - step.smallest
    scale = (step.high - step.low) / np.where(span > 0.0, span, 1.0)
    return set_fitted(
        MinMaxScaler((step.low, step.high)),
        data_min_=step.smallest,
        data_max_=step.largest,
        data_range_=span,
        scale_=scale,
        min_=step.low - step.smallest * scale,
        n_features_in_=step.columns,
        n_samples_seen_=1,
    )


def _to_robust(step: pre.Robust) -> Any:
    from sklearn.preprocessing import RobustScaler

    if step.smooth_clip:
        raise ExportError("Robust(smooth_clip=True) has no counterpart in scikit-learn: transform the rows yourself")
    return set_fitted(RobustScaler(), center_=step.center, scale_=step.scale, n_features_in_=step.columns)


def _to_pca(step: Any) -> Any:
    from sklearn.decomposition import PCA

    whiten = isinstance(step, pre.Whitening)
    if whiten and step.method != "pca":
        raise ExportError('Whitening("zca") has no counterpart in scikit-learn: transform the rows yourself')
    variances = step.variances + step.epsilon if whiten else step.variances
    total = float(step.total_variance) or 1.0
    return set_fitted(
        PCA(len(step.axes), whiten=whiten),
        mean_=step.mean,
        components_=step.axes,
        explained_variance_=variances,
        explained_variance_ratio_=variances / total,
        n_components_=len(step.axes),
        n_features_in_=step.columns,
        n_samples_=1,
        noise_variance_=0.0,
    )


def _to_quantiles(step: pre.QuantileNormal) -> Any:
    from sklearn.preprocessing import QuantileTransformer

    _refuse_constant(step.points)
    count = len(step.points)
    return set_fitted(
        QuantileTransformer(n_quantiles=count, output_distribution="normal"),
        quantiles_=step.points,
        references_=np.linspace(0.0, 1.0, count),
        n_quantiles_=count,
        n_features_in_=step.columns,
    )


_TO: dict[str, Callable[[Any], Any]] = {
    "center": lambda s: _scaler(s, s.mean, None),
    "standardizer": lambda s: _scaler(s, s.mean, s.scale),
    "min_max": _to_min_max,
    "robust": _to_robust,
    "pca": _to_pca,
    "whitening": _to_pca,
    "quantile_normal": _to_quantiles,
}
