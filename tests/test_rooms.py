"""The Python package's rooms: who may import whom, and that no file imports itself through others."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

import steepest

PACKAGE = Path(steepest.__file__).parent
NAME = "steepest"
# From the ground up; a room may import what stands before it, and nothing beside it or above. "" is the package's own
# `__init__`, which only says where names are found.
FLOORS = (
    ("", "_core", "errors", "checks", "archive", "registry", "guard", "metrics", "data"),
    ("rng", "threads", "losses", "regularizers", "schedules", "preprocessing"),
    ("history", "initializers", "kernels", "optimizers", "datasets"),
    ("activations", "pictures"),
    ("lowering",),
    ("layers", "training"),
    ("model", "summary"),
    ("sequential", "bench"),
    ("folding", "saving", "diagnostics", "gradcheck"),
    ("monitor",),
    ("callbacks",),
    ("many", "transfer", "tables"),
    ("ensembles",),
    ("checkup", "export", "search"),
    ("sklearn", "demo"),
    ("commands",),
    ("cli",),
    ("__main__",),
)
# Methods and functions that are a way up and no more: the work, and all that knows both, stands above.
DOORS = {
    ("history", "pictures"): "History.plot draws what it holds",
    ("preprocessing", "tables"): "preprocessing.load reads every file of preprocessing, those of tables too",
    ("sequential", "folding"): "Sequential.folded",
    ("sequential", "saving"): "Sequential.save, and pickling",
}
# What is named in annotations only: the visitor and the visited.
TYPES = {
    ("activations", "lowering"): "an activation writes its operation into the builder it is given",
    ("training", "model"): "a training is the training of a model, and callbacks are handed both",
}


def modules():
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(module, path, node):
    """The package's modules that an import statement loads."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.split(".")[0] == NAME]
    base = node.module or ""
    if node.level:
        above = module.split(".")[: len(module.split(".")) - node.level + (path.name == "__init__.py")]
        base = ".".join([*above, base] if base else above)
    if base.split(".")[0] != NAME:
        return []
    whole = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in MODULES or name == f"{NAME}._core" else base for name in whole]


def statements(tree, *, checked=False):
    """Every import statement, and whether it stands under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, checked
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from ((inner, True) for part in node.body for inner, _ in statements(ast.Module([part], [])))
            yield from statements(ast.Module(node.orelse, []), checked=checked)
        else:
            yield from statements(node, checked=checked)


def arrows():
    """All imports inside the package as (from, to, whether it is for annotations only)."""
    for module, path in MODULES.items():
        if module == NAME:
            continue
        for node, checked in statements(ast.parse(path.read_text(encoding="utf-8"))):
            for target in imported(module, path, node):
                yield module, target, checked


ARROWS = sorted(set(arrows()))


def room(module):
    return module.partition(".")[2].partition(".")[0]


def test_every_room_has_a_floor():
    rooms = {room(module) for module in MODULES} | {"_core"}
    assert sorted(name for floor in FLOORS for name in floor) == sorted(rooms)


def test_imports_are_seen():
    assert ("steepest.layers.dense", "steepest.layers.base", False) in ARROWS  # at the top of a file
    assert ("steepest.sequential", "steepest.folding", False) in ARROWS  # in a method
    assert ("steepest.training.run", "steepest.model", True) in ARROWS  # for annotations
    assert ("steepest.checkup.data", "steepest.checkup.registry", False) in ARROWS  # relative


@pytest.mark.parametrize("source", sorted({room(module) for module in MODULES} - {""}))
def test_no_room_imports_the_ones_above(source):
    level = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    up = {
        f"{module} -> {target}"
        for module, target, checked in ARROWS
        if room(module) == source != room(target)
        and level[room(target)] >= level[source]
        and (source, room(target)) not in (TYPES if checked else DOORS)
    }
    assert not up, "move what is needed to a lower room, or say in DOORS why this is a way up and no more"


@pytest.mark.parametrize("way", [*DOORS, *TYPES], ids="-".join)
def test_ways_up_are_used(way):
    assert any((room(module), room(target)) == way and checked == (way in TYPES) for module, target, checked in ARROWS)


def test_no_file_imports_itself_through_others():
    after = defaultdict(set)
    for module, target, checked in ARROWS:
        if not checked and (room(module), room(target)) not in DOORS and target in MODULES:
            after[module].add(target)
    done, path = set(), []

    def follow(module):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        path.append(module)
        for target in sorted(after[module]):
            follow(target)
        path.pop()
        done.add(module)

    for module in MODULES:
        follow(module)
