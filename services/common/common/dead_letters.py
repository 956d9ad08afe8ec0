"""The queues `<service>.dead`: looked through without taking anything, sent again, given up.

While they are looked at, all letters of a queue are held: nobody else sees them, and at the end, however it
comes, those that were not settled go back, in their order. (Of a part alone, they would go back last.) A
letter is sent again before it is taken from here, and taken when the broker has confirmed that: whoever is
killed in between leaves it in both places, and the receiver's inbox undoes that. What is sealed in a letter
stays sealed.
"""

import asyncio
import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiormq
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused, ChannelClosed, ChannelNotFoundEntity
from pamqp.commands import Basic

from common.broker import open_broker
from common.bus import broker_deadline
from common.errors import WaystationError
from common.messages import DEAD
from common.publishing import PERSISTENT

HOLD_AT_MOST = 65_535  # what a consumer may be given before it settles anything; beyond it the order is lost
TALK_SECONDS = 10.0
ARRIVE_SECONDS = 5.0  # how long the next letter may take to come
LEAVE_SECONDS = 3.0  # how long the broker may take to notice that whoever looked before us has gone
# Ids of ours are UUIDs. The body of a letter may have anybody's text there, of which a name has no digit.
_ID = re.compile(r"(?=\D*[0-9])[A-Za-z0-9_.:-]{1,80}")

_BUSY = "somebody else looks at {} now; try again when they are done"


class DeadLetterQueueError(WaystationError):
    """A queue that is not there, or that this user may not read, or that somebody else looks at."""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One letter; what its body does not tell, or not readably, is None.

    `id` is what it is called by, also in log and audit trail: `event_id`, or a digest of its body where that
    is absent or looks like no id.
    `parked_at` is when it came here, `reason` a code of ours or the broker's (`expired`, `delivery_limit`).
    `size` is that of the body in bytes; `body` is empty where nobody needs it.
    """

    id: str
    queue: str
    reason: str
    type: str | None
    version: int | None
    tenant: str | None
    transaction_id: str | None
    occurred_at: datetime | None
    parked_at: datetime | None
    event_id: str | None
    size: int
    body: bytes = field(repr=False)

    @property
    def since(self) -> datetime | None:
        return self.parked_at or self.occurred_at

    @property
    def content(self) -> dict[str, Any] | None:
        """The body as JSON, without what is sealed; None where it is no object."""
        content = _object(self.body)
        sealed = content.get("sealed")
        return content | ({"sealed": f"({len(str(sealed))} characters)"} if sealed else {}) or None


@dataclass
class Held:
    """Letters that a consumer of ours has, the oldest first; `more` are there that we do not know."""

    letters: list[tuple[DeadLetter, int]]
    more: int
    channel: aiormq.abc.AbstractChannel = field(repr=False)

    async def redrive(self, letter: DeadLetter, tag: int) -> None:
        """Send it to the queue that it came from, and take it from here once the broker has it."""
        queue = letter.queue.removesuffix(".dead")
        properties = Basic.Properties(
            content_type="application/json",
            delivery_mode=PERSISTENT,
            message_id=str(uuid.uuid4()),
            headers={"x-event-id": letter.event_id or ""},
        )
        async with broker_deadline(TALK_SECONDS):
            await self.channel.basic_publish(
                letter.body,
                exchange=DEAD,
                routing_key=f"{queue}.again",
                properties=properties,
                mandatory=True,
            )
            await self.channel.basic_ack(tag)

    async def drop(self, _letter: DeadLetter, tag: int) -> None:
        """Give it up."""
        async with broker_deadline(TALK_SECONDS):
            await self.channel.basic_ack(tag)


def _any(_letter: DeadLetter) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Sought:
    """Which letters somebody needs: those that fit, `at_most` so many, and whether with their bodies."""

    fits: Callable[[DeadLetter], bool] = _any
    at_most: int = HOLD_AT_MOST
    with_bodies: bool = False


@asynccontextmanager
async def hold(url: str, queue: str, sought: Sought) -> AsyncIterator[Held]:
    """The letters of a queue, for the block; of those that are not sought nothing is kept in memory.

    Raises:
        DeadLetterQueueError: this user may not read it, it is not there, or somebody else looks at it.
        BrokerUnavailableError: the broker does not answer, or did not to the end.
        BrokerRefusedError: wrong user, password or virtual host.
    """
    async with open_broker(url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        try:
            letters, more = await _receive(channel, queue, sought)
        except ChannelClosed as exc:
            raise DeadLetterQueueError(_problem(exc, queue)) from exc
        # The connection's end gives back what is not settled.
        yield Held(letters=letters, more=more, channel=channel)


async def _receive(
    channel: aiormq.abc.AbstractChannel, queue: str, sought: Sought
) -> tuple[list[tuple[DeadLetter, int]], int]:
    """Letters as they come, and how many more there are; none of them is settled."""
    arrived: asyncio.Queue[tuple[DeadLetter, int]] = asyncio.Queue()

    async def take(delivered: DeliveredMessage) -> None:
        letter = read_letter(delivered, queue=queue)
        needs_body = sought.with_bodies and sought.fits(letter)
        await arrived.put((letter if needs_body else replace(letter, body=b""), delivered.delivery_tag or 0))

    async with broker_deadline(TALK_SECONDS):
        there = await _count_alone(channel, queue)
        wanted = min(there, HOLD_AT_MOST)
        await channel.basic_qos(prefetch_count=max(wanted, 1))
        await channel.basic_consume(queue, take, exclusive=True)
    letters: list[tuple[DeadLetter, int]] = []
    came = fit = 0
    try:
        while came < wanted:
            async with asyncio.timeout(ARRIVE_SECONDS):
                letter, tag = await arrived.get()
            came += 1
            if sought.fits(letter):
                fit += 1
                letters += [(letter, tag)] if fit <= sought.at_most else []
    except TimeoutError:
        pass  # one was too old meanwhile, or fell out of a queue that is full
    return letters, there - came + fit - len(letters)


async def _count_alone(channel: aiormq.abc.AbstractChannel, queue: str) -> int:
    """How many letters there are, once nobody else looks at them."""
    loop = asyncio.get_running_loop()
    patience = loop.time() + LEAVE_SECONDS
    while (declared := await channel.queue_declare(queue, passive=True)).consumer_count:
        if loop.time() > patience:
            raise DeadLetterQueueError(_BUSY.format(queue))
        await asyncio.sleep(0.05)
    return declared.message_count or 0


def _problem(exc: ChannelClosed, queue: str) -> str:
    match exc:
        case ChannelNotFoundEntity():
            return f"there is no queue {queue}"
        case ChannelAccessRefused() if "exclusive" in str(exc):
            return _BUSY.format(queue)
        case ChannelAccessRefused():
            return f"this user may not read {queue} (docs/operations.md, RabbitMQ)"
        case _:
            return f"the broker does not let us look at {queue} ({type(exc).__name__})"


def read_letter(delivered: DeliveredMessage, *, queue: str) -> DeadLetter:
    """Whatever it holds; what is odd about it is None."""
    headers = delivered.header.properties.headers or {}
    content = _object(delivered.body)
    event_id = _text(headers.get("x-event-id")) or _text(content.get("event_id"))
    death = _death(headers)
    version = content.get("v")
    return DeadLetter(
        id=_id(event_id, delivered.body),
        queue=queue,
        reason=_text(headers.get("x-reason")) or _text(death.get("reason")) or "unknown",
        type=_text(content.get("type")),
        version=version if isinstance(version, int) else None,
        tenant=_text(content.get("tenant")),
        transaction_id=_text(content.get("transaction_id")),
        occurred_at=_moment(content.get("occurred_at")),
        parked_at=_moment(headers.get("x-parked-at")) or _moment(death.get("time")),
        event_id=event_id,
        size=len(delivered.body),
        body=delivered.body,
    )


def _id(event_id: str | None, body: bytes) -> str:
    if event_id and _ID.fullmatch(event_id):
        return event_id
    return f"body-{hashlib.sha256(body).hexdigest()[:16]}"


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _death(headers: dict[str, Any]) -> dict[str, Any]:
    """What the broker wrote of its own dead-lettering, the newest."""
    deaths = headers.get("x-death")
    newest = deaths[0] if isinstance(deaths, list) and deaths else {}
    return newest if isinstance(newest, dict) else {}


def _text(value: object) -> str | None:
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return text if isinstance(text, str) and text else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(_text(value) or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
