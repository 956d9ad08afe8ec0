"""What must never be in a log line: words of exceptions, of libraries, and the values of variables."""

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from common.log import get_logger
from common.log_contract import Event, Field
from tests.common.log_lines import PROCESS, Lines, logging_into
from tests.support.waiting import wait_until

CANARY = "canary-7f3a9c"
EVENTS = (Event("login.failed", "error", (Field("code", ""),), "Something went wrong."),)

log = get_logger()


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is written to the log, in which the canary must not be."""
    with logging_into(io.StringIO(), EVENTS, level="debug") as written:
        yield written
    assert CANARY not in written.text


class UniqueViolationError(Exception):
    """As asyncpg's: the server's DETAIL has the row's values."""

    def __init__(self) -> None:
        super().__init__("duplicate key value violates unique constraint")
        self.detail = f"Key (email)=({CANARY}) already exists."
        self.add_note(CANARY)

    def __str__(self) -> str:
        return f"{super().__str__()}\nDETAIL:  {self.detail}"


class UnavailableError(Exception):
    """A named error of ours."""


def store(email: str) -> None:
    secret = f"{email} in a local variable"
    if secret:
        raise UniqueViolationError


def test_an_exception(lines: Lines) -> None:
    """Of an exception there is the type and the place; not its message, detail, notes or local variables."""
    try:
        store(CANARY)
    except UniqueViolationError:
        log.exception("login.failed", code="database")
    line = lines.last
    frames = line.pop("exception_stacktrace")
    assert [frame.rpartition(":")[2] for frame in frames] == ["test_an_exception", "store"]
    assert frames[1].startswith("common/test_log_canaries.py:")
    assert line == {
        "severity": "ERROR",
        "event": "login.failed",
        **PROCESS,
        "code": "database",
        "error_type": "UniqueViolationError",
    }


def test_a_chain(lines: Lines) -> None:
    """What an exception came from is told by its types."""
    try:
        try:
            json.loads(CANARY)
        except ValueError as exc:
            raise UnavailableError(CANARY) from exc
    except UnavailableError:
        log.exception("login.failed")
    assert (lines.last["error_type"], lines.last["error_causes"]) == ("UnavailableError", ["JSONDecodeError"])


def fail_because_of_another(*, suppress: bool) -> None:
    try:
        store(CANARY)
    except UniqueViolationError:
        if suppress:
            raise UnavailableError(CANARY) from None
        raise UnavailableError(CANARY)  # noqa: B904 - the unsaid cause is the point


@pytest.mark.parametrize(("suppress", "causes"), [(True, None), (False, ["UniqueViolationError"])])
def test_a_suppressed_cause(lines: Lines, suppress: bool, causes: list[str] | None) -> None:  # noqa: FBT001 - a table
    """What was suppressed with `from None` stays so; what was not, is told."""
    try:
        fail_because_of_another(suppress=suppress)
    except UnavailableError:
        log.exception("login.failed")
    assert lines.last.get("error_causes") == causes


async def test_a_group(lines: Lines) -> None:
    """Of a task group's error the members' types are told, and where the first of them was raised."""

    async def work() -> None:
        store(CANARY)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work())
    except ExceptionGroup:
        log.exception("login.failed")
    assert lines.last["error_type"] == "ExceptionGroup"
    assert lines.last["error_causes"] == ["UniqueViolationError"]
    assert lines.last["exception_stacktrace"][-1].endswith(":store")


def test_a_deep_stack(lines: Lines) -> None:
    """Of a deep stack the innermost twenty frames are told."""

    def sink(depth: int) -> None:
        if depth == 0:
            raise UnavailableError(CANARY)
        sink(depth - 1)

    try:
        sink(100)
    except UnavailableError:
        log.exception("login.failed")
    assert len(lines.last["exception_stacktrace"]) == 20


def test_an_exception_that_comes_from_itself(lines: Lines) -> None:
    """A circle of causes is walked once."""
    first, second = UnavailableError(CANARY), KeyError(CANARY)
    first.__cause__, second.__cause__ = second, first
    log.error("login.failed", exc_info=first)
    assert lines.last["error_causes"] == ["KeyError"]


def test_no_exception(lines: Lines) -> None:
    """`exc_info` outside an except block tells nothing."""
    log.error("login.failed", exc_info=True)  # noqa: LOG014 - the mistake is the point
    assert lines.last == {"severity": "ERROR", "event": "login.failed", **PROCESS}


@pytest.mark.parametrize(
    ("name", "message", "arguments", "template"),
    [
        ("aiormq.connection", "Server sent %r", (CANARY,), "Server sent %r"),
        ("asyncio", "poll %.3f ms took %s", (1.5, CANARY), "poll %.3f ms took %s"),
        ("aio_pika", f"f-string with {CANARY}", (), None),
        ("asyncio", f"Exception in callback {CANARY}", (), None),
        ("somebody", "template of %s", (CANARY,), None),
        ("somebody", f"f-string with {CANARY}", (), None),
        ("aio_pika_like", "template of %s", (CANARY,), None),
        ("aiormq", "too few %s %s", (CANARY,), "too few %s %s"),
        ("aiormq", ValueError(CANARY), (), None),
        ("aiormq", {"message": CANARY}, (CANARY,), None),
    ],
)
def test_libraries(
    lines: Lines, name: str, message: Any, arguments: tuple[object, ...], template: str | None
) -> None:
    """A library's record is its logger, its place and at most its template; never its words or arguments."""
    logging.getLogger(name).warning(message, *arguments)
    line = lines.last
    assert line.pop("source").startswith("common/test_log_canaries.py:")
    assert line == {
        "severity": "WARNING",
        "event": "library.message",
        **PROCESS,
        "logger": name,
        **({"template": template} if template else {}),
    }


def test_a_librarys_exception(lines: Lines) -> None:
    """The exception in a library's record is told as one of ours would be."""
    try:
        store(CANARY)
    except UniqueViolationError:
        logging.getLogger("aiohttp.server").exception("Error handling request")
    assert lines.last["error_type"] == "UniqueViolationError"
    assert lines.last["exception_stacktrace"][-1].endswith(":store")


def test_what_a_library_is_called(lines: Lines) -> None:
    """A logger's name is a value like any other: short and visible."""
    logging.getLogger("x\n\x1b" + "y" * 300).error(CANARY)
    assert lines.last["logger"] == "x\\n\\x1b" + "y" * 197 + "\u2026"


def test_quiet_libraries(lines: Lines) -> None:
    """The broker's libraries are heard from `warning` on, and the access log never."""
    logging.getLogger("aio_pika.robust_connection").info("reconnected to %s", CANARY)
    logging.getLogger("aiormq.connection").debug("frame %s", CANARY)
    logging.getLogger("aiohttp.access").error("GET /start?session_token=%s", CANARY)
    assert lines.text == ""


@pytest.mark.parametrize(("name", "severity"), [("aiormq.connection", "WARNING"), ("aiohttp.web", "ERROR")])
def test_libraries_that_do_not_know_how_grave_it_is(lines: Lines, name: str, severity: str) -> None:
    """An error of the broker's libraries is a warning: we tell ourselves what a lost broker means."""
    logging.getLogger(name).error("%s", CANARY)
    assert lines.last["severity"] == severity


def test_libraries_below_the_level() -> None:
    """Where only errors are wanted, an error of the broker's libraries is not written."""
    with logging_into(io.StringIO(), EVENTS, level="error") as lines:
        logging.getLogger("aio_pika.connection").error("%s", CANARY)
    assert lines.text == ""


def test_warnings(lines: Lines) -> None:
    """A warning is one line without its text."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(CANARY, UserWarning, stacklevel=1)
    assert lines.last["logger"] == "py.warnings"


def test_a_crash(lines: Lines) -> None:
    """An error that ends the process is one line, and stderr has no trace with its message."""
    try:
        store(CANARY)
    except UniqueViolationError as exc:
        sys.excepthook(type(exc), exc, exc.__traceback__)
    line = lines.last
    assert line.pop("exception_stacktrace")[-1].endswith(":store")
    assert line == {
        "severity": "CRITICAL",
        "event": "error.unhandled",
        **PROCESS,
        "source": "process",
        "error_type": "UniqueViolationError",
    }


def test_a_thread(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """An error in a thread is one line."""
    thread = threading.Thread(target=store, args=(CANARY,))
    thread.start()
    thread.join()
    assert (lines.last["source"], lines.last["error_type"]) == ("thread", "UniqueViolationError")
    assert CANARY not in "".join(capsys.readouterr())


def test_a_finalizer(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """An error in a finalizer is one line."""

    class Clumsy:
        def __del__(self) -> None:
            store(CANARY)

    Clumsy()
    assert (lines.last["source"], lines.last["error_type"]) == ("finalizer", "UniqueViolationError")
    assert CANARY not in "".join(capsys.readouterr())


@pytest.fixture
async def loop_lines() -> AsyncIterator[Lines]:
    """As `lines`, configured while the event loop runs, as a service does."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    with logging_into(io.StringIO(), EVENTS, level="debug") as written:
        yield written
    loop.set_exception_handler(before)
    assert CANARY not in written.text


async def test_a_forgotten_task(loop_lines: Lines) -> None:
    """The error of a task that nobody waits for is one line."""

    async def work() -> None:
        store(CANARY)

    task = asyncio.create_task(work())
    await asyncio.wait([task])
    del task
    assert loop_lines.last["template"] == "Task exception was never retrieved"
    assert loop_lines.last["error_type"] == "UniqueViolationError"


async def test_a_callback(loop_lines: Lines) -> None:
    """The error of a callback is one line, without the callback's arguments."""
    asyncio.get_running_loop().call_soon(store, CANARY)
    await wait_until(lambda: loop_lines.text)
    line = loop_lines.last
    assert (line["source"], line["error_type"]) == ("event loop", "UniqueViolationError")
    assert "template" not in line


async def test_a_web_server(loop_lines: Lines) -> None:
    """A handler that fails leaves one line of aiohttp's, without the request and the error's words."""

    async def fail(_: web.Request) -> web.Response:
        store(CANARY)
        return web.Response()

    app = web.Application()
    app.router.add_get("/start", fail)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/start", params={"session_token": CANARY})
            assert answer.status == 500
    finally:
        await runner.cleanup()
    ours = [line for line in loop_lines.all if line.get("logger", "").startswith("aiohttp")]
    assert [(line["logger"], line["error_type"]) for line in ours] == [
        ("aiohttp.server", "UniqueViolationError")
    ]


def test_a_handler_that_cannot_write(capsys: pytest.CaptureFixture[str]) -> None:
    """When a library's record cannot be written, its words do not go to stderr instead."""
    stream = io.StringIO()
    with logging_into(stream, EVENTS):
        stream.close()
        logging.getLogger("aiormq").error("%s", CANARY)
    assert CANARY not in "".join(capsys.readouterr())
