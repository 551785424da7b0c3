"""The rules of the code base that a machine can check."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import steepest

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FILE = 400  # lines; one job per file
GENERATED = {ROOT / "python" / "steepest" / "_core.pyi"}
SOURCES = [
    path
    for folder in ("python", "cpp", "tests", "bench", "examples")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".pyi", ".cpp", ".hpp"} and path not in GENERATED
]


def name(path):
    return str(path.relative_to(ROOT))


def test_there_are_sources():
    assert {name(path).split("/")[0] for path in SOURCES} >= {"python", "cpp", "tests"}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_file_is_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{name(path)} has {lines} lines: divide it by jobs"


def test_no_compiler_flag_that_changes_results():
    for path in (
        ROOT / "CMakeLists.txt",
        ROOT / "CMakePresets.json",
        ROOT / "pyproject.toml",
        ROOT / "tests/cpp/CMakeLists.txt",
    ):
        found = re.findall(
            r"-ffast-math|-Ofast|-march=native|/fp:fast|-funsafe-math\S*", path.read_text(encoding="utf-8")
        )
        assert not found, f"{name(path)}: {found}"
    assert "-ffp-contract=off" in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


def test_module_only_registers():
    text = (ROOT / "cpp/bindings/module.cpp").read_text(encoding="utf-8")
    body = re.search(r"PYBIND11_MODULE\([^{]*\{(.*)\}", text, re.DOTALL)
    assert body is not None
    statements = [line.strip() for line in re.sub(r"//.*", "", body[1]).splitlines() if line.strip()]
    others = [
        line for line in statements if not re.fullmatch(r"(steepest::register_\w+\(m\)|m\.doc\(\) = \".*\");", line)
    ]
    assert not others


def test_bindings_include_pybind11_by_one_door():
    door = ROOT / "cpp/bindings/pybind11.hpp"
    for path in sorted((ROOT / "cpp").rglob("*.[ch]pp")):
        text = path.read_text(encoding="utf-8")
        if path == door:
            continue
        assert not re.search(r"#include\s*[<\"]pybind11/", text), name(path)
        if path.parent == door.parent:
            first = re.search(r"#include\s*([<\"].*[>\"])", text)
            assert first is not None
            # A source may begin with its own header, which begins with the door.
            begins_well = first[1] == '"bindings/pybind11.hpp"' or first[1] == f'"bindings/{path.stem}.hpp"'
            assert begins_well, f"{name(path)} begins with {first[1]}"


ROOMS = ("core", "simd", "kernels", "ops", "engine", "bindings")  # each may include itself and those before it


def test_no_room_calls_the_ones_above():
    for level, room in enumerate(ROOMS):
        for path in sorted((ROOT / "cpp" / room).glob("*.?pp")):
            for included in re.findall(r"#include\s*\"(\w+)/", path.read_text(encoding="utf-8")):
                assert included in ROOMS[: level + 1], f"{name(path)} includes {included}/"


def test_openmp_lives_in_the_team_only():
    users = [
        name(path)
        for path in sorted((ROOT / "cpp").rglob("*.?pp"))
        if re.search(r"#pragma omp|#include <omp\.h>", path.read_text(encoding="utf-8"))
    ]
    assert set(users) <= {"cpp/core/team.cpp"}


def test_isa_units_use_no_containers_or_algorithms():
    # Their inline functions could be shared with code for other machines; see tests/cpp/check_isa_symbols.py.
    forbidden = (
        r"#include <(vector|string|map|unordered_map|algorithm|functional|memory|iostream|sstream|numeric|array)>"
    )
    for room in ("kernels", "simd"):
        for path in sorted((ROOT / "cpp" / room).glob("*.?pp")):
            if path.name == "dispatch.cpp":  # compiled for the baseline
                continue
            found = re.findall(forbidden, path.read_text(encoding="utf-8"))
            assert not found, f"{name(path)} includes {found}"


def test_linkage_check_finds_a_leak(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "cpp"))
    from check_isa_symbols import shared_symbols

    listing = """
isa_avx512.cpp.o:
0000000000000000 W std::vector<int, std::allocator<int> >::push_back(int&&)
0000000000000010 W steepest::gemm_panel<steepest::avx512::Vec<float> >()
0000000000000020 t steepest::(anonymous namespace)::helper()
                 U memcpy
isa_scalar.cpp.o:
0000000000000000 W std::vector<int, std::allocator<int> >::push_back(int&&)
"""
    assert shared_symbols(listing) == {"avx512": ["std::vector<int, std::allocator<int> >::push_back(int&&)"]}


def test_module_exports_only_its_entry():
    nm = shutil.which("nm")
    library = Path(steepest._core.__file__)
    if nm is None or library.suffix != ".so":
        pytest.skip("needs nm and an ELF module")
    listing = subprocess.run([nm, "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    symbols = {line.split()[-1].split("@")[0] for line in listing.splitlines() if line.split()[-2] in "TWVuBD"}
    assert symbols == {"PyInit__core"}
