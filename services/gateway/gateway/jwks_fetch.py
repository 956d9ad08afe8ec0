"""Tenants' JWK Sets, fetched when a token names a key that is not known.

What holds, for each address by itself:
- one request at a time, for all who wait; whoever's key is in a fresh set waits for nobody
- `COOLDOWN` between two requests, however many tokens name however many unknown keys
- a set is asked for anew after `FRESH`; a server that fails, is slow or answers nonsense leaves the last good
  set in force, for `STALE` in all
- an answer is 200, at most `MAX_BYTES` long and complete within `DEADLINES`; redirects are not followed

Addresses come from the tenants file, never from a token, so what is kept here is bounded by that file.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
import structlog

from common.bodies import BodyTooLongError, read_body
from common.clock import Clock
from common.errors import WaystationError
from common.jwks import KeySetError, read_key_set
from common.outgoing import Outgoing
from common.rsa_keys import VerifyingKey

COOLDOWN = 10.0
FRESH = 300.0
STALE = 86_400.0
MAX_BYTES = 64 * 1024
DEADLINES = aiohttp.ClientTimeout(total=3, connect=2)

log = structlog.stdlib.get_logger()


class KeySetUnavailableError(WaystationError):
    """There is no set of keys that would still count; trying again later helps."""


@dataclass
class _Known:
    """What we have from one address; times are of the monotonic clock."""

    keys: Mapping[str, VerifyingKey] = field(default_factory=dict)
    fetched_at: float | None = None
    asked_at: float | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def lacks(self, wanted: str, *, now: float) -> bool:
        return wanted not in self.keys or self.is_older_than(FRESH, now=now)

    def may_be_asked(self, *, now: float) -> bool:
        return self.asked_at is None or now - self.asked_at >= COOLDOWN

    def is_older_than(self, seconds: float, *, now: float) -> bool:
        return self.fetched_at is None or now - self.fetched_at > seconds


class KeySets:
    """The sets of all tenants, by address."""

    def __init__(self, *, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._known: defaultdict[str, _Known] = defaultdict(_Known)

    async def keys(self, url: str, *, wanted: str) -> Mapping[str, VerifyingKey]:
        """The keys at that address; asked for again if `wanted` is not among those that we have.

        Raises:
            KeySetUnavailableError: we have none, and the server does not give us any.
        """
        known = self._known[url]
        if known.lacks(wanted, now=self._clock.monotonic()):
            async with known.asking:
                await self._ask_if_need_be(url, known, wanted=wanted)
        if known.is_older_than(STALE, now=self._clock.monotonic()):
            raise KeySetUnavailableError("no keys")
        return known.keys

    async def _ask_if_need_be(self, url: str, known: _Known, *, wanted: str) -> None:
        now = self._clock.monotonic()
        if known.lacks(wanted, now=now) and known.may_be_asked(now=now):
            known.asked_at = now
            await self._ask(url, known)

    async def _ask(self, url: str, known: _Known) -> None:
        try:
            known.keys = read_key_set(await self._fetch(url))
        except (aiohttp.ClientError, TimeoutError, OSError, KeySetError) as exc:
            log.warning("jwks.unavailable", error_type=type(exc).__name__)
        else:
            known.fetched_at = known.asked_at
            log.info("jwks.fetched", key_count=len(known.keys))

    async def _fetch(self, url: str) -> bytes:
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                raise KeySetError("no key set")
            try:
                return await read_body(response, at_most=MAX_BYTES)
            except BodyTooLongError as exc:
                raise KeySetError("too long") from exc


@asynccontextmanager
async def open_key_sets(*, outgoing: Outgoing, clock: Clock) -> AsyncIterator[KeySets]:
    """A cache with connections of its own."""
    async with aiohttp.ClientSession(
        connector=outgoing.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=DEADLINES,
        headers={"User-Agent": "waystation-gateway", "Accept-Encoding": "identity"},
        auto_decompress=False,
    ) as session:
        yield KeySets(session=session, clock=clock)
