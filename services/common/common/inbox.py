"""At-least-once becomes once in effect: record a message in the transaction of what it does."""

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


async def forget_old(connection: Connection) -> None:
    """Drop what no redelivery can ask for any more."""
    await connection.execute(
        "DELETE FROM inbox WHERE recorded_at < ws_now() - make_interval(days => $1)", KEEP_DAYS
    )
    await connection.execute(
        "DELETE FROM delivery_attempts WHERE last_at < ws_now() - make_interval(days => $1)", KEEP_DAYS
    )
