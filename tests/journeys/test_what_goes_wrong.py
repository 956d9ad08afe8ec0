"""Whatever goes wrong in a login, what is personal or secret is seen nowhere (attack cases 78, 87 and 88)."""

import asyncio
import json
from dataclasses import replace
from datetime import date
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from tests.attacks.wire import FORM
from tests.journeys.browser import IDENTITY, LOGGED_IN, WAIT, Browser, transaction_of
from tests.journeys.canaries import seen
from tests.journeys.eavesdropper import overheard
from tests.journeys.leaks import brought, personal, secrets_of, slips, taken_back
from tests.journeys.people import Answers, honest, passport, refusing, typing
from tests.journeys.world import World, crash
from tests.support.demo_tenant import Person
from tests.support.loopback import address_of, loopback_connector
from tests.support.site import Site
from tests.support.stack import SERVICES

_STRANGE = {
    "in a header": 'Quillfeather/8.15 {"event": "forged-4711"}',
    "in a path": "Ravensthorpe-0815",
    "in a query": "Sandringham-8150",
    "in a cookie": "Thistlewood-5081",
    "in a body": "Umberslade-1508",
}


async def _somebody(world: World, *, given_name: str, family_name: str, born: date) -> Person:
    email = f"{given_name}.{family_name}@mishap.example".lower().replace(" ", ".")
    return await world.person(email=email, given_name=given_name, family_name=family_name, birth_date=born)


async def _fail(world: World, canaries: dict[str, str]) -> None:
    """One login is declined, another fails by a document of somebody else."""
    declining = await _somebody(
        world, given_name="Philippa Rosamund", family_name="Grimthorpe", born=date(1958, 3, 17)
    )
    browser = await world.browser()
    page = await browser.log_in(refusing(declining))
    assert not page.has(LOGGED_IN)
    canaries |= personal(honest(declining)) | brought(browser) | await taken_back(world, declining)

    failing = await _somebody(
        world, given_name="Barnaby Lysander", family_name="Oglethorpe", born=date(1981, 9, 23)
    )
    stranger = replace(failing, given_name="Cressida Jocasta", family_name="Featherstonehaugh")
    answers, browser = typing(failing, passport(stranger, number="FS9184736")), await world.browser()
    page = await browser.log_in(answers, to=IDENTITY)
    for line in (answers.lines, answers.lines.replace("FS9184736", "FS9184737")):
        page = await browser.submit(page, IDENTITY, {"mrz": line})
        page = await browser.look_again() if page.has(WAIT) else page
        if not page.has(IDENTITY):
            break
    canaries |= {f"{name} of a stranger": text for name, text in personal(answers).items()}
    canaries |= {"stranger": "Featherstonehaugh", "stranger's name": "Cressida"} | brought(browser)


async def _ask_strangely(world: World, browser: Browser, login: str) -> None:
    """Requests with something strange everywhere, most of which are refused."""
    gateway, link = world.stack.origins.gateway, browser.link
    path, query = quote(_STRANGE["in a path"]), quote(_STRANGE["in a query"])
    body, cookie = _STRANGE["in a body"], _STRANGE["in a cookie"]
    headers = {
        "User-Agent": _STRANGE["in a header"],
        "Referer": f"{gateway}/{path}?{query}",
        "X-Forwarded-For": _STRANGE["in a header"],
        "Cookie": f"__Host-ws-{login[:12]}={cookie}; __Host-language={cookie}",
        "Accept-Language": _STRANGE["in a header"],
    }
    token, state = link.query["session_token"], link.query["state"]
    damaged = f"{token[:-8]}AAAAAAAA"
    addresses = (
        f"/{path}?{query}",
        f"/t/{path}?{query}",
        f"/t/{login}?{query}",
        f"/t/{login}/{path.lower()}",
        f"{link.path}?state={state}&session_token={damaged}",
        f"{link.path}?state={query}%0d%0a%1b&session_token={token}",
        f"{link.path}?state={query}&session_token={token}",
        f"/start/acme/{path.lower()}?state={state}&session_token={token}",
        f"/start/nobody/login?state={state}&session_token={token}",
    )
    async with aiohttp.ClientSession(
        connector=loopback_connector(), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        for address in addresses:
            async with session.get(
                URL(gateway + address, encoded=True), headers=headers, allow_redirects=False
            ) as answer:
                assert answer.status in {303, 400, 401, 403, 404, 409, 410}, address
                assert seen(_STRANGE, [await answer.text()]) == []
        for kind in (FORM, "application/json", f"{FORM}; charset={body}"):
            typed = {**headers, "Content-Type": kind}
            async with session.post(
                f"{gateway}/t/{login}/claim", data=f"csrf={body}", headers=typed
            ) as answer:
                assert answer.status in {400, 403, 415}
                assert seen(_STRANGE, [await answer.text()]) == []
    noise = f"GET /{path} HTTP/1.1\r\nHost: x\r\n{body} \x1b[31m: {body}\r\n\r\n"
    url = URL(gateway)
    reader, writer = await asyncio.open_connection(address_of(url.host or ""), url.port)
    writer.write(noise.encode())
    assert seen(_STRANGE, [(await reader.read()).decode()]) == []
    writer.close()


async def _break(world: World, answers: Answers) -> Browser:
    """A login in which every service dies, the tenant fails and a row is damaged; it ends well."""
    browser, person = await world.browser(), answers.person
    await world.tenant.plant(f"PATCH .*{person.user_id.removeprefix('auth0|')}", status=500, times=1)
    page = await browser.log_in(answers, to=IDENTITY)
    login = transaction_of(page)
    before = await world.rows.settings(login)
    await world.rows.change_settings(login, "{}")
    assert (await browser.reload()).status == 500
    await world.rows.change_settings(login, before)
    crash(world.stack, "gateway")
    page = await browser.reload()
    world.stack.pause("proofing")
    page = await browser.submit(page, IDENTITY, {"mrz": answers.lines})
    crash(world.stack, "proofing")
    crash(world.stack, "metadata-sync")
    page = await browser.walk(await browser.reload(), answers)
    assert page.has(LOGGED_IN)
    await _ask_strangely(world, browser, login)
    return browser


@pytest.mark.timeout(240)
@pytest.mark.logs("request.failed")
async def test_nothing_is_seen_of_what_goes_wrong(world: World) -> None:
    """Refused, failed, strange and damaged requests, deaths and traces leave nothing of anybody to read."""
    person = await _somebody(
        world, given_name="Hermione Araminta", family_name="Wigglesworth", born=date(1973, 11, 2)
    )
    answers = typing(person, passport(person, number="WG2746193"))
    since = {service: len(world.output(service)) for service in SERVICES}
    canaries = dict(_STRANGE)
    async with overheard(world.stack.amqp) as messages:
        await _fail(world, canaries)
        browser = await _break(world, answers)
        await world.quiet()
    canaries |= personal(answers) | brought(browser) | await taken_back(world, person) | secrets_of(world)
    assert await slips(world, canaries, messages=messages) == {}
    for service in SERVICES:
        for line in world.output(service)[since[service] :].splitlines():
            assert isinstance(json.loads(line), dict), service
            assert "\x1b" not in line
    lines = world.log_lines("gateway", since=since["gateway"])
    assert any(line["event"] == "request.failed" and line["exception_stacktrace"] for line in lines)
    assert {line["event"] for line in lines}.isdisjoint({"forged-4711"})


@pytest.mark.parametrize("service", SERVICES)
def test_no_environment_holds_a_secret(stack: Site, service: str) -> None:
    """Keys and tokens come from files: neither command line nor environment has one."""
    passwords = {URL(of(service)).password for of in (stack.database.of, stack.amqp.of)}
    files = [path for path in stack.secrets.path.iterdir() if path.stat().st_size]
    secrets = {path.name: text for path in files if (text := path.read_text()) not in passwords}
    assert len(secrets) > len(SERVICES)
    assert seen(secrets, [stack.shown(service, what) for what in ("cmdline", "environ")]) == []
