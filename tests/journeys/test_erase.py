"""`waystation erase`: an operator has one person deleted, while their logins are under way."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.journeys.browser import HAND_BACK, IDENTITY, LOGGED_IN, transaction_of
from tests.journeys.control import SEEN, STEP, told
from tests.journeys.operating import waystation
from tests.journeys.people import honest
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.journey import Page
from tests.support.waiting import wait_until

# Where the id of an erased person may still stand: that they were erased, and what of it is still to be done.
TOMBSTONES = {'gateway."erasures"', 'proofing."erasures"', 'metadata_sync."users"'}


@pytest.mark.logs("user.erased", "user.forgotten", "login.cancelled")
async def test_an_erased_person_is_gone_for_good(world: World) -> None:
    """With an answer token out and a PATCH in flight: gone here at once, at the tenant for good."""
    person, secret = await world.person(), "XR5830417"
    first, second = await world.browser(), await world.browser()
    asked = await second.log_in(honest(person), to=IDENTITY)
    answered = await first.log_in(honest(person), to=HAND_BACK)
    await world.tenant.plant(_patch_of(person), delay=4, times=1)
    waiting = await second.answer(asked, honest(person))
    await wait_until(lambda: _is_on_its_way(world, asked), 15, what="the result to be on its way")
    erased = await erase(world, person)
    assert (erased["rev"], erased["logins"], erased["cancelled"], erased["complete"]) == (3, 2, 2, False)
    assert erased["settle_at"] is not None
    for browser, page in ((first, answered), (second, waiting)):
        await browser.open(f"{world.stack.origins.gateway}/t/{transaction_of(page)}")
        assert (await browser.reload()).status == 410
    await wait_until(lambda: _holds(world, person, {}), 30, what="our keys to be gone after the PATCH")
    # The token that was out is good at the tenant: its Action writes what it says.
    assert (await first.submit(answered, HAND_BACK)).has(LOGGED_IN)
    assert list(await world.tenant.app_metadata(person)) == [SEEN]
    status = await _finish(world, person)
    assert datetime.fromisoformat(status["settle_at"]) > datetime.fromisoformat(status["erased_at"])
    assert await world.tenant.app_metadata(person) == {}
    await world.tenant.heal()
    await world.rows.quiet()
    await _assert_nothing_readable(world, person, secret)
    await _assert_audited(world, erased["id"])
    written = len(await world.tenant.patches(person))
    assert await erase(world, person) | {"logins": 0} == status | {
        "logins": 0, "cancelled": 0, "was_known": False
    }  # fmt: skip
    await world.rows.quiet()
    assert len(await world.tenant.patches(person)) == written


async def test_the_returning_person_starts_anew(world: World) -> None:
    """Who comes back is asked for everything again, in the same browser too, and is let in like anybody."""
    person = await world.person()
    browser = await world.browser()
    assert (await browser.log_in(honest(person))).has(LOGGED_IN)
    rev = (await erase(world, person))["rev"]
    await wait_until(lambda: _holds(world, person, {}), 30, what="our keys to be gone")
    await browser.open(f"{world.stack.origins.app}/logout")
    page = await browser.log_in(honest(person), to=IDENTITY)
    assert page.has(IDENTITY)
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP])["status"] == "passed"
    assert metadata[STEP]["rev"] == rev + 1
    await _finish(world, person)
    assert (await world.tenant.app_metadata(person)).keys() == {STEP}


async def test_it_is_asked_for_twice(world: World) -> None:
    """Without the user id typed once more nothing happens; neither does it for a tenant that is not there."""
    person = await world.person()
    assert (await (await world.browser()).log_in(honest(person))).has(LOGGED_IN)
    meant = await waystation(world, "erase", "acme", person.user_id, typed="yes\n")
    assert (meant.status, meant.complaint.splitlines()[-1]) == (
        1,
        "Type the user id once more to go on: Nothing was erased.",
    )
    other = await waystation(world, "erase", "other", person.user_id, "--yes")
    assert (other.status, other.complaint) == (1, "The tenants file does not have this tenant.\n")
    assert len(await world.rows.verifications(person)) == 1
    done = await waystation(world, "erase", "acme", person.user_id, typed=f"{person.user_id}\n")
    assert (done.status, done.output.splitlines()[0]) == (0, "Erased at rev 2: 1 logins, 1 of them open.")
    await wait_until(lambda: _is_unknown_to_proofing(world, person), 15, what="proofing to forget")
    await wait_until(lambda: _holds(world, person, {}), 30, what="our keys to be gone")
    await _finish(world, person)


async def _finish(world: World, person: Person) -> Any:
    """The erasure to its end, as if nothing that was out could be of any effect any more."""
    await _let_time_pass(world, person)
    return await wait_until(lambda: _completed(world, person), 30, what="the erasure to be complete")


async def erase(world: World, person: Person, *options: str) -> dict[str, Any]:
    arguments = ("erase", "acme", person.user_id, "--yes", "--json", *options)
    done = await waystation(world, *arguments)
    assert done.status == 0, done.complaint
    assert person.user_id not in done.complaint
    told: dict[str, Any] = done.json
    return told


def _patch_of(person: Person) -> str:
    return f"PATCH /api/v2/users/{quote(person.user_id, safe='')}".replace("|", r"\|")


async def _is_on_its_way(world: World, page: Page) -> bool:
    """Whether the result of that page's login is being written at the tenant."""
    rows = await world.rows.all(
        "SELECT waiting_for FROM gateway.transactions WHERE id = $1", transaction_of(page)
    )
    return bool(rows[0]["waiting_for"] == "metadata")


async def _holds(world: World, person: Person, expected: Mapping[str, Any]) -> bool:
    return await world.tenant.app_metadata(person) == expected


async def _let_time_pass(world: World, person: Person) -> None:
    """For this person's row alone: whatever may still have come from before the erasure has come by now."""

    async def passed() -> bool:
        return bool(
            await world.rows.all(
                """
                UPDATE metadata_sync.users SET wake_at = now(), state = jsonb_set(state, '{unsettled}', (
                    SELECT jsonb_object_agg(key, now()) FROM jsonb_each(state -> 'unsettled')
                ))
                WHERE user_id = $1 AND state ? 'unsettled' AND NOT state ? 'attempt' RETURNING true
                """,
                person.user_id,
            )
        )

    await wait_until(passed, 15, what="the row to be at rest")


async def _completed(world: World, person: Person) -> dict[str, Any] | None:
    status = await erase(world, person, "--status")
    return status if status["complete"] else None


async def _is_unknown_to_proofing(world: World, person: Person) -> bool:
    return await world.rows.verifications(person) == []


async def _assert_audited(world: World, erasure: str) -> None:
    """Each service's trail has one entry, under the pseudonym that the person had there."""
    for schema in ("gateway", "proofing", "metadata_sync"):
        entries = await world.rows.all(
            f"SELECT event, subject FROM {schema}.audit_events WHERE transaction_id = $1",  # noqa: S608 - constants
            erasure,
        )
        assert [entry["event"] for entry in entries] == ["person.erased"]


async def _assert_nothing_readable(world: World, person: Person, *secrets: str) -> None:
    """Neither the person's data nor their id, in any spelling, but for what says that they were erased."""
    words = [person.email, *secrets]
    spellings = {word for one in words for word in (one, one.encode().hex(), _base64(one))}
    for place, texts in (await world.traces()).items():
        found = [word for text in texts for word in spellings if word in text]
        assert (place, found) == (place, [])
        if place.removeprefix("table ") not in TOMBSTONES:
            assert (place, [text for text in texts if person.user_id in text]) == (place, [])


def _base64(word: str) -> str:
    return base64.b64encode(word.encode()).decode().rstrip("=")[:-1]
