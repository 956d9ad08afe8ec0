"""The waiting page follows the work: server-sent events that wake on every change."""

import asyncio
from pathlib import Path

import pytest

from common.messages import Outcome
from gateway.live import Bell, rung
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.waiting import wait_until
from tests.support.zones import Zone

CHANGED = b"event: changed\ndata:\n\n"


@pytest.fixture
async def login(rig: Rig, anna: Browser) -> str:
    """A login whose document is being judged."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    return login


async def listeners(rig: Rig, count: int) -> None:
    """Wait until so many browsers listen."""
    await wait_until(lambda: len(rig.bell._waiters) == count, what=f"{count} listeners")


async def test_a_change_is_told(rig: Rig, anna: Browser, login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the login does not wait any more, the page hears of it without another look; the stream ends."""
    monkeypatch.setattr("gateway.handlers.LOOK_SECONDS", 3600.0)
    async with anna.stream(login) as stream:
        assert (stream.status, stream.content_type) == (200, "text/event-stream")
        assert stream.headers["Cache-Control"] == "no-store"
        await listeners(rig, 1)
        await rig.pass_identity(login)
        assert await stream.read() == CHANGED
    await listeners(rig, 0)


async def test_a_change_by_another_replica(rig: Rig, anna: Browser, login: str) -> None:
    """A change that another process made is found within a look or two."""
    async with anna.stream(login) as stream:
        await listeners(rig, 1)
        await rig.replica().outcomes.handle(await rig.verdict(login))
        await rig.replica().outcomes.handle(await rig.applied(login))
        assert await stream.read() == CHANGED


async def test_a_review_begins_and_ends(rig: Rig, anna: Browser, tenants_file: Path) -> None:
    """The page hears that a person is to decide, and then that they have, though the login waits on."""
    acme = section()
    acme["steps"]["idproof"] |= {"review_within": "2d", "review_wait": "10m"}
    write_tenants(tenants_file.parent, {"acme": acme})
    rig.tenants.refresh()
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    async with anna.stream(login) as stream:
        await rig.outcomes.handle(await rig.verdict(login, Outcome.REVIEW, reason="review"))
        assert await stream.read() == CHANGED
    assert f'"/t/{login}/events?held"' in (await anna.look(login)).text
    async with anna.stream(login, "?held") as stream:
        await rig.outcomes.handle(await rig.verdict(login, revision=2))
        assert await stream.read() == CHANGED
    assert "The result is being saved at Acme." in (await anna.look(login)).html.get_text()


@pytest.mark.parametrize("act", ["claim", "decline"])
async def test_nothing_to_wait_for(rig: Rig, anna: Browser, act: str) -> None:
    """Where the login does not wait, the stream says so at once."""
    login = await anna.arrive(redirect(rig.clock))
    await anna.press(login, "claim")
    if act == "decline":
        await anna.press(login, "idproof/decline")
    async with anna.stream(login) as stream:
        assert await stream.read() == CHANGED


async def test_the_process_ends(rig: Rig, anna: Browser, login: str) -> None:
    """At the end of the process every listener is sent to ask again, rather than be cut off."""
    async with anna.stream(login) as stream:
        await listeners(rig, 1)
        rig.bell.close()
        assert await stream.read() == CHANGED


async def test_the_browser_leaves(rig: Rig, anna: Browser, login: str) -> None:
    """A browser that went away is forgotten as soon as the login changes, without an error."""
    async with anna.stream(login):
        await listeners(rig, 1)
    await rig.pass_identity(login)
    await listeners(rig, 0)
    assert not [line for line in rig.lines.all if line["severity"] == "ERROR"]


async def test_the_database_goes_away(rig: Rig, anna: Browser, login: str) -> None:
    """A stream that cannot look any more ends as a stream, and the browser asks again by itself."""
    async with anna.stream(login) as stream:
        await listeners(rig, 1)
        await rig.database._pool.close()
        assert await stream.read() == b""
    served = [line for line in rig.lines.all if line["event"] == "request.served"][-1]
    assert (served["http_route"], served["http_response_status_code"]) == ("/t/{id}/events", 200)


async def test_others_do_not_listen(mallory: Browser, login: str) -> None:
    """Only the browser of the login hears of it."""
    async with mallory.stream(login) as stream:
        assert stream.status == 403


async def test_a_bell_is_for_one_login() -> None:
    """A ring wakes those who listen to that login, all of them, and nobody else."""
    bell = Bell()
    with bell.listening("a") as one, bell.listening("a") as two, bell.listening("b") as other:
        bell.ring("a")
        bell.ring("unknown")
        assert await rung(one, seconds=1)
        assert await rung(two, seconds=1)
        assert not await rung(other, seconds=0.01)
        assert not await rung(one, seconds=0.01)  # each ring is heard once
    assert bell._waiters == {}


async def test_a_ring_between_listening_and_waiting() -> None:
    """Who listens first and looks then misses no change."""
    bell = Bell()
    with bell.listening("a") as waiter:
        bell.ring("a")
        await asyncio.sleep(0)
        assert await rung(waiter, seconds=1)
