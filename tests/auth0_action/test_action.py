"""Runs the Action's own tests with Node's runner, so that one command covers both languages."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.js")), ids=lambda file: file.name)
def test_the_action_keeps_its_promises(file: Path) -> None:
    """Every promise of the Action holds under Node's own test runner."""
    node = shutil.which("node")
    assert node is not None, "Node 18 or newer is needed to run the Action's tests"
    run = subprocess.run(
        [node, "--test", str(file)], capture_output=True, text=True, timeout=100, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
