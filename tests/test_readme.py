"""What README.md says is run."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_are_examples():
    assert BLOCKS


def test_the_examples_run_one_after_the_other_and_succeed(capsys):
    pytest.importorskip("sklearn")
    names = {}
    for code in BLOCKS:
        exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert names["report"].passed, printed
    assert names["monitor"].findings == [], printed
    accuracies = [float(number) for number in re.findall(r"^0\.\d+$", printed, re.MULTILINE)]
    assert len(accuracies) == 2
    assert min(accuracies) > 0.95


@pytest.mark.parametrize("name", ["demo", "tests"])
def test_one_command_after_each_marker(name):
    # .ci/run takes the commands from here.
    found = re.findall(rf"<!-- ci: {name} -->\n```sh\n(.*)\n```", README)
    assert len(found) == 1
