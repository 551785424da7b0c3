"""What is exported: a model, its preprocessing, and the link of its loss; the same for every format."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_bool, check_dtype
from steepest.export import lowered, samples, table
from steepest.export.errors import ExportError
from steepest.export.graph import LINKS, Graph, Line
from steepest.export.report import check_tolerance
from steepest.losses import Loss
from steepest.model import Model

Array = npt.NDArray[Any]


class Source:
    """A model with its preprocessing and sample rows, checked.

    Parameters
    ----------
    model : Model or Ensemble
        Built; or a fitted estimator of `steepest.sklearn`.
    X : array (N, D), optional
        Sample rows; None draws some.
    preprocessing : Preprocessor, optional
        None takes the model's own, if it has one.
    link : bool
        Whether the outputs go through the link of the loss that the model was trained with.
    input_dtype : {"float32", "float64"}, optional
        None means with preprocessing that of X if it is float32, else float64; without it the model's.
    """

    def __init__(
        self,
        model: Any,
        X: npt.ArrayLike | None = None,
        *,
        preprocessing: Any = None,
        link: bool = False,
        input_dtype: npt.DTypeLike | None = None,
    ) -> None:
        self.model = _find(model)
        # Of an ensemble the first member says what all of them have.
        self.models: tuple[Model, ...] = getattr(self.model, "models", (self.model,))
        first = self.models[0]
        self.dtype: str = self.model.dtype
        self.preprocessing = first.preprocessing if preprocessing is None else preprocessing
        self.link = _link(self.model.loss) if check_bool("link", link) else None
        self.target = first.target if link and getattr(first.target, "kind", "") != "class_labels" else None
        self.classes = list(first.target.names) if getattr(first.target, "kind", "") == "class_labels" else None
        probabilities = getattr(self.model, "average", "outputs") == "probabilities"
        if probabilities and self.link is None:
            raise ExportError("the ensemble averages probabilities: export it with link=True, or let it average logits")
        dtype = None if input_dtype is None else check_dtype("input_dtype", input_dtype)
        if dtype is None and self.preprocessing is not None and getattr(X, "dtype", None) == np.float32:
            dtype = "float32"
        self.graph: Graph = lowered.build(
            self.models, self.preprocessing, dtype, self.link, _line(self.target), link_first=probabilities
        )
        self.table = table.is_table(self.preprocessing)
        if self.table:
            columns = self.preprocessing
            self.frame = table.draw(columns, samples.ROWS) if X is None else table.read(columns, X, samples.MOST)
            self.rows = table.matrix(columns, self.frame).astype(self.graph.input_dtype)
            matrix = columns.transform(self.frame)
        else:
            rows = samples.draw(first, self.preprocessing) if X is None else X
            self.rows = samples.check(rows, self.graph.widths[0], self.graph.input_dtype)
            matrix = self.rows if self.preprocessing is None else self.preprocessing.transform(self.rows)
        self.outputs = self._outputs(matrix)

    def _outputs(self, matrix: Array) -> Array:
        """Return what the export must give."""
        if self.link is not None and len(self.models) > 1 and self.link.has_link:
            return np.asarray(self.model.predict_proba(matrix))
        result: Array = self.model.predict(matrix)
        if self.link is not None:
            result = np.asarray(self.link.link(result), self.dtype)
        if self.target is not None:
            result = np.asarray(self.target.inverse_transform(result))
        return result.astype(self.graph.output_dtype, copy=False)

    def accepted(self, tolerance: float | None) -> float:
        """Return the largest difference that is accepted, by the narrowest dtype that anything is computed in."""
        narrow = "float32" if any(model.dtype == "float32" for model in self.models) else "float64"
        return check_tolerance(tolerance, narrow, max(self.graph.widths))

    @property
    def shaped_rows(self) -> Array:
        """The sample rows in the shape of the model's samples, such as `(N, C, H, W)`."""
        return self.rows.reshape(len(self.rows), *self.graph.shape)

    @property
    def metadata(self) -> dict[str, str]:
        """What a file says about itself."""
        import steepest

        result = {"producer": f"steepest {steepest.__version__}"}
        if self.preprocessing is not None:
            result["preprocessing"] = repr(self.preprocessing)
        result["outputs"] = "as predict" if self.link is None else f"link of {self.link!r}"
        if self.target is not None:
            result["outputs"] += ", in the unit of the targets"
        if self.classes is not None:
            result["classes"] = json.dumps(self.classes)
        return result


def _line(target: Any) -> Line | None:
    """Return what takes the outputs back to the unit of the targets."""
    if target is None:
        return None
    kind = type(target).__dict__.get("kind", "")
    if kind in ("target_scaler", "standardizer"):
        return Line(target.scale, target.mean)
    if kind == "center":
        return Line(np.ones_like(target.mean), target.mean)
    if kind == "min_max":
        span = np.where(target.largest > target.smallest, target.largest - target.smallest, 1.0)
        scale = span / (target.high - target.low)
        return Line(scale, target.smallest - target.low * scale)
    if kind == "robust" and not target.smooth_clip:
        return Line(target.scale, target.center)
    raise ExportError(
        f"what {type(target).__name__} did to the targets cannot be undone in an export: take link=False and undo it "
        "yourself, or scale them by a TargetScaler"
    )


def check_model(model: Any, wanted: str) -> Model:
    """Return the model, or that of a fitted estimator; `wanted` says what an ensemble cannot become."""
    found = _find(model)
    if not isinstance(found, Model):
        raise ExportError(f"an ensemble cannot become {wanted}: export its members, ensemble.models, one by one")
    return found


def _find(model: Any) -> Any:
    """Return the model or the ensemble, or that of a fitted estimator."""
    inner = getattr(model, "ensemble_", None) or getattr(model, "model_", model)
    if not isinstance(inner, Model):
        from steepest.ensembles import Ensemble

        if not isinstance(inner, Ensemble):
            raise TypeError(
                f"model must be a model of steepest, an ensemble, or a fitted estimator with one, got {model!r:.200}"
            )
    return inner


def _link(loss: Loss | None) -> Loss | None:
    if loss is None:
        raise ValueError("link=True needs the loss that the model was trained with, and it has not been trained")
    if type(loss).link is Loss.link:  # the outputs themselves
        return None
    if loss.kind not in LINKS:
        raise ExportError(
            f"the link of loss {loss!r} is written in Python and cannot be exported: take link=False and apply "
            "it yourself"
        )
    return loss
