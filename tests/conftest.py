"""What every test shares: what is under test, random numbers, the real data sets."""

import os
import signal
from pathlib import Path

# Four workers on two cores, too, so that their bits can be compared; read by the core at its first run.
os.environ.setdefault("STEEPEST_OVERSUBSCRIBE", "1")

# A shell's background job ignores Ctrl-C, and so would every test of it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest
from hypothesis import settings

from steepest import _core

# No deadline: a busy machine is not a bug. In CI the same examples every time, elsewhere new ones.
settings.register_profile("steepest", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("steepest")


def pytest_report_header():
    """Say which steepest is tested: the installed one, unless somebody put another on the path."""
    import steepest
    from steepest import _core

    where = Path(steepest.__file__).parent
    return f"steepest {steepest.__version__} from {where}, instruction set {_core.isa()} of {_core.available_isas()}"


def pytest_collection_modifyitems(items):
    """Mark what runs in every instruction set by itself, so that a run with STEEPEST_ISA can leave it out."""
    for item in items:
        if "isa" in getattr(item, "fixturenames", ()):
            item.add_marker("every_isa")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=_core.available_isas())
def isa(request):
    """Run the test with every instruction set of this machine, and prove that it was in force until the end."""
    before = _core.isa()
    _core.force_isa(request.param)
    yield request.param
    assert _core.isa() == request.param
    _core.force_isa(before)


@pytest.fixture(scope="session")
def data_dir():
    """The folder of real data sets, or the test is skipped."""
    folder = os.environ.get("STEEPEST_DATA")
    if not folder:
        pytest.skip("needs the data sets: set STEEPEST_DATA to their folder")
    path = Path(folder)
    # A wrong path must not look like a machine without data.
    assert path.is_dir(), f"STEEPEST_DATA={folder!r} is not a folder"
    return path
