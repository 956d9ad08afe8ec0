"""Tenants' key sets: asked for seldom, once for all who wait, and kept while their server is away."""

import asyncio
import gzip
import io
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.outgoing import Outgoing
from gateway.jwks_fetch import COOLDOWN, FRESH, STALE, KeySets, KeySetUnavailableError, open_key_sets
from gateway.log_events import EVENTS
from tests.common.key_server import KeyServer, serving_keys
from tests.common.log_lines import Lines, logging_into
from tests.common.rsa_pairs import key_id, key_set
from tests.support.clock import FakeClock
from tests.support.waiting import wait_until

A, B = key_id("a"), key_id("b")
_EVENTS = tuple(event for event in EVENTS if event.name.startswith("jwks."))


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    async with serving_keys(key_set("a")) as serving:
        yield serving


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logging_into(io.StringIO(), _EVENTS, strict=True) as written:
        yield written


@pytest.fixture
async def sets(clock: FakeClock, lines: Lines) -> AsyncIterator[KeySets]:
    assert lines.text == ""
    async with open_key_sets(outgoing=Outgoing(any_address=True), clock=clock) as opened:
        yield opened


async def test_one_request_for_all(server: KeyServer, sets: KeySets) -> None:
    """Of many logins that begin at once one asks, and all of them have the keys."""
    server.gate.clear()
    asking = [asyncio.create_task(sets.keys(server.url, wanted=A)) for _ in range(200)]

    async def asked() -> bool:
        return server.requests > 0

    await wait_until(asked, 15, what="a request")
    server.gate.set()
    found = await asyncio.gather(*asking)
    assert [list(keys) for keys in found] == [[A]] * 200
    assert server.requests == 1


async def test_known_keys_wait_for_nobody(server: KeyServer, sets: KeySets, clock: FakeClock) -> None:
    """While an unknown key makes us ask, a login whose key is known goes on."""
    await sets.keys(server.url, wanted=A)
    clock.advance(COOLDOWN)
    server.gate.clear()
    unknown = asyncio.create_task(sets.keys(server.url, wanted="unknown"))

    async def asked() -> bool:
        return server.requests > 1

    await wait_until(asked, 15, what="a second request")
    assert list(await sets.keys(server.url, wanted=A)) == [A]
    assert not unknown.done()
    server.gate.set()
    assert "unknown" not in await unknown


async def test_unknown_keys(server: KeyServer, sets: KeySets, clock: FakeClock) -> None:
    """Five hundred unknown keys a second make at most one request in a cool-down (attack case 25)."""
    for second in range(20):
        asking = [sets.keys(server.url, wanted=f"k-{second}-{n}") for n in range(500)]
        assert all(A in keys for keys in await asyncio.gather(*asking))
        clock.advance(1)
    assert COOLDOWN == 10
    assert server.requests == 2


async def test_a_new_key(server: KeyServer, sets: KeySets, clock: FakeClock) -> None:
    """A key that was added is found by the first token that names it, after the cool-down."""
    await sets.keys(server.url, wanted=A)
    server.body = key_set("a", "b")
    assert B not in await sets.keys(server.url, wanted=B)
    clock.advance(COOLDOWN)
    assert B in await sets.keys(server.url, wanted=B)
    assert server.requests == 2


async def test_a_retired_key(server: KeyServer, sets: KeySets, clock: FakeClock) -> None:
    """A key that left the set counts until the set is old, and not longer (attack case 20)."""
    assert A in await sets.keys(server.url, wanted=A)
    server.body = key_set("b")
    clock.advance(FRESH)
    assert A in await sets.keys(server.url, wanted=A)
    clock.advance(1)
    assert A not in await sets.keys(server.url, wanted=A)


async def test_a_server_that_is_away(
    server: KeyServer, sets: KeySets, clock: FakeClock, lines: Lines
) -> None:
    """The last good set counts for a day while its server fails, then nothing does until it is back."""
    await sets.keys(server.url, wanted=A)
    server.status = 503
    clock.advance(STALE)
    assert A in await sets.keys(server.url, wanted=A)
    clock.advance(COOLDOWN)
    with pytest.raises(KeySetUnavailableError):
        await sets.keys(server.url, wanted=A)
    server.status = 200
    clock.advance(COOLDOWN)
    assert A in await sets.keys(server.url, wanted=A)
    assert [(line["event"], line.get("error_type")) for line in lines.all] == [
        ("jwks.fetched", None),
        ("jwks.unavailable", "KeySetError"),
        ("jwks.unavailable", "KeySetError"),
        ("jwks.fetched", None),
    ]


async def test_a_server_that_was_never_there(sets: KeySets, clock: FakeClock) -> None:
    """Without any set there is an error, and no more requests than with one."""
    async with serving_keys(b"") as server:
        for _ in range(20):
            with pytest.raises(KeySetUnavailableError):
                await sets.keys(server.url, wanted=A)
        assert server.requests == 1
        server.body = key_set("a")
        clock.advance(COOLDOWN)
        assert A in await sets.keys(server.url, wanted=A)


async def test_nobody_listens(sets: KeySets, lines: Lines) -> None:
    """A server that cannot be reached is one that is away; the log tells no address."""
    async with serving_keys(b"") as server:
        url = server.url
    with pytest.raises(KeySetUnavailableError):
        await sets.keys(url, wanted=A)
    assert lines.last["error_type"] == "ClientConnectorError"
    assert "127.0.0.1" not in lines.text


async def test_addresses_are_apart(server: KeyServer, sets: KeySets) -> None:
    """A key of one tenant's set is none of another's."""
    async with serving_keys(key_set("b")) as other:
        assert list(await sets.keys(server.url, wanted=A)) == [A]
        assert list(await sets.keys(other.url, wanted=A)) == [B]


@pytest.mark.parametrize("status", [201, 204, 304, 401, 404, 500])
async def test_only_200(server: KeyServer, sets: KeySets, status: int) -> None:
    """What does not come with 200 is no set, whatever it says."""
    server.status = status
    with pytest.raises(KeySetUnavailableError):
        await sets.keys(server.url, wanted=A)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects(server: KeyServer, sets: KeySets, status: int) -> None:
    """A redirect is not followed (attack case 90)."""
    server.status, server.headers = status, {"Location": f"{server.origin}/elsewhere"}
    with pytest.raises(KeySetUnavailableError):
        await sets.keys(server.url, wanted=A)
    assert (server.requests, server.elsewhere) == (1, 0)


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1])
async def test_the_largest_set(server: KeyServer, sets: KeySets, size: int) -> None:
    """A set has 64 KiB at most."""
    server.body = key_set("a").ljust(size)
    if size <= 64 * 1024:
        assert A in await sets.keys(server.url, wanted=A)
    else:
        with pytest.raises(KeySetUnavailableError):
            await sets.keys(server.url, wanted=A)


async def test_compressed(server: KeyServer, sets: KeySets) -> None:
    """Nothing is unpacked for a server that compresses although it was not asked to."""
    server.body, server.headers = gzip.compress(key_set("a")), {"Content-Encoding": "gzip"}
    with pytest.raises(KeySetUnavailableError):
        await sets.keys(server.url, wanted=A)


async def test_a_set_inside(server: KeyServer, clock: FakeClock, lines: Lines) -> None:
    """In production an address inside is not asked, whatever name led there (attack case 89)."""
    async with open_key_sets(outgoing=Outgoing(), clock=clock) as sets:
        with pytest.raises(KeySetUnavailableError):
            await sets.keys(server.url, wanted=A)
    assert server.requests == 0
    assert lines.last["error_type"] == "ClientConnectorError"


class Imagined(KeySets):
    """Sets of a server that is there or not, and counts who asks it."""

    def __init__(self, clock: FakeClock, session: aiohttp.ClientSession) -> None:
        super().__init__(session=session, clock=clock)
        self.asked = 0
        self.is_there = True

    async def _fetch(self, url: str) -> bytes:
        assert url == "https://keys.acme.example/"
        self.asked += 1
        if not self.is_there:
            raise TimeoutError
        return key_set("a")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 1.0, 9.9, COOLDOWN, FRESH, FRESH + 1, STALE]),
            st.booleans(),
            st.lists(st.sampled_from([A, B, "unknown"]), max_size=5),
        ),
        max_size=12,
    )
)
async def test_any_course_of_events(course: list[tuple[float, bool, list[str]]]) -> None:
    """Whatever happens, requests keep their distance, and no set counts for longer than a day."""
    clock = FakeClock()
    async with aiohttp.ClientSession() as session:
        sets = Imagined(clock, session)
        last_good: float | None = None
        for seconds, sets.is_there, names in course:
            clock.advance(seconds)
            for name in names:
                before = sets.asked
                try:
                    found = list(await sets.keys("https://keys.acme.example/", wanted=name))
                except KeySetUnavailableError:
                    found = []
                if sets.asked > before and sets.is_there:
                    last_good = clock.monotonic()
                counts = last_good is not None and clock.monotonic() - last_good <= STALE
                assert found == ([A] if counts else [])
        assert sets.asked <= 1 + clock.monotonic() // COOLDOWN
