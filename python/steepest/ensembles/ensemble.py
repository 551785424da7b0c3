"""A model made of models: the average of their predictions."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest import archive
from steepest.checks import check_choice, check_items, check_path
from steepest.ensembles.spread import Spread
from steepest.losses import Loss
from steepest.registry import LOSSES, Attributes
from steepest.training.training_set import EVALUATION_BATCH

if TYPE_CHECKING:
    from steepest.model import Model

Array = npt.NDArray[Any]

FORMAT = "steepest ensemble"
VERSION = 1
AVERAGES = ("probabilities", "logits", "outputs")


class Ensemble(Attributes):
    """The average of several models' predictions.

    Parameters
    ----------
    models : iterable of Model
        At least one; trained, and with as many outputs each. They are kept, not copied.
    average : {"probabilities", "logits", "outputs"}, optional
        What is averaged: the probabilities (an arithmetic mean, the usual choice for classes), the logits before the
        softmax or sigmoid (a geometric mean, up to its scale), or the outputs of a regression, where there is nothing
        else. None takes probabilities where the models' loss has them, else outputs.
    loss : str or Loss, optional
        None takes the one that the first model was trained with.

    Attributes
    ----------
    models : tuple of Model
        The members.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> models = [st.Sequential([st.layers.Dense(8, "tanh"), st.layers.Dense(2)], seed=seed) for seed in range(3)]
    >>> for model in models:
    ...     history = model.fit(X, y, loss="softmax_cross_entropy", epochs=5, verbose=0)
    >>> ensemble = st.ensembles.Ensemble(models)
    >>> np.allclose(ensemble.predict_proba(X), np.mean([model.predict_proba(X) for model in models], axis=0))
    True
    >>> ensemble.spread(X).deviation.shape
    (200, 2)
    """

    def __init__(self, models: Iterable[Model], *, average: str | None = None, loss: Any = None) -> None:
        self.models = tuple(check_items("models", models, "a list of models"))
        if not self.models:
            raise ValueError("models must hold at least one model")
        for model in self.models:
            if not hasattr(model, "predict") or not hasattr(model, "network"):
                raise TypeError(f"models must be models of steepest, got {model!r}")
        sizes = {model.output_size for model in self.models}
        if None in sizes or len(sizes) > 1:
            raise ValueError(f"models must be built and have as many outputs each, got {sorted(map(str, sizes))}")
        chosen = self.models[0].loss if loss is None else LOSSES.create(loss, "loss")
        self.loss: Loss | None = chosen
        has_link = chosen is not None and chosen.has_link
        if average is None:
            average = "probabilities" if has_link else "outputs"
        self.average = check_choice("average", average, AVERAGES)
        if self.average != "outputs" and not has_link:
            kind = None if chosen is None else chosen.kind
            raise ValueError(f"average={average!r} needs a loss with probabilities, the models have {kind!r}")

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    @property
    def dtype(self) -> str:
        """The widest of the members' dtypes."""
        return "float64" if any(model.dtype == "float64" for model in self.models) else "float32"

    # ------------------------------------------------------------------------------------------------------ prediction
    def _member(self, model: Model, X: Any, batch_size: int) -> Array:
        outputs = model.predict(X, batch_size=batch_size)
        if self.average != "probabilities":
            return outputs
        assert self.loss is not None
        return self.loss.link(outputs)

    def _mean(self, X: Any, batch_size: int) -> Array:
        total = self._member(self.models[0], X, batch_size).astype(np.float64)
        for model in self.models[1:]:
            total += self._member(model, X, batch_size)
        total /= len(self.models)
        return total

    def predict(self, X: npt.ArrayLike, *, batch_size: int = EVALUATION_BATCH) -> Array:
        """Return the ensemble's outputs `(N, K)`, in the sense of `Model.predict`: what its loss takes.

        Where probabilities are averaged these are their logarithms (softmax) or log-odds (sigmoid), so that the loss
        and the largest column are those of the averaged probabilities.

        Parameters
        ----------
        X, batch_size
            As for `Model.predict`.
        """
        mean = self._mean(X, batch_size)
        if self.average == "probabilities":
            tiny = np.finfo(np.float64).tiny
            logits = np.log(np.maximum(mean, tiny))
            if self.loss is not None and self.loss.kind == "sigmoid_cross_entropy":
                logits -= np.log(np.maximum(1.0 - mean, np.finfo(np.float64).epsneg))
            mean = logits
        return mean.astype(self.dtype)

    def predict_proba(self, X: npt.ArrayLike, *, batch_size: int = EVALUATION_BATCH) -> Array:
        """Return the ensemble's probabilities `(N, K)`: averaged, or those of the averaged logits.

        Parameters
        ----------
        X, batch_size
            As for `Model.predict`.

        Raises
        ------
        ValueError
            If the loss has no probabilities.
        """
        if self.loss is None or not self.loss.has_link:
            raise ValueError("predict_proba needs a loss with probabilities: use predict")
        mean = self._mean(X, batch_size)
        return (mean if self.average == "probabilities" else self.loss.link(mean)).astype(self.dtype)

    def spread(self, X: npt.ArrayLike, *, batch_size: int = EVALUATION_BATCH) -> Spread:
        """Return the members' predictions with mean, deviation and intervals.

        They are probabilities if the ensemble averages these, and otherwise the models' outputs.

        Parameters
        ----------
        X, batch_size
            As for `Model.predict`.
        """
        members = [self._member(model, X, batch_size).astype(self.dtype, copy=False) for model in self.models]
        return Spread(np.stack(members))

    def evaluate(self, X: npt.ArrayLike, y: npt.ArrayLike, *, sample_weight: Any = None) -> dict[str, float]:
        """Return `{"loss": ...}`, and `"accuracy"` where the loss has one, of the averaged prediction.

        Parameters
        ----------
        X, y, sample_weight
            As for `Model.evaluate`.
        """
        from steepest.layers import Activation
        from steepest.sequential import Sequential

        outputs = self.predict(X)
        # The core's own losses, behind a network that does nothing.
        judge = Sequential([Activation("identity")], dtype=self.dtype, input_shape=outputs.shape[1])
        return judge.evaluate(outputs, y, loss=self.loss, sample_weight=sample_weight)

    # ----------------------------------------------------------------------------------------------------------- files
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all members to one file, in one piece; `Ensemble.load` reads it.

        Parameters
        ----------
        path : str or path-like
            File, taken as it is; an existing one is replaced.
        """
        from steepest.saving import dumps

        header = {
            "format": FORMAT,
            "version": VERSION,
            "members": len(self.models),
            "average": self.average,
            "loss": self.loss.get_config() if self.loss is not None else None,
        }
        members = {f"member/{i}": np.frombuffer(dumps(m), dtype=np.uint8) for i, m in enumerate(self.models)}
        archive.write(path, archive.pack(header, members))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Ensemble:
        """Return the ensemble that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            File.

        Raises
        ------
        ValueError
            If the file holds no ensemble, is damaged, or is of a later format version.
        """
        from steepest.saving import loads

        name = check_path("path", path)
        with open(name, "rb") as file:
            content = io.BytesIO(file.read())
        try:
            header, arrays = archive.read(content, FORMAT)
            if header["version"] > VERSION:
                raise ValueError(f"it has format version {header['version']}, this steepest reads up to {VERSION}")
            models = [loads(arrays[f"member/{i}"].tobytes()) for i in range(header["members"])]
            return cls(models, average=header["average"], loss=header["loss"])
        except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"{name} is not a file of an ensemble, or is damaged: {error}") from error

    def __repr__(self) -> str:
        loss = None if self.loss is None else self.loss.kind
        return f"<Ensemble of {len(self)} models, average of {self.average}, loss {loss!r}>"
