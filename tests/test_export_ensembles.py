"""Ensembles and estimators: averages of models as one file, and what is found inside an estimator."""

import numpy as np
import pytest

import steepest as st
from export_models import FORMATS, L, export, randomize, rows

FILES = [kind for kind in FORMATS if kind != "to_torch"]


def members(loss, outputs, dtype="float32"):
    models = []
    for seed in range(3):
        layers = [L.Dense(5 + seed, "tanh"), L.BatchNorm(), L.Dense(outputs)]  # of different widths
        models.append(randomize(st.Sequential(layers, input_shape=6, seed=seed, dtype=dtype), seed))
        models[-1].loss = st.registry.LOSSES.create(loss)
        models[-1].preprocessing = st.preprocessing.Standardizer().fit(rows())
    return models


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("loss", "outputs", "average", "link"),
    [
        ("softmax_cross_entropy", 3, "probabilities", True),
        ("softmax_cross_entropy", 3, "logits", True),
        ("softmax_cross_entropy", 3, "logits", False),
        ("sigmoid_cross_entropy", 2, "probabilities", True),
        ("mse", 1, "outputs", False),
        ("mse", 1, "outputs", True),
        ("poisson", 1, "outputs", True),
    ],
)
def test_average(kind, loss, outputs, average, link, tmp_path):
    ensemble = st.ensembles.Ensemble(members(loss, outputs), average=average)
    made = export(kind, ensemble, tmp_path, rows(seed=3), link=link)
    assert made.verified
    x = members(loss, outputs)[0].preprocessing.transform(rows(seed=3))
    if link and loss.endswith("entropy"):
        assert made.largest_output == pytest.approx(ensemble.predict_proba(x).max(), rel=1e-6)


def test_members_of_different_dtype(tmp_path):
    models = [members("mse", 1)[0], members("mse", 1, "float64")[1]]
    made = export("onnx", st.ensembles.Ensemble(models), tmp_path, rows())
    assert made.verified


def test_what_an_ensemble_cannot_become(tmp_path):
    ensemble = st.ensembles.Ensemble(members("softmax_cross_entropy", 3))
    with pytest.raises(st.export.ExportError, match=r"link=True, or let it average logits"):
        st.export.onnx(ensemble, tmp_path / "net.onnx")
    with pytest.raises(st.export.ExportError, match=r"cannot become one safetensors file: .* ensemble\.models"):
        st.export.safetensors(ensemble, tmp_path / "net.safetensors")
    pytest.importorskip("sklearn")
    with pytest.raises(st.export.ExportError, match="cannot become an MLP"):
        st.export.to_sklearn(ensemble)


@pytest.mark.parametrize("count", [1, 3])
def test_estimators(count, tmp_path):
    pytest.importorskip("sklearn")
    from steepest.sklearn import MLPClassifier

    y = np.array(["no", "yes", "maybe"])[np.arange(200) % 3]
    estimator = MLPClassifier(hidden_layer_sizes=(6,), max_iter=3, random_state=0, n_members=count)
    with pytest.warns(match="converge"):
        estimator.fit(rows(), y)
    made = export("onnx", estimator, tmp_path, rows(), link=True)
    assert made.verified
    assert made.largest_output == pytest.approx(estimator.predict_proba(rows()).max(), rel=1e-6)
    if count == 1:
        assert st.export.safetensors(estimator, tmp_path / "net.safetensors").verified
        assert st.export.to_sklearn(estimator).verified
