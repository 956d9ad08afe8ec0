"""Bad requests to running services: the right status, a page with a way on, nothing changed, nothing told."""

from typing import Any

import aiohttp
import pytest
from bs4 import BeautifulSoup
from yarl import URL

from tests.journeys.bad_requests import FORMS, PAGES, STARTS, BadRequest, Situation
from tests.journeys.browser import IDENTITY, transaction_of
from tests.journeys.canaries import seen
from tests.journeys.people import honest
from tests.journeys.world import World, open_world
from tests.support.stack import Stack
from tests.support.waiting import run_alone

_ALL = [*STARTS, *PAGES, *FORMS]


@pytest.fixture(scope="module", autouse=True)
def _nothing_under_way(stack: Stack) -> None:
    """What tests of other files have begun has ended: only a bad request could change anything now."""

    async def settle() -> None:
        async with open_world(stack) as world:
            await world.quiet()

    run_alone(settle())


async def _at_identity(world: World) -> Situation:
    """A person's login that waits for their document."""
    person = await world.person()
    browser = await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    csrf = page.form(f"{IDENTITY} input[name=csrf]")["value"]
    return Situation(stack=world.stack, browser=browser, id=transaction_of(page), csrf=str(csrf))


async def _send(request: BadRequest, now: Situation) -> tuple[int, BeautifulSoup]:
    jar = now.browser.session.cookie_jar if request.with_cookie else aiohttp.DummyCookieJar()
    url = URL(now.stack.origins.gateway).join(URL(request.address(now), encoded=True))
    async with (
        aiohttp.ClientSession(cookie_jar=jar, skip_auto_headers=["Content-Type"]) as session,
        session.request(
            request.method,
            url,
            data=request.body(now) if request.body else None,
            headers={name: value for name, value in request.headers.items() if value},
            allow_redirects=False,
        ) as response,
    ):
        return response.status, BeautifulSoup(await response.text(), "html.parser")


def _assert_way_on(page: BeautifulSoup, request: BadRequest, now: Situation) -> None:
    """A link where we know where to, and words where we do not."""
    button = page.select_one("a.button")
    ways = {"application": f"{now.stack.origins.app}/login", "login": f"/t/{now.id}"}
    if request.way_on:
        assert button is not None
        assert button["href"] == ways[request.way_on]
    elif request.method != "HEAD":
        assert button is None
        assert "Go back to the application" in page.get_text()


def _assert_told_once(lines: list[dict[str, Any]], request: BadRequest) -> None:
    """One line that says what was wrong, but for what only the framework sees, and one that it was served."""
    served = [line for line in lines if line["event"] == "request.served"]
    assert [line["http_response_status_code"] for line in served] == [request.status]
    others = [(line["event"], line["severity"], line.get("code")) for line in lines if line not in served]
    assert others == [
        *((event, "WARNING", None) for event in request.also_told),
        *([("request.refused", "WARNING", request.code)] if request.code else []),
    ]


def _canaries(now: Situation) -> dict[str, str]:
    cookies = {cookie.key: cookie.value for cookie in now.browser.session.cookie_jar}
    return {"state": now.state, "token": now.token, "csrf": now.csrf, **cookies}


@pytest.mark.parametrize("request_", _ALL, ids=[request.name for request in _ALL])
async def test_a_bad_request_changes_nothing(world: World, request_: BadRequest) -> None:
    """It is answered with its status and a page that leads on; no row changes, one line tells it."""
    now = await _at_identity(world)
    await world.rows.quiet()
    before, written = await world.rows.snapshot(), len(world.output("gateway"))
    status, page = await _send(request_, now)
    assert status == request_.status
    _assert_way_on(page, request_, now)
    assert await world.rows.snapshot() == before
    lines = world.lines_but_of_others("gateway", since=written, login=now.id)
    _assert_told_once(lines, request_)
    assert seen(_canaries(now), [world.output("gateway")[written:]]) == []
    page_after = await now.browser.reload()
    assert page_after.has(IDENTITY)


async def test_a_link_may_be_too_long_to_be_read_at_all(world: World) -> None:
    """What exceeds every server's limit is refused before it is looked at; the login goes on."""
    now = await _at_identity(world)
    await world.rows.quiet()
    before, written = await world.rows.snapshot(), len(world.output("gateway"))
    page = await (await world.browser()).open(now.start(session_token="x." * 10000))
    assert page.status == 400
    assert await world.rows.snapshot() == before
    lines = world.lines_but_of_others("gateway", since=written, login=now.id)
    assert [line["event"] for line in lines] == ["request.unreadable"]
    assert (await now.browser.reload()).has(IDENTITY)
