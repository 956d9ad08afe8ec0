"""Our own events: the catalogue, the form of a line, and what is bound to it."""

import asyncio
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from common.log import (
    UnknownLogEventError,
    UnknownLogFieldError,
    bound,
    configure_logging,
    get_logger,
    written_together,
)
from common.log_contract import Event, Field
from common.log_events import BUILT_IN_EVENTS
from common.log_fields import clean
from tests.common.log_lines import PROCESS, Lines, Terminal, logging_into

EVENTS = (
    Event("login.opened", "info", (Field("step", ""), Field("steps", "")), "Somebody arrived."),
    Event("login.failed", "error", (Field("code", ""),), "Something went wrong."),
    Event("login.detail", "debug", (), "Only while looking for something."),
)

log = get_logger()


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logging_into(io.StringIO(), EVENTS) as written:
        yield written


@pytest.fixture
def strict() -> Iterator[Lines]:
    with logging_into(io.StringIO(), EVENTS, strict=True) as written:
        yield written


def test_a_line(lines: Lines) -> None:
    """A line is one flat JSON object: when, how grave, what, where, which login, and the own fields."""
    with bound(transaction_id="tx1", tenant="acme"):
        log.info("login.opened", step="idproof")
    assert list(lines.all[0]) == [
        *("timestamp", "severity", "event", "service_name", "service_version"),
        *("deployment_environment_name", "tenant", "transaction_id", "step"),
    ]
    assert lines.last == {
        "severity": "INFO",
        "event": "login.opened",
        **PROCESS,
        "tenant": "acme",
        "transaction_id": "tx1",
        "step": "idproof",
    }


def test_the_time(lines: Lines) -> None:
    """A line's time is UTC with milliseconds."""
    log.info("login.opened")
    stamp = lines.all[0]["timestamp"]
    assert len(stamp) == len("2026-11-22T12:00:00.123Z")
    assert abs(datetime.fromisoformat(stamp) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_field_that_is_not_allowed(lines: Lines) -> None:
    """What the catalogue does not allow is left out, whatever it is called, and counted."""
    log.info("login.opened", step="idproof", email="ada@example.org", **{"ada@example.org": 1})
    assert lines.last == {
        "severity": "INFO",
        "event": "login.opened",
        **PROCESS,
        "step": "idproof",
        "dropped_fields": 2,
    }
    assert "ada" not in lines.text


def test_an_event_that_is_not_there(lines: Lines) -> None:
    """An unknown event is known by its place in the code alone: its name may have been made of data."""
    log.warning("hello ada@example.org", step="idproof")
    line = lines.last
    assert line.pop("source").startswith("common/test_log.py:")
    assert line == {
        "severity": "WARNING",
        "event": "log.unknown_event",
        **PROCESS,
        "dropped_fields": 1,
    }
    assert "ada" not in lines.text


def test_what_the_catalogue_lacks_is_counted(lines: Lines) -> None:
    """Prometheus tells how many events and fields were logged that the catalogue does not have."""
    before = {what: _uncatalogued(what) for what in ("event", "field")}
    log.info("login.closed", step="idproof")
    log.info("login.opened", email="ada@example.org", name="Ada")
    assert len(lines.all) == 2
    assert _uncatalogued("event") - before["event"] == 1
    assert _uncatalogued("field") - before["field"] == 3


def _uncatalogued(what: str) -> float:
    return REGISTRY.get_sample_value("waystation_log_uncatalogued_total", {"what": what}) or 0


def test_a_positional_argument(lines: Lines) -> None:
    """A text put together by the logger is no event of the catalogue."""
    log.info("login.%s", "opened-for-ada")
    assert lines.last["event"] == "log.unknown_event"
    assert "ada" not in lines.text


@pytest.mark.usefixtures("strict")
def test_strict_events() -> None:
    """In tests an unknown event, or a known one at another level, is an error."""
    with pytest.raises(UnknownLogEventError, match=r"login\.closed at level info"):
        log.info("login.closed")
    with pytest.raises(UnknownLogEventError, match=r"login\.opened at level warning"):
        log.warning("login.opened")


@pytest.mark.usefixtures("strict")
def test_strict_fields() -> None:
    """In tests an unknown field is an error, also a bound one."""
    with pytest.raises(UnknownLogFieldError, match=r"login\.opened may not have email, name"):
        log.info("login.opened", name="Ada", email="ada@example.org")
    with bound(user="ada"), pytest.raises(UnknownLogFieldError, match="user"):
        log.info("login.opened")


def test_strict_and_right(strict: Lines) -> None:
    """In tests a right line is written as ever."""
    log.info("login.opened", steps=["a", "b"])
    assert strict.last["steps"] == ["a", "b"]


def test_a_field_that_is_none(lines: Lines) -> None:
    """A field without a value is left out; within a list it keeps its place."""
    log.info("login.opened", step=None, steps=["a", None])
    assert "step" not in lines.last
    assert lines.last["steps"] == ["a", None]
    assert "dropped_fields" not in lines.last


def test_levels() -> None:
    """What is below the level is not written, nor checked."""
    with logging_into(io.StringIO(), EVENTS, level="error", strict=True) as lines:
        log.info("login.opened")
        log.debug("never.heard.of")
        log.error("login.failed", code="c")
    assert [line["event"] for line in lines.all] == ["login.failed"]
    with logging_into(io.StringIO(), EVENTS, level="DEBUG") as lines:
        log.debug("login.detail")
    assert [line["severity"] for line in lines.all] == ["DEBUG"]


def test_bound_to_a_message(lines: Lines) -> None:
    """What one message bound is gone for the next one, and what was bound outside is not inside."""
    with bound(tenant="outer"):
        with bound(transaction_id="tx1"):
            structlog.contextvars.bind_contextvars(trace_id="t1")
            log.info("login.opened")
        log.info("login.opened")
    log.info("login.opened")
    keys = ("tenant", "transaction_id", "trace_id")
    assert [{key: line[key] for key in keys if key in line} for line in lines.all] == [
        {"transaction_id": "tx1", "trace_id": "t1"},
        {"tenant": "outer"},
        {},
    ]


def test_bound_and_failed(lines: Lines) -> None:
    """What was bound is gone also after an error."""
    with pytest.raises(KeyError), bound(tenant="acme"):
        raise KeyError
    log.info("login.opened")
    assert "tenant" not in lines.last


async def test_bound_side_by_side(lines: Lines) -> None:
    """Two tasks at work at the same time do not see each other's identifiers."""
    both = asyncio.Barrier(2)

    async def work(name: str) -> None:
        with bound(transaction_id=name):
            await both.wait()
            log.info("login.opened", step=name)

    await asyncio.gather(work("a"), work("b"))
    assert sorted((line["transaction_id"], line["step"]) for line in lines.all) == [("a", "a"), ("b", "b")]


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Holder:
    def __repr__(self) -> str:
        return "a secret"

    __str__ = __repr__


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("text", "text"),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        (Colour.RED, "red"),
        (Number.ONE, 1),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 11, 22, tzinfo=UTC), "2026-11-22T00:00:00+00:00"),
        (timedelta(milliseconds=1500), 1.5),
        (("a", 1, None), ["a", 1, None]),
        (["a", ["secret"], {"k": "secret"}], ["a", "<list>", "<dict>"]),
        ({"idproof": "passed", "terms": Colour.RED}, ["idproof=passed", "terms=red"]),
        (list(range(50)), list(range(20))),
        ({n: n for n in range(50)}, [f"{n}={n}" for n in range(20)]),
        (Holder(), "<Holder>"),
        ([Holder()], ["<Holder>"]),
        ({Holder(): Holder()}, ["<Holder>=<Holder>"]),
        (b"secret", "<bytes>"),
        (ValueError("secret"), "<ValueError>"),
        (Path("/secret"), "<PosixPath>"),
        (Decimal(1), "<Decimal>"),
        (float("nan"), "<float>"),
        (float("-inf"), "<float>"),
        (10**4000, "<int>"),
        (-(2**63), "<int>"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "\u2026"),
        (["y" * 300], ["y" * 200 + "\u2026"]),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31mred\x07\x00", "\\x1b[31mred\\x07\\x00"),
        ("\udc80\u2028\u202e\u200b", "\\udc80\\u2028\\u202e\\u200b"),
        ('"}\n{"event":"forged"}', '"}\\n{"event":"forged"}'),
        ("Zo\u00eb \u674e", "Zo\u00eb \u674e"),
    ],
)
def test_values(lines: Lines, value: Any, written: Any) -> None:
    """A value is flat, short and visible; an object shows its type and nothing of what it holds."""
    log.info("login.opened", step=value)
    assert lines.last["step"] == written
    assert type(lines.last["step"]) is type(written)


@given(
    st.recursive(
        st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_value(value: Any) -> None:
    """Whatever the value, it becomes one line of visible ASCII that is JSON again."""
    with logging_into(io.StringIO(), EVENTS) as lines:
        log.info("login.opened", step=value)
    assert lines.text.endswith("\n")
    assert lines.text.isascii()
    assert lines.text[:-1].isprintable()
    assert json.loads(lines.text)["step"] == clean(value)


@given(st.text(st.characters(codec=None)))
def test_any_text_in_the_context(value: str) -> None:
    """Also what was bound is one line of visible ASCII."""
    with logging_into(io.StringIO(), EVENTS) as lines, bound(transaction_id=value):
        log.info("login.opened")
    assert lines.text[:-1].isascii()
    assert lines.text[:-1].isprintable()


def test_a_terminal() -> None:
    """A person at a terminal gets text instead of JSON, with nothing in it that the terminal would obey."""
    with logging_into(Terminal(), EVENTS) as lines:
        log.info("login.opened", step="\x1b]0;title\x07\nforged", email="ada@example.org")
        log.error("login.failed", code="c")
    first, second = lines.text.splitlines()
    assert "login.opened" in first
    assert "\x1b]0" not in first
    assert "\x07" not in first
    assert "ada" not in first
    assert "login.failed" in second


def test_a_reader_that_went_away() -> None:
    """A closed output is no reason for a login to fail."""
    stream = io.StringIO()
    with logging_into(stream, EVENTS):
        stream.close()
        log.info("login.opened")


class Counted(io.StringIO):
    """Counts how often it is written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_written_together() -> None:
    """Lines of a block are the same as ever, and go out by one write."""
    stream = Counted()
    with logging_into(stream, EVENTS) as lines:
        with written_together():
            for step in ("a", "b", "c"):
                log.info("login.opened", step=step)
            assert stream.writes == 0
        assert stream.writes == 1
        log.info("login.opened", step="d")
    assert [line["step"] for line in lines.all] == ["a", "b", "c", "d"]


def test_written_together_and_failed(lines: Lines) -> None:
    """What was logged before an error is written all the same."""

    def log_and_fail() -> None:
        with written_together():
            log.info("login.opened", step="a")
            raise KeyError

    with pytest.raises(KeyError):
        log_and_fail()
    assert lines.last["step"] == "a"


def test_configured_twice() -> None:
    """The last configuration counts, also for loggers that were used before it."""
    first, second = io.StringIO(), io.StringIO()
    with logging_into(first, EVENTS):
        log.info("login.opened")
        configure_logging(service="proofing", events=EVENTS, stream=second)
        log.info("login.opened")
    assert json.loads(first.getvalue())["service_name"] == "gateway"
    assert json.loads(second.getvalue())["service_name"] == "proofing"


def test_the_built_in_events() -> None:
    """Three events are every service's without its saying so."""
    assert [event.name for event in BUILT_IN_EVENTS] == [
        "log.unknown_event",
        "library.message",
        "error.unhandled",
    ]
