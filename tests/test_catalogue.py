"""The page of the catalogue: every row is there, every call on it runs, everything registered is on it."""

import re
from pathlib import Path

import numpy as np
import pytest

import steepest as st
from members import FAMILIES, MEMBERS, name_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "catalogue.md"
# What the package must have, in the words of the lectures it follows; a row of the page begins with each.
ROWS = {
    "1. Preprocessing": """
        centre; mean image; mean per channel; standardise; min-max; robust: median; robust with smooth clip;
        quantile to normal; PCA, k axes; PCA, a share; whitening; ZCA; scaling folded into the first dense
        layer; scaling kept with the model
    """,
    "2. Initialisation": """
        zeros; constant; small normal; large normal; LeCun; Xavier or Glorot; Xavier's fan-in form; He;
        orthogonal; normal or uniform form; gain; bias constant; output bias; automatic; activations by layer;
        linear network
    """,
    "3. Activations": """
        identity; binary step; sigmoid; tanh; ReLU; leaky ReLU; PReLU; ELU; SELU; CELU; GELU; GELU, tanh form;
        SiLU or Swish; Mish; softplus; softsign; hard sigmoid; hard swish; Maxout; softmax; log-softmax;
        hardmax; your own
    """,
    "4. Layers": """
        dense; dense without bias; Maxout; batch norm of rows; batch norm of images; layer norm; dropout;
        activation as a layer; flatten; residual block; embedding; batch norm folded; redundant bias; your own
    """,
    "5. Losses and regularisation": """
        softmax cross-entropy, integer labels; softmax cross-entropy, one-hot; label smoothing; gradient of
        the softmax; sigmoid cross-entropy; MSE; MAE; Huber; Poisson; quantile; hinge; sample weights; class
        weights; L1, L2; decoupled weight decay; max-norm; dropout; early stopping; input noise; augmentation;
        your own
    """,
    "6. Optimisers and schedules": """
        gradient descent; momentum; Nesterov; Adagrad; RMSprop; Adam; AdamW; Nadam; L-BFGS; bias correction;
        learning rates of parameter groups; clipping; constant; step; exponential; 1/t; cosine, with warm-up;
        one-cycle; reduce on plateau; any function of the step; plateau and saddle
    """,
    "7. Gradient check": """
        one-sided and two-sided; a model; relative error and verdict; errors by tensor; sampled; random
        directions; dropout's mask; kinks; again after some; without the input; regularisation; a kernel; a
        layer; a loss; a layer of your own; any `f(x); printed report; error against eps
    """,
}


def sections():
    """Return the rows (what, calls) of every section."""
    found = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        lines = [line.strip("| ").split(" | ") for line in body.splitlines() if line.startswith("| ")]
        assert all(len(cells) == 2 for cells in lines), title
        found[title] = [(what, re.findall(r"`([^`]+)`", cell)) for what, cell in lines[2:]]
    return found


SECTIONS = sections()
CALLS = [(title, what, call) for title, rows in SECTIONS.items() for what, calls in rows for call in calls]


@pytest.fixture(scope="module")
def setting():
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names


def test_every_section_and_every_row_is_there():
    assert SECTIONS.keys() == ROWS.keys()
    for title, wanted in ROWS.items():
        written = [what for what, _ in SECTIONS[title]]
        for row in " ".join(wanted.split()).split("; "):
            assert any(re.match(rf"{re.escape(row)}(\W|$)", what) for what in written), f"{title} lacks {row!r}"


def test_every_row_has_a_call():
    for rows in SECTIONS.values():
        for what, calls in rows:
            assert calls or what.startswith("plateau and saddle"), what
            assert all("st." in call or "model." in call for call in calls), what


@pytest.mark.parametrize(("family", "cls"), MEMBERS, ids=name_of)
def test_everything_registered_is_on_the_page(family, cls):
    module = cls.__module__.split(".")[1]
    calls = " ".join(call for _, _, call in CALLS)
    assert f"st.{module}.{cls.__name__}" in calls, f"docs/catalogue.md has no call of st.{module}.{cls.__name__}"


@pytest.mark.parametrize(("family", "alias"), [(f, alias) for f in FAMILIES for alias in f._aliases])
def test_every_other_name_is_on_the_page(family, alias):
    assert any(f'"{alias}"' in call for _, _, call in CALLS), f"docs/catalogue.md never says {alias!r}"
    assert family.create(alias).kind in family


@pytest.mark.parametrize(
    ("title", "what", "call"), CALLS, ids=[f"{i}: {call[:50]}" for i, (_, _, call) in enumerate(CALLS)]
)
def test_call(title, what, call, setting, request):
    if ".plot(" in call:
        pytest.importorskip("matplotlib")
    model = setting["model"]
    request.addfinalizer(lambda: setattr(model, "preprocessing", None))
    if call.startswith("model.folded()"):
        model.preprocessing = st.preprocessing.Standardizer().fit(setting["X"])
    result = eval(call, {**setting, "model": model})
    if isinstance(result, np.ndarray):
        assert result.size
        assert np.isfinite(result).all()
    elif isinstance(result, st.gradcheck.GradientReport):
        assert result.passed, str(result)
    elif isinstance(result, dict):
        assert result
        assert all(np.isfinite(value).all() for value in result.values())
    elif isinstance(result, st.layers.Layer):  # it does something to rows, or to codes
        rows = np.ones((3, 2 if "Values" in call else 4))
        outputs = st.Sequential([result]).predict(rows)
        assert len(outputs) == 3
        assert np.isfinite(outputs).all()
    elif isinstance(result, (st.optimizers.Optimizer, st.schedules.Schedule)):
        rule = result if isinstance(result, st.optimizers.Optimizer) else st.optimizers.SGD(result)
        history = model.copy().fit(setting["X"], setting["labels"], optimizer=rule, epochs=1, verbose=0)
        assert np.isfinite(history["loss"]).all()
    elif isinstance(result, st.initializers.Initializer):
        bias = isinstance(result, st.initializers.Values)
        layer = (
            st.layers.Dense(len(result.values), bias_initializer=result)
            if bias
            else st.layers.Dense(5, initializer=result)
        )
        st.Sequential([layer], input_shape=4)
        assert np.isfinite(layer.bias if bias else layer.weight).all()
    elif isinstance(result, st.losses.Loss):
        assert np.isfinite(model.evaluate(setting["X"], np.eye(3)[setting["labels"]], loss=result)["loss"])


def test_a_missing_row_is_noticed(monkeypatch):
    monkeypatch.setitem(SECTIONS, "3. Activations", SECTIONS["3. Activations"][1:])
    with pytest.raises(AssertionError, match=r"3\. Activations lacks 'identity'"):
        test_every_section_and_every_row_is_there()
