"""Who asks too much is refused, cheaply and with a page that says what to do; everybody else is served."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Protocol

import pytest
from yarl import URL

from gateway.limits import Rate
from gateway.limits_settings import LimitSettings
from gateway.metrics import DISPLACED, LIMITED
from gateway.transaction import Status
from tests.common.tenants_on_disk import GLOBEX_SECRET
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Answer, Browser, raw
from tests.gateway.rig import UNLIMITED, Rig, serving
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.waiting import wait_until
from tests.support.zones import Zone

ADDRESS = replace(
    UNLIMITED, address=Rate(burst=30, seconds=60.0), trusted_proxies=(ip_network("127.0.0.1/32"),)
)
ANNA, MALLORY = "203.0.113.9", "198.51.100.7"


class Served(Protocol):
    """A gateway with these limits, and a browser."""

    def __call__(
        self, limits: LimitSettings, **changes: Any
    ) -> AbstractAsyncContextManager[tuple[Rig, Browser]]: ...


@pytest.fixture
def served(database: ServiceDatabase, tenants_file: Path, clock: FakeClock) -> Served:
    @asynccontextmanager
    async def with_limits(limits: LimitSettings, **changes: Any) -> AsyncIterator[tuple[Rig, Browser]]:
        async with serving(database, tenants_file=tenants_file, clock=clock, limits=limits, **changes) as rig:
            yield rig, await rig.browser()

    return with_limits


def count(limit: str) -> float:
    return float(LIMITED.labels(limit)._value.get())


async def test_pages_of_one_address(served: Served) -> None:
    """An address gets so many answers, then 429 with the seconds to wait; another one is served all along."""
    async with served(ADDRESS) as (rig, browser):
        before = count("address")
        answers = [await browser.get(redirect(rig.clock).path, **said(MALLORY)) for _ in range(32)]
        assert [answer.status for answer in answers] == [303] * 30 + [429] * 2
        assert (await browser.get(redirect(rig.clock).path, **said(ANNA))).status == 303
        refused = await browser.get("/", **said(MALLORY))
        assert (refused.status, refused.headers["Retry-After"]) == (429, "2")
        rig.clock.advance(2)
        assert (await browser.get(redirect(rig.clock).path, **said(MALLORY))).status == 303
        assert count("address") - before == 3
    assert [line["refused"] for line in rig.lines.all if line["event"] == "limit.reached"] == [1]
    assert MALLORY not in rig.lines.text


async def test_the_page_of_a_refusal(served: Served) -> None:
    """It says in the reader's language that nothing is lost, and leads back to the same address."""
    async with served(replace(ADDRESS, address=Rate(burst=1, seconds=60.0))) as (_rig, browser):
        await browser.get("/", **said(MALLORY))
        answers = [
            await browser.get("/t/x/continue?y", **said(MALLORY), **{"Accept-Language": language})
            for language in ("en", "de", "en")
        ]
    assert [answer.title for answer in answers] == [
        "This was too much at once",
        "Das war zu viel auf einmal",
        "This was too much at once",
    ]
    assert [[link["href"] for link in answer.html.select("main a")] for answer in answers] == [[""]] * 3
    nonces = [re.findall(r"script-src 'nonce-([\w-]{22})'", policy(answer))[0] for answer in answers]
    assert len(set(nonces)) == 3
    assert all(nonce in answer.text for nonce, answer in zip(nonces, answers, strict=True))
    assert all("nonce-of" not in answer.text for answer in answers)
    assert all(answer.headers["Cache-Control"] == "no-store" for answer in answers)


async def test_guesses_cost_ten(served: Served) -> None:
    """Whatever was refused counts as ten pages: ids and tokens are guessed at a tenth of the rate."""
    async with served(ADDRESS) as (rig, browser):
        login = await browser.arrive(redirect(rig.clock))
        guesses = {
            "203.0.113.1": f"/t/{'x' * 22}",
            "203.0.113.2": f"/t/{login}",
            "203.0.113.3": "/start/acme/login?state=x&session_token=x.y.z",
            "203.0.113.4": "/start/acme/login",
        }
        browser.forget_cookies()
        for address, path in guesses.items():
            statuses = [(await browser.get(path, **said(address))).status for _ in range(5)]
            assert [status == 429 for status in statuses] == [False] * 3 + [True] * 2, path


async def test_a_header_of_ones_own(served: Served) -> None:
    """Where no proxy is configured, and where one is, an address that somebody makes up helps nobody."""
    async with served(replace(ADDRESS, trusted_proxies=())) as (_rig, browser):
        answers = [await browser.get("/nothing", **said(f"203.0.113.{number}")) for number in range(4)]
        assert [answer.status for answer in answers] == [404, 404, 404, 429]
    async with served(ADDRESS) as (_rig, browser):
        answers = [
            await browser.get("/nothing", **said(f"203.0.113.{number}, {MALLORY}")) for number in range(4)
        ]
        assert [answer.status for answer in answers] == [404, 404, 404, 429]


async def test_a_button_over_the_limit(served: Served) -> None:
    """A form that is refused changes nothing; its page leads back to the login, which goes on later."""
    async with served(replace(ADDRESS, trusted_proxies=())) as (rig, browser):
        login = await browser.begin(redirect(rig.clock))
        csrf = await browser.csrf(login)
        while (await browser.look(login)).status == 200:
            pass
        before = await rig.everything()
        form = {"csrf": csrf, "mrz": Zone().text()}
        assert (await browser.post(f"/t/{login}/idproof/submit", form)).status == 429
        assert await rig.everything() == before
        rig.clock.advance(60)
        assert (await browser.post(f"/t/{login}/idproof/submit", form)).status == 303


async def test_damaged_requests(served: Served) -> None:
    """What is not even HTTP spends of its sender's limit too, and is no longer logged when that is empty."""
    async with served(replace(ADDRESS, trusted_proxies=())) as (rig, browser):
        for _ in range(6):
            assert b" 400 " in await raw(rig.origin, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n")
        assert (await browser.get("/")).status == 429
        assert [line["event"] for line in rig.lines.all].count("request.unreadable") == 3


async def test_arrivals_of_one_user(served: Served) -> None:
    """A user who arrives again and again is stopped; others of the tenant, and a forger, change nothing."""
    limits = replace(UNLIMITED, user=Rate(burst=3, seconds=90.0), tenant=Rate(burst=7, seconds=7.0))
    async with served(limits) as (rig, browser):
        users = ["auth0|anna"] * 5 + ["auth0|bert"]
        answers = [await browser.get(redirect(rig.clock, sub=user).path) for user in users]
        assert [answer.status for answer in answers] == [303, 303, 303, 429, 429, 303]
        assert answers[3].headers["Retry-After"] == "30"
        assert answers[3].title == "This was too much at once"
        assert len(await rig.rows("SELECT 1 FROM transactions")) == 4
        forged = redirect(rig.clock, sub="auth0|cleo").path[:-4] + "AAAA"
        assert {(await browser.get(forged)).status for _ in range(20)} == {401}
        assert (await browser.get(redirect(rig.clock, sub="auth0|cleo").path)).status == 303
        rig.clock.advance(30)
        assert (await browser.get(redirect(rig.clock, sub="auth0|anna").path)).status == 303


async def test_arrivals_of_one_tenant(served: Served) -> None:
    """A tenant whose users are too many at once waits; no other tenant does."""
    limits = replace(UNLIMITED, tenant=Rate(burst=3, seconds=30.0))
    async with served(limits) as (rig, browser):
        answers = [await browser.get(redirect(rig.clock, sub=f"auth0|{n}").path) for n in range(5)]
        assert [answer.status for answer in answers] == [303, 303, 303, 429, 429]
        assert answers[3].headers["Retry-After"] == "10"
        globex = redirect(
            rig.clock,
            tenant="globex",
            iss="globex.eu.auth0.com",
            continue_uri="https://globex.eu.auth0.com/continue",
            secret=GLOBEX_SECRET,
        )
        assert (await browser.get(globex.path)).status == 303
    codes = [line["code"] for line in rig.lines.all if line["event"] == "request.refused"]
    assert codes[:2] == ["limit_tenant"] * 2


def policy(answer: Answer) -> str:
    return answer.headers["Content-Security-Policy"]


async def statuses(rig: Rig, logins: list[str]) -> list[Status]:
    return [(await rig.login(login)).transaction.status for login in logins]


async def test_too_many_open_logins_of_a_user(served: Served) -> None:
    """The oldest give way, with a page that says so; what they knew is forgotten, others' logins stay."""
    async with served(replace(UNLIMITED, open_per_user=2)) as (rig, browser):
        other = await browser.arrive(redirect(rig.clock, sub="auth0|bert"))
        logins = []
        for _ in range(4):
            logins.append(await browser.begin(redirect(rig.clock)))
            await rig.advance(1)
        before = DISPLACED.labels("user")._value.get()
        await rig.crowding.sweep()
        await rig.crowding.sweep()
        gone, here = [Status.DISPLACED] * 2, [Status.WORKING] * 2
        assert await statuses(rig, [*logins, other]) == [*gone, *here, Status.OPENED]
        page = await browser.look(logins[0])
        assert (page.status, page.title) == (410, "A newer login has taken this place")
        assert page.html.select_one("main a") is not None
        rows = await rig.rows("SELECT state, profile, wake_at FROM transactions WHERE status = 'displaced'")
        assert rows == [(None, None, None)] * 2
        assert DISPLACED.labels("user")._value.get() - before == 2
        trail = await rig.rows(
            "SELECT transaction_id, outcome FROM audit_events WHERE event = 'login.displaced'"
        )
        assert sorted(trail) == sorted((login, "working") for login in logins[:2])
        assert (await browser.press(logins[3], "idproof/submit", mrz=Zone().text())).status == 303
    lines = [line for line in rig.lines.all if line["event"] == "login.displaced"]
    assert {(line["transaction_id"], line["limit"]) for line in lines} == {
        (logins[0], "user"),
        (logins[1], "user"),
    }


async def test_too_many_open_logins_of_a_tenant(served: Served) -> None:
    """Of a tenant's logins those give way first that nobody has claimed within a minute."""
    async with served(replace(UNLIMITED, open_per_tenant=3)) as (rig, browser):
        claimed = await browser.begin(redirect(rig.clock, sub="auth0|1"))
        left = [await browser.arrive(redirect(rig.clock, sub=f"auth0|{n}")) for n in (2, 3)]
        await rig.advance(61)
        fresh = await browser.arrive(redirect(rig.clock, sub="auth0|4"))
        await rig.advance(1)
        await rig.crowding.sweep()
        assert await statuses(rig, [claimed, *left, fresh]) in (
            [Status.WORKING, Status.DISPLACED, Status.OPENED, Status.OPENED],
            [Status.WORKING, Status.OPENED, Status.DISPLACED, Status.OPENED],
        )
        for number in (5, 6):
            await browser.arrive(redirect(rig.clock, sub=f"auth0|{number}"))
            await rig.advance(1)
        await rig.crowding.sweep()
        assert await statuses(rig, [claimed, fresh]) == [Status.DISPLACED, Status.OPENED]


async def test_a_login_that_was_handed_back_is_in_nobodys_way(served: Served) -> None:
    """It counts for no limit, and stays what it is."""
    async with served(replace(UNLIMITED, open_per_user=1)) as (rig, browser):
        login = await browser.begin(redirect(rig.clock))
        await browser.press(login, "idproof/submit", mrz=Zone().text())
        await rig.pass_identity(login)
        await browser.press(login, "continue")
        await rig.advance(1)
        newer = await browser.arrive(redirect(rig.clock))
        await rig.crowding.sweep()
        assert await statuses(rig, [login, newer]) == [Status.HANDED_BACK, Status.OPENED]


async def test_two_replicas_look_at_once(served: Served) -> None:
    """Whoever finds a surplus login first ends it, and none is ended that is not too much."""
    async with served(replace(UNLIMITED, open_per_user=2)) as (rig, browser):
        logins = [await browser.arrive(redirect(rig.clock)) for _ in range(6)]
        replicas = (rig, rig.replica(), rig.replica())
        await asyncio.gather(*(replica.crowding.sweep() for replica in replicas))
        assert sorted(await statuses(rig, logins)) == [Status.DISPLACED] * 4 + [Status.OPENED] * 2


async def test_the_loop(served: Served) -> None:
    """A running gateway looks by itself, also after its database was away, and ends when told."""
    async with served(replace(UNLIMITED, open_per_user=1)) as (rig, browser):
        logins = [await browser.arrive(redirect(rig.clock)) for _ in range(2)]
        stop = asyncio.Event()
        running = asyncio.create_task(rig.crowding.run(stop))

        async def is_one_gone() -> bool:
            return Status.DISPLACED in await statuses(rig, logins)

        await wait_until(is_one_gone, what="the surplus login to end")
        stop.set()
        async with asyncio.timeout(15):
            await running


async def opened(rig: Rig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = URL(rig.origin)
    return await asyncio.open_connection(url.host, url.port)


async def test_connections_of_one_address(served: Served) -> None:
    """One too many is closed unread; who has one is served, and one that is closed makes room."""
    async with served(replace(UNLIMITED, connections_per_address=3)) as (rig, browser):
        silent = [await opened(rig) for _ in range(2)]
        assert (await browser.get("/")).status == 404
        reader, writer = await opened(rig)
        async with asyncio.timeout(15):
            assert await reader.read() == b""
        writer.close()
        assert (await browser.get("/")).status == 404
        lines = [line for line in rig.lines.all if line["event"] == "limit.reached"]
        assert [line["limit"] for line in lines] == ["connections"]
        silent[0][1].close()

        async def is_there_room() -> bool:
            _, other = await opened(rig)
            other.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await _.read()
            other.close()
            return answer.startswith(b"HTTP/1.1 400 ")

        await wait_until(is_there_room, what="room for another connection")
        silent[1][1].close()


async def test_headers_that_come_drop_by_drop(served: Served) -> None:
    """Whoever does not end the head of a first request is closed; who has asked keeps the connection."""
    async with served(UNLIMITED, head_seconds=0.5) as (rig, _browser):
        silent, slow, quick = [await opened(rig) for _ in range(3)]
        slow[1].write(b"GET / HTTP/1.1\r\nHost: ")
        host = rig.origin.removeprefix("http://").encode()
        quick[1].write(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        async with asyncio.timeout(15):
            assert await silent[0].read() == b""
            assert await slow[0].read() == b""
        quick[1].write(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(15):
            assert (await quick[0].read()).count(b"HTTP/1.1 404 ") == 2
        for _, writer in (silent, slow, quick):
            writer.close()


def said(address: str) -> dict[str, str]:
    """What the proxy adds to a request from that address."""
    return {"X-Forwarded-For": address}
