"""What operators do beside a running stack, by the commands that they have."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.journeys.browser import IDENTITY, LOGGED_IN, transaction_of
from tests.journeys.operating import environment_files, waystation
from tests.journeys.people import honest
from tests.journeys.world import World
from tests.support.places import LOCAL
from tests.support.ports import free_port
from tests.support.queues import publish
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import wait_until

_HERE = "it reads files of processes of this machine"

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


@pytest.mark.only_at(LOCAL, reason=_HERE)
async def test_the_story_of_a_login(world: World, stack: Stack, tmp_path: Path) -> None:
    """From databases and logs together, in order, to its verdict; nothing in it says who it was."""
    person = await world.person()
    browser = await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    login = transaction_of(page)
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)
    await world.rows.quiet()
    logs = [part for service in SERVICES for part in ("--logs", _log_of(stack, service))]
    asked = ("trace", login, *environment_files(stack, tmp_path), *logs)
    told = await waystation(world, *asked, "--json")
    assert (told.status, told.complaint) == (0, "")
    story = told.json
    assert (story["tenant"], story["state"]) == ("acme", "handed_back")
    assert story["verdict"] == "handed_back: idproof passed, metadata applied"
    events = [moment["event"] for moment in story["moments"]]
    assert [event for event in events if event in _STORY] == _STORY
    assert {moment["service"] for moment in story["moments"]} == set(SERVICES)
    written = [moment for moment in story["moments"] if moment["event"] == "key.written"]
    assert [moment["about"] for moment in written] == ["waystation_idproof"]
    assert [gap for gap in story["gaps"] if not gap.startswith("nothing for ")] == []
    shown = await waystation(world, *asked)
    assert shown.output.rstrip().endswith("= handed_back: idproof passed, metadata applied")
    alone = await waystation(world, "trace", login, *logs[:2], DATABASE_URL="")
    assert (alone.status, "login.handed_back" in alone.output) == (0, True)
    told_of_person = (told.output, shown.output, alone.output)
    words = (person.user_id, person.email, person.family_name, person.birth_date.isoformat())
    assert [word for word in words for text in told_of_person if word in text] == []
    nobody = await waystation(world, "trace", "no-such-login")
    assert (nobody.status, nobody.complaint) == (1, "Nothing is known of such a login.\n")


async def test_a_login_is_found_and_ended(world: World) -> None:
    """It is listed by state and user, cancelled with a reason, and shown; browser and trail are told."""
    person = await world.person()
    browser = await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    login = transaction_of(page)
    found = await waystation(
        world, "transactions", "list", "--user", person.user_id, "--state", "open", "--json"
    )
    assert [(one["id"], one["state"]) for one in found.json] == [(login, "working")]
    over = await waystation(world, "transactions", "list", "--user", person.user_id, "--state", "expired")
    assert (over.status, over.complaint) == (0, "There are no such logins.\n")
    cancel = ("transactions", "cancel", login, "--reason", "ticket-4711", "--operator", "olga")
    done = await waystation(world, *cancel, "--json")
    assert done.json == {"id": login, "was": "working", "state": "cancelled"}
    ended = await browser.reload()
    assert (ended.status, ended.title.partition(" · ")[0]) == (410, "This login was ended")
    again = await waystation(world, *cancel)
    assert (again.status, again.complaint) == (1, "This login is over already; nothing was changed.\n")
    shown = await waystation(world, "transactions", "show", login, "--json")
    assert (shown.json["state"], shown.json["steps"][0]["name"]) == ("cancelled", "idproof")
    trail = (await waystation(world, "audit", "show", login, "--json")).json
    assert [(one["event"], one["outcome"], one["reasons"]) for one in trail[-1:]] == [
        ("login.cancelled", "working", ["ticket-4711", "by:olga"])
    ]


async def test_a_dead_letter_is_tried_again(world: World) -> None:
    """What a service gave up is found by its login, goes to the service again, and is given up for good."""
    event = {
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
    of_this = ("--transaction", event["transaction_id"])

    async def letters() -> Any:
        return (await waystation(world, "dead-letters", "list", *of_this, "--json")).json

    await publish(
        world.stack.amqp.metadata_sync,
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
    assert (await waystation(world, "dead-letters", "drop", "operators-1")).output == "dropped: 1\n"
    assert await letters() == []


@pytest.mark.only_at(LOCAL, reason=_HERE)
async def test_the_doctor(world: World, stack: Stack, tmp_path: Path) -> None:
    """A good stack is found good; of one where much is wrong all of it is told at once, each with its fix."""
    well = await waystation(world, "doctor", *environment_files(stack, tmp_path), "--json")
    assert [one for one in well.json["findings"] if one["status"] == "fail"] == []
    assert (well.status, well.json["ok"]) == (0, True)
    looked_at = {(one["service"], one["about"]) for one in well.json["findings"]}
    assert {("gateway", "password call"), ("metadata-sync", "rate limit of tenant acme")} <= looked_at
    assert {(service, "permissions") for service in SERVICES} <= looked_at
    ill = await waystation(
        world, "doctor", *environment_files(stack, tmp_path, _wrong(stack, tmp_path)), "--json"
    )
    assert (ill.status, ill.json["ok"]) == (1, False)
    told = {
        (one["service"], one["about"], one["text"]) for one in ill.json["findings"] if one["status"] != "ok"
    }
    host = world.stack.origins.tenant.removeprefix("http://")
    assert told >= {
        ("gateway", "settings", "COOKIE_KEY_FILES file 1 cannot be read"),
        ("gateway", "settings", "PUBLIC_BASE_URL is required"),
        ("gateway", "database", "does not answer (InvalidPasswordError)"),
        ("proofing", "broker", "refuses this user, password or virtual host"),
        ("proofing", "database", "does not answer (ConnectionRefusedError)"),
        ("metadata-sync", "Management API of tenant acme", "refuses our client id or its secret"),
    }
    assert [one for one in told if one[1] == f"tenant acme, {host}"] == []
    assert [one for one in ill.json["findings"] if one["status"] == "fail" and not one["fix"]] == []
    assert "hush-4711" not in ill.output + ill.complaint


def _wrong(stack: Stack, folder: Path) -> dict[str, dict[str, str]]:
    """One thing that is wrong or more for each service; the stack itself stays as it is."""
    database = stack.database
    right, address = database.gateway.split("@")
    secret = folder / "another-secret"
    secret.write_text("hush-4711" * 8)
    tenants = yaml.safe_load(stack.tenants_file.read_text())
    tenants["tenants"]["acme"]["management"]["client_secret_file"] = str(secret)
    tenants_file = folder / "other-tenants.yaml"
    tenants_file.write_text(yaml.safe_dump(tenants))
    return {
        "gateway": {
            "COOKIE_KEY_FILES": "/nowhere/cookie.key",
            "PUBLIC_BASE_URL": "",
            "DATABASE_URL": f"{right.rpartition(':')[0]}:hush-4711@{address}",
        },
        "proofing": {
            "AMQP_URL": f"{stack.amqp.proofing}-of-others",
            "DATABASE_URL": f"postgresql://waystation_proofing:hush-4711@127.0.0.1:{free_port()}/waystation",
        },
        "metadata-sync": {"TENANTS_FILE": str(tenants_file)},
    }


def _log_of(stack: Stack, service: str) -> str:
    return str(stack.processes[service].output)
