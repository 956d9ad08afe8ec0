"""Logins that a command has ended: the command tells nothing that lasts, a gateway tells of each once."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import gateway.cancelled
from common.tracing import EXPORT, Span
from gateway.cancelling import cancel
from gateway.metrics import LOGIN_DURATION, LOGINS_ENDED
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.waiting import wait_until
from tests.support.zones import Zone


@dataclass(frozen=True)
class Whole:
    """The span of a whole login; `ended` in nanoseconds since 1970."""

    span: Span
    ended: int

    @property
    def seconds(self) -> float:
        return (self.ended - self.span.begun) / 1e9


@pytest.fixture
def wholes() -> Iterator[list[Whole]]:
    """The whole logins that are told while the test runs."""
    spans: list[Whole] = []

    def tell(span: Span, ended: int) -> None:
        if span.name == "login":
            spans.append(Whole(span, ended))

    EXPORT.tell = tell
    yield spans
    EXPORT.tell = None


def counted() -> tuple[float, float]:
    """How many ends were counted, and how many durations."""
    ended = LOGINS_ENDED.labels("acme", "cancelled", "none")._value.get()
    return ended, LOGIN_DURATION.labels("cancelled")._sum.get()


def said(rig: Rig) -> list[tuple[str, str, str]]:
    lines = [line for line in rig.lines.all if line["event"] == "login.cancelled"]
    return [(line["transaction_id"], line["tenant"], line["status"]) for line in lines]


async def test_it_is_told_of_once(rig: Rig, anna: Browser, wholes: list[Whole]) -> None:
    """Of all gateways that look one writes the line, counts the end and its duration, and ends the trace."""
    login = await anna.begin(redirect(rig.clock))
    await rig.advance(100)
    (ended, seconds), gateways = counted(), (rig, rig.replica(), rig.replica())
    await cancel(rig.database, login, reason="ticket-1", operator="olga")
    assert said(rig) == []
    await rig.advance(5000)  # nobody looked: no gateway ran
    await asyncio.gather(*(gateway.cancelled.sweep() for gateway in gateways))
    await rig.cancelled.sweep()
    assert said(rig) == [(login, "acme", "working")]
    now_ended, now_seconds = counted()
    assert now_ended - ended == 1
    assert 99 < now_seconds - seconds < 130
    assert [99 < whole.seconds < 130 for whole in wholes] == [True]
    assert 4990 < time.time() - wholes[0].ended / 1e9 < 5030
    whole = wholes[0].span
    traceparent = (await rig.login(login)).traceparent
    assert (whole.trace_id, whole.span_id) == (traceparent[3:35], traceparent[36:52])
    assert whole.attributes["waystation.status"] == "cancelled"
    (line,) = (line for line in rig.lines.all if line["event"] == "login.cancelled")
    assert (line["trace_id"], line["span_id"]) == (whole.trace_id, whole.span_id)


async def test_what_had_its_answer_has_ended_before(rig: Rig, anna: Browser, wholes: list[Whole]) -> None:
    """A login that is cancelled after it was handed back has a line, and is not counted again."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    await anna.press(login, "continue")
    assert [whole.span.attributes["waystation.status"] for whole in wholes] == ["handed_back"]
    before = counted()
    await cancel(rig.database, login, reason="ticket-1", operator="olga")
    await rig.cancelled.sweep()
    assert said(rig) == [(login, "acme", "handed_back")]
    assert (counted(), len(wholes)) == (before, 1)


async def test_one_that_cannot_be_read(rig: Rig, anna: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look says so, and it keeps nobody else waiting; once it is mended it is told of like others."""
    monkeypatch.setattr(gateway.cancelled, "BATCH", 1)
    spoilt, good = sorted([await anna.arrive(redirect(rig.clock)) for _ in range(2)])
    for login in (spoilt, good):
        await cancel(rig.database, login, reason="ticket-1", operator="olga")
    await rig.execute("UPDATE transactions SET status = 'unheard_of' WHERE id = $1", spoilt)
    await rig.cancelled.sweep()
    assert [login for login, *_ in said(rig)] == [good]
    assert [line["transaction_id"] for line in rig.lines.all if line["event"] == "login.not_moved"] == [
        spoilt
    ]
    await rig.execute("UPDATE transactions SET status = 'cancelled' WHERE id = $1", spoilt)
    await rig.cancelled.sweep()
    assert said(rig) == [(good, "acme", "opened"), (spoilt, "acme", "opened")]


async def test_the_loop(rig: Rig, anna: Browser) -> None:
    """A running gateway looks by itself, and ends when told."""
    login = await anna.arrive(redirect(rig.clock))
    await cancel(rig.database, login, reason="ticket-1", operator="olga")
    stop = asyncio.Event()
    running = asyncio.create_task(rig.cancelled.run(stop))
    await wait_until(lambda: bool(said(rig)), 15, what="the cancelled login to be told of")
    stop.set()
    async with asyncio.timeout(15):
        await running
