"""The checker of log lines notices what the catalogue does not have, whoever wrote it and whenever."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.log_checker import LogChecker, examples_in

_ARGV = ("python", "-m", "gateway")
_OPENED = "login.opened"


def opened(**changes: Any) -> str:
    """A line of `login.opened`, with these changes; None takes a field away."""
    line = {
        "timestamp": "2026-11-22T12:00:00.123Z",
        "severity": "INFO",
        "event": "login.opened",
        "service_name": "gateway",
        "service_version": "0.1.0",
        "deployment_environment_name": "development",
        "tenant": "acme",
        "transaction_id": "tx-1",
        "steps": ["idproof"],
    }
    return json.dumps({name: value for name, value in (line | changes).items() if value is not None}) + "\n"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "gateway.log"


@pytest.fixture
def checker(output: Path) -> LogChecker:
    made = LogChecker()
    made.started(_ARGV, output)
    return made


def test_right_lines(checker: LogChecker, output: Path) -> None:
    """Lines that fit are nothing to tell of, and neither is what is no line of the log."""
    output.write_text(f"Traceback (most recent call last):\n{opened()}[1]\n{opened(trace_id='0' * 32)}")
    assert checker.look("test_a") == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"event": "login.vanished"}, "gateway has no event login.vanished"),
        ({"service_name": "sidecar"}, "sidecar has no event login.opened"),
        ({"email": "ada@example.org"}, "'email' was unexpected"),
        ({"dropped_fields": 1}, "'dropped_fields' was unexpected"),
        ({"steps": None}, '"steps" is a required property'),
        ({"tenant": None}, '"tenant" is a required property'),
        ({"steps": ["dance"]}, "steps/0"),
        ({"steps": "idproof"}, "steps: "),
        ({"severity": "WARNING"}, "severity: "),
        ({"trace_id": "none"}, "trace_id: "),
        ({"event": "log.unknown_event", "steps": None, "source": "x.py:7"}, "unknown at x.py:7"),
    ],
)
def test_a_wrong_line(checker: LogChecker, output: Path, changes: dict[str, Any], named: str) -> None:
    """A line with an unknown event, a foreign or missing field or a wrong value is told once, and why."""
    output.write_text(opened() + opened(**changes) * 3)
    (fault,) = checker.look("test_a")
    assert named in fault


def test_what_a_test_provokes(checker: LogChecker, output: Path) -> None:
    """A test without a line of an event that it provokes is told of; what came before does not count."""
    output.write_text(opened())
    assert checker.look("test_a", provoked={_OPENED}) == []
    assert checker.look("test_a", provoked={_OPENED}) == ["no line login.opened came"]
    assert checker.look("test_b") == []


def test_lines_are_read_once(checker: LogChecker, output: Path) -> None:
    """What was told of one test is not told of the next; half a line waits for its end."""
    wrong = opened(event="login.vanished")
    output.write_text(wrong + wrong[:40])
    assert len(checker.look("test_a")) == 1
    assert checker.look("test_b") == []
    with output.open("a") as file:
        file.write(wrong[40:])
    assert len(checker.look("test_b")) == 1


def test_a_file_of_another_run(checker: LogChecker, output: Path) -> None:
    """A file that was made anew is read from its beginning."""
    output.write_text(opened() * 3)
    assert checker.look("test_b") == []
    output.unlink()
    output.write_text(opened(event="login.vanished"))
    assert len(checker.look("test_b")) == 1


def test_others_are_not_read(tmp_path: Path) -> None:
    """Only services are held to the catalogue; where none runs, nothing is missing either."""
    checker = LogChecker()
    output = tmp_path / "tenant.log"
    output.write_text(opened(event="login.vanished"))
    for argv in (("python", "-m", "tests.tenant"), ("postgres", "-D", "data"), ("python", "-c", "pass")):
        checker.started(argv, output)
    assert checker.look("test_a", provoked={_OPENED}) == []


def test_commands_are_heard(checker: LogChecker) -> None:
    """What a command said on stderr is checked like the lines of a service."""
    checker.hear(f"Nothing was erased.\n{opened(event='login.vanished')}")
    assert len(checker.look("test_b")) == 1


def test_examples_are_recorded(checker: LogChecker, output: Path, tmp_path: Path) -> None:
    """A line of each event is kept, with each test that provokes it."""
    output.write_text(opened() + opened(transaction_id="tx-2"))
    checker.look("test_a", provoked={_OPENED})
    with output.open("a") as file:
        file.write(opened(transaction_id="tx-3"))
    checker.look("test_b")
    checker.record(tmp_path / "kept" / "main.jsonl")
    (example,) = examples_in(tmp_path / "kept" / "main.jsonl")
    assert (example.test, example.line["event"]) == ("test_a", "login.opened")
