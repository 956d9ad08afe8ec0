"""Counts what a process does to the world, and ends the process right after the k-th of it, or its hearing.

An *effect* is a statement to PostgreSQL (BEGIN and COMMIT are statements), a publish, an acknowledgement or
an outgoing HTTP call. The process dies after the effect is done and before it can make anything of it, which
is also before the next one: all k together leave no gap between two effects in which nobody ever died. Or it
lives and never hears of the end of the k-th, as if the connection had been lost just then.

Counted is only what a login causes. Counting begins when the file `armed` appears, which a test writes when
the process has nothing to do. Of the statements that a process sends by itself, to look for work or to tidy
up, those do not count that only read, or found nothing; nor does the reset of a connection on its way back
to the pool.
"""

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import asyncpg
from aio_pika.exceptions import ChannelInvalidStateError
from yarl import URL

from common.bus import Publisher
from common.deliveries import PlainDelivery
from common.publishing import Publication
from common.retention import RetentionJob

EXIT_CODE = 137
ARMED, EFFECTS = "armed", "effects"


class Fate(StrEnum):
    """What becomes of a process at its k-th effect."""

    DEATH = "death"
    SILENCE = "silence"


_Call = Callable[..., Awaitable[Any]]


class Bomb:
    """Counts effects while `folder/armed` exists; that file holds a nonce, k (0 never comes) and a fate."""

    def __init__(self, folder: Path) -> None:
        self._armed = folder / ARMED
        self._effects = folder / EFFECTS
        self._nonce = ""
        self._count = 0

    def effect(self, what: str) -> bool:
        """Note one effect, and die of it if it is the k-th; True if its end shall not be heard of."""
        try:
            nonce, fatal, fate = self._armed.read_text().split()
        except FileNotFoundError:
            return False
        self._count = self._count + 1 if nonce == self._nonce else 1
        self._nonce = nonce
        with self._effects.open("a") as notes:
            notes.write(f"{nonce} {self._count} {what}\n")
        if self._count != int(fatal):
            return False
        self._armed.unlink()
        if fate == Fate.DEATH:
            os._exit(EXIT_CODE)
        return True

    def plant(self) -> None:
        """Have every effect of this process counted from now on; what is done by the hour is left out."""
        setattr(RetentionJob, "run", _wait_for_the_end)  # noqa: B010 - as below, what nobody else may change
        for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
            lost = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            self._wrap(asyncpg.Connection, name, describe=_statement, lost=lost)
        self._wrap_publishing()
        closed = ChannelInvalidStateError("the channel was closed")
        self._wrap(PlainDelivery, "ack", describe=lambda *_: "ack", lost=closed)
        for name in ("ack", "nack", "reject"):
            self._wrap(aio_pika.IncomingMessage, name, describe=lambda *_, name=name: name, lost=closed)
        disconnected = aiohttp.ServerDisconnectedError()
        self._wrap(aiohttp.ClientSession, "_request", describe=_http_call, lost=disconnected)

    def _wrap_publishing(self) -> None:
        """A publish whose confirm is not heard of is told as one that failed, not raised."""
        name = "_failures"
        original: _Call = getattr(Publisher, name)

        @functools.wraps(original)
        async def counted(publisher: Publisher, publications: Sequence[Publication]) -> list[Any]:
            failures: list[Any] = await original(publisher, publications)
            if publications and self.effect("publish"):
                return [TimeoutError()] * len(publications)
            return failures

        setattr(Publisher, name, counted)

    def _wrap(
        self, owner: type[Any], name: str, *, describe: Callable[..., str | None], lost: Exception
    ) -> None:
        original: _Call = getattr(owner, name)

        @functools.wraps(original)
        async def counted(*args: Any, **kwargs: Any) -> Any:
            result = await original(*args, **kwargs)
            if (what := describe(result, *args)) and self.effect(what):
                raise lost
            return result

        setattr(owner, name, counted)


async def _wait_for_the_end(_job: RetentionJob, stop: asyncio.Event) -> None:
    await stop.wait()


def _statement(result: Any, connection: Any, query: str, *_: Any) -> str | None:
    """The beginning of a statement, or None where it does not count."""
    text = " ".join(query.split())
    if "seal_audit_events" in text:
        return None  # every few seconds, whether anybody logs in or not
    is_poll = isinstance(result, list) and not (result and text.startswith(("UPDATE", "INSERT")))
    found_nothing = isinstance(result, str) and result.endswith(" 0")
    if query == connection.get_reset_query() or is_poll or found_nothing:
        return None
    return text[:60]


def _http_call(_response: Any, _session: Any, method: str, url: Any, *_: Any) -> str:
    return f"{method} {URL(url).path}"
