"""What one login leaves behind to be read: its log lines, all of them, and nothing that may not be seen."""

import re
from datetime import date
from typing import Any

import pytest

from tests.journeys.browser import LOGGED_IN, WAIT, Browser, transaction_of
from tests.journeys.eavesdropper import overheard
from tests.journeys.leaks import brought, personal, secrets_of, slips, taken_back
from tests.journeys.people import Answers, honest, passport, typing
from tests.journeys.world import World
from tests.support.log_contract import faults_of
from tests.support.stack import SERVICES
from tests.support.waiting import wait_until

_MESSAGES_OF_A_LOGIN = 4
_JWT = re.compile(r"eyJ[\w-]{10,}\.[\w-]+\.")
_AGENT = "CanaryBrowser/47.11 (of nobody else)"

_GET, _POST = "GET /t/{id}", "POST /t/{id}"
_LINES = {
    "gateway": [
        "login.opened",
        "request.served GET /start/{tenant}/{entry} 303",
        f"request.served {_GET} 200",
        "login.claimed",
        f"request.served {_POST}/claim 303",
        f"request.served {_GET} 200",
        "step.submitted",
        f"request.served {_POST}/{{step}}/{{act}} 303",
        f"request.served {_GET} 200",
        "verification.noted",
        "step.concluded",
        "metadata.applied",
        f"request.served {_GET} 200",
        "login.handed_back",
        f"request.served {_POST}/continue 200",
    ],
    "proofing": ["verification.concluded"],
    "metadata-sync": ["update.accepted", "metadata.applied"],
}


async def _log_in(world: World, answers: Answers) -> tuple[Browser, str]:
    """A whole login that looks exactly once at the waiting page and once at what becomes of it."""
    browser = await world.browser(User_Agent=_AGENT)
    world.stack.pause("proofing")
    try:
        page = await browser.log_in(answers, to=WAIT)
    finally:
        world.stack.resume("proofing")
    transaction_id = transaction_of(page)

    async def ready() -> bool:
        (login,) = await world.rows.transactions(answers.person)
        return bool(login["status"] == "ready")

    await wait_until(ready, 30.0, what="the login to be ready")
    page = await browser.walk(await browser.reload(), answers)
    assert page.has(LOGGED_IN)
    await world.quiet()
    return browser, transaction_id


def _named(line: dict[str, Any]) -> str:
    if line["event"] != "request.served":
        return str(line["event"])
    method, route, status = (
        line[f"http_{part}"] for part in ("request_method", "route", "response_status_code")
    )
    return f"request.served {method} {route} {status}"


async def test_every_line_of_a_login_is_known(world: World) -> None:
    """One passed login writes exactly these lines, each once, and each names the login that it belongs to."""
    written = {service: len(world.output(service)) for service in SERVICES}
    _, transaction_id = await _log_in(world, honest(await world.person()))
    lines = {
        service: world.lines_but_of_others(service, since=start, login=transaction_id)
        for service, start in written.items()
    }
    assert {service: [_named(line) for line in lines[service]] for service in SERVICES} == _LINES
    every = [line for service in SERVICES for line in lines[service]]
    assert {line.get("tenant") for line in every} == {"acme"}
    assert {line.get("transaction_id") for line in every} == {transaction_id}
    assert len({line.get("trace_id") for line in every}) == 1


@pytest.mark.parametrize("service", SERVICES)
async def test_every_line_is_in_the_catalogue(world: World, service: str) -> None:
    """Whatever the journeys made a service say is JSON that fits the schema of its event."""
    assert [fault for line in world.log_lines(service) for fault in faults_of(line)] == []


async def test_nothing_personal_or_secret_is_seen(world: World) -> None:
    """What is personal or secret stands in no line, no row, no message and no command line, in any form."""
    person = await world.person(
        email="z.quackenbush@canary.example",
        given_name="Zephyrine Ottoline",
        family_name="Quackenbush",
        birth_date=date(1969, 7, 28),
    )
    answers = typing(person, passport(person, number="QK4711283"))
    async with overheard(world.stack.amqp) as messages:
        browser, login = await _log_in(world, answers)
        assert len([message for message in messages if login in message]) == _MESSAGES_OF_A_LOGIN
    canaries = {
        **personal(answers),
        **secrets_of(world),
        **brought(browser),
        **await taken_back(world, person),
        "browser": _AGENT,
    }
    assert await slips(world, canaries, messages=messages) == {}
    everywhere = {**await world.traces(), "messages": messages}
    tokens = {place: [text for text in texts if _JWT.search(text)] for place, texts in everywhere.items()}
    assert {place: texts for place, texts in tokens.items() if texts} == {}
