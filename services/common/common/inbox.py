"""At-least-once becomes once in effect: record a message in the transaction of what it does."""

from collections.abc import Iterable

from common.db import Connection
from common.messages import Message

KEEP_DAYS = 30  # longer than anything is redelivered, a redriven dead letter included


async def record(connection: Connection, message: Message) -> bool:
    """True if this message has had no effect yet; False for a duplicate, which must change nothing."""
    row = await connection.fetchval(
        "INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true",
        message.event_id,
    )
    return row is not None


async def record_all(connection: Connection, messages: Iterable[Message]) -> set[str]:
    """The event ids among these that have had no effect yet."""
    rows = await connection.fetch(
        """
        INSERT INTO inbox (event_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING event_id
        """,
        sorted({message.event_id for message in messages}),
    )
    return {row["event_id"] for row in rows}


async def take_back(connection: Connection, messages: Iterable[Message]) -> None:
    """These were recorded in this transaction and are to have no effect: what they are is told elsewhere."""
    await connection.execute(
        "DELETE FROM inbox WHERE event_id = ANY($1::text[])", [message.event_id for message in messages]
    )


async def count_attempt(connection: Connection, message: Message) -> int:
    """How often this message has failed or taken a process with it, this time included."""
    attempts: int = await connection.fetchval(
        """
        INSERT INTO delivery_attempts AS counted (event_id, attempts) VALUES ($1, 1)
        ON CONFLICT (event_id) DO UPDATE SET attempts = counted.attempts + 1, last_at = ws_now()
        RETURNING attempts
        """,
        message.event_id,
    )
    return attempts


async def forget_old(connection: Connection) -> None:
    """Drop what no redelivery can ask for any more."""
    await connection.execute(
        "DELETE FROM inbox WHERE recorded_at < ws_now() - make_interval(days => $1)", KEEP_DAYS
    )
    await connection.execute(
        "DELETE FROM delivery_attempts WHERE last_at < ws_now() - make_interval(days => $1)", KEEP_DAYS
    )
