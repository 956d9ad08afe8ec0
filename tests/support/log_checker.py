"""Every line of every service process that tests start, held against the schema of its event.

`@pytest.mark.logs("login.opened", …)` says that a test makes services write lines of these events: it
fails where none comes. So each event of the catalogue is provoked, from outside, by a test that knows it; one
of its lines is kept in tests/docs/log_examples.jsonl.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from common.log_events import BUILT_IN_EVENTS, COMMON_EVENTS, UNKNOWN_EVENT
from common.log_foreign import UNHANDLED
from tests.support.log_contract import faults_of
from tests.support.run_folder import ROOT, RunFolder

Line = dict[str, Any]

EXAMPLES = ROOT / "tests" / "docs" / "log_examples.jsonl"
_MODULES = {"gateway", "proofing", "metadata_sync"}
_SHARED = {event.name for event in (*BUILT_IN_EVENTS, *COMMON_EVENTS)}
EVERY_SERVICE = "every service"
# What no service of a whole stack writes: mistakes of ours, and the end of a process that the broker refuses.
# The tests of the log and of processes make them.
MISTAKES = {UNKNOWN_EVENT, UNHANDLED, "service.failed"}


@dataclass(frozen=True, kw_only=True)
class Example:
    """A line as a service wrote it, and the test that made it do so."""

    test: str
    line: Line


def read_examples() -> dict[tuple[str, str], Example]:
    """The kept examples, by whose event it is."""
    return {key_of(one.line): one for one in examples_in(EXAMPLES)}


def examples_in(file: Path) -> list[Example]:
    rows = [json.loads(row) for row in file.read_text().splitlines()]
    return [Example(test=row["test"], line=row["line"]) for row in rows]


def write_examples(examples: Iterable[Example], file: Path = EXAMPLES) -> None:
    """One row an example, so that a changed one is a changed row."""
    rows = [json.dumps({"test": one.test, "line": one.line}) for one in examples]
    file.write_text("".join(f"{row}\n" for row in rows))


def key_of(line: Mapping[str, Any]) -> tuple[str, str]:
    """Whose catalogue the line's event is of, and the event; what all services have is nobody's own."""
    name = str(line["event"])
    return EVERY_SERVICE if name in _SHARED else str(line["service_name"]), name


class GrowingFile:
    """A file of lines that others write; it may be another file of that name when it is read again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = 0
        self._offset = 0

    def lines(self) -> list[Line]:
        """What is new of it and is a log line: an interpreter may have written other things there."""
        try:
            with self._path.open("rb") as file:
                self._follow(file.fileno())
                file.seek(self._offset)
                whole, end, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._offset += len(whole) + len(end)
        return [line for text in whole.split(b"\n") if (line := _log_line(text))]

    def _follow(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if status.st_ino != self._file or status.st_size < self._offset:
            self._file, self._offset = status.st_ino, 0


def _log_line(text: bytes) -> Line | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and {"event", "service_name"} <= line.keys() else None


heard: list[Callable[[str], None]] = []
"""Whom to tell what a command of ours wrote to stderr."""


def hear(output: str) -> None:
    for listener in heard:
        listener(output)


@dataclass
class LogChecker:
    """Reads on after each test.

    Attributes:
        seen: a line of each event in each test that provokes it.
    """

    seen: list[Example] = field(default_factory=list)
    _files: dict[Path, GrowingFile] = field(default_factory=dict)
    _heard: list[Line] = field(default_factory=list)

    def started(self, argv: Sequence[object], output: Path) -> None:
        """Told of every process that is started, whatever it is."""
        if [*argv[1:2]] == ["-m"] and str(argv[2]) in _MODULES:
            self._files.setdefault(output, GrowingFile(output))

    def hear(self, output: str) -> None:
        """What a command said, which was no process of a folder."""
        lines = (_log_line(text.encode()) for text in output.splitlines())
        self._heard += [line for line in lines if line]

    def look(self, test: str, *, provoked: Collection[str] = ()) -> list[str]:
        """What is wrong with the lines that came during this test, which provokes these events, in words."""
        if not self._files:
            return []  # nothing runs here, or it runs elsewhere
        lines = [line for file in self._files.values() for line in file.lines()] + self._heard
        self._heard.clear()
        events = {key_of(line): line for line in lines}
        self.seen += [Example(test=test, line=line) for (_, name), line in events.items() if name in provoked]
        missing = sorted({*provoked} - {name for _, name in events})
        return [*_distinct(lines), *(f"no line {name} came" for name in missing)]

    def record(self, file: Path) -> None:
        """Write what was seen as examples are kept."""
        file.parent.mkdir(parents=True, exist_ok=True)
        write_examples(self.seen, file)


def _distinct(lines: Iterable[Line]) -> Iterator[str]:
    faults = (fault for line in lines for fault in faults_of(line))
    return iter(dict.fromkeys(faults))


class LogPlugin:
    """Fails a test during which a service wrote what its catalogue lacks, or not what the test provokes."""

    def __init__(self, config: pytest.Config) -> None:
        self._checker = LogChecker()
        self._passed: set[str] = set()
        self._folder: str | None = config.getoption("--log-examples")
        config.addinivalue_line(
            "markers", "logs(event, ...): services write these log events during the test"
        )
        RunFolder.told.append(self._checker.started)
        heard.append(self._checker.hear)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._passed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """After the fixtures' ends, so that what a service says when it is stopped is of this test, too."""
        yield
        provoked = {name for mark in item.iter_markers("logs") for name in mark.args}
        has_passed = item.nodeid in self._passed
        faults = self._checker.look(item.nodeid, provoked=provoked if has_passed else ())
        if faults:
            pytest.fail("\n".join(["The log is not as the catalogue has it:", *faults]), pytrace=False)

    def pytest_sessionfinish(self) -> None:
        if self._folder:
            worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
            self._checker.record(Path(self._folder) / f"{worker}.jsonl")
