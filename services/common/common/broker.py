"""One talk with the broker, for a command: a connection that is made once and repairs nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiormq
from aiormq.exceptions import AMQPError, AuthenticationError, InvalidFrameError, ProbableAuthenticationError
from yarl import URL

from common.bus import BrokerRefusedError, broker_deadline
from common.errors import WaystationError

CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 3.0
AWAY = (AMQPError, OSError, TimeoutError)


class BrokerUnavailableError(WaystationError):
    """The broker did not answer, or ended the talk."""


@asynccontextmanager
async def open_broker(url: str) -> AsyncIterator[aiormq.Connection]:
    """A connection for the block; what is unsettled at its end goes back to its queue, in its order.

    Raises:
        BrokerUnavailableError: nothing answers, or the connection was lost on the way.
        BrokerRefusedError: wrong user, password or virtual host.
    """
    connection = aiormq.Connection(URL(url).update_query(heartbeat="10", name="waystation"))
    try:
        async with broker_deadline(CONNECT_SECONDS):
            await connection.connect()
    except (ProbableAuthenticationError, AuthenticationError, InvalidFrameError) as exc:
        raise BrokerRefusedError("the broker refuses this user, password or virtual host") from exc
    except AWAY as exc:
        raise BrokerUnavailableError(f"the broker does not answer ({type(exc).__name__})") from exc
    try:
        yield connection
    except AWAY as exc:
        raise BrokerUnavailableError(f"the broker ended the connection ({type(exc).__name__})") from exc
    finally:
        await _close(connection)


async def _close(connection: aiormq.Connection) -> None:
    try:
        async with broker_deadline(CLOSE_SECONDS):
            await connection.close()
    except AWAY:
        return
