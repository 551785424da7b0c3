"""The documentation: every public name has a text, every start page runs, and the links between files are right."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
START = sorted((DOCS / "start").glob("*.md"))


def api_reference():
    spec = importlib.util.spec_from_file_location("api_reference", DOCS / "extensions" / "api_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_has_a_text():
    pytest.importorskip("sklearn")
    reference = api_reference()
    assert not reference.undocumented()
    modules = reference.public_modules()
    assert {"steepest", "steepest.layers", "steepest.sklearn", "steepest.kernels"} <= set(modules)
    assert "Dense" in reference.public_names("steepest.layers")


def test_a_name_without_text_is_found(monkeypatch):
    import steepest

    def bare():
        pass

    monkeypatch.setattr(steepest.metrics, "bare", bare, raising=False)
    monkeypatch.setattr(steepest.metrics, "__all__", ["bare"], raising=False)
    assert "steepest.metrics.bare" in api_reference().undocumented()


def test_there_is_a_page_for_each():
    assert [path.stem for path in START] == ["from_keras", "from_pytorch", "from_sklearn"]


@pytest.mark.parametrize("path", START, ids=lambda path: path.stem)
def test_start_page_runs(path, capsys):
    pytest.importorskip("sklearn")
    (code,) = re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    names = {"__name__": "start"}
    exec(compile(code, str(path), "exec"), names)
    assert names["accuracy"] > 0.95, capsys.readouterr().out


@pytest.mark.parametrize("path", START, ids=lambda path: path.stem)
def test_names_of_a_start_page_exist(path):
    """Whatever the tables call `st.something.Something` is there."""
    import steepest

    for dotted in set(re.findall(r"`st\.([\w.]+)", path.read_text(encoding="utf-8"))):
        value = steepest
        for part in dotted.split("."):
            value = getattr(value, part)


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        generated = "/api/" in f"/{target}" or "gallery/" in target
        assert generated or (path.parent / target).exists(), target
