"""Every line of every service process that tests start, held against the schema of its event.

Which event happens in which test is told in tests/docs/log_examples.jsonl, each with a line of it: a test
that is named there fails where its services write no such line. So each event of the catalogue is provoked,
from outside, by a test that knows it.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
# What only a mistake of ours writes: no service does, and the tests of the log itself make them.
MISTAKES = {UNKNOWN_EVENT, UNHANDLED}


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


def provoked(examples: Mapping[tuple[str, str], Example]) -> dict[str, list[tuple[str, str]]]:
    """The events that each named test has to provoke."""
    by_test: dict[str, list[tuple[str, str]]] = {}
    for key, example in examples.items():
        if key[1] in MISTAKES:
            continue
        by_test.setdefault(example.test, []).append(key)
    return by_test


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
    """Reads on after each test; `provoked` are the events that a test has to provoke, by its id.

    Attributes:
        seen: a line of each event, of the first test that it came in.
    """

    provoked: Mapping[str, Sequence[tuple[str, str]]]
    seen: dict[tuple[str, str], Example] = field(default_factory=dict)
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

    def look(self, test: str, *, has_passed: bool) -> list[str]:
        """What is wrong with the lines that came during this test, in words."""
        if not self._files:
            return []  # nothing runs here, or it runs elsewhere
        lines = [line for file in self._files.values() for line in file.lines()] + self._heard
        self._heard.clear()
        events = {key_of(line): line for line in lines}
        for key, line in events.items():
            self.seen.setdefault(key, Example(test=test, line=line))
        provoked = self.provoked.get(test, ()) if has_passed else ()
        missing = [key for key in provoked if key not in events]
        return [*_distinct(lines), *(f"no line {name} of {whose} came" for whose, name in missing)]

    def record(self, file: Path) -> None:
        """Write what was seen as examples are kept."""
        file.parent.mkdir(parents=True, exist_ok=True)
        write_examples(self.seen.values(), file)


def _distinct(lines: Iterable[Line]) -> Iterator[str]:
    faults = (fault for line in lines for fault in faults_of(line))
    return iter(dict.fromkeys(faults))


class LogPlugin:
    """Fails a test during which a service wrote what its catalogue lacks, or not what the test provokes."""

    def __init__(self, config: pytest.Config) -> None:
        self._checker = LogChecker(provoked=provoked(read_examples()))
        self._passed: set[str] = set()
        self._folder: str | None = config.getoption("--log-examples")
        RunFolder.told.append(self._checker.started)
        heard.append(self._checker.hear)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._passed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """After the fixtures' ends, so that what a service says when it is stopped is of this test, too."""
        yield
        faults = self._checker.look(item.nodeid, has_passed=item.nodeid in self._passed)
        if faults:
            pytest.fail("\n".join(["The log is not as the catalogue has it:", *faults]), pytrace=False)

    def pytest_sessionfinish(self) -> None:
        if self._folder:
            worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
            self._checker.record(Path(self._folder) / f"{worker}.jsonl")
