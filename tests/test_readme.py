"""What README.md says is run."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_are_examples():
    assert BLOCKS


@pytest.mark.parametrize("code", BLOCKS, ids=[f"block-{i}" for i in range(len(BLOCKS))])
def test_example_runs_and_succeeds(code, capsys):
    pytest.importorskip("sklearn")
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert names["report"].passed, printed
    accuracy = float(re.findall(r"^0\.\d+$", printed, re.MULTILINE)[-1])
    assert accuracy > 0.95


@pytest.mark.parametrize("name", ["demo", "tests"])
def test_one_command_after_each_marker(name):
    # .ci/run takes the commands from here.
    found = re.findall(rf"<!-- ci: {name} -->\n```sh\n(.*)\n```", README)
    assert len(found) == 1
