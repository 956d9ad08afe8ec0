"""Whole logins over HTTP, one for each way in which they can end."""

from datetime import date

import pytest

from tests.journeys.browser import IDENTITY, LOGGED_IN, reason_of
from tests.journeys.control import PASSED, SEEN, STEP, told
from tests.journeys.eavesdropper import overheard
from tests.journeys.people import honest, passport, refusing, typing
from tests.journeys.world import CLAIM, World
from tests.support.demo_tenant import Person


async def _assert_one_verification(world: World, person: Person, *, status: str) -> None:
    (verification,) = await world.rows.verifications(person)
    assert verification["status"] == status


async def _assert_written_before_resumed(world: World, person: Person) -> None:
    """I2, by the tenant's own log: its answer to our write came before the browser came back."""
    (patch,) = await world.tenant.patches(person)
    (resumed,) = await world.tenant.continues(person)
    assert patch.status == 200
    assert patch.seq < resumed.seq


async def test_a_passed_login_ends_at_the_application(world: World) -> None:
    """Who proves their identity is let in, and tenant and application are told the same about it."""
    person = await world.person()
    browser = await world.browser()
    async with overheard(world.stack.amqp) as messages:
        page = await browser.log_in(honest(person))
        assert page.has(LOGGED_IN)
        await world.quiet()
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == PASSED
    assert metadata == {STEP: metadata[STEP], SEEN: metadata[STEP]}
    claims = await browser.claims()
    assert claims is not None
    assert claims["sub"] == person.user_id
    assert claims[CLAIM] == {name: metadata[STEP][name] for name in ("status", "level", "at", "until")}
    (login,) = await world.rows.transactions(person)
    assert (login["status"], login["metadata"]) == ("handed_back", "applied")
    assert await world.rows.rev(person) == 1
    await _assert_one_verification(world, person, status="approved")
    await _assert_written_before_resumed(world, person)
    # I8: nobody has anything else to say about it, such as that it was put aside.
    said = [message.split(" ")[0] for message in messages if login["id"] in message]
    assert said == [
        "verify-identity.v1",
        "verification-changed.v1",
        "update-metadata.v1",
        "metadata-applied.v1",
    ]


@pytest.mark.parametrize(
    ("birth_date", "expiry", "reason"),
    [
        pytest.param(date(1981, 2, 3), None, "birth_date_mismatch", id="another birth date"),
        pytest.param(None, date(2026, 1, 31), "document_expired", id="an expired passport"),
    ],
)
async def test_a_failed_check_refuses_the_login(
    world: World, birth_date: date | None, expiry: date | None, reason: str
) -> None:
    """Whose document does not hold is sent back and refused, and the reason is kept at the tenant."""
    person = await world.person()
    browser = await world.browser()
    lines = passport(person, birth_date=birth_date, expiry=expiry)
    page = await browser.log_in(typing(person, lines))
    assert reason_of(page) == "waystation_idproof_failed"
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == {"v": 1, "rev": 1, "status": "failed", "level": "none", "reason": reason}
    assert metadata == {STEP: metadata[STEP], SEEN: metadata[STEP]}
    assert await browser.claims() is None
    await _assert_one_verification(world, person, status="declined")
    await _assert_written_before_resumed(world, person)


async def test_who_declines_is_refused_and_asked_again(world: World) -> None:
    """Who does not want to is refused, nothing is proved, and the next login asks again."""
    person = await world.person()
    browser = await world.browser()
    page = await browser.log_in(refusing(person))
    assert reason_of(page) == "waystation_idproof_declined"
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[SEEN]) == {
        "v": 1,
        "rev": 1,
        "status": "declined",
        "level": None,
        "reason": "declined_by_person",
    }
    assert STEP not in metadata
    assert await world.tenant.patches(person) == []
    assert await world.rows.verifications(person) == []
    page = await browser.log_in(honest(person), to=IDENTITY)
    assert page.has(IDENTITY)


async def test_without_the_tenants_consent_a_document_is_pending(world: World) -> None:
    """Where a document alone is not enough, the result is pending and the tenant's default refuses."""
    async with world.retuned(allow_document_validated=False):
        person = await world.person()
        browser = await world.browser()
        page = await browser.log_in(honest(person))
    assert reason_of(page) == "waystation_idproof_pending"
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == {
        "v": 1,
        "rev": 1,
        "status": "pending",
        "level": "self_asserted",
        "reason": "review",
    }
    assert metadata == {STEP: metadata[STEP], SEEN: metadata[STEP]}
    await _assert_one_verification(world, person, status="review")
    await _assert_written_before_resumed(world, person)
