"""The API reference: one page for each public module, written from the package's own lists of names.

The build fails if a public name is missing from the reference, or has no text.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

import steepest

TOP = "steepest"
# Internal, though their names do not begin with an underscore: nothing in them is promised to stay.
INTERNAL_PACKAGES = {"bench", "commands"}


def public_modules() -> list[str]:
    """Return the package and the modules it exports, and every other subpackage that lists its names."""
    names = {TOP}
    for name in steepest.__all__:
        if isinstance(getattr(steepest, name), ModuleType):
            names.add(f"{TOP}.{name}")
    for found in pkgutil.iter_modules(steepest.__path__):
        if found.ispkg and found.name not in INTERNAL_PACKAGES and not found.name.startswith("_"):
            names.add(f"{TOP}.{found.name}")
    # What the package itself exports comes first: an object of two modules is described where it stands first.
    return sorted(names, key=lambda name: (name.removeprefix(f"{TOP}.") not in {TOP, *steepest.__all__}, name))


def homes() -> dict[int, str]:
    """Return for every public class and function, by its identity, the name it is described under."""
    found: dict[int, str] = {}
    for module in public_modules():
        for name, value in public_names(module).items():
            if inspect.isclass(value) or callable(value):
                found.setdefault(id(value), f"{module}.{name}")
    return found


def public_names(module: str) -> dict[str, Any]:
    """Return what a public module exports, without the modules in it."""
    loaded = importlib.import_module(module)
    listed = getattr(loaded, "__all__", None)
    if listed is None:
        listed = [
            name
            for name, value in vars(loaded).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module
        ]
    found = {name: getattr(loaded, name) for name in sorted(listed, key=str.lower) if not name.startswith("_")}
    return {name: value for name, value in found.items() if not isinstance(value, ModuleType)}


def undocumented() -> list[str]:
    """Return the public names without a text of their own."""
    missing = []
    for module in public_modules():
        if not (importlib.import_module(module).__doc__ or "").strip():
            missing.append(module)
        for name, value in public_names(module).items():
            if (inspect.isclass(value) or callable(value)) and not (inspect.getdoc(value) or "").strip():
                missing.append(f"{module}.{name}")
    return missing


def _page(module: str, home: dict[int, str]) -> str:
    title = module.removeprefix(f"{TOP}.") if module != TOP else TOP
    lines = [title, "=" * len(title), "", f".. automodule:: {module}", "   :no-members:", ""]
    names = public_names(module)
    own = []
    if names:
        lines += [f".. currentmodule:: {module}", "", ".. autosummary::", "   :nosignatures:", ""]
        own = [name for name, value in names.items() if home.get(id(value), f"{module}.{name}") == f"{module}.{name}"]
        lines += [f"   {name}" for name in own] + [""]
    for name, value in names.items():
        if name not in own:
            lines += [f".. py:data:: {name}", "   :no-index:", "", f"   See :obj:`{home[id(value)]}`.", ""]
            continue
        if inspect.isclass(value):
            lines += [f".. autoclass:: {name}", "   :members:"]
            if foreign := _bases_described_elsewhere(value, home):
                lines.append(f"   :inherited-members: {', '.join(foreign)}")
        elif callable(value):
            lines.append(f".. autofunction:: {name}")
        else:
            lines.append(f".. autodata:: {name}")
        lines.append("")
    return "\n".join(lines)


def _bases_described_elsewhere(value: type, home: dict[int, str]) -> list[str]:
    """Return the bases whose methods are not repeated, if there are others that have no place of their own."""
    described = [base for base in value.__mro__[1:] if id(base) in home or not base.__module__.startswith(TOP)]
    return [base.__name__ for base in described] if len(described) < len(value.__mro__) - 1 else []


def write_pages(app: Any) -> None:
    """Write the reference's sources, unchanged ones left alone so that a second build is short."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    home = homes()
    pages = {module: _page(module, home) for module in public_modules()}
    index = ["API reference", "=============", "", ".. toctree::", "   :maxdepth: 1", ""]
    index += [f"   {module}" for module in pages]
    pages["index"] = "\n".join([*index, ""])
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()


def check(app: Any, environment: Any) -> None:
    """Stop the build if the reference lacks a public name."""
    from sphinx.errors import ExtensionError

    known = environment.get_domain("py").objects
    home = homes()
    wanted = [
        home.get(id(value), f"{module}.{name}")
        for module in public_modules()
        for name, value in public_names(module).items()
    ]
    missing = [name for name in wanted if name not in known]
    missing += [f"{name} (no docstring)" for name in undocumented()]
    if missing:
        raise ExtensionError(f"the API reference lacks {', '.join(missing)}")


def skip(app: Any, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out the methods that scikit-learn makes for metadata routing; they are described there."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-skip-member", skip)
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
