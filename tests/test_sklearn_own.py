"""scikit-learn's own tests with our classes in the place of its own; see docs/sklearn-compatibility.md."""

import re
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

import sklearn
from sklearn import neural_network

from steepest.sklearn import MLPClassifier, MLPRegressor

# Theirs expect their own configuration, in which warnings are no errors.
pytestmark = pytest.mark.filterwarnings("default", "ignore::sklearn.exceptions.ConvergenceWarning")

PAGE = Path(__file__).resolve().parents[1] / "docs" / "sklearn-compatibility.md"
SOURCE = Path(neural_network.__file__).parent / "tests" / "test_mlp.py"


def load():
    """Return what the module defines, with the two classes replaced."""
    text = SOURCE.read_text(encoding="utf-8")
    wanted = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
    assert text.count(wanted) == 1
    # Of the compiled functions pytest shows the lines of the file.
    space = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor, "__name__": "sklearn_test_mlp"}
    exec(compile(text.replace(wanted, "\n"), str(SOURCE), "exec"), space)
    return {name: value for name, value in space.items() if name.startswith("test_")}


def published():
    """Return the page's excluded and passing tests, and the version it speaks of."""
    text = PAGE.read_text(encoding="utf-8")
    excluded = re.findall(r"^\| `(test_\w+)` \| \S", text, re.MULTILINE)
    passing = re.findall(r"^- `(test_\w+)`$", text, re.MULTILINE)
    version = re.search(r"Passing, with scikit-learn ([\d.]+):", text)
    return excluded, passing, version[1]


THEIRS = load()
EXCLUDED, PASSING, VERSION = published()
globals().update({name: test for name, test in THEIRS.items() if name not in EXCLUDED})


@pytest.fixture
def global_random_seed():
    return 42


def test_the_page_tells_what_runs():
    assert not set(EXCLUDED) & set(PASSING)
    if sklearn.__version__.startswith(VERSION + "."):
        assert set(EXCLUDED) | set(PASSING) == set(THEIRS)
    else:
        # Another version has other tests; those of the page that it has are most of them.
        assert len(set(PASSING) & set(THEIRS)) > 30
    assert len(EXCLUDED) <= 2


def test_the_classes_are_ours():
    assert THEIRS["test_alpha"].__globals__["MLPClassifier"] is MLPClassifier
