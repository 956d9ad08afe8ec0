"""What operators do beside a running stack, by the commands that they have."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.browser import IDENTITY, LOGGED_IN, transaction_of
from tests.journeys.operating import environment_files, waystation
from tests.journeys.people import honest
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.places import LOCAL
from tests.support.queues import publish
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import wait_until

_VERDICT = "handed_back: idproof passed, metadata applied"
# The story of a passed login, as far as its order is the same in every run.
_STORY = [
    "login.opened",
    "login.claimed",
    "step.submitted",
    "verification.concluded",
    "step.concluded",
    "update.accepted",
    "login.handed_back",
]


async def test_the_story_of_a_login(world: World) -> None:
    """From the gateway's database and all logs, in order, to its verdict; nothing says who it was."""
    person = await world.person()
    login = await _log_in(world, person)
    logs = "".join(world.output(service) for service in SERVICES)
    asked = ("trace", login[:12], "--logs", "-")
    told = await waystation(world, *asked, "--json", typed=logs)
    assert (told.status, told.complaint) == (0, "")
    story = told.json
    assert (story["transaction_id"], story["tenant"]) == (login, "acme")
    assert (story["state"], story["verdict"]) == ("handed_back", _VERDICT)
    events = [moment["event"] for moment in story["moments"]]
    assert [event for event in events if event in _STORY] == _STORY
    assert {moment["service"] for moment in story["moments"]} == set(SERVICES)
    assert [gap for gap in story["gaps"] if not gap.startswith("nothing for ")] == []
    shown = await waystation(world, *asked, typed=logs)
    assert shown.output.rstrip().endswith(f"= {_VERDICT}")
    words = (person.user_id, person.email, person.family_name, person.birth_date.isoformat())
    assert [word for word in words if word in told.output + shown.output] == []


@pytest.mark.only_at(LOCAL, reason="nobody has the settings of all services together elsewhere")
async def test_where_all_settings_are_together(world: World, tmp_path: Path) -> None:
    """One command looks at all services, and tells a login from each one's database."""
    assert isinstance(world.stack, Stack)
    every = environment_files(world.stack, tmp_path)
    examined = await waystation(world, "doctor", *every, "--json")
    assert (examined.status, examined.json["ok"]) == (0, True)
    assert {one["service"] for one in examined.json["findings"]} == set(SERVICES)
    ready = {one["text"] for one in examined.json["findings"] if one["about"] == "readiness"}
    assert ready == {f"{service} is ready" for service in SERVICES}
    person = await world.person()
    login = await _log_in(world, person)
    told = await waystation(world, "trace", login, *every, "--json")
    story = told.json["moments"]
    assert {moment["service"] for moment in story} == set(SERVICES)
    written = [moment["about"] for moment in story if moment["event"] == "key.written"]
    assert written == ["waystation_idproof"]
    assert person.user_id not in told.output


async def test_a_login_is_found_and_ended(world: World) -> None:
    """It is listed by state and user, and cancelled with a reason; browser and trail are told."""
    person = await world.person()
    browser = await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    login = transaction_of(page)
    found = await waystation(
        world, "transactions", "list", "--user", person.user_id, "--state", "open", "--json"
    )
    assert [(one["id"], one["state"]) for one in found.json] == [(login, "working")]
    cancel = ("transactions", "cancel", login, "--reason", "ticket-4711", "--operator", "olga")
    done = await waystation(world, *cancel, "--json")
    assert done.json == {"id": login, "was": "working", "state": "cancelled"}
    ended = await browser.reload()
    assert (ended.status, ended.title.partition(" · ")[0]) == (410, "This login was ended")
    again = await waystation(world, *cancel)
    assert (again.status, again.complaint) == (1, "This login is over already; nothing was changed.\n")
    trail = (await waystation(world, "audit", "show", login, "--json")).json
    assert [(one["event"], one["outcome"], one["reasons"]) for one in trail[-1:]] == [
        ("login.cancelled", "working", ["ticket-4711", "by:olga"])
    ]


@pytest.mark.logs("letters.redriven", "letters.dropped")
async def test_a_dead_letter_is_tried_again(world: World) -> None:
    """What a service gave up is found by its login, goes to the service again, and is given up for good."""
    event: dict[str, Any] = {
        "type": "MetadataApplied",
        "v": 1,
        "event_id": "operators-1",
        "tenant": "acme",
        "transaction_id": "of-nobody-that-we-know",
        "occurred_at": "2026-11-22T10:00:00Z",
        "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
        "user_id": "auth0|nobody",
        "keys": {},
    }
    of_this = ("--transaction", "of-nobody-that-we-know")

    async def letters() -> Any:
        return (await waystation(world, "dead-letters", "list", *of_this, "--json")).json

    await publish(
        world.stack.amqp.admin,
        json.dumps(event).encode(),
        exchange="waystation.events",
        routing_key="metadata-applied.v1",
    )
    (first,) = await wait_until(letters, 30, what="the event to be given up")
    assert (first["id"], first["reason"], first["type"]) == (
        "operators-1",
        "unknown_transaction",
        "MetadataApplied",
    )
    redriven = await waystation(world, "dead-letters", "redrive", "--all", *of_this, "--json")
    assert redriven.json == {"redriven": 1}

    async def is_back() -> bool:
        return [one["parked_at"] > first["parked_at"] for one in await letters()] == [True]

    await wait_until(is_back, 30, what="the event to be given up again")
    drop = ("dead-letters", "drop", "operators-1", "--operator", "olga")
    assert (await waystation(world, *drop)).output == "dropped: 1\n"
    assert await letters() == []
    trail = (await waystation(world, "audit", "show", "of-nobody-that-we-know", "--json")).json
    assert [(one["event"], one["about"], one["reasons"]) for one in trail] == [
        ("letter.redriven", "operators-1", ["unknown_transaction"]),
        ("letter.dropped", "operators-1", ["unknown_transaction", "by:olga"]),
    ]


async def test_the_doctor(world: World) -> None:
    """Each service of a good stack is found good; of a wrong setup all is told at once, with fixes."""
    for service in SERVICES:
        well = await waystation(world, "doctor", "--json", service=service)
        findings = well.json["findings"]
        assert [one for one in findings if one["status"] == "fail"] == []
        assert (well.status, well.json["ok"]) == (0, True)
        good = {one["about"] for one in findings if one["status"] == "ok"}
        assert {"settings", "database role", "tenants apart", "permissions", "consumers"} <= good
        (readiness,) = (one for one in findings if one["about"] == "readiness")
        assert (readiness["status"], readiness["text"]) == ("ok", f"{service} is ready")
    wrong = {"COOKIE_KEY_FILES": "/nowhere/cookie.key", "PUBLIC_BASE_URL": ""}
    ill = await waystation(world, "doctor", "--json", **wrong)
    assert (ill.status, ill.json["ok"]) == (1, False)
    failed = [one for one in ill.json["findings"] if one["status"] == "fail"]
    assert [(one["about"], one["text"]) for one in failed] == [
        ("settings", "PUBLIC_BASE_URL is required"),
        ("settings", "COOKIE_KEY_FILES file 1 cannot be read"),
    ]
    assert [one for one in failed if "for example" not in one["fix"]] == []
    assert "topology" in {one["about"] for one in ill.json["findings"]}


async def _log_in(world: World, person: Person) -> str:
    """A whole login; returns its id when nothing more is done for it."""
    browser = await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)
    await world.rows.quiet()
    return transaction_of(page)
