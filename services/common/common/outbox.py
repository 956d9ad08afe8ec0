"""Every change that must be told commits together with its message; relay.py publishes it afterwards.

One function, one statement. Due rows are claimed by status with `FOR UPDATE SKIP LOCKED`, never by "id
greater than the last": a gap loses rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.db import Connection
from common.messages import DEAD, Message, encode, exchange_of, routing_key_of

BATCH = 100
CLAIM_SECONDS = 5  # longer than a publish may take (bus.py), so that no two relays publish a row at once
MAX_BACKOFF_SECONDS = 10  # how much longer than the broker a message may be away
COUNT_AT_MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class OutgoingMessage:
    """One row: `expires_at` bounds how long the broker keeps it."""

    id: int
    event_id: str
    exchange: str
    routing_key: str
    body: bytes
    attempts: int
    expires_in: timedelta | None


async def enqueue(connection: Connection, message: Message, *, expires_at: datetime | None = None) -> None:
    """Write a message in the caller's transaction; call `Relay.wake` after the commit."""
    await connection.execute(
        """
        INSERT INTO outbox (event_id, exchange, routing_key, body, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        message.event_id,
        exchange_of(message),
        routing_key_of(message),
        encode(message),
        expires_at,
    )


async def enqueue_claimed(connection: Connection, messages: Sequence[Message]) -> list[OutgoingMessage]:
    """Write messages in the caller's transaction that this process will publish, by `Relay.carry`.

    They are claimed from the start, so that nobody has to look for them; who dies before the commit was
    carried out leaves them to whoever finds their claim expired.
    """
    drafts = [
        (message.event_id, exchange_of(message), routing_key_of(message), encode(message))
        for message in messages
    ]
    rows = await connection.fetch(
        """
        INSERT INTO outbox (event_id, exchange, routing_key, body, due_at, claimed_until, attempts)
        SELECT given.*, now, now + make_interval(secs => $5), 1
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS given,
            (SELECT ws_now() AS now) AS clock
        RETURNING id, event_id
        """,
        *map(list, zip(*drafts, strict=True)),
        CLAIM_SECONDS,
    )
    ids = {row["event_id"]: row["id"] for row in rows}
    return [
        OutgoingMessage(
            id=ids[event_id],
            event_id=event_id,
            exchange=exchange,
            routing_key=routing_key,
            body=body,
            attempts=1,
            expires_in=None,
        )
        for event_id, exchange, routing_key, body in drafts
    ]


async def defer(connection: Connection, body: bytes, *, event_id: str, queue: str, delay: timedelta) -> None:
    """Send a consumed message to its own queue again, after `delay`.

    The way back leads through the exchange that every service may write to: the broker's default one, which
    knows each queue by name, is closed to them.
    """
    await connection.execute(
        """
        INSERT INTO outbox (event_id, exchange, routing_key, body, due_at)
        VALUES ($1, $2, $3, $4, ws_now() + $5)
        """,
        event_id,
        DEAD,
        f"{queue}.again",
        body,
        delay,
    )


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What the broker has not confirmed: how many messages, `COUNT_AT_MOST` at most, and the oldest's age."""

    messages: int
    oldest_seconds: float


async def backlog(connection: Connection) -> Backlog:
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS counted) AS messages,
            (
                SELECT extract(epoch FROM
                    ws_now() - (convert_from(body, 'UTF8')::json ->> 'occurred_at')::timestamptz
                )::float8
                FROM outbox WHERE exchange <> $2 ORDER BY id LIMIT 1
            ) AS oldest_seconds
        """,
        COUNT_AT_MOST,
        DEAD,
    )
    return Backlog(
        messages=row["messages"] if row else 0,
        oldest_seconds=max(0.0, row["oldest_seconds"] or 0.0) if row else 0.0,
    )


async def claim_due(connection: Connection) -> list[OutgoingMessage]:
    rows = await connection.fetch(
        """
        UPDATE outbox SET claimed_until = ws_now() + make_interval(secs => $2), attempts = attempts + 1
        WHERE id IN (
            SELECT id FROM outbox
            WHERE due_at <= ws_now() AND (claimed_until IS NULL OR claimed_until < ws_now())
            ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        RETURNING id, event_id, exchange, routing_key, body, attempts, expires_at - ws_now() AS expires_in
        """,
        BATCH,
        CLAIM_SECONDS,
    )
    return [OutgoingMessage(**row) for row in sorted(rows, key=lambda row: int(row["id"]))]


async def delete_sent(connection: Connection, ids: Sequence[int]) -> None:
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", ids)


async def release(connection: Connection, messages: Sequence[OutgoingMessage]) -> None:
    """Try these again later, each time after twice as long; a row that was claimed anew stays as it is."""
    await connection.execute(
        """
        UPDATE outbox SET claimed_until = NULL,
            due_at = ws_now() + make_interval(secs => LEAST(power(2, LEAST(outbox.attempts, 10)) / 4, $3))
        FROM unnest($1::bigint[], $2::integer[]) AS failed (id, attempts)
        WHERE outbox.id = failed.id AND outbox.attempts = failed.attempts
        """,
        [message.id for message in messages],
        [message.attempts for message in messages],
        MAX_BACKOFF_SECONDS,
    )
