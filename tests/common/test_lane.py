"""Messages that are handled many at a time: when a batch begins, and what becomes of each."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from common import lane
from common.lane import Lane, Together
from common.messages import Message, UpdateMetadata
from tests.contracts.examples import example
from tests.support.waiting import wait_until

UPDATE = example("update-metadata.v1")


def update(event_id: str, *, waiting: bool = False) -> Message:
    return UPDATE.message(event_id=event_id, waiting=waiting)


def is_urgent(message: Message) -> bool:
    return isinstance(message, UpdateMetadata) and message.waiting


@dataclass(kw_only=True)
class Work:
    """Notes batches by event ids; `refused` are not done, and a batch with one of `deadly` fails."""

    batches: list[list[str]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    deadly: set[str] = field(default_factory=set)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, messages: Sequence[Message]) -> Sequence[bool]:
        ids = [message.event_id for message in messages]
        self.batches.append(ids)
        await self.may_end.wait()
        if self.deadly & set(ids):
            raise ZeroDivisionError
        return [event_id not in self.refused for event_id in ids]

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[Lane[str]]:
        """A lane at work whose deliveries are the event ids; held up only while `may_end` is cleared."""
        self.may_end.set()
        opened = Lane[str](
            Together(handle=self.handle, is_urgent=is_urgent),
            done=self.done.append,
            alone=self.alone.append,
            will_come_again=self.lost.__contains__,
        )
        running = asyncio.create_task(opened.run())
        try:
            yield opened
        finally:
            self.may_end.set()
            opened.stop()
            await asyncio.wait_for(running, 10)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing begins because it has waited long enough."""
    monkeypatch.setattr(lane, "LINGER_SECONDS", 600)


async def test_a_moment_later_all_go_together(work: Work) -> None:
    """Messages that nobody waits for are handled together, a moment after the first."""
    async with work.lane() as opened:
        for event_id in ("e1", "e2", "e3"):
            opened.add(event_id, update(event_id))
        assert work.batches == []
        await wait_until(lambda: work.done == ["e1", "e2", "e3"])
    assert work.batches == [["e1", "e2", "e3"]]


@pytest.mark.usefixtures("_patient")
async def test_an_urgent_message_waits_for_no_others(work: Work) -> None:
    """A message that somebody waits for begins a batch at once, with what has come before."""
    async with work.lane() as opened:
        opened.add("e1", update("e1"))
        opened.add("e2", update("e2", waiting=True))
        await wait_until(lambda: work.done == ["e1", "e2"])


@pytest.mark.usefixtures("_patient")
async def test_a_full_batch_begins_at_once(work: Work) -> None:
    """No batch is larger than the largest, and a full one does not linger."""
    ids = [f"e{number}" for number in range(lane.AT_MOST)]
    async with work.lane() as opened:
        for event_id in ids:
            opened.add(event_id, update(event_id))
        await wait_until(lambda: work.done == ids)
    assert work.batches == [ids]


@pytest.mark.usefixtures("_patient")
async def test_what_comes_meanwhile_is_the_next_batch(work: Work) -> None:
    """What arrives while a batch is in work goes together in the next."""
    async with work.lane() as opened:
        work.may_end.clear()
        opened.add("e1", update("e1", waiting=True))
        await wait_until(lambda: len(work.batches) == 1)
        opened.add("e2", update("e2", waiting=True))
        opened.add("e3", update("e3", waiting=True))
        work.may_end.set()
        await wait_until(lambda: work.done == ["e1", "e2", "e3"])
    assert work.batches == [["e1"], ["e2", "e3"]]


@pytest.mark.usefixtures("_patient")
async def test_the_next_batch_waits_for_company_too(work: Work) -> None:
    """What came while a batch was in work, and nobody waits for, does not go at once and alone."""
    async with work.lane() as opened:
        work.may_end.clear()
        opened.add("e1", update("e1", waiting=True))
        await wait_until(lambda: len(work.batches) == 1)
        opened.add("e2", update("e2"))
        work.may_end.set()
        await wait_until(lambda: work.done == ["e1"])
        opened.add("e3", update("e3", waiting=True))
        await wait_until(lambda: work.done == ["e1", "e2", "e3"])
    assert work.batches == [["e1"], ["e2", "e3"]]


async def test_a_batch_is_not_hurried_by_the_one_before(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch that began earlier than its time that time is forgotten."""
    loop = asyncio.get_running_loop()
    async with work.lane() as opened:
        work.may_end.clear()
        opened.add("e1", update("e1"))
        time_of_the_first = loop.time() + lane.LINGER_SECONDS
        opened.add("e2", update("e2", waiting=True))
        await wait_until(lambda: work.batches == [["e1", "e2"]] and loop.time() > time_of_the_first)
        monkeypatch.setattr(lane, "LINGER_SECONDS", 600)
        opened.add("e3", update("e3"))
        work.may_end.set()
        await wait_until(lambda: work.done == ["e1", "e2"])
        opened.add("e4", update("e4", waiting=True))
        await wait_until(lambda: work.done == ["e1", "e2", "e3", "e4"])
    assert work.batches == [["e1", "e2"], ["e3", "e4"]]


async def test_who_came_while_a_batch_was_in_work_waits_no_longer_than_others(work: Work) -> None:
    """The next batch begins by itself when nobody else comes."""
    async with work.lane() as opened:
        work.may_end.clear()
        opened.add("e1", update("e1", waiting=True))
        await wait_until(lambda: len(work.batches) == 1)
        opened.add("e2", update("e2"))
        work.may_end.set()
        await wait_until(lambda: work.done == ["e1", "e2"])


@pytest.mark.usefixtures("_patient")
async def test_what_is_not_done_is_handled_alone(work: Work) -> None:
    """One message that the batch does not settle is handled by itself, and the others are done."""
    work.refused = {"e2"}
    async with work.lane() as opened:
        for event_id in ("e1", "e2", "e3"):
            opened.add(event_id, update(event_id, waiting=True))
        await wait_until(lambda: len(work.done) == 2)
    assert (work.done, work.alone) == (["e1", "e3"], ["e2"])


@pytest.mark.usefixtures("_patient")
async def test_of_a_batch_that_fails_each_is_handled_alone(work: Work) -> None:
    """Of a batch that fails as a whole each message is handled by itself, and the lane goes on."""
    work.deadly = {"e2"}
    async with work.lane() as opened:
        opened.add("e1", update("e1"))
        opened.add("e2", update("e2", waiting=True))
        await wait_until(lambda: work.alone == ["e1", "e2"])
        opened.add("e3", update("e3", waiting=True))
        await wait_until(lambda: work.done == ["e3"])


@pytest.mark.usefixtures("_patient")
async def test_what_comes_again_is_not_handled_now(work: Work) -> None:
    """What came by a channel that is lost is left to its second delivery."""
    work.lost = {"e1"}
    async with work.lane() as opened:
        opened.add("e1", update("e1"))
        opened.add("e2", update("e2", waiting=True))
        await wait_until(lambda: work.done == ["e2"])
    assert work.batches == [["e2"]]


@pytest.mark.usefixtures("_patient")
async def test_stopping_finishes_the_batch_and_begins_no_other(work: Work) -> None:
    """Told to stop, the lane ends what it has begun; the rest goes back to the broker."""
    async with work.lane() as opened:
        work.may_end.clear()
        opened.add("e1", update("e1", waiting=True))
        await wait_until(lambda: len(work.batches) == 1)
        opened.add("e2", update("e2", waiting=True))
    assert work.done == ["e1"]
    assert work.batches == [["e1"]]
