"""Every check of the project, one session each; `nox -l` lists them, `nox -s lint` runs one."""

import difflib
import os
import re
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")["project"]
EXTRAS = PROJECT["optional-dependencies"]
STUB = Path("python/steepest/_core.pyi")
LARGEST_WHEEL = 1_500_000  # bytes: the promise of a small install


def sources(*patterns):
    return sorted(str(path) for pattern in patterns for path in Path().glob(pattern))


@nox.session
def lint(session):
    """Everything that reads the code without building it."""
    session.install(*EXTRAS["lint"], "numpy")
    failed = []
    for command in (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("clang-format", "--dry-run", "-Werror", *sources("cpp/**/*.[ch]pp", "tests/cpp/*.[ch]pp")),
        ("codespell",),
        ("validate-pyproject", "pyproject.toml"),
    ):
        try:
            session.run(*command)
        except nox.command.CommandFailed:
            failed.append(command[0])  # the others may have something to say, too
    if failed:
        session.error(f"failed: {', '.join(failed)}")


@nox.session(name="format")
def reformat(session):
    """Bring the code into the form that lint wants."""
    session.install(*EXTRAS["lint"])
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")
    session.run("clang-format", "-i", *sources("cpp/**/*.[ch]pp", "tests/cpp/*.[ch]pp"))


@nox.session
def tests(session):
    """The Python tests and doctests against the installed package: `nox -s tests -- -k adam`."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def mintest(session):
    """The tests with the lowest versions pyproject.toml allows; meant for the oldest Python."""
    extras = [one for name in ("sklearn", "plot", "rich", "search", "frames") for one in EXTRAS[name]]
    wanted = [*PROJECT["dependencies"], *extras, *EXTRAS["test"][1:]]
    lowest = [re.sub(">=", "==", requirement) for requirement in wanted]
    # Warnings are errors: NumPy 1.24.0 warns where pandas writes a NaN, matplotlib 3.7 calls what pyparsing deprecates.
    lowest[lowest.index("numpy==1.24")] = "numpy==1.24.4"
    session.install(*lowest, "pyparsing<3.3")
    session.install("--no-deps", ".")
    session.run("pytest", *session.posargs)


@nox.session
def maxtest(session):
    """The tests with pre-releases of everything; meant for the newest Python."""
    session.install("--pre", "--upgrade", ".[test]")
    session.run("pytest", *session.posargs)


def cpp_tests(session, preset, *options, env=None):
    session.install(*EXTRAS["native"])
    session.run("cmake", "--preset", preset, *options)
    session.run("cmake", "--build", "--preset", preset, "--parallel", str(os.cpu_count() or 1))
    session.run("ctest", "--preset", preset, env=env)


@nox.session
def native(session):
    """The C++ tests as shipped (release flags), and the linkage of the instruction sets' units."""
    cpp_tests(session, "native")


@nox.session
def sanitize(session):
    """The C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer."""
    cpp_tests(session, "sanitize")


@nox.session
def tsan(session):
    """The C++ tests under ThreadSanitizer, by Clang, whose OpenMP tells of barriers: `CXX=clang++-22 nox -s tsan`."""
    compiler = os.environ.get("CXX", "clang++")
    told = session.run(compiler, "-print-file-name=libarcher.so", external=True, silent=True).strip()
    if not os.path.isabs(told):  # the bare name: not found
        session.error(f"{compiler} has no libarcher.so, which comes with its OpenMP runtime (Debian's libomp-dev)")
    env = {"OMP_TOOL_LIBRARIES": told, "TSAN_OPTIONS": "ignore_noninstrumented_modules=1"}
    cpp_tests(session, "tsan", f"-DCMAKE_CXX_COMPILER={compiler}", env=env)


@nox.session
def arm(session):
    """The C++ tests for 64-bit ARM, cross-compiled and emulated (Debian's g++-aarch64-linux-gnu and qemu-user)."""
    cpp_tests(session, "arm")


@nox.session
def stubs(session):
    """Write python/steepest/_core.pyi from the built module; `-- --check` only compares."""
    # The wording of signatures is pybind11's, so the versions are pinned and the build is not isolated from them.
    tools = [tool for tool in EXTRAS["lint"] if tool.startswith(("pybind11-stubgen", "ruff"))]
    session.install("scikit-build-core==1.1.2", "pybind11==3.1.0", "numpy", *EXTRAS["native"], *tools)
    session.install("--no-build-isolation", ".")
    folder = Path(session.create_tmp())
    options = ["--numpy-array-wrap-with-annotated", "--exit-code", "-o", str(folder)]
    session.run("pybind11-stubgen", "steepest._core", *options)
    made = folder / "steepest" / "_core.pyi"
    session.run("ruff", "format", "--isolated", "--line-length", "120", str(made))
    fresh = made.read_text(encoding="utf-8")
    if "--check" not in session.posargs:
        STUB.write_text(fresh, encoding="utf-8")
        return
    kept = STUB.read_text(encoding="utf-8") if STUB.exists() else ""
    difference = difflib.unified_diff(kept.splitlines(), fresh.splitlines(), str(STUB), "from the module", lineterm="")
    text = "\n".join(difference)
    if text:
        session.error(f"{STUB} is stale; run `nox -s stubs`\n{text}")


@nox.session
def coverage(session):
    """Line and branch coverage of Python, line coverage of C++, every instruction set in turn."""
    session.install(".[test]", "coverage>=7.6", "gcovr>=7", *EXTRAS["native"])
    session.run("coverage", "run", "--parallel-mode", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")
    cpp_tests(session, "coverage")
    built = "build/coverage"
    # Not all of it: gcovr 8 gives up at what CMake's trial of the compiler leaves there.
    where = (f"{built}/CMakeFiles/steepest_core.dir", f"{built}/tests")
    session.run("gcovr", "--root", ".", "--filter", "cpp/", "--object-directory", built, "--print-summary", *where)


@nox.session
def bench(session):
    """Verify and time kernels and networks: `nox -s bench -- --kernels matmul`."""
    session.install(".[demo]")
    session.run("steepest", "bench", *session.posargs)


@nox.session
def docs(session):
    """The site into build/docs: every warning, missing name and failing example is an error."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "build/docs", *session.posargs)


@nox.session
def wheel(session):
    """Build sdist and wheel, judge metadata and size, and try the wheel alone."""
    session.install("build", "twine>=6")
    session.run("python", "-m", "build", "--outdir", "dist")
    built = sorted(Path("dist").glob(f"{PROJECT['name']}-{PROJECT['version']}*"))
    session.run("twine", "check", "--strict", *map(str, built))
    newest = max((path for path in built if path.suffix == ".whl"), key=lambda path: path.stat().st_mtime)
    size = newest.stat().st_size
    session.log(f"{newest.name}: {size:,} bytes")
    if size > LARGEST_WHEEL:
        session.error(f"{newest.name} has {size:,} bytes, more than {LARGEST_WHEEL:,}")
    session.install("--force-reinstall", str(newest))
    session.run("python", "-c", "import steepest; print(steepest.build_info())")
