"""The bench of the tenant emulator can measure, and says so in the agreed form."""

import json
import subprocess
import sys
from pathlib import Path

from tests.bench.report import Row, at_most

_ROOT = Path(__file__).parents[3]


def test_last_line() -> None:
    """`--json` ends in one line with rows, bars, machine and seed; it measured, so the exit status is 0."""
    command = [sys.executable, "-m", "tests.bench.tenant", "--json", "--seed", "7"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout.splitlines()[-1])
    assert (line["bench"], line["seed"]) == ("tenant", 7)
    assert [bar["name"] for bar in line["bars"]] == [
        "own CPU of a login without redirect",
        "PATCH p99, 50 at once",
    ]
    assert [bar["bound"] for bar in line["bars"]] == [15.0, 10.0]
    assert {row["unit"] for row in line["rows"]} == {"ms"}
    assert set(line) == {"bench", "machine", "rows", "bars", "notes", "seed"}


def test_verdicts() -> None:
    """A goal is met, missed, or cannot be judged because the machine was busy."""
    measured = Row(name="x", unit="ms", value=5.0, low=1.0, high=9.0, samples=3)
    assert at_most(measured, 5.0).verdict == "met"
    assert at_most(measured, 4.0).verdict == "missed"
    assert at_most(measured, 4.0, disturbed=True).verdict == "inconclusive"
